"""The attributes of an event, by its type.

Law: which member of HistoryEvent holds them is read from the generated table, never spelt.
"""

from __future__ import annotations

from typing import TypeVar

from workflowsvc.swf.events import EVENTS, Attributes
from workflowsvc.swf.shapes import HistoryEvent, Shape

A = TypeVar("A", bound=Shape)

_MEMBERS = {shape.type: shape.member for shape in EVENTS.values()}


def attributes_of(event: HistoryEvent) -> Attributes | None:
    """The one structure of attributes that the event's type has, to match on:

        match attributes_of(event):
            case shapes.ActivityTaskCompletedEventAttributes(result=result): ...
            case shapes.TimerFiredEventAttributes(timer_id=timer_id): ...

    None for a type that the service model does not know yet. Raises ValueError for an event of a known type that came
    without it (API reference, HistoryEvent: each type sets its own member).
    """
    member = _MEMBERS.get(event.event_type)
    if member is None:
        return None
    attributes: Attributes | None = getattr(event, member)
    if attributes is None:
        raise ValueError(f"event {event.event_id}, {event.event_type}, has no {member}")
    return attributes


def attributes_as(event: HistoryEvent, shape: type[A]) -> A:
    """The attributes of an event whose type is known. Raises TypeError for another's."""
    attributes = attributes_of(event)
    if not isinstance(attributes, shape):
        raise TypeError(f"event {event.event_id} is {event.event_type}, and has no {shape.__name__}")
    return attributes
