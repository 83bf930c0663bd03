"""How types that JSON does not know are written as what it knows, and read again.

Law: a handler answers for types, never for single values, so that what answers for a type can be remembered.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, Generic, Protocol, TypeVar

import msgspec

T = TypeVar("T")


class TypeHandler(Protocol):
    """A link of JsonConverter's chain. Errors: ValueError or TypeError, which become a PayloadError."""

    def handles(self, type_: type[Any]) -> bool:
        """Whether values of just this type are this handler's."""
        ...

    def encode(self, value: Any) -> Any:
        """*value* as something that msgspec or another handler can write."""
        ...

    def decode(self, type_: type[Any], value: Any) -> Any:
        """An instance of *type_* from what JSON held: dict, list, str, int, float, bool or None."""
        ...


class Handler(Generic[T]):
    """A type (and its subclasses) with a pair of functions: ``Handler(Path, encode=str, decode=Path)``.

    Raises ValueError for a type that msgspec knows, a dataclass or UUID.
    """

    def __init__(self, type_: type[T], *, encode: Callable[[T], Any], decode: Callable[[Any], T]) -> None:
        if not isinstance(msgspec.inspect.type_info(type_), msgspec.inspect.CustomType):
            raise ValueError(f"msgspec writes {type_.__qualname__} itself: a Handler for it would never be asked")
        self._type = type_
        self._encode = encode
        self._decode = decode

    def handles(self, type_: type[Any]) -> bool:
        """As of TypeHandler."""
        return issubclass(type_, self._type)

    def encode(self, value: T) -> Any:
        """As of TypeHandler."""
        return self._encode(value)

    def decode(self, type_: type[Any], value: Any) -> T:
        """As of TypeHandler."""
        return self._decode(value)


class SubclassHandler:
    """Subclasses of what JSON knows itself, ``class Sku(str)`` or numpy's float64: written as their base."""

    _BASES: Final = (str, int, float, list, dict)

    def handles(self, type_: type[Any]) -> bool:
        return issubclass(type_, self._BASES)

    def encode(self, value: Any) -> Any:
        return _base_of(type(value))(value)

    def decode(self, type_: type[Any], value: Any) -> Any:
        if not isinstance(value, _base_of(type_)):
            raise TypeError(f"Expected `{_base_of(type_).__name__}`, got `{type(value).__name__}`")
        return type_(value)


def _base_of(type_: type[Any]) -> type[Any]:
    return next(base for base in SubclassHandler._BASES if issubclass(type_, base))
