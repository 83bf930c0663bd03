"""Tasks: taken by a poller, answered by a worker or decider.

Law: a task is started at most once, and closed only by whoever holds its started event's id (its token). What comes
too late is refused and changes nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from coordinator.execution.decisions import Deciding, check_batch, decide
from coordinator.execution.evolve import beat
from coordinator.execution.outcome import Call, Outcome, open_activity_task, open_decision_task, outcome_of
from coordinator.execution.starts import continue_as
from coordinator.execution.state import Activity, Execution
from coordinator.execution.turn import NEEDS_DECISION, Turn
from workflowsvc import messages
from workflowsvc.messages import Result, Stale, TaskKind
from workflowsvc.records import Heartbeat
from workflowsvc.swf import shapes


def start_task(execution: Execution | None, call: Call, request: messages.StartTask) -> Outcome:
    scheduled_id = call.action.task.scheduled_event_id
    if execution is None or not execution.open or not _is_waiting(execution, request.kind, scheduled_id):
        return Outcome(execution, result=Stale())
    turn = Turn(execution, call.at)
    turn.happen(_started_event(execution, request, scheduled_id))
    return outcome_of(turn, given(execution, request.kind, scheduled_id) or Stale())


def _is_waiting(execution: Execution, kind: TaskKind, scheduled_id: int) -> bool:
    if kind is TaskKind.DECISION:
        queued = execution.queued
        return queued is not None and queued.scheduled_id == scheduled_id and execution.started is None
    tasks: dict[int, Any] = execution.activities if kind is TaskKind.ACTIVITY else execution.lambdas
    return scheduled_id in tasks and not tasks[scheduled_id].started_id


def _started_event(execution: Execution, request: messages.StartTask, scheduled_id: int) -> shapes.Shape:
    if request.kind is TaskKind.DECISION:
        return shapes.DecisionTaskStartedEventAttributes(scheduled_event_id=scheduled_id, identity=request.identity)
    if request.kind is TaskKind.ACTIVITY:
        return shapes.ActivityTaskStartedEventAttributes(scheduled_event_id=scheduled_id, identity=request.identity)
    if execution.lambda_role is None:
        return shapes.StartLambdaFunctionFailedEventAttributes(
            scheduled_event_id=scheduled_id,
            cause=shapes.StartLambdaFunctionFailedCause.ASSUME_ROLE_FAILED,
            message="No IAM role is attached to the current workflow execution.",
        )
    return shapes.LambdaFunctionStartedEventAttributes(scheduled_event_id=scheduled_id)


def given(execution: Execution, kind: TaskKind, scheduled_id: int) -> Result:
    """What the poller of a started task gets; None where the task is not being worked on."""
    if kind is TaskKind.DECISION:
        task = execution.started
        if task is None or task.scheduled_id != scheduled_id:
            return None
        return messages.GivenDecisionTask(
            workflow_execution=execution.name,
            workflow_type=execution.workflow_type,
            task=messages.TaskRef(scheduled_id, task.started_id),
            previous_started_event_id=execution.previous_started_id,
        )
    if kind is TaskKind.ACTIVITY:
        activity = execution.activities.get(scheduled_id)
        if activity is None or not activity.started_id:
            return None
        return messages.GivenActivityTask(
            workflow_execution=execution.name,
            task=messages.TaskRef(scheduled_id, activity.started_id),
            activity_id=activity.activity_id,
            activity_type=activity.activity_type,
            input=activity.input,
        )
    function = execution.lambdas.get(scheduled_id)
    if function is None or not function.started_id:
        return None
    return messages.GivenLambda(
        workflow_execution=execution.name,
        task=messages.TaskRef(scheduled_id, function.started_id),
        name=function.name,
        timeout=function.timeout,
        input=function.input,
    )


def complete_decision_task(
    execution: Execution | None, call: Call, request: shapes.RespondDecisionTaskCompletedInput
) -> Outcome:
    decisions = request.decisions or []
    check_batch(decisions)
    execution, task = open_decision_task(execution, call.action)
    turn = Turn(execution, call.at)
    completed = turn.record(
        shapes.DecisionTaskCompletedEventAttributes(
            scheduled_event_id=task.scheduled_id,
            started_event_id=task.started_id,
            execution_context=request.execution_context,
            task_list=request.task_list,
            task_list_schedule_to_start_timeout=request.task_list_schedule_to_start_timeout,
        )
    )
    successor, deciding = None, Deciding(turn, call.known, completed)
    for decision in decisions:
        successor = decide(deciding, decision)
    # "After the batch one decision task": where a decision failed, or cancelled a task at once. The close that
    # failed as unhandled has one waiting already.
    if any(type(event.attributes) in NEEDS_DECISION for event in turn.events):
        turn.schedule_decision()
    outcome = outcome_of(turn)
    if successor is not None:
        outcome.successor = continue_as(execution, successor, turn.at)
    return outcome


def _finish_activity(
    attributes: Callable[[Activity, Any], shapes.Shape],
) -> Callable[[Execution | None, Call, Any], Outcome]:
    def finish(execution: Execution | None, call: Call, request: Any) -> Outcome:
        execution, activity = open_activity_task(execution, call.action)
        turn = Turn(execution, call.at)
        turn.happen(attributes(activity, request))
        return outcome_of(turn)

    return finish


def _completed(activity: Activity, request: shapes.RespondActivityTaskCompletedInput) -> shapes.Shape:
    return shapes.ActivityTaskCompletedEventAttributes(
        scheduled_event_id=activity.scheduled_id, started_event_id=activity.started_id, result=request.result
    )


def _failed(activity: Activity, request: shapes.RespondActivityTaskFailedInput) -> shapes.Shape:
    return shapes.ActivityTaskFailedEventAttributes(
        scheduled_event_id=activity.scheduled_id,
        started_event_id=activity.started_id,
        reason=request.reason,
        details=request.details,
    )


def _canceled(activity: Activity, request: shapes.RespondActivityTaskCanceledInput) -> shapes.Shape:
    return shapes.ActivityTaskCanceledEventAttributes(
        scheduled_event_id=activity.scheduled_id,
        started_event_id=activity.started_id,
        details=request.details,
        latest_cancel_requested_event_id=activity.cancel_requested_id or None,
    )


complete_activity = _finish_activity(_completed)
fail_activity = _finish_activity(_failed)
cancel_activity = _finish_activity(_canceled)


def heartbeat(execution: Execution | None, call: Call, request: shapes.RecordActivityTaskHeartbeatInput) -> Outcome:
    execution, activity = open_activity_task(execution, call.action)
    heartbeat = Heartbeat(activity.scheduled_id, max(call.at, activity.beat_at), request.details)
    beat(execution, heartbeat)
    status = shapes.ActivityTaskStatus(cancel_requested=bool(activity.cancel_requested_id))
    return Outcome(execution, result=status, heartbeat=heartbeat)


def finish_lambda(execution: Execution | None, call: Call, request: messages.FinishLambda) -> Outcome:
    function = execution.lambdas.get(call.action.task.scheduled_event_id) if execution and execution.open else None
    if execution is None or function is None or function.started_id != call.action.task.started_event_id:
        return Outcome(execution)
    turn = Turn(execution, call.at)
    turn.happen(
        shapes.LambdaFunctionCompletedEventAttributes(
            scheduled_event_id=function.scheduled_id, started_event_id=function.started_id, result=request.result
        )
        if request.reason is None
        else shapes.LambdaFunctionFailedEventAttributes(
            scheduled_event_id=function.scheduled_id,
            started_event_id=function.started_id,
            reason=request.reason,
            details=request.details,
        )
    )
    return outcome_of(turn)
