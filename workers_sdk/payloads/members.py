"""Which members of SWF's structures are payloads, and how long they may be.

Law: derived from the generated shapes, by the names that AWS's model gives to their types. What is decided here:
`control` is Data but no payload (the SDK's own notes, which must stay short and readable), and a FunctionInput is the
Lambda function's, which knows no codec: its length is looked at, no more.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any, Final, NamedTuple, get_args, get_type_hints

import msgspec

from workflowsvc.swf.decisions import DECISIONS
from workflowsvc.swf.events import EVENTS
from workflowsvc.swf.shapes import DecisionType, EventType, Shape

_PAYLOADS: Final = frozenset({"Data", "LimitedData"})
_MEASURED: Final = frozenset({*_PAYLOADS, "FunctionInput"})
_NOT_PAYLOADS: Final = frozenset({"control"})


class Member(NamedTuple):
    #: in Python: `execution_context`
    name: str
    #: characters, as SWF counts them
    limit: int
    #: codecs rewrite it
    coded: bool


@cache
def payload_members(shape: type[Shape]) -> tuple[Member, ...]:
    hints = get_type_hints(shape, include_extras=True)
    kinds = {name: str(shape.__annotations__[name]).removesuffix(" | None") for name in shape.__struct_fields__}
    return tuple(
        Member(name, _max_length(hints[name]), kind in _PAYLOADS)
        for name, kind in kinds.items()
        if kind in _MEASURED and name not in _NOT_PAYLOADS
    )


def _max_length(hint: Any) -> int:
    """Of ``Annotated[str, Meta(max_length=...)] | None``."""
    if isinstance(hint, msgspec.Meta) and hint.max_length is not None:
        return hint.max_length
    parts = (*get_args(hint), *getattr(hint, "__metadata__", ()))
    return max(map(_max_length, parts), default=0)


class Place(NamedTuple):
    """Where an event or a decision has its payloads: in *attributes*, a member of it, there in *members*."""

    attributes: str
    members: tuple[Member, ...]


EVENT_PAYLOADS: Final[Mapping[EventType, Place]] = {
    event.type: Place(event.member, members)
    for attributes, event in EVENTS.items()
    if (members := tuple(member for member in payload_members(attributes) if member.coded))
}
DECISION_PAYLOADS: Final[Mapping[DecisionType, Place]] = {
    type_: Place(decision.member, members)
    for type_, decision in DECISIONS.items()
    if (members := payload_members(decision.attributes))
}
