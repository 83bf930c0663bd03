"""What must be on its way for a state: tasks on their lists, messages to other executions.

Law: effects are data, derived from events and state; every one is safe to repeat. `effects_of` gives what a few new
events set going, `outstanding` all that a state has going; both are made of the same pieces.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

from msgspec import Struct, field, structs

from coordinator.execution.history import Event
from coordinator.execution.state import Activity, Child, Execution, Lambda
from workflowsvc import names
from workflowsvc.messages import (
    LAMBDA_TASKS,
    Action,
    ApplyChildPolicy,
    CancelExternal,
    ChildClosed,
    ChildStarted,
    ExecutionRequest,
    SignalExternal,
    StartChild,
    Task,
    TaskKind,
    TaskList,
)
from workflowsvc.records import PendingTask
from workflowsvc.swf import shapes
from workflowsvc.swf.shapes import ChildPolicy, CloseStatus


class Effects(Struct):
    tasks: list[Task] = field(default_factory=list)
    #: tasks that wait on their lists and are not to be had any more
    gone: list[Task] = field(default_factory=list)
    messages: list[Action] = field(default_factory=list)


def effects_of(execution: Execution, events: Iterable[Event]) -> Effects:
    """What *events*, the newest of *execution*, set going."""
    effects = Effects()
    for event in events:
        if setting_going := _SET_GOING.get(type(event.attributes)):
            setting_going(execution, event, effects)
    return effects


def outstanding(execution: Execution) -> Effects:
    """All that must be in flight for this state, as if nothing of it had ever been sent."""
    effects = Effects()
    if execution.open:
        effects.tasks += _decision_tasks(execution)
        effects.tasks += (activity_task(execution, a) for a in execution.activities.values() if not a.started_id)
        effects.tasks += (lambda_task(execution, t) for t in execution.lambdas.values() if not t.started_id)
    effects.messages += (start_child(execution, c) for c in execution.children.values() if c.request)
    effects.messages += (signal_external(execution, i) for i in execution.signals)
    effects.messages += (cancel_external(execution, i) for i in execution.cancels)
    if execution.open or execution.close_status is CloseStatus.CONTINUED_AS_NEW:
        effects.messages += announce_child(execution)
    else:
        effects.messages += _farewell(execution)
    return effects


def again(execution: Execution) -> Effects:
    """What is outstanding, marked as sent before: a receiver that has it may have to look further for the trace."""
    effects = outstanding(execution)
    effects.messages = [structs.replace(message, repeated=True) for message in effects.messages]
    return effects


# ---- the pieces ------------------------------------------------------------------------------------------------


def _task(execution: Execution, task_list: TaskList, scheduled_id: int, priority: int) -> Task:
    return Task(
        task_list=task_list,
        lane=names.lane_of(execution.domain, execution.workflow_id),
        domain=execution.domain,
        workflow_id=execution.workflow_id,
        run_id=execution.run_id,
        scheduled_event_id=scheduled_id,
        priority=priority,
    )


def gone(execution: Execution, unscheduled: Iterable[PendingTask]) -> list[Task]:
    return [_task(execution, task.task_list, task.scheduled_event_id, 0) for task in unscheduled]


def _decision_tasks(execution: Execution) -> Iterator[Task]:
    # "A queued task is pollable only when none is started."
    if (queued := execution.queued) and not execution.started:
        task_list = TaskList(execution.domain, TaskKind.DECISION, queued.task_list)
        yield _task(execution, task_list, queued.scheduled_id, int(execution.priority or 0))


def activity_task(execution: Execution, activity: Activity) -> Task:
    task_list = TaskList(execution.domain, TaskKind.ACTIVITY, activity.task_list)
    return _task(execution, task_list, activity.scheduled_id, activity.priority)


def lambda_task(execution: Execution, task: Lambda) -> Task:
    return _task(execution, LAMBDA_TASKS, task.scheduled_id, 0)


def message(execution: Execution, to_workflow_id: str, to_run_id: str, about: int, request: ExecutionRequest) -> Action:
    """An action on another execution of the domain. The same *about* (an event id) gives the same action id."""
    return Action(
        id=names.derived_id(execution.started_at, execution.run_id, about, type(request).__name__),
        lane=names.lane_of(execution.domain, to_workflow_id),
        domain=execution.domain,
        workflow_id=to_workflow_id,
        run_id=to_run_id,
        request=request,
    )


def start_child(execution: Execution, child: Child) -> Action:
    assert child.request is not None  # noqa: S101 - asked for by those that have not started only
    request = StartChild(execution.name, child.initiated_id, child.initiated_at, child.request)
    return message(execution, child.workflow_id, "", child.initiated_id, request)


def signal_external(execution: Execution, initiated_id: int) -> Action:
    a = execution.signals[initiated_id]
    request = SignalExternal(execution.name, initiated_id, a.signal_name, a.input)
    return message(execution, a.workflow_id, a.run_id or "", initiated_id, request)


def cancel_external(execution: Execution, initiated_id: int) -> Action:
    a = execution.cancels[initiated_id]
    return message(execution, a.workflow_id, a.run_id or "", initiated_id, CancelExternal(execution.name, initiated_id))


def announce_child(execution: Execution) -> list[Action]:
    """Tell the parent that this, its child, has started."""
    if execution.parent is None:
        return []
    request = ChildStarted(execution.parent_initiated_id, execution.name, execution.workflow_type)
    return [message(execution, execution.parent.workflow_id, execution.parent.run_id, 1, request)]


def revoke_child(execution: Execution, started: ChildStarted) -> Action:
    apply = ApplyChildPolicy(execution.name, started.initiated_event_id, ChildPolicy.TERMINATE)
    return message(execution, started.child.workflow_id, "", started.initiated_event_id, apply)


def _farewell(execution: Execution) -> Iterator[Action]:
    """What a close has to tell: the parent, how it ended; the children, what becomes of them."""
    if execution.parent is not None and execution.close_status not in (None, CloseStatus.CONTINUED_AS_NEW):
        closed = ChildClosed(
            initiated_event_id=execution.parent_initiated_id,
            child=execution.name,
            workflow_type=execution.workflow_type,
            status=execution.close_status,
            result=execution.close_result,
            reason=execution.close_reason,
            details=execution.close_details,
        )
        yield message(execution, execution.parent.workflow_id, execution.parent.run_id, execution.closed_id, closed)
    if execution.applied_policy in (None, ChildPolicy.ABANDON):
        return
    for child in execution.children.values():
        apply = ApplyChildPolicy(execution.name, child.initiated_id, execution.applied_policy)
        yield message(execution, child.workflow_id, "", child.initiated_id, apply)


# ---- events that set something going ---------------------------------------------------------------------------


def _offer_decision(e: Execution, event: Event, effects: Effects) -> None:
    # One that a later event of the same commit schedules is offered by that event.
    if e.queued and e.queued.scheduled_id <= event.id:
        effects.tasks += _decision_tasks(e)


def _offer_activity(e: Execution, event: Event, effects: Effects) -> None:
    if activity := e.activities.get(event.id):
        effects.tasks.append(activity_task(e, activity))


def _offer_lambda(e: Execution, event: Event, effects: Effects) -> None:
    if task := e.lambdas.get(event.id):
        effects.tasks.append(lambda_task(e, task))


def _send_start(e: Execution, event: Event, effects: Effects) -> None:
    effects.messages.append(start_child(e, e.children[event.id]))


def _send_signal(e: Execution, event: Event, effects: Effects) -> None:
    if event.id in e.signals:  # else it has failed at once
        effects.messages.append(signal_external(e, event.id))


def _send_cancel(e: Execution, event: Event, effects: Effects) -> None:
    if event.id in e.cancels:
        effects.messages.append(cancel_external(e, event.id))


def _announce(e: Execution, event: Event, effects: Effects) -> None:
    # A run that continues another is known to the parent by its first run.
    if not event.attributes.continued_execution_run_id:
        effects.messages += announce_child(e)


def _say_farewell(e: Execution, _: Event, effects: Effects) -> None:
    effects.messages += _farewell(e)


_SET_GOING: dict[type[shapes.Shape], Callable[[Execution, Event, Effects], Any]] = {
    shapes.WorkflowExecutionStartedEventAttributes: _announce,
    shapes.DecisionTaskScheduledEventAttributes: _offer_decision,
    shapes.DecisionTaskCompletedEventAttributes: _offer_decision,
    shapes.DecisionTaskTimedOutEventAttributes: _offer_decision,
    shapes.ActivityTaskScheduledEventAttributes: _offer_activity,
    shapes.LambdaFunctionScheduledEventAttributes: _offer_lambda,
    shapes.StartChildWorkflowExecutionInitiatedEventAttributes: _send_start,
    shapes.SignalExternalWorkflowExecutionInitiatedEventAttributes: _send_signal,
    shapes.RequestCancelExternalWorkflowExecutionInitiatedEventAttributes: _send_cancel,
    shapes.WorkflowExecutionCompletedEventAttributes: _say_farewell,
    shapes.WorkflowExecutionFailedEventAttributes: _say_farewell,
    shapes.WorkflowExecutionCanceledEventAttributes: _say_farewell,
    shapes.WorkflowExecutionTerminatedEventAttributes: _say_farewell,
    shapes.WorkflowExecutionTimedOutEventAttributes: _say_farewell,
}
