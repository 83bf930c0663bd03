"""evolve(execution, event): the only way in which an execution changes.

Law: one function per event type, in one table, in the order of the service model's groups. Each says what the event
means for the state; none asks whether the event is allowed (that is act's business). The execution is changed in
place and returned: whoever needs the one before keeps a copy.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from coordinator.execution.history import Event
from coordinator.execution.state import (
    Activity,
    Child,
    DecisionTask,
    Execution,
    Lambda,
    Override,
    Timer,
    milliseconds,
    received_key,
)
from workflowsvc.records import Heartbeat
from workflowsvc.swf import shapes
from workflowsvc.swf.shapes import CloseStatus

LAMBDA_TIMEOUT = 900  # "the maximum value of 900 seconds is used" (ScheduleLambdaFunctionDecisionAttributes)


def create(event: Event, domain: str, workflow_id: str, run_id: str, started_by: str) -> Execution:
    """The execution as its first event, WorkflowExecutionStarted, makes it."""
    a: shapes.WorkflowExecutionStartedEventAttributes = event.attributes
    return Execution(
        domain=domain,
        workflow_id=workflow_id,
        run_id=run_id,
        started_by=started_by,
        workflow_type=a.workflow_type,
        started_at=event.at,
        execution_timeout=a.execution_start_to_close_timeout or "NONE",
        task_timeout=a.task_start_to_close_timeout or "NONE",
        task_list=a.task_list.name,
        child_policy=a.child_policy,
        priority=a.task_priority,
        lambda_role=a.lambda_role,
        tags=a.tag_list,
        parent=a.parent_workflow_execution,
        parent_initiated_id=a.parent_initiated_event_id or 0,
        continued_run_id=a.continued_execution_run_id,
        last_event_id=event.id,
        last_event_at=event.at,
    )


def evolve(execution: Execution, event: Event) -> Execution:
    execution.last_event_id = event.id
    execution.last_event_at = event.at
    if change := _CHANGES.get(type(event.attributes)):
        change(execution, event, event.attributes)
    return execution


def fold(events: Iterable[Event], domain: str, workflow_id: str, run_id: str, started_by: str) -> Execution:
    """The execution that a whole history makes."""
    rest = iter(events)
    execution = create(next(rest), domain, workflow_id, run_id, started_by)
    for event in rest:
        evolve(execution, event)
    return execution


def beat(execution: Execution, heartbeat: Heartbeat) -> Execution:
    """A heartbeat is no event, and yet part of the state: it is stored beside the history and comes back this way."""
    if activity := execution.activities.get(heartbeat.scheduled_event_id):
        activity.beat_at = heartbeat.at
        activity.beat_details = heartbeat.details
    return execution


# ---- the execution itself ------------------------------------------------------------------------------------


def _cancel_requested(e: Execution, _: Event, a: shapes.WorkflowExecutionCancelRequestedEventAttributes) -> None:
    e.cancel_requested = True
    if a.cause:
        e.policy_applied = True
    elif a.external_workflow_execution:
        e.received.add(received_key(a.external_workflow_execution, a.external_initiated_event_id or 0))


def _signaled(e: Execution, _: Event, a: shapes.WorkflowExecutionSignaledEventAttributes) -> None:
    if a.external_workflow_execution:
        e.received.add(received_key(a.external_workflow_execution, a.external_initiated_event_id or 0))


def _close(status: CloseStatus) -> Callable[[Execution, Event, Any], None]:
    def change(e: Execution, event: Event, a: Any) -> None:
        e.close_status = status
        e.closed_at = event.at
        e.closed_id = event.id
        e.close_result = getattr(a, "result", None)
        e.close_reason = getattr(a, "reason", None)
        e.close_details = getattr(a, "details", None)
        if status in (CloseStatus.TERMINATED, CloseStatus.TIMED_OUT):
            e.applied_policy = a.child_policy
        # Open counts survive the close (DescribeWorkflowExecution), save decision tasks.
        e.queued = e.started = None

    return change


# ---- decision tasks ------------------------------------------------------------------------------------------


def _decision_scheduled(e: Execution, event: Event, a: shapes.DecisionTaskScheduledEventAttributes) -> None:
    e.queued = DecisionTask(
        scheduled_id=event.id,
        scheduled_at=event.at,
        task_list=a.task_list.name,
        start_to_close=milliseconds(a.start_to_close_timeout),
        schedule_to_start=milliseconds(a.schedule_to_start_timeout),
        temporary=e.override is not None,
    )


def _decision_started(e: Execution, event: Event, _: shapes.DecisionTaskStartedEventAttributes) -> None:
    e.started, e.queued = e.queued, None
    if e.started:
        e.started.started_id = event.id
        e.started.started_at = event.at


def _decision_completed(e: Execution, _: Event, a: shapes.DecisionTaskCompletedEventAttributes) -> None:
    e.started = None
    e.previous_started_id = a.started_event_id
    if a.execution_context is not None:
        e.context = a.execution_context
    if a.task_list is None:
        return
    if a.task_list_schedule_to_start_timeout is None:
        e.task_list, e.override = a.task_list.name, None
    else:
        e.override = Override(a.task_list.name, a.task_list_schedule_to_start_timeout)


def _decision_timed_out(e: Execution, _: Event, a: shapes.DecisionTaskTimedOutEventAttributes) -> None:
    task = e.started if a.started_event_id else e.queued
    # "Amazon SWF will revert the override and schedule a new decision task to the original task list." An override
    # that was set since, to another list, stands.
    if task and task.temporary and e.override and e.override.task_list == task.task_list:
        e.override = None
    if a.started_event_id:
        e.started = None
    else:
        e.queued = None


# ---- activity tasks ------------------------------------------------------------------------------------------


def _activity_scheduled(e: Execution, event: Event, a: shapes.ActivityTaskScheduledEventAttributes) -> None:
    e.latest_activity_at = event.at
    e.activity_ids[a.activity_id] = event.id
    e.activities[event.id] = Activity(
        scheduled_id=event.id,
        scheduled_at=event.at,
        activity_id=a.activity_id,
        activity_type=a.activity_type,
        task_list=a.task_list.name,
        priority=int(a.task_priority or 0),
        schedule_to_start=milliseconds(a.schedule_to_start_timeout),
        schedule_to_close=milliseconds(a.schedule_to_close_timeout),
        start_to_close=milliseconds(a.start_to_close_timeout),
        heartbeat=milliseconds(a.heartbeat_timeout),
        input=a.input,
    )


def _activity_started(e: Execution, event: Event, a: shapes.ActivityTaskStartedEventAttributes) -> None:
    e.latest_activity_at = event.at
    activity = e.activities[a.scheduled_event_id]
    activity.started_id = event.id
    activity.started_at = activity.beat_at = event.at


def _activity_closed(e: Execution, event: Event, a: Any) -> None:
    e.latest_activity_at = event.at
    activity = e.activities.pop(a.scheduled_event_id)
    del e.activity_ids[activity.activity_id]


def _activity_cancel(e: Execution, event: Event, a: shapes.ActivityTaskCancelRequestedEventAttributes) -> None:
    e.latest_activity_at = event.at
    e.activities[e.activity_ids[a.activity_id]].cancel_requested_id = event.id


# ---- timers --------------------------------------------------------------------------------------------------


def _timer_started(e: Execution, event: Event, a: shapes.TimerStartedEventAttributes) -> None:
    e.timers[a.timer_id] = Timer(a.timer_id, event.id, event.at + (milliseconds(a.start_to_fire_timeout) or 0))


def _timer_closed(e: Execution, _: Event, a: Any) -> None:
    del e.timers[a.timer_id]


# ---- children ------------------------------------------------------------------------------------------------


def _child_initiated(e: Execution, event: Event, a: shapes.StartChildWorkflowExecutionInitiatedEventAttributes) -> None:
    e.children[event.id] = Child(event.id, event.at, a.workflow_id, a.workflow_type, a)


def _child_started(e: Execution, event: Event, a: shapes.ChildWorkflowExecutionStartedEventAttributes) -> None:
    child = e.children[a.initiated_event_id]
    child.started_id = event.id
    child.request = None


def _child_gone(e: Execution, _: Event, a: Any) -> None:
    e.children.pop(a.initiated_event_id, None)


# ---- other executions ----------------------------------------------------------------------------------------


def _signal_initiated(e: Execution, event: Event, a: Any) -> None:
    e.signals[event.id] = a


def _signal_answered(e: Execution, _: Event, a: Any) -> None:
    del e.signals[a.initiated_event_id]


def _cancel_initiated(e: Execution, event: Event, a: Any) -> None:
    e.cancels[event.id] = a


def _cancel_answered(e: Execution, _: Event, a: Any) -> None:
    del e.cancels[a.initiated_event_id]


# ---- Lambda --------------------------------------------------------------------------------------------------


def _lambda_scheduled(e: Execution, event: Event, a: shapes.LambdaFunctionScheduledEventAttributes) -> None:
    timeout = milliseconds(a.start_to_close_timeout)
    seconds = LAMBDA_TIMEOUT if timeout is None else timeout // 1000
    e.lambdas[event.id] = Lambda(event.id, event.at, a.name, seconds, a.input)


def _lambda_started(e: Execution, event: Event, a: shapes.LambdaFunctionStartedEventAttributes) -> None:
    task = e.lambdas[a.scheduled_event_id]
    task.started_id = event.id
    task.started_at = event.at


def _lambda_closed(e: Execution, _: Event, a: Any) -> None:
    del e.lambdas[a.scheduled_event_id]


# Events that leave the state as it is (markers, most failed decisions) have no row.
_CHANGES: dict[type[shapes.Shape], Callable[[Execution, Event, Any], None]] = {
    shapes.WorkflowExecutionCancelRequestedEventAttributes: _cancel_requested,
    shapes.WorkflowExecutionSignaledEventAttributes: _signaled,
    shapes.WorkflowExecutionCompletedEventAttributes: _close(CloseStatus.COMPLETED),
    shapes.WorkflowExecutionFailedEventAttributes: _close(CloseStatus.FAILED),
    shapes.WorkflowExecutionCanceledEventAttributes: _close(CloseStatus.CANCELED),
    shapes.WorkflowExecutionTerminatedEventAttributes: _close(CloseStatus.TERMINATED),
    shapes.WorkflowExecutionTimedOutEventAttributes: _close(CloseStatus.TIMED_OUT),
    shapes.WorkflowExecutionContinuedAsNewEventAttributes: _close(CloseStatus.CONTINUED_AS_NEW),
    shapes.DecisionTaskScheduledEventAttributes: _decision_scheduled,
    shapes.DecisionTaskStartedEventAttributes: _decision_started,
    shapes.DecisionTaskCompletedEventAttributes: _decision_completed,
    shapes.DecisionTaskTimedOutEventAttributes: _decision_timed_out,
    shapes.ActivityTaskScheduledEventAttributes: _activity_scheduled,
    shapes.ActivityTaskStartedEventAttributes: _activity_started,
    shapes.ActivityTaskCompletedEventAttributes: _activity_closed,
    shapes.ActivityTaskFailedEventAttributes: _activity_closed,
    shapes.ActivityTaskTimedOutEventAttributes: _activity_closed,
    shapes.ActivityTaskCanceledEventAttributes: _activity_closed,
    shapes.ActivityTaskCancelRequestedEventAttributes: _activity_cancel,
    shapes.TimerStartedEventAttributes: _timer_started,
    shapes.TimerFiredEventAttributes: _timer_closed,
    shapes.TimerCanceledEventAttributes: _timer_closed,
    shapes.StartChildWorkflowExecutionInitiatedEventAttributes: _child_initiated,
    shapes.StartChildWorkflowExecutionFailedEventAttributes: _child_gone,
    shapes.ChildWorkflowExecutionStartedEventAttributes: _child_started,
    shapes.ChildWorkflowExecutionCompletedEventAttributes: _child_gone,
    shapes.ChildWorkflowExecutionFailedEventAttributes: _child_gone,
    shapes.ChildWorkflowExecutionTimedOutEventAttributes: _child_gone,
    shapes.ChildWorkflowExecutionCanceledEventAttributes: _child_gone,
    shapes.ChildWorkflowExecutionTerminatedEventAttributes: _child_gone,
    shapes.SignalExternalWorkflowExecutionInitiatedEventAttributes: _signal_initiated,
    shapes.ExternalWorkflowExecutionSignaledEventAttributes: _signal_answered,
    shapes.SignalExternalWorkflowExecutionFailedEventAttributes: _signal_answered,
    shapes.RequestCancelExternalWorkflowExecutionInitiatedEventAttributes: _cancel_initiated,
    shapes.ExternalWorkflowExecutionCancelRequestedEventAttributes: _cancel_answered,
    shapes.RequestCancelExternalWorkflowExecutionFailedEventAttributes: _cancel_answered,
    shapes.LambdaFunctionScheduledEventAttributes: _lambda_scheduled,
    shapes.LambdaFunctionStartedEventAttributes: _lambda_started,
    shapes.LambdaFunctionCompletedEventAttributes: _lambda_closed,
    shapes.LambdaFunctionFailedEventAttributes: _lambda_closed,
    shapes.LambdaFunctionTimedOutEventAttributes: _lambda_closed,
    shapes.StartLambdaFunctionFailedEventAttributes: _lambda_closed,
}
