"""Answers that the generated types refuse, read all the same.

Law: a client believes the service. Constraints are rules for requests, and are not checked here; members that the
model does not know are dropped. A member of an enum that the model does not know becomes a value of that enum that is
not among its members, so that a history with an event type of tomorrow can still be read: `value` and `name` are what
the wire says, `EventType(...)` still refuses it. Only what has the wrong JSON type, or lacks a required member, is
unreadable.

It is slow, and is asked only for what msgspec's decoder has refused.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum
from functools import cache
from typing import Any, Final

from msgspec import inspect

from workflowsvc.swf.shapes import Shape


class Unreadable(Exception):
    """Where the answer is not what the shape says: a path of wire names."""


def read(shape: type[Shape], value: object) -> Any:
    """The shape, of what a JSON decoder made of the body. Raises Unreadable."""
    return _read(_info(shape), value, shape.__name__)


@cache
def _info(shape: type[Shape]) -> inspect.Type:
    return inspect.type_info(shape)


def _read(info: inspect.Type, value: Any, path: str) -> Any:
    info = _bare(info, absent=value is None)
    taken, build = _READERS[type(info)]
    if not isinstance(value, taken) or (isinstance(value, bool) and taken is not bool):
        raise Unreadable(path)
    return build(info, value, path)


def _bare(info: inspect.Type, *, absent: bool) -> inspect.Type:
    if not isinstance(info, inspect.UnionType):
        return info
    return next(kind for kind in info.types if isinstance(kind, inspect.NoneType) is absent)


def _structure(info: Any, value: dict[str, Any], path: str) -> Any:
    members = {}
    for field in info.fields:
        below = f"{path}.{field.encode_name}"
        found = value.get(field.encode_name)
        if found is not None:
            members[field.name] = _read(field.type, found, below)
        elif field.required:
            raise Unreadable(below)
    return info.cls(**members)


def _list(info: Any, value: list[Any], path: str) -> Any:
    return [_read(info.item_type, item, f"{path}[{number}]") for number, item in enumerate(value)]


def _enum(info: Any, value: str, path: str) -> StrEnum:
    kind: type[StrEnum] = info.cls
    if value in kind.__members__.values():
        return kind(value)
    # As enum.Flag makes its pseudo-members.
    strange = str.__new__(kind, value)
    strange._name_ = value
    strange._value_ = value
    return strange


def _itself(info: Any, value: Any, path: str) -> Any:
    return value


_READERS: Final[dict[type[inspect.Type], tuple[Any, Callable[[Any, Any, str], Any]]]] = {
    inspect.StructType: (dict, _structure),
    inspect.ListType: (list, _list),
    inspect.EnumType: (str, _enum),
    inspect.StrType: (str, _itself),
    inspect.IntType: (int, _itself),
    inspect.FloatType: ((int, float), _itself),
    inspect.BoolType: (bool, _itself),
    inspect.NoneType: (type(None), _itself),
}
