"""Values of the generated types, in wire form: whole ones, and ones that break a single constraint.

Law: made by walking the types, so that no member is forgotten.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, NamedTuple

from msgspec import inspect

#: The first of these that a pattern takes is its sample; the last breaks every pattern.
CANDIDATES = ("30", "name")
UNMATCHED = "a\x00|b"


class Broken(NamedTuple):
    """A value with one fault, where it is, and what AWS says of it ("" where the JSON type is wrong)."""

    path: str
    value: Any
    rule: str


def sample(kind: type | inspect.Type, *, full: bool = True) -> Any:
    """A valid value: with every member, or with the required ones only."""
    info = bare(kind)
    if isinstance(info, inspect.StructType):
        return {f.encode_name: sample(f.type, full=full) for f in info.fields if full or f.required}
    if isinstance(info, inspect.ListType):
        return [sample(info.item_type, full=full)]
    if isinstance(info, inspect.StrType):
        return next(c for c in CANDIDATES if info.pattern is None or re.search(info.pattern, c))
    if isinstance(info, inspect.EnumType):
        return next(iter(info.cls)).value
    return {inspect.IntType: 1, inspect.FloatType: 1_700_000_000.0, inspect.BoolType: True}[type(info)]


def bare(kind: type | inspect.Type) -> inspect.Type:
    info = kind if isinstance(kind, inspect.Type) else inspect.type_info(kind)
    if isinstance(info, inspect.UnionType):
        return next(t for t in info.types if not isinstance(t, inspect.NoneType))
    return info


def broken(kind: type | inspect.Type) -> Iterator[Broken]:
    """The sample once for each constraint of each member, with that one broken."""
    info = bare(kind)
    yield from _wrong_types(info)
    yield from _broken_here(info)
    if isinstance(info, inspect.StructType):
        whole = sample(info)
        for field in info.fields:
            if field.required:
                absent = {name: value for name, value in whole.items() if name != field.encode_name}
                yield Broken(field.encode_name, absent, "Member must not be null")
                yield Broken(field.encode_name, {**whole, field.encode_name: None}, "Member must not be null")
            for path, value, rule in broken(field.type):
                yield Broken(joined(field.encode_name, path), {**whole, field.encode_name: value}, rule)
    elif isinstance(info, inspect.ListType):
        for path, value, rule in broken(info.item_type):
            yield Broken(joined("2.member", path), [sample(info.item_type), value], rule)
        if not isinstance(info.item_type, inspect.UnionType):
            yield Broken("1.member", [None], "Member must not be null")


def joined(*steps: str) -> str:
    return ".".join(filter(None, steps))


def _wrong_types(info: inspect.Type) -> Iterator[Broken]:
    for value in ("text", 7, 2.5, True, ["item"], {"member": 1}):
        if not _fits(info, value):
            yield Broken("", value, "")


def _fits(info: inspect.Type, value: Any) -> bool:
    taken: dict[type, tuple[type, ...]] = {
        inspect.StructType: (dict,),
        inspect.ListType: (list,),
        inspect.StrType: (str,),
        inspect.EnumType: (str,),
        inspect.IntType: (int,),
        inspect.FloatType: (int, float),
        inspect.BoolType: (bool,),
    }
    return type(value) in taken[type(info)]


def _broken_here(info: inspect.Type) -> Iterator[Broken]:
    if isinstance(info, inspect.StrType | inspect.ListType):
        one: Any = "1" if isinstance(info, inspect.StrType) else [sample(info.item_type)]
        if info.max_length is not None:
            rule = f"Member must have length less than or equal to {info.max_length}"
            yield Broken("", one * (info.max_length + 1), rule)
        if info.min_length:
            yield Broken("", one * 0, f"Member must have length greater than or equal to {info.min_length}")
    if isinstance(info, inspect.StrType) and info.pattern:
        yield Broken("", UNMATCHED, "Member must satisfy regular expression pattern: ")
    if isinstance(info, inspect.IntType):
        assert info.le is not None
        assert info.ge is not None
        yield Broken("", info.le + 1, f"Member must have value less than or equal to {info.le}")
        yield Broken("", info.ge - 1, f"Member must have value greater than or equal to {info.ge}")
        yield Broken("", 10**30, f"Member must have value less than or equal to {info.le}")
    if isinstance(info, inspect.EnumType):
        allowed = ", ".join(member.value for member in info.cls)
        yield Broken("", "nonsense", f"Member must satisfy enum value set: [{allowed}]")
