"""AWS JSON 1.0, incoming: a body becomes the operation's input, or a refusal in AWS's own words.

Law: the constraints are those of the generated types. One decoder checks them in C and decides nearly every request;
what it refuses is walked again here, slowly, member by member, to name *every* violation (SWF.md §1.2), up to a
hundred of them.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from functools import cache
from itertools import islice
from typing import Any, Final

import msgspec
from msgspec import inspect

from gateway.rules import RULES
from workflowsvc.swf.decisions import DECISIONS
from workflowsvc.swf.errors import SerializationException, ValidationException, violation
from workflowsvc.swf.members import wire_name
from workflowsvc.swf.operations import Operation
from workflowsvc.swf.shapes import Decision, DecisionType, RespondDecisionTaskCompletedInput, Shape

#: So many violations are named at most, and so much of each value: 1 MB of nonsense is not answered with more.
_NAMED: Final = 100
_SHOWN: Final = 1000
#: What decoders of msgspec raise: bad JSON or a broken constraint, bad UTF-8, nesting without end.
_UNDECODABLE: Final = (msgspec.DecodeError, ValueError, RecursionError)

_DECISION_TYPE: Final = wire_name(Decision, "decision_type")


def reader_of(operation: Operation) -> Callable[[bytes], Any]:
    """The function that reads this operation's bodies. It raises ValidationException and SerializationException."""
    shape = operation.input
    decode: Callable[[bytes], Any] = msgspec.json.Decoder(shape).decode
    rules = RULES.get(shape, ())
    has_decisions = shape is RespondDecisionTaskCompletedInput

    def read(body: bytes) -> Any:
        try:
            arguments = decode(body or b"{}")
        except _UNDECODABLE:
            arguments = _read_slowly(shape, body)
        else:
            if has_decisions and not all(map(_is_complete, arguments.decisions or ())):
                arguments = _read_slowly(shape, body)
        for rule in rules:
            rule(arguments)
        return arguments

    return read


def _is_complete(decision: Decision) -> bool:
    return getattr(decision, DECISIONS[decision.decision_type].member) is not None


def _read_slowly(shape: type[Shape], body: bytes) -> Any:
    try:
        value = msgspec.json.decode(body or b"{}")
    except _UNDECODABLE:
        raise SerializationException from None
    info = _info(shape)
    value = _prune(info, value)
    if violations := list(islice(_violations(info, value, ""), _NAMED)):
        raise ValidationException.of(*violations)
    try:
        return msgspec.convert(value, shape)
    except (msgspec.ValidationError, OverflowError):  # a number that no double holds
        raise SerializationException from None


@cache
def _info(shape: type[Shape]) -> inspect.Type:
    return inspect.type_info(shape)


# ---- first: JSON types, nulls, and decisions without attributes ----------------------------------------------


def _prune(info: inspect.Type, value: Any) -> Any:
    """The value without nulls ("treated as absent") and unknown members. Raises SerializationException."""
    info = _bare(info)
    if isinstance(info, inspect.StructType) and isinstance(value, dict):
        known = {f.encode_name: _prune(f.type, value[f.encode_name]) for f in _present(info, value)}
        return _completed(known) if info.cls is Decision else known
    if isinstance(info, inspect.ListType) and isinstance(value, list):
        return [None if item is None else _prune(info.item_type, item) for item in value]
    if _is_wrong(info, value):
        raise SerializationException(f"class {_java(value)} can not be converted to {_wanted(info)}")
    return value


def _bare(info: inspect.Type) -> inspect.Type:
    """What an optional member holds when it is there."""
    if isinstance(info, inspect.UnionType):
        return next(kind for kind in info.types if not isinstance(kind, inspect.NoneType))
    return info


def _present(info: inspect.StructType, value: dict[str, Any]) -> Iterator[inspect.Field]:
    return (field for field in info.fields if value.get(field.encode_name) is not None)


def _completed(decision: dict[str, Any]) -> dict[str, Any]:
    """ "The matching struct is checked even if absent: an absent one counts as empty" (SWF.md §3.1.1)."""
    try:
        expected = DECISIONS[DecisionType(decision.get(_DECISION_TYPE, ""))].wire
    except ValueError:
        return decision
    return {expected: {}, **decision}


#: The JSON types that each kind of member takes, and what Java calls it.
_KINDS: Final[dict[type[inspect.Type], tuple[tuple[type, ...], str]]] = {
    inspect.StrType: ((str,), "an String"),
    inspect.EnumType: ((str,), "an String"),
    inspect.IntType: ((int,), "an Integer"),
    inspect.FloatType: ((int, float), "milliseconds since epoch"),
    inspect.BoolType: ((bool,), "an Boolean"),
    inspect.ListType: ((list,), "an List"),
    inspect.StructType: ((dict,), "an Object"),
}
_JAVA: Final[dict[type, str]] = {
    bool: "Boolean",
    float: "Double",
    str: "String",
    list: "ArrayList",
    dict: "HashMap",
    type(None): "Void",
}


def _is_wrong(info: inspect.Type, value: Any) -> bool:
    taken, _ = _KINDS[type(info)]
    return not isinstance(value, taken) or (isinstance(value, bool) and bool not in taken)


def _wanted(info: inspect.Type) -> str:
    return _KINDS[type(info)][1]


def _java(value: Any) -> str:
    if type(value) is int:
        bits = value.bit_length()
        name = "Short" if bits < 16 else "Integer" if bits < 32 else "Long" if bits < 64 else "BigInteger"
        return f"java.{'math' if name == 'BigInteger' else 'lang'}.{name}"
    name = _JAVA[type(value)]
    return f"java.{'util' if isinstance(value, (list, dict)) else 'lang'}.{name}"


# ---- then: constraints -----------------------------------------------------------------------------------------


def _violations(info: inspect.Type, value: Any, path: str) -> Iterator[str]:
    """One sentence for each constraint that *value* breaks, in the order of the members."""
    info = _bare(info)
    if value is None:
        yield _sentence(None, path, "Member must not be null")
        return
    for broken, rule in _constraints(info, value):
        if broken:
            yield _sentence(value, path, rule)
    if isinstance(info, inspect.StructType):
        for field in info.fields:
            if field.required or field.encode_name in value:
                yield from _violations(field.type, value.get(field.encode_name), _below(path, field.encode_name))
    elif isinstance(info, inspect.ListType):
        for number, item in enumerate(value, start=1):
            # "List entries 1-based with a literal `member` step" (SWF.md §1.2)
            if item is not None or not isinstance(info.item_type, inspect.UnionType):
                yield from _violations(info.item_type, item, f"{path}.{number}.member")


def _below(path: str, member: str) -> str:
    return f"{path}.{member}" if path else member


def _constraints(info: inspect.Type, value: Any) -> Iterator[tuple[bool, str]]:
    if isinstance(info, (inspect.StrType, inspect.ListType)):
        low, high = info.min_length, info.max_length
        yield high is not None and len(value) > high, f"Member must have length less than or equal to {high}"
        yield low is not None and len(value) < low, f"Member must have length greater than or equal to {low}"
    if isinstance(info, inspect.StrType) and info.pattern is not None:
        broken = re.search(info.pattern, value) is None
        yield broken, f"Member must satisfy regular expression pattern: {info.pattern}"
    if isinstance(info, inspect.IntType):
        yield info.le is not None and value > info.le, f"Member must have value less than or equal to {info.le}"
        yield info.ge is not None and value < info.ge, f"Member must have value greater than or equal to {info.ge}"
    if isinstance(info, inspect.EnumType):
        allowed = [member.value for member in info.cls]
        yield value not in allowed, f"Member must satisfy enum value set: [{', '.join(allowed)}]"


def _sentence(value: Any, path: str, rule: str) -> str:
    shown = "null" if value is None else f"'{_shown(value)[:_SHOWN]}'"
    return violation(shown, path, rule)


def _shown(value: Any) -> str:
    """As Java prints it."""
    if isinstance(value, list):
        return f"[{', '.join(map(_shown, value))}]"
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()
