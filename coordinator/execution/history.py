"""Events: as the core sees them, as the wire and the store hold them, and back.

Law: an event is written once and never changed; its wire form is made here, once.
"""

from __future__ import annotations

from typing import Any

import msgspec
from msgspec import Struct

from workflowsvc.swf.events import EVENTS
from workflowsvc.swf.members import wire_name
from workflowsvc.swf.shapes import HistoryEvent, Shape

_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(HistoryEvent).decode
_MEMBER = {shape.type: shape.member for shape in EVENTS.values()}
_ID, _AT, _TYPE = (wire_name(HistoryEvent, member) for member in ("event_id", "event_timestamp", "event_type"))
_IDS = f'"{_ID}":%d,"{_AT}":%s'.encode()
# Members in alphabetical order, as the service sends them: the attributes' name falls before or after the id's.
_FORMS = {
    kind: (
        f'{{"{shape.wire}":'.encode(),
        f',"{_TYPE}":"{shape.type}"}}'.encode(),
        shape.wire < _ID,
        f',"{_TYPE}":"{shape.type}","{shape.wire}":'.encode(),
    )
    for kind, shape in EVENTS.items()
}


class Event(Struct, frozen=True):
    """One event of a history: *at* in milliseconds, *attributes* of the struct that stands for its type."""

    id: int
    at: int
    # The generated structs, one per event type; evolve's table gives each its own type back.
    attributes: Any


def encode(event: Event) -> bytes:
    """The event in wire form (HistoryEvent). Timestamps are seconds with three decimals."""
    head, tail, first, middle = _FORMS[type(event.attributes)]
    attributes = _encode(event.attributes)
    ids = _IDS % (event.id, _encode(event.at / 1000))
    if first:
        return b"".join((head, attributes, b",", ids, tail))
    return b"".join((b"{", ids, middle, attributes, b"}"))


def decode(wire: bytes) -> Event:
    event = _decode(wire)
    attributes: Shape = getattr(event, _MEMBER[event.event_type])
    return Event(event.event_id, round(event.event_timestamp * 1000), attributes)
