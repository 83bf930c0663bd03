"""The converter that everybody uses: JSON, as msgspec writes it.

Law: the same value gives the same text, in every process, and nothing is lost in silence: what JSON cannot hold is
refused (NaN, two keys that become one). Pure.

| Python | JSON |
|---|---|
| None, bool, int, float, str, list, tuple, dict, NamedTuple | as they are; the keys of a dict in order |
| dataclass, msgspec.Struct, TypedDict, attrs class, pydantic model | object |
| set, frozenset | array, in order |
| Enum | its value (all str, or all int) |
| datetime, date, time, timedelta | ISO 8601 |
| Decimal, UUID | string |
| bytes, bytearray | string, base64 |
| anything else | what a Handler makes of it |

A union can hold one dataclass or handled type beside other kinds; several msgspec.Structs if they are tagged; any
number of pydantic models.
"""

from __future__ import annotations

import inspect
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any, Final

import msgspec

from workers_sdk.payloads.arguments import Call, Reader, read_arguments
from workers_sdk.payloads.description import describe, is_json, takes_str, type_name
from workers_sdk.payloads.errors import PayloadError
from workers_sdk.payloads.handlers import SubclassHandler, TypeHandler
from workers_sdk.payloads.ordering import refuse_lost_numbers, settled
from workers_sdk.payloads.parameters import Parameters
from workers_sdk.payloads.pydantic_models import PydanticHandler, is_model, pydantic_reader, read_model

#: How many readers of types, and signatures, a converter remembers: more than a program has that does not make them as
#: it runs.
_REMEMBERED: Final = 4096
_BUILT_IN: Final = (PydanticHandler(), SubclassHandler())
_ADVICE: Final = (
    "use plain values, a dataclass, a msgspec.Struct or a pydantic model, or give JsonConverter a Handler for the type"
)


class JsonConverter:
    """A Converter. *handlers* are asked, first to last, about types that msgspec does not know; then pydantic's models
    and subclasses of built-in types have their turn: ``JsonConverter(Handler(Path, encode=str, decode=Path))``."""

    def __init__(self, *handlers: TypeHandler) -> None:
        self._handlers: tuple[TypeHandler, ...] = (*handlers, *_BUILT_IN)
        self._encode = msgspec.json.Encoder(enc_hook=self._write_other, order="deterministic").encode
        self._readers: dict[Any, Reader] = {}
        self._parameters: dict[int, Parameters] = {}

    def to_text(self, value: object) -> str:
        """The JSON of *value*, without spaces. Raises PayloadError that names the type and what to do."""
        try:
            data = self._in_order(value)
            if b"null" in data:
                refuse_lost_numbers(value, self._write_other)
        except Exception as error:
            name = type_name(type(value))
            raise PayloadError(f"a value of type {name} cannot be written as JSON: {error}") from error
        return data.decode()

    def from_text(self, text: str | None, type_: Any = Any) -> Any:
        """Reads JSON as *type_*; None and "" as null. Where str is expected, a text that is no JSON is taken as it is:
        other programs write such results. Raises PayloadError that says what was expected and what came."""
        try:
            return self._reader(type_)(text or "null")
        except Exception as error:
            if text and takes_str(type_) and not is_json(text):
                return text
            raise PayloadError(f"{type_name(type_)} was expected, but {describe(text)} came: {error}") from error

    def arguments_to_text(self, arguments: Sequence[object]) -> str | None:
        """An array of the arguments, always: so a parameter with a default can be added while workflows run."""
        return self.to_text(list(arguments)) if arguments else None

    def text_to_arguments(
        self, text: str | None, signature: inspect.Signature, hints: Mapping[str, Any], *, function: str = ""
    ) -> tuple[list[Any], dict[str, Any]]:
        """Reads an array as positional arguments, an object whose keys are names of parameters as keyword arguments,
        and anything else as the sole argument; for a sole argument that is a str, any text will do. *hints* must not
        change as long as *signature* lives. Raises PayloadError that names function, parameter and what came."""
        return read_arguments(text, Call(self._parameters_of(signature, hints), function, self._reader))

    def _in_order(self, value: object) -> bytes:
        try:
            return self._encode(value)
        except TypeError:
            return self._encode(settled(value, self._write_other))

    def _write_other(self, value: Any) -> Any:
        return self._handler(type(value)).encode(value)

    def _read_other(self, type_: type[Any], value: Any) -> Any:
        return value if isinstance(value, type_) else self._handler(type_).decode(type_, value)

    def _handler(self, type_: type[Any]) -> TypeHandler:
        for handler in self._handlers:
            if handler.handles(type_):
                return handler
        raise PayloadError(f"{type_name(type_)} is nothing that JSON has: {_ADVICE}")

    def _reader(self, type_: Any) -> Reader:
        try:
            reader = self._readers.get(type_)
        except TypeError:  # not hashable: Annotated with something that is not
            return self._new_reader(type_)
        if reader is None:
            if len(self._readers) >= _REMEMBERED:
                self._readers.clear()
            reader = self._readers[type_] = self._new_reader(type_)
        return reader

    def _new_reader(self, type_: Any) -> Reader:
        if is_model(type_):
            return partial(read_model, type_)
        try:
            return msgspec.json.Decoder(type_, dec_hook=self._read_other).decode
        except TypeError:
            reader = pydantic_reader(type_)
            if reader is None:
                raise
            return reader

    def _parameters_of(self, signature: inspect.Signature, hints: Mapping[str, Any]) -> Parameters:
        """By identity: to hash a signature takes longer than to read the arguments. The Parameters keep it alive."""
        parameters = self._parameters.get(id(signature))
        if parameters is None:
            if len(self._parameters) >= _REMEMBERED:
                self._parameters.clear()
            parameters = self._parameters[id(signature)] = Parameters.of(signature, hints)
        return parameters
