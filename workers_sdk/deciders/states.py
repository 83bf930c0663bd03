"""What each event type says of the work that a decision set going, and in which state that is then.

Law: states are the table below. An event that is not in it concerns no activity, timer, child, external signal,
external cancel request or Lambda function.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum, StrEnum, auto
from typing import Final, NamedTuple

from workflowsvc.swf.shapes import EventType


class State(StrEnum):
    """Where a piece of work stands. SWF's own words, as its events have them."""

    SCHEDULED = "SCHEDULED"
    INITIATED = "INITIATED"
    STARTED = "STARTED"
    COMPLETED = "COMPLETED"
    FAILED = "FAILED"
    TIMED_OUT = "TIMED_OUT"
    CANCELED = "CANCELED"
    TERMINATED = "TERMINATED"
    #: a child that was initiated, or a Lambda function that was scheduled, and could not be started
    START_FAILED = "START_FAILED"
    FIRED = "FIRED"
    #: an external execution has got the signal, or the cancel request
    SIGNALED = "SIGNALED"
    CANCEL_REQUESTED = "CANCEL_REQUESTED"


OPEN: Final = frozenset({State.SCHEDULED, State.INITIATED, State.STARTED})


class Kind(Enum):
    ACTIVITY = auto()
    TIMER = auto()
    CHILD = auto()
    EXTERNAL_SIGNAL = auto()
    EXTERNAL_CANCEL = auto()
    LAMBDA = auto()


class Opening(NamedTuple):
    """The event type that begins a piece of work, and the member with which later events name that event's id."""

    type: EventType
    member: str


class Telling(NamedTuple):
    kind: Kind
    #: None: it stays as it was
    state: State | None


OPENINGS: Final[Mapping[Kind, Opening]] = {
    Kind.ACTIVITY: Opening(EventType.ACTIVITY_TASK_SCHEDULED, "scheduled_event_id"),
    Kind.TIMER: Opening(EventType.TIMER_STARTED, "started_event_id"),
    Kind.CHILD: Opening(EventType.START_CHILD_WORKFLOW_EXECUTION_INITIATED, "initiated_event_id"),
    Kind.EXTERNAL_SIGNAL: Opening(EventType.SIGNAL_EXTERNAL_WORKFLOW_EXECUTION_INITIATED, "initiated_event_id"),
    Kind.EXTERNAL_CANCEL: Opening(EventType.REQUEST_CANCEL_EXTERNAL_WORKFLOW_EXECUTION_INITIATED, "initiated_event_id"),
    Kind.LAMBDA: Opening(EventType.LAMBDA_FUNCTION_SCHEDULED, "scheduled_event_id"),
}

TELLINGS: Final[Mapping[EventType, Telling]] = {
    EventType.ACTIVITY_TASK_SCHEDULED: Telling(Kind.ACTIVITY, State.SCHEDULED),
    EventType.ACTIVITY_TASK_STARTED: Telling(Kind.ACTIVITY, State.STARTED),
    EventType.ACTIVITY_TASK_CANCEL_REQUESTED: Telling(Kind.ACTIVITY, None),
    EventType.ACTIVITY_TASK_COMPLETED: Telling(Kind.ACTIVITY, State.COMPLETED),
    EventType.ACTIVITY_TASK_FAILED: Telling(Kind.ACTIVITY, State.FAILED),
    EventType.ACTIVITY_TASK_TIMED_OUT: Telling(Kind.ACTIVITY, State.TIMED_OUT),
    EventType.ACTIVITY_TASK_CANCELED: Telling(Kind.ACTIVITY, State.CANCELED),
    EventType.TIMER_STARTED: Telling(Kind.TIMER, State.STARTED),
    EventType.TIMER_FIRED: Telling(Kind.TIMER, State.FIRED),
    EventType.TIMER_CANCELED: Telling(Kind.TIMER, State.CANCELED),
    EventType.START_CHILD_WORKFLOW_EXECUTION_INITIATED: Telling(Kind.CHILD, State.INITIATED),
    EventType.START_CHILD_WORKFLOW_EXECUTION_FAILED: Telling(Kind.CHILD, State.START_FAILED),
    EventType.CHILD_WORKFLOW_EXECUTION_STARTED: Telling(Kind.CHILD, State.STARTED),
    EventType.CHILD_WORKFLOW_EXECUTION_COMPLETED: Telling(Kind.CHILD, State.COMPLETED),
    EventType.CHILD_WORKFLOW_EXECUTION_FAILED: Telling(Kind.CHILD, State.FAILED),
    EventType.CHILD_WORKFLOW_EXECUTION_TIMED_OUT: Telling(Kind.CHILD, State.TIMED_OUT),
    EventType.CHILD_WORKFLOW_EXECUTION_CANCELED: Telling(Kind.CHILD, State.CANCELED),
    EventType.CHILD_WORKFLOW_EXECUTION_TERMINATED: Telling(Kind.CHILD, State.TERMINATED),
    EventType.SIGNAL_EXTERNAL_WORKFLOW_EXECUTION_INITIATED: Telling(Kind.EXTERNAL_SIGNAL, State.INITIATED),
    EventType.EXTERNAL_WORKFLOW_EXECUTION_SIGNALED: Telling(Kind.EXTERNAL_SIGNAL, State.SIGNALED),
    EventType.SIGNAL_EXTERNAL_WORKFLOW_EXECUTION_FAILED: Telling(Kind.EXTERNAL_SIGNAL, State.FAILED),
    EventType.REQUEST_CANCEL_EXTERNAL_WORKFLOW_EXECUTION_INITIATED: Telling(Kind.EXTERNAL_CANCEL, State.INITIATED),
    EventType.EXTERNAL_WORKFLOW_EXECUTION_CANCEL_REQUESTED: Telling(Kind.EXTERNAL_CANCEL, State.CANCEL_REQUESTED),
    EventType.REQUEST_CANCEL_EXTERNAL_WORKFLOW_EXECUTION_FAILED: Telling(Kind.EXTERNAL_CANCEL, State.FAILED),
    EventType.LAMBDA_FUNCTION_SCHEDULED: Telling(Kind.LAMBDA, State.SCHEDULED),
    EventType.LAMBDA_FUNCTION_STARTED: Telling(Kind.LAMBDA, State.STARTED),
    EventType.START_LAMBDA_FUNCTION_FAILED: Telling(Kind.LAMBDA, State.START_FAILED),
    EventType.LAMBDA_FUNCTION_COMPLETED: Telling(Kind.LAMBDA, State.COMPLETED),
    EventType.LAMBDA_FUNCTION_FAILED: Telling(Kind.LAMBDA, State.FAILED),
    EventType.LAMBDA_FUNCTION_TIMED_OUT: Telling(Kind.LAMBDA, State.TIMED_OUT),
}
