"""What executions say to one another: parents and children, signals and cancels from outside.

Law: every message may come twice, late or after the close, and then changes nothing; what asks for an answer gets
it each time.
"""

from __future__ import annotations

from typing import Any

from coordinator.execution.decisions import external_failed
from coordinator.execution.effects import revoke_child
from coordinator.execution.outcome import Call, Outcome, outcome_of
from coordinator.execution.starts import to_source
from coordinator.execution.state import Execution, received_key
from coordinator.execution.turn import Turn
from workflowsvc import messages
from workflowsvc.swf import shapes
from workflowsvc.swf.shapes import CloseStatus


def child_started(execution: Execution | None, call: Call, request: messages.ChildStarted) -> Outcome:
    if execution is None or not execution.open:
        return Outcome(execution)
    if request.initiated_event_id not in execution.children:
        # It has closed, or its start was refused, which this run has recorded, and a repeat started it after all:
        # such a child must not go on. To one that has closed this is nothing.
        return Outcome(execution, messages=[revoke_child(execution, request)])
    turn = Turn(execution, call.at)
    _record_child_started(turn, request)
    return outcome_of(turn)


def _record_child_started(turn: Turn, request: messages.ChildStarted | messages.ChildClosed) -> None:
    child = turn.execution.children.get(request.initiated_event_id)
    if child is not None and child.request is not None:
        turn.happen(
            shapes.ChildWorkflowExecutionStartedEventAttributes(
                workflow_execution=request.child,
                workflow_type=request.workflow_type,
                initiated_event_id=request.initiated_event_id,
            )
        )


def child_not_started(execution: Execution | None, call: Call, request: messages.ChildNotStarted) -> Outcome:
    child = execution.children.get(request.initiated_event_id) if execution and execution.open else None
    if execution is None or child is None or child.request is None:
        return Outcome(execution)
    turn = Turn(execution, call.at)
    turn.happen(
        shapes.StartChildWorkflowExecutionFailedEventAttributes(
            workflow_type=child.workflow_type,
            workflow_id=child.workflow_id,
            cause=request.cause,
            initiated_event_id=request.initiated_event_id,
            control=child.request.control,
            decision_task_completed_event_id=child.request.decision_task_completed_event_id,
        )
    )
    return outcome_of(turn)


_CHILD_CLOSED: dict[CloseStatus, tuple[type[shapes.Shape], tuple[str, ...]]] = {
    CloseStatus.COMPLETED: (shapes.ChildWorkflowExecutionCompletedEventAttributes, ("result",)),
    CloseStatus.FAILED: (shapes.ChildWorkflowExecutionFailedEventAttributes, ("reason", "details")),
    CloseStatus.CANCELED: (shapes.ChildWorkflowExecutionCanceledEventAttributes, ("details",)),
    CloseStatus.TERMINATED: (shapes.ChildWorkflowExecutionTerminatedEventAttributes, ()),
    CloseStatus.TIMED_OUT: (shapes.ChildWorkflowExecutionTimedOutEventAttributes, ()),
}


def child_closed(execution: Execution | None, call: Call, request: messages.ChildClosed) -> Outcome:
    if execution is None or not execution.open or request.initiated_event_id not in execution.children:
        return Outcome(execution)
    turn = Turn(execution, call.at)
    # Its own message that it has started may be late, or lost.
    _record_child_started(turn, request)
    if execution.open:
        event, members = _CHILD_CLOSED[request.status]
        more: dict[str, Any] = {name: getattr(request, name) for name in members}
        if request.status is CloseStatus.TIMED_OUT:
            more["timeout_type"] = shapes.WorkflowExecutionTimeoutType.START_TO_CLOSE
        turn.happen(
            event(
                workflow_execution=request.child,
                workflow_type=request.workflow_type,
                initiated_event_id=request.initiated_event_id,
                started_event_id=execution.children[request.initiated_event_id].started_id,
                **more,
            )
        )
    return outcome_of(turn)


def apply_child_policy(execution: Execution | None, call: Call, request: messages.ApplyChildPolicy) -> Outcome:
    if (
        execution is None
        or not execution.open
        or execution.policy_applied
        or (execution.parent, execution.parent_initiated_id) != (request.parent, request.initiated_event_id)
    ):
        return Outcome(execution)
    turn = Turn(execution, call.at)
    if request.policy is shapes.ChildPolicy.TERMINATE:
        turn.record(
            shapes.WorkflowExecutionTerminatedEventAttributes(
                child_policy=execution.child_policy,
                cause=shapes.WorkflowExecutionTerminatedCause.CHILD_POLICY_APPLIED,
            )
        )
    else:
        turn.happen(
            shapes.WorkflowExecutionCancelRequestedEventAttributes(
                external_workflow_execution=request.parent,
                external_initiated_event_id=0,
                cause=shapes.WorkflowExecutionCancelRequestedCause.CHILD_POLICY_APPLIED,
            )
        )
    return outcome_of(turn)


def signal_from_outside(execution: Execution | None, call: Call, request: messages.SignalExternal) -> Outcome:
    """*execution* is the open run that is meant, else the newest closed one: it may have had this signal before."""
    return _from_outside(
        execution,
        call,
        request,
        shapes.WorkflowExecutionSignaledEventAttributes(
            signal_name=request.signal_name,
            input=request.input,
            external_workflow_execution=request.source,
            external_initiated_event_id=request.initiated_event_id,
        ),
    )


def cancel_from_outside(execution: Execution | None, call: Call, request: messages.CancelExternal) -> Outcome:
    return _from_outside(
        execution,
        call,
        request,
        shapes.WorkflowExecutionCancelRequestedEventAttributes(
            external_workflow_execution=request.source, external_initiated_event_id=request.initiated_event_id
        ),
    )


def _from_outside(
    execution: Execution | None,
    call: Call,
    request: messages.SignalExternal | messages.CancelExternal,
    attributes: shapes.Shape,
) -> Outcome:
    outcome, target = Outcome(execution), None
    if execution is not None and received_key(request.source, request.initiated_event_id) in execution.received:
        target = execution.name
    elif execution is not None and execution.open:
        turn = Turn(execution, call.at)
        # At the event limit it is the end of the run that is recorded instead.
        target = execution.name if turn.happen(attributes) else None
        outcome = outcome_of(turn)
    done = messages.ExternalDone(request.initiated_event_id, target)
    outcome.messages.append(to_source(call.action, request.source, request.initiated_event_id, done))
    return outcome


_Answered = tuple[type[shapes.Shape], type[shapes.Shape], Any]
_SIGNAL_ANSWERED: _Answered = (
    shapes.ExternalWorkflowExecutionSignaledEventAttributes,
    shapes.SignalExternalWorkflowExecutionFailedEventAttributes,
    shapes.SignalExternalWorkflowExecutionFailedCause.UNKNOWN_EXTERNAL_WORKFLOW_EXECUTION,
)
_CANCEL_ANSWERED: _Answered = (
    shapes.ExternalWorkflowExecutionCancelRequestedEventAttributes,
    shapes.RequestCancelExternalWorkflowExecutionFailedEventAttributes,
    shapes.RequestCancelExternalWorkflowExecutionFailedCause.UNKNOWN_EXTERNAL_WORKFLOW_EXECUTION,
)


def external_done(execution: Execution | None, call: Call, request: messages.ExternalDone) -> Outcome:
    if execution is None or not execution.open:
        return Outcome(execution)
    turn = Turn(execution, call.at)
    initiated_id = request.initiated_event_id
    for waiting, done, failed, cause in (
        (execution.signals, *_SIGNAL_ANSWERED),
        (execution.cancels, *_CANCEL_ANSWERED),
    ):
        if (asked := waiting.get(initiated_id)) is None:
            continue
        if request.target:
            turn.happen(done(workflow_execution=request.target, initiated_event_id=initiated_id))
        else:
            turn.happen(external_failed(failed, cause, initiated_id, asked))
    return outcome_of(turn)
