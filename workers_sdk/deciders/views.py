"""Sequences that a decider asks: what is open, what failed, the last one with that id.

Law: a view is a tuple in the order of the history; asking it makes another, or one of its members, and changes nothing.
"""

from __future__ import annotations

from functools import cached_property
from typing import Any, Protocol, Self, TypeVar

from workers_sdk.deciders.externals import Child, ExternalCancel, ExternalSignal
from workers_sdk.deciders.facts import DecisionFailure, Marker, Signal
from workers_sdk.deciders.states import State
from workers_sdk.deciders.tasks import Activity, LambdaFunction, Timer
from workers_sdk.deciders.work import Work


class Fact(Protocol):
    @property
    def event_id(self) -> int: ...
    @property
    def name(self) -> str: ...


W = TypeVar("W", bound=Work)
F = TypeVar("F", bound=Fact)
V = TypeVar("V", bound="Works[Any]")


class In:
    """Those members of a view that are in this state."""

    def __init__(self, state: State) -> None:
        self._state = state

    def __get__(self, works: V, _: type[V]) -> V:
        return works.in_state(self._state)


class Works(tuple[W, ...]):
    """Pieces of work of one kind, in the order in which they were begun."""

    @property
    def open(self) -> Self:
        return type(self)(work for work in self if work.open)

    @property
    def closed(self) -> Self:
        return type(self)(work for work in self if work.closed)

    def in_state(self, *states: State) -> Self:
        return type(self)(work for work in self if work.state in states)

    def get(self, id: str) -> W | None:
        """The last one with this id. (An id is free for another once its work has closed.)"""
        attempts = self._by_id.get(id)
        return attempts[-1] if attempts else None

    def attempts(self, id: str) -> Self:
        """All with this id."""
        return type(self)(self._by_id.get(id, ()))

    @cached_property
    def _by_id(self) -> dict[str, list[W]]:
        found: dict[str, list[W]] = {}
        for work in self:
            found.setdefault(work.id, []).append(work)
        return found


class Activities(Works[Activity]):
    completed = In(State.COMPLETED)
    failed = In(State.FAILED)
    timed_out = In(State.TIMED_OUT)
    canceled = In(State.CANCELED)


class Timers(Works[Timer]):
    fired = In(State.FIRED)
    canceled = In(State.CANCELED)


class Children(Works[Child]):
    completed = In(State.COMPLETED)
    failed = In(State.FAILED)
    timed_out = In(State.TIMED_OUT)
    canceled = In(State.CANCELED)
    terminated = In(State.TERMINATED)
    start_failed = In(State.START_FAILED)


class ExternalSignals(Works[ExternalSignal]):
    signaled = In(State.SIGNALED)
    failed = In(State.FAILED)


class ExternalCancels(Works[ExternalCancel]):
    cancel_requested = In(State.CANCEL_REQUESTED)
    failed = In(State.FAILED)


class LambdaFunctions(Works[LambdaFunction]):
    completed = In(State.COMPLETED)
    failed = In(State.FAILED)
    timed_out = In(State.TIMED_OUT)
    start_failed = In(State.START_FAILED)


class Facts(tuple[F, ...]):
    """Events of one kind that have a name, oldest first."""

    def named(self, name: str) -> Self:
        return type(self)(fact for fact in self if fact.name == name)

    def last(self, name: str) -> F | None:
        return next((fact for fact in reversed(self) if fact.name == name), None)

    def after(self, event_id: int) -> Self:
        """Those later than this event: with `History.previous_started_event_id`, the new ones."""
        return type(self)(fact for fact in self if fact.event_id > event_id)


Signals = Facts[Signal]
Markers = Facts[Marker]
DecisionFailures = Facts[DecisionFailure]
