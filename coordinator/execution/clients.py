"""What clients ask of an execution as a whole: signal, cancel, terminate, describe.

Law: only open runs are changed; each call that is accepted records its event, however often it comes.
"""

from __future__ import annotations

from typing import Any

from coordinator.execution.outcome import Call, Outcome, must_be_open, outcome_of, unknown_execution
from coordinator.execution.state import Execution
from coordinator.execution.turn import Turn
from coordinator.execution.view import detail
from workflowsvc import names
from workflowsvc.swf import shapes
from workflowsvc.swf.faults import UnknownResourceFault


def signal(execution: Execution | None, call: Call, request: shapes.SignalWorkflowExecutionInput) -> Outcome:
    turn = Turn(_open(execution, call), call.at)
    turn.happen(
        shapes.WorkflowExecutionSignaledEventAttributes(
            signal_name=request.signal_name, input=request.input, external_initiated_event_id=0
        )
    )
    return outcome_of(turn)


def request_cancel(execution: Execution | None, call: Call, _: Any) -> Outcome:
    turn = Turn(_open(execution, call), call.at)
    turn.happen(shapes.WorkflowExecutionCancelRequestedEventAttributes(external_initiated_event_id=0))
    return outcome_of(turn)


def terminate(execution: Execution | None, call: Call, request: shapes.TerminateWorkflowExecutionInput) -> Outcome:
    execution = _open(execution, call)
    turn = Turn(execution, call.at)
    turn.record(
        shapes.WorkflowExecutionTerminatedEventAttributes(
            child_policy=request.child_policy or execution.child_policy,
            reason=request.reason,
            details=request.details,
            cause=shapes.WorkflowExecutionTerminatedCause.OPERATOR_INITIATED,
        )
    )
    return outcome_of(turn)


def describe(execution: Execution | None, call: Call, _: Any) -> Outcome:
    if execution is None:
        raise _unknown(call)
    return Outcome(execution, result=detail(execution))


def _open(execution: Execution | None, call: Call) -> Execution:
    if execution is None:
        raise _unknown(call)
    return must_be_open(execution, call.action)


def _unknown(call: Call) -> UnknownResourceFault:
    if call.known.domain is None:
        return UnknownResourceFault(f"Unknown domain: {names.bare(call.action.domain)}")
    return unknown_execution(call.action)
