"""Calls of activities: schedule, await, try again, cancel.

Law: a call is a future. What the history says of its task it is told; what it decides it puts among the commands. A
new attempt is a task of its own, its id the first one's with the attempt's number behind a point.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from workers_sdk import errors
from workers_sdk.definitions.activities import Activity
from workers_sdk.definitions.options import priority_text, seconds_text, task_list_of
from workers_sdk.failures import failure_from
from workers_sdk.replay.commands import Command
from workers_sdk.replay.loop import DurableTimer, WorkflowFuture
from workflowsvc.swf import shapes
from workflowsvc.swf.shapes import DecisionType

if TYPE_CHECKING:
    from workers_sdk.replay.run import Run


class ActivityCall(WorkflowFuture[Any]):
    def __init__(self, run: Run, activity: Activity[..., Any], text: str | None) -> None:
        super().__init__(run.loop)
        self._run = run
        self._activity = activity
        self._input = text
        self._id = run.next_id()
        self._attempt = 1
        self._began = run.loop.time()
        self._command: Command | None = None
        self._pause: DurableTimer | None = None
        self._open = False
        self._cancelling = False
        run.activities.admit(self)

    # ---- schedule

    @property
    def wanted(self) -> bool:
        return not self.done()

    def schedule(self) -> None:
        self._open = True
        type_ = DecisionType.SCHEDULE_ACTIVITY_TASK
        self._command = Command(type_, self.activity_id, self._subject, self._attributes, self)
        self._run.commands.add(self._command)

    @property
    def activity_id(self) -> str:
        return self._id if self._attempt == 1 else f"{self._id}.{self._attempt}"

    @property
    def _subject(self) -> str:
        return f"{self._activity.name} {self._activity.version}"

    def _attributes(self) -> shapes.Shape:
        options = self._activity.said
        return shapes.ScheduleActivityTaskDecisionAttributes(
            activity_id=self.activity_id,
            activity_type=shapes.ActivityType(name=self._activity.name, version=self._activity.version),
            control=None if self._attempt == 1 else f"attempt {self._attempt} of activity {self._id}",
            input=self._input,
            task_list=task_list_of(options.task_list),
            task_priority=priority_text(options.priority),
            start_to_close_timeout=seconds_text(options.start_to_close),
            schedule_to_start_timeout=seconds_text(options.schedule_to_start),
            schedule_to_close_timeout=seconds_text(options.schedule_to_close),
            heartbeat_timeout=seconds_text(options.heartbeat),
        )

    # ---- what the history says

    def recorded(self, event: shapes.HistoryEvent) -> None:
        self._command = None
        self._run.tasks[event.event_id] = self

    def refused(self, cause: str) -> None:
        self._command = None
        self._close()
        self._fail(errors.DecisionRefused(f"activity {self._subject}", cause))

    def completed(self, result: str | None) -> None:
        self._close()
        if self._was_cancelled():
            return
        try:
            self.set_result(self._run.converter.from_text(result, self._activity.signature.returns))
        except Exception as error:
            self.set_exception(error)

    def failed(self, reason: str | None, details: str | None) -> None:
        failure = failure_from(reason, details)
        error = errors.ActivityFailed(f"activity {self._subject}", failure)
        self._ended(error, failure.kinds, retryable=failure.retryable)

    def timed_out(self, timeout_type: str, details: str | None) -> None:
        error = errors.ActivityTimedOut(f"activity {self._subject}", timeout_type, details)
        self._ended(error, (timeout_type,), retryable=True)

    def canceled(self) -> None:
        self._close()
        super().cancel()

    def _ended(self, error: errors.ActivityError, kinds: tuple[str, ...], *, retryable: bool) -> None:
        self._close()
        if self._was_cancelled():
            return None
        retry = self._activity.options.retry
        if retry is None or not retryable or retry.forbids(kinds):
            return self._fail(error)
        run = self._run
        lot = run.random.random() if retry.jitter else 0.0
        pause = retry.pause(self._attempt, run.loop.time() - self._began, lot)
        if pause is None:
            return self._fail(error)
        self._attempt += 1
        self._pause = run.timers.start_for(pause, self._again, f"before attempt {self._attempt} of activity {self._id}")
        return None

    def _was_cancelled(self) -> bool:
        """Whoever cancelled it and waited for its end is told so, however it ended: as asyncio does."""
        if self._cancelling:
            super().cancel()
        return self.done()

    def _again(self) -> None:
        self._pause = None
        self._run.activities.admit(self)

    def _fail(self, error: errors.WorkersError) -> None:
        if isinstance(error, errors.ActivityError):
            error.activity, error.activity_id, error.attempts = self._subject, self.activity_id, self._attempt
        if not self.done():
            self.set_exception(error)

    def _close(self) -> None:
        if self._open:
            self._open = False
            self._run.activities.leave()

    # ---- cancel

    def cancel(self, msg: Any | None = None) -> bool:
        """Take it back if it is not scheduled, else ask the activity to stop.

        The future is cancelled at once, or with `wait_for_cancel` ends as the activity does.
        """
        if self.done():
            return False
        if self._command is not None and self._run.commands.take_back(self._command):
            self._command = None
            self._close()
            return super().cancel(msg)
        if self._pause is not None:
            self._pause.cancel()
            self._pause = None
            return super().cancel(msg)
        if self._open and not self._cancelling:
            self._cancelling = True
            self._run.commands.add(_cancel_of(self.activity_id))
        return True if self._open and self._activity.options.wait_for_cancel else super().cancel(msg)


class Unanswered:
    """Issues a command of which nothing more is to be known: its refusal means that it came too late."""

    def recorded(self, event: shapes.HistoryEvent) -> None:
        """It is done."""

    def refused(self, cause: str) -> None:
        """There was nothing left to do."""


UNANSWERED: Final = Unanswered()


def _cancel_of(activity_id: str) -> Command:
    return Command(
        DecisionType.REQUEST_CANCEL_ACTIVITY_TASK,
        activity_id,
        "",
        lambda: shapes.RequestCancelActivityTaskDecisionAttributes(activity_id=activity_id),
        UNANSWERED,
    )
