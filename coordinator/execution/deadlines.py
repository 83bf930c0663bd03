"""When something of an execution is due, and what then happens.

Law: every timeout and timer is a row of `_open_deadlines`: an instant, an order among equals, and the event that it
brings. `next_deadline` is the earliest row; `expire` plays the rows that are due. Deadlines are derived from the
state each time: a late, early or repeated wake-up finds what it finds.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Final

from coordinator.execution.state import Activity, DecisionTask, Execution, Lambda, Timer
from coordinator.execution.turn import Turn
from workflowsvc.swf import shapes
from workflowsvc.swf.shapes import ActivityTaskTimeoutType, DecisionTaskTimeoutType, WorkflowExecutionTimeoutType

# Asking an Enum for its member's value costs as much as all else here.
_START_TO_CLOSE: Final = ActivityTaskTimeoutType.START_TO_CLOSE.value
_HEARTBEAT: Final = ActivityTaskTimeoutType.HEARTBEAT.value
_SCHEDULE_TO_START: Final = ActivityTaskTimeoutType.SCHEDULE_TO_START.value
_SCHEDULE_TO_CLOSE: Final = ActivityTaskTimeoutType.SCHEDULE_TO_CLOSE.value


def next_deadline(execution: Execution) -> int | None:
    """The earliest of every open timeout and timer, or None for a closed execution."""
    if not execution.open:
        return None
    return min(row[0] for row in _open_deadlines(execution))


def expire(turn: Turn) -> None:
    """Record all that is due at the turn's time, in the order in which it came due."""
    execution = turn.execution
    # What is recorded can bring a deadline of its own (a decision task on a list whose timeout is 0): look again.
    while due := sorted(row for row in _open_deadlines(execution) if row[0] <= turn.at):
        for _, _, event, subject in due:
            if not execution.open:
                return
            turn.happen(event(execution, subject))


# ---- the rows --------------------------------------------------------------------------------------------------

#: The instant; the id of the event that set it, which no two rows share; the event that it brings, and whose it is.
Row = tuple[int, int, Callable[[Execution, Any], shapes.Shape], Any]


def _open_deadlines(execution: Execution) -> Iterator[Row]:
    yield execution.started_at + int(execution.execution_timeout) * 1000, 0, _execution_timed_out, None
    for task in (execution.queued, execution.started):
        if task and (at := task.deadline()) is not None:
            yield at, task.scheduled_id, _decision_timed_out, task
    for activity in execution.activities.values():
        if (due := activity_deadline(activity)) is not None:
            yield due[0], activity.scheduled_id, _activity_timed_out, (activity, due[1])
    for timer in execution.timers.values():
        yield timer.fire_at, timer.started_id, _timer_fired, timer
    for function in execution.lambdas.values():
        if function.started_id:
            yield function.started_at + function.timeout * 1000, function.scheduled_id, _lambda_timed_out, function


def activity_deadline(activity: Activity) -> tuple[int, str] | None:
    """The earliest deadline of an activity task, and the timeout type that it stands for."""
    ends = []
    if activity.started_id:
        if activity.start_to_close is not None:
            ends.append((activity.started_at + activity.start_to_close, _START_TO_CLOSE))
        if activity.heartbeat is not None:
            ends.append((activity.beat_at + activity.heartbeat, _HEARTBEAT))
    elif activity.schedule_to_start is not None:
        ends.append((activity.scheduled_at + activity.schedule_to_start, _SCHEDULE_TO_START))
    if activity.schedule_to_close is not None:
        ends.append((activity.scheduled_at + activity.schedule_to_close, _SCHEDULE_TO_CLOSE))
    return min(ends, default=None)


# ---- what each brings ------------------------------------------------------------------------------------------


def _execution_timed_out(execution: Execution, _: None) -> shapes.Shape:
    return shapes.WorkflowExecutionTimedOutEventAttributes(
        timeout_type=WorkflowExecutionTimeoutType.START_TO_CLOSE, child_policy=execution.child_policy
    )


def _decision_timed_out(_: Execution, task: DecisionTask) -> shapes.Shape:
    kinds = DecisionTaskTimeoutType
    return shapes.DecisionTaskTimedOutEventAttributes(
        timeout_type=kinds.START_TO_CLOSE if task.started_id else kinds.SCHEDULE_TO_START,
        scheduled_event_id=task.scheduled_id,
        started_event_id=task.started_id,
    )


def _activity_timed_out(_: Execution, due: tuple[Activity, str]) -> shapes.Shape:
    activity, kind = due
    return shapes.ActivityTaskTimedOutEventAttributes(
        timeout_type=ActivityTaskTimeoutType(kind),
        scheduled_event_id=activity.scheduled_id,
        started_event_id=activity.started_id,
        details=activity.beat_details,
    )


def _timer_fired(_: Execution, timer: Timer) -> shapes.Shape:
    return shapes.TimerFiredEventAttributes(timer_id=timer.timer_id, started_event_id=timer.started_id)


def _lambda_timed_out(_: Execution, function: Lambda) -> shapes.Shape:
    return shapes.LambdaFunctionTimedOutEventAttributes(
        scheduled_event_id=function.scheduled_id,
        started_event_id=function.started_id,
        timeout_type=shapes.LambdaFunctionTimeoutType.START_TO_CLOSE,
    )
