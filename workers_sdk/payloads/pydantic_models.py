"""Pydantic's models, where a program uses them: written and read by pydantic itself, in its JSON mode.

Law: this imports nothing of pydantic. What is no model of a pydantic that the program has imported is not touched.
pydantic 2.11 or later: names and aliases are both read, whatever a model's config writes.
"""

from __future__ import annotations

import dataclasses
import sys
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Final, cast, get_args, get_origin, get_type_hints, is_typeddict

import msgspec

from workers_sdk.payloads.ordering import by_text

if TYPE_CHECKING:
    from pydantic import BaseModel

_to_json: Final = msgspec.json.Encoder().encode
#: bytes beside models are written by msgspec, in base64
_CONFIG: Final = {"val_json_bytes": "base64"}


def is_model(type_: object) -> bool:
    pydantic = sys.modules.get("pydantic")
    return pydantic is not None and isinstance(type_, type) and issubclass(type_, pydantic.BaseModel)


class PydanticHandler:
    """A TypeHandler of every pydantic model."""

    def handles(self, type_: type[Any]) -> bool:
        return is_model(type_)

    def encode(self, value: BaseModel) -> Any:
        return _ordered(value, value.model_dump(mode="json"))

    def decode(self, type_: type[BaseModel], value: Any) -> BaseModel:
        return read_model(type_, _to_json(value))


def read_model(type_: type[BaseModel], text: str | bytes | msgspec.Raw) -> BaseModel:
    """Raises ValueError, which names the members but not their values."""
    return cast("BaseModel", _told(lambda: type_.model_validate_json(_plain(text), by_alias=True, by_name=True)))


def pydantic_reader(type_: Any) -> Callable[[str | msgspec.Raw], Any] | None:
    """Reads a type that has models where msgspec takes none: unions of them. None: there is no model in it."""
    if not _mentions_model(type_, set()):
        return None
    pydantic = sys.modules["pydantic"]
    adapter = pydantic.TypeAdapter(type_, config=None if _has_own_config(type_) else _CONFIG)
    return lambda text: _told(lambda: adapter.validate_json(_plain(text), by_alias=True, by_name=True))


def _plain(text: str | bytes | msgspec.Raw) -> str | bytes:
    return bytes(text) if isinstance(text, msgspec.Raw) else text


def _told(read: Callable[[], Any]) -> Any:
    try:
        return read()
    except sys.modules["pydantic"].ValidationError as error:
        details = error.errors(include_url=False, include_input=False, include_context=False)
        places = (f"{'.'.join(map(str, detail['loc'])) or '$'}: {detail['msg']}" for detail in details)
        raise ValueError("; ".join(places)) from None


def _mentions_model(type_: Any, seen: set[int]) -> bool:
    if id(type_) in seen:
        return False
    seen.add(id(type_))
    parts: list[Any] = list(get_args(type_))
    if _has_own_config(type_):
        parts.extend(get_type_hints(get_origin(type_) or type_).values())
    return is_model(type_) or any(_mentions_model(part, seen) for part in parts)


def _has_own_config(type_: Any) -> bool:
    """A dataclass or TypedDict: pydantic takes no config beside it."""
    kind = get_origin(type_) or type_
    return is_typeddict(kind) or dataclasses.is_dataclass(kind)


def _ordered(value: Any, dumped: Any) -> Any:
    """*dumped* with its sets in order: pydantic writes a set as it happens to lie in memory."""
    if getattr(type(value), "__pydantic_root_model__", False):
        return _ordered(value.root, dumped)
    if isinstance(value, (set, frozenset)) and isinstance(dumped, list):
        return sorted(_pairs(value, dumped), key=by_text)
    if isinstance(value, (list, tuple)) and isinstance(dumped, list):
        return _pairs(value, dumped)
    if isinstance(dumped, dict):
        return _ordered_members(value, dumped)
    return dumped


def _pairs(value: Any, dumped: list[Any]) -> list[Any]:
    return [_ordered(*pair) for pair in zip(value, dumped, strict=True)] if len(value) == len(dumped) else dumped


def _ordered_members(value: Any, dumped: dict[str, Any]) -> dict[str, Any]:
    if isinstance(value, Mapping):
        return dict(zip(dumped, _pairs(list(value.values()), list(dumped.values())), strict=True))
    members: Mapping[str, Any] = getattr(value, "__dict__", {})
    return {name: _ordered(members.get(name), content) for name, content in dumped.items()}
