"""When something of an execution is due, and what then happens.

Law: every timeout and timer is a row of `_open_deadlines`: an instant, an order among equals, and the event that it
brings. `next_deadline` is the earliest row; `expire` plays the rows that are due. Deadlines are derived from the
state each time: a late, early or repeated wake-up finds what it finds.
"""

from __future__ import annotations

from collections.abc import Iterator

from coordinator.execution.state import Activity, Execution
from coordinator.execution.turn import Turn
from workflowsvc.swf import shapes
from workflowsvc.swf.shapes import ActivityTaskTimeoutType, DecisionTaskTimeoutType, WorkflowExecutionTimeoutType


def next_deadline(execution: Execution) -> int | None:
    """The earliest of every open timeout and timer, or None for a closed execution."""
    if not execution.open:
        return None
    return min(at for at, _, _ in _instants(execution))


def expire(turn: Turn) -> None:
    """Record all that is due at the turn's time, in the order in which it came due."""
    execution = turn.execution
    # What is recorded can bring a deadline of its own (a decision task on a list whose timeout is 0): look again.
    while due := sorted(row for row in _instants(execution) if row[0] <= turn.at):
        for _, order, kind in due:
            if not execution.open:
                return
            turn.happen(_event(execution, order, kind))


# ---- the rows: (instant, id of the event that set it, kind) ----------------------------------------------------

_EXECUTION, _DECISION, _TIMER, _LAMBDA = "execution", "decision", "timer", "lambda"


def _instants(execution: Execution) -> Iterator[tuple[int, int, str]]:
    yield execution.started_at + int(execution.execution_timeout) * 1000, 0, _EXECUTION
    for task in (execution.queued, execution.started):
        if task and (at := task.deadline()) is not None:
            yield at, task.scheduled_id, _DECISION
    for activity in execution.activities.values():
        if (due := activity_deadline(activity)) is not None:
            yield due[0], activity.scheduled_id, due[1]
    for timer in execution.timers.values():
        yield timer.fire_at, timer.started_id, _TIMER
    for task_ in execution.lambdas.values():
        if task_.started_id:
            yield task_.started_at + task_.timeout * 1000, task_.scheduled_id, _LAMBDA


def activity_deadline(activity: Activity) -> tuple[int, str] | None:
    """The earliest deadline of an activity task, and the timeout type that it stands for."""
    kinds = ActivityTaskTimeoutType
    clocks = (
        (
            (kinds.START_TO_CLOSE, activity.started_at, activity.start_to_close),
            (kinds.HEARTBEAT, activity.beat_at, activity.heartbeat),
        )
        if activity.started_id
        else ((kinds.SCHEDULE_TO_START, activity.scheduled_at, activity.schedule_to_start),)
    )
    ends = [(since + span, kind.value) for kind, since, span in clocks if span is not None]
    if activity.schedule_to_close is not None:
        ends.append((activity.scheduled_at + activity.schedule_to_close, kinds.SCHEDULE_TO_CLOSE.value))
    return min(ends, default=None)


# ---- what each brings ------------------------------------------------------------------------------------------


def _event(execution: Execution, order: int, kind: str) -> shapes.Shape:
    if kind == _EXECUTION:
        return shapes.WorkflowExecutionTimedOutEventAttributes(
            timeout_type=WorkflowExecutionTimeoutType.START_TO_CLOSE, child_policy=execution.child_policy
        )
    if kind == _DECISION:
        return _decision_timed_out(execution, order)
    if kind == _TIMER:
        timer = next(t for t in execution.timers.values() if t.started_id == order)
        return shapes.TimerFiredEventAttributes(timer_id=timer.timer_id, started_event_id=timer.started_id)
    if kind == _LAMBDA:
        return shapes.LambdaFunctionTimedOutEventAttributes(
            scheduled_event_id=order,
            started_event_id=execution.lambdas[order].started_id,
            timeout_type=shapes.LambdaFunctionTimeoutType.START_TO_CLOSE,
        )
    activity = execution.activities[order]
    return shapes.ActivityTaskTimedOutEventAttributes(
        timeout_type=ActivityTaskTimeoutType(kind),
        scheduled_event_id=order,
        started_event_id=activity.started_id,
        details=activity.beat_details,
    )


def _decision_timed_out(execution: Execution, scheduled_id: int) -> shapes.Shape:
    started = execution.started
    working = started is not None and started.scheduled_id == scheduled_id
    return shapes.DecisionTaskTimedOutEventAttributes(
        timeout_type=DecisionTaskTimeoutType.START_TO_CLOSE if working else DecisionTaskTimeoutType.SCHEDULE_TO_START,
        scheduled_event_id=scheduled_id,
        started_event_id=started.started_id if started and working else 0,
    )
