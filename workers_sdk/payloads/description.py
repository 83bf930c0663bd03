"""How messages speak of types, and of texts that did not fit.

Law: of a text its form and its length are told, never what it says.
"""

from __future__ import annotations

import types
from typing import Annotated, Any, Final, Union, get_args, get_origin

import msgspec

_KINDS: Final = {str: "string", bool: "boolean", int: "number", float: "number", type(None): "null"}


def type_name(type_: Any) -> str:
    """As one writes it in code: ``Order``, ``list[Order]``, ``Order | None``."""
    if isinstance(type_, type) and not get_args(type_):
        return type_.__qualname__
    return str(type_).replace("typing.", "")


def is_json(text: str) -> bool:
    try:
        msgspec.json.decode(text)
    except msgspec.DecodeError:
        return False
    return True


def describe(text: str | None) -> str:
    """ "a JSON array of 2", "12 characters that are no JSON"."""
    if not text:
        return "nothing"
    try:
        value = msgspec.json.decode(text)
    except msgspec.DecodeError:
        return f"a text of {len(text):,} characters that is no JSON"
    if isinstance(value, list):
        return f"a JSON array of {len(value)}"
    if isinstance(value, dict):
        return (
            "a JSON object with the keys " + ", ".join(map(repr, list(value)[:20])) if value else "an empty JSON object"
        )
    return f"a JSON {_KINDS[type(value)]}"


def takes_str(type_: Any) -> bool:
    """Whether any text at all is a value of *type_*: str, and unions that have it."""
    if get_origin(type_) is Annotated:
        return takes_str(get_args(type_)[0])
    if get_origin(type_) in (Union, types.UnionType):
        return any(takes_str(each) for each in get_args(type_))
    return type_ is str
