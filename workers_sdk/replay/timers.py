"""Durable timers: every delay of workflow code is one of the execution's.

Law: whole seconds, rounded up: never early. A timer that is cancelled before it was sent leaves no trace.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from workers_sdk.definitions.options import whole_seconds
from workers_sdk.replay.calls import UNANSWERED
from workers_sdk.replay.commands import Command
from workers_sdk.replay.gate import Gate
from workers_sdk.replay.loop import DurableTimer
from workflowsvc.swf import shapes
from workflowsvc.swf.shapes import DecisionType

if TYPE_CHECKING:
    from workers_sdk.replay.run import Run


#: DurationInSeconds has at most eight digits (API reference). No execution is open for so long: it never fires.
_LONGEST: Final = 99_999_999


class _Timer:
    """One timer, from the call to its end."""

    def __init__(self, run: Run, handle: DurableTimer, attributes: shapes.StartTimerDecisionAttributes) -> None:
        self._run = run
        self._admitted = False
        self.handle = handle
        self._command = Command(DecisionType.START_TIMER, attributes.timer_id, "", lambda: attributes, self)
        run.timers.gate.admit(self)

    @property
    def wanted(self) -> bool:
        return not self.handle.cancelled()

    def schedule(self) -> None:
        self._admitted = True
        self._run.commands.add(self._command)

    def recorded(self, event: shapes.HistoryEvent) -> None:
        self._run.timers.started[event.event_id] = self

    def refused(self, cause: str) -> None:
        """Too many in too short a time (TIMER_CREATION_RATE_EXCEEDED): asked for again."""
        if self.wanted:
            self._run.commands.add(self._command)

    def fired(self) -> None:
        self._leave()
        if self.wanted:
            self._run.loop.fire(self.handle)

    def cancel(self) -> None:
        """Take it back if it was not sent, else cancel it: if it has fired meanwhile, that is refused, and well so."""
        if not self._admitted:
            return
        self._leave()
        if self._run.commands.take_back(self._command):
            return
        attributes = shapes.CancelTimerDecisionAttributes(timer_id=self.handle.timer_id)
        command = Command(DecisionType.CANCEL_TIMER, attributes.timer_id, "", lambda: attributes, UNANSWERED)
        self._run.commands.add(command)

    def _leave(self) -> None:
        if self._admitted:
            self._admitted = False
            self._run.timers.gate.leave()


class Timers:
    def __init__(self, run: Run) -> None:
        self._run = run
        self.gate = Gate()
        #: by the event that started them
        self.started: dict[int, _Timer] = {}
        self._open: dict[str, _Timer] = {}
        self._control: str | None = None

    def start(self, handle: DurableTimer, delay: float) -> None:
        """For the loop's `call_later`. A millionth of a second is arithmetic's, not the caller's."""
        handle.timer_id = self._run.next_id()
        attributes = shapes.StartTimerDecisionAttributes(
            timer_id=handle.timer_id,
            start_to_fire_timeout=str(whole_seconds(round(min(delay, _LONGEST), 6))),
            control=self._control,
        )
        self._open[handle.timer_id] = _Timer(self._run, handle, attributes)

    def start_for(self, delay: float, callback: Callable[[], None], control: str) -> DurableTimer:
        """A timer of the library's, with a word in the history on what it is for."""
        self._control = control
        try:
            return self._run.loop.call_later(delay, callback)
        finally:
            self._control = None

    def fired(self, started_event_id: int) -> None:
        timer = self.started.pop(started_event_id, None)
        if timer is not None:
            self._open.pop(timer.handle.timer_id, None)
            timer.fired()

    def cancel(self, handle: DurableTimer) -> None:
        timer = self._open.pop(handle.timer_id, None)
        if timer is not None:
            timer.cancel()
