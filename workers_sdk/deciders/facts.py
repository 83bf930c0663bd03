"""What happened at once and has no state: signals, markers, decisions that failed.

Law: each is made of one event, and of nothing else.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Final

from msgspec import Struct

from workers_sdk.deciders.events import attributes_of
from workflowsvc.swf import shapes
from workflowsvc.swf.shapes import DecisionType, EventType, HistoryEvent


class Signal(Struct, frozen=True, kw_only=True):
    """WorkflowExecutionSignaled. *source* is the execution that sent it, None if a client did."""

    event_id: int
    name: str
    input: str | None
    source: shapes.WorkflowExecution | None


class Marker(Struct, frozen=True, kw_only=True):
    """MarkerRecorded."""

    event_id: int
    name: str
    details: str | None


class DecisionFailure(Struct, frozen=True, kw_only=True):
    """A decision that was refused, or whose child, signal or cancel request did not get through.

    *name* is what it was about: the id of the activity, timer, workflow or Lambda task, or the marker's name; "" for
    decisions about the execution itself. *cause* is SWF's, such as ACTIVITY_ID_ALREADY_IN_USE or UNHANDLED_DECISION.
    """

    event_id: int
    decision: DecisionType
    name: str
    cause: StrEnum


#: Every decision has its event of failure, called after it.
_FAILURES: Final = {EventType(f"{decision}Failed"): decision for decision in DecisionType}
_CAUSE: Final = "cause"
#: The members that tell what a decision was about; no event has two.
_ABOUT: Final = ("activity_id", "timer_id", "marker_name", "workflow_id", "id")


def signal_of(event: HistoryEvent) -> Signal | None:
    """None for an event of another type; so below."""
    a = event.workflow_execution_signaled_event_attributes
    if a is None:
        return None
    return Signal(event_id=event.event_id, name=a.signal_name, input=a.input, source=a.external_workflow_execution)


def marker_of(event: HistoryEvent) -> Marker | None:
    a = event.marker_recorded_event_attributes
    return None if a is None else Marker(event_id=event.event_id, name=a.marker_name, details=a.details)


def failure_of(event: HistoryEvent) -> DecisionFailure | None:
    decision = _FAILURES.get(event.event_type)
    if decision is None:
        return None
    a = attributes_of(event)
    # Each of the thirteen has one, of an enum of its own.
    cause: StrEnum = getattr(a, _CAUSE)
    name = next((getattr(a, member) for member in _ABOUT if hasattr(a, member)), "")
    return DecisionFailure(event_id=event.event_id, decision=decision, name=name, cause=cause)
