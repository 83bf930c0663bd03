"""What a decision set going, as its events tell it.

Law: a piece of work holds its events and nothing else; every member is read from them. Texts are as SWF has them.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TypeVar

from msgspec import Struct

from workers_sdk.deciders.events import attributes_as, attributes_of
from workers_sdk.deciders.states import OPEN, TELLINGS, State
from workflowsvc.swf import shapes
from workflowsvc.swf.events import Attributes

A = TypeVar("A", bound=shapes.Shape)


class Work(Struct, frozen=True):
    """A piece of work; *events* are those that tell of it, oldest first: what began it, and what became of it."""

    events: tuple[shapes.HistoryEvent, ...]

    @property
    def id(self) -> str:
        """The id that the decider gave: of the activity, timer, workflow or Lambda task. Free again once it closed."""
        raise NotImplementedError

    @property
    def state(self) -> State:
        states = (TELLINGS[event.event_type].state for event in reversed(self.events))
        return next(state for state in states if state)

    @property
    def open(self) -> bool:
        return self.state in OPEN

    @property
    def closed(self) -> bool:
        return not self.open

    @property
    def opened_id(self) -> int:
        """The id of the event that began it: scheduledEventId, initiatedEventId, or a timer's startedEventId."""
        return self.events[0].event_id

    @property
    def opened_at(self) -> datetime:
        return datetime.fromtimestamp(self.events[0].event_timestamp, UTC)

    @property
    def closed_id(self) -> int | None:
        return self.events[-1].event_id if self.closed else None

    @property
    def outcome(self) -> Attributes | None:
        """The attributes of the event that closed it, to match on; None while it is open."""
        return attributes_of(self.events[-1]) if self.closed else None

    def opening_as(self, shape: type[A]) -> A:
        """The attributes of the event that began it."""
        return attributes_as(self.events[0], shape)

    def last(self, shape: type[A]) -> A | None:
        """The attributes of its last event of that type."""
        told = (attributes_of(event) for event in reversed(self.events))
        return next((attributes for attributes in told if isinstance(attributes, shape)), None)


class Answered(Work, frozen=True):
    """Work that ends with a text: a result, or the reason and details of a failure. None: there is none, or not yet."""

    @property
    def result(self) -> str | None:
        return getattr(self.outcome, "result", None)

    @property
    def reason(self) -> str | None:
        """At most 256 characters, as the worker or the child gave it."""
        return getattr(self.outcome, "reason", None)

    @property
    def details(self) -> str | None:
        """Of a failure or a cancellation; of a timeout, the last heartbeat's."""
        return getattr(self.outcome, "details", None)

    @property
    def timeout_type(self) -> shapes.ActivityTaskTimeoutType | None:
        """Which timeout it was, of what is TIMED_OUT. (A child or a Lambda function has START_TO_CLOSE only.)"""
        timeout: str | None = getattr(self.outcome, "timeout_type", None)
        return None if timeout is None else shapes.ActivityTaskTimeoutType(timeout)
