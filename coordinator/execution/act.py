"""act(execution, action, at, known) -> Outcome: what one action does to one execution.

Law: one function per request, in one table. Each first refuses (raising a fault of SWF, with the execution as it
was), then records. The execution that is passed is the one that the action addresses, as far as there is one; it is
changed in place.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from msgspec import Struct

from coordinator.execution import clients, relations, starts, tasks
from coordinator.execution.deadlines import expire
from coordinator.execution.outcome import Call, Outcome, outcome_of
from coordinator.execution.state import Execution
from coordinator.execution.turn import Turn
from coordinator.execution.types import Known
from workflowsvc import messages
from workflowsvc.messages import Action, Result, Stale
from workflowsvc.swf import shapes


def act(execution: Execution | None, action: Action, at: int, known: Known) -> Outcome:
    """Raises a Fault, having changed nothing."""
    return _REQUESTS[type(action.request)](execution, Call(action, at, known), action.request)


def again(execution: Execution, action: Action) -> Result:
    """The result of an action that this execution has committed before: its answer may have been lost."""
    request = action.request
    if isinstance(request, shapes.StartWorkflowExecutionInput):
        return shapes.Run(run_id=execution.run_id)
    if isinstance(request, messages.StartTask):
        return tasks.given(execution, request.kind, action.task.scheduled_event_id) or Stale()
    return None


def _wake(execution: Execution | None, call: Call, _: Any) -> Outcome:
    if execution is None or not execution.open:
        return Outcome(execution)
    turn = Turn(execution, call.at)
    expire(turn)
    return outcome_of(turn)


def _resume(execution: Execution | None, _: Call, __: Any) -> Outcome:
    return Outcome(execution)


_REQUESTS: dict[type[Struct], Callable[[Execution | None, Call, Any], Outcome]] = {
    shapes.StartWorkflowExecutionInput: starts.start,
    shapes.SignalWorkflowExecutionInput: clients.signal,
    shapes.RequestCancelWorkflowExecutionInput: clients.request_cancel,
    shapes.TerminateWorkflowExecutionInput: clients.terminate,
    shapes.DescribeWorkflowExecutionInput: clients.describe,
    shapes.RespondDecisionTaskCompletedInput: tasks.complete_decision_task,
    shapes.RespondActivityTaskCompletedInput: tasks.complete_activity,
    shapes.RespondActivityTaskFailedInput: tasks.fail_activity,
    shapes.RespondActivityTaskCanceledInput: tasks.cancel_activity,
    shapes.RecordActivityTaskHeartbeatInput: tasks.heartbeat,
    messages.StartTask: tasks.start_task,
    messages.Wake: _wake,
    messages.Resume: _resume,
    messages.StartChild: starts.start_child,
    messages.ChildStarted: relations.child_started,
    messages.ChildNotStarted: relations.child_not_started,
    messages.ChildClosed: relations.child_closed,
    messages.ApplyChildPolicy: relations.apply_child_policy,
    messages.SignalExternal: relations.signal_from_outside,
    messages.CancelExternal: relations.cancel_from_outside,
    messages.ExternalDone: relations.external_done,
    messages.FinishLambda: tasks.finish_lambda,
}
