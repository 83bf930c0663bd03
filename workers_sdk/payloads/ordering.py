"""What msgspec would leave to chance, or lose: the order of some sets and dicts, and numbers that JSON has not.

Law: pure; nothing is changed in place. msgspec's order="deterministic" does the usual: str keys, and sets of what can
be compared. It refuses (TypeError) other keys and sets of enums, dataclasses or mixed kinds; those come here.
"""

from __future__ import annotations

import copy
import dataclasses
import math
from collections.abc import Callable
from typing import Any, Final

import msgspec

_text: Final = msgspec.json.Encoder(order="deterministic").encode

#: Writes what msgspec does not know, as in msgspec's enc_hook.
Hook = Callable[[Any], Any]


def by_text(value: Any) -> bytes:
    """A key to sort by: any two values that JSON can hold compare, and only equal ones are equal."""
    return _text(value)


def settled(value: Any, hook: Hook) -> Any:
    """*value* with sets as sorted lists and keys as str, however deep. Raises TypeError for keys that JSON has not."""
    if isinstance(value, dict):
        return _settled_keys(value, hook)
    if isinstance(value, (set, frozenset)):
        elements = [msgspec.to_builtins(settled(each, hook), enc_hook=hook) for each in value]
        return sorted(elements, key=by_text)
    if isinstance(value, (list, tuple)):
        return [settled(each, hook) for each in value]
    if isinstance(value, msgspec.Struct):
        fields = value.__struct_fields__
        return msgspec.structs.replace(value, **{name: settled(getattr(value, name), hook) for name in fields})
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return _settled_fields(value, hook)
    return value


def _settled_keys(value: dict[Any, Any], hook: Hook) -> dict[str, Any]:
    keyed: dict[str, Any] = {}
    for key, content in value.items():
        (text,) = msgspec.to_builtins({key: None}, str_keys=True, enc_hook=hook)
        if text in keyed:
            raise TypeError(f"Two keys of a dict are both written as {text!r}")
        keyed[text] = settled(content, hook)
    return keyed


def _settled_fields(value: Any, hook: Hook) -> Any:
    """A copy made past __init__: its fields hold lists where their types say set, and only to be written."""
    twin = copy.copy(value)
    for field in dataclasses.fields(value):
        object.__setattr__(twin, field.name, settled(getattr(value, field.name), hook))
    return twin


def refuse_lost_numbers(value: Any, hook: Hook) -> None:
    """Raises ValueError if *value* has a float that msgspec writes as null."""
    if _has_lost_number(msgspec.to_builtins(value, enc_hook=hook)):
        raise ValueError("JSON has no NaN and no infinity: use None, or a string")


def _has_lost_number(plain: Any) -> bool:
    if isinstance(plain, float):
        return not math.isfinite(plain)
    if isinstance(plain, dict):
        return any(map(_has_lost_number, plain.values()))
    return isinstance(plain, list) and any(map(_has_lost_number, plain))
