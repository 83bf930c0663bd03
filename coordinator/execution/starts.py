"""How runs begin: asked by a client, by a parent, or by the run before.

Law: every WorkflowExecutionStarted of the project is recorded here, and the first decision task with it.
"""

from __future__ import annotations

from coordinator.execution import effects
from coordinator.execution.decisions import Successor
from coordinator.execution.evolve import create
from coordinator.execution.history import Event
from coordinator.execution.limits import check_execution_timeout
from coordinator.execution.outcome import Call, Outcome, outcome_of
from coordinator.execution.state import Execution
from coordinator.execution.turn import Turn
from coordinator.execution.types import first_undefined, run_settings
from workflowsvc import messages, names
from workflowsvc.messages import Action
from workflowsvc.swf import faults, shapes
from workflowsvc.swf.members import wire_name


def begin(
    first: shapes.WorkflowExecutionStartedEventAttributes,
    at: int,
    domain: str,
    workflow_id: str,
    run_id: str,
    started_by: str,
) -> Turn:
    event = Event(1, at, first)
    turn = Turn(create(event, domain, workflow_id, run_id, started_by), at)
    turn.events.append(event)
    turn.schedule_decision()
    return turn


def start(execution: Execution | None, call: Call, request: shapes.StartWorkflowExecutionInput) -> Outcome:
    check_execution_timeout(request, "execution_start_to_close_timeout")
    if call.known.domain is None:
        raise faults.UnknownResourceFault(f"Unknown domain: {names.bare(call.action.domain)}")
    if call.known.domain.deprecated:
        raise faults.DomainDeprecatedFault(names.bare(call.action.domain))
    named = request.workflow_type
    record = call.known.workflow_type(call.action.domain, named)
    words = f"WorkflowType=[name={named.name}, version={named.version}]"
    if record is None:
        raise faults.UnknownResourceFault(f"Unknown type: {words}")
    if record.deprecated_at is not None:
        raise faults.TypeDeprecatedFault(words)
    settings = run_settings(request, record)
    if undefined := first_undefined(settings):
        raise faults.DefaultUndefinedFault(wire_name(type(request), undefined))
    if execution is not None and execution.open:
        raise faults.WorkflowExecutionAlreadyStartedFault("Already Started")
    if call.known.room is not None and call.known.room <= 0:
        raise faults.LimitExceededFault("Limit on open workflow executions per domain reached")
    run_id = names.run_id(call.action.id)
    first = shapes.WorkflowExecutionStartedEventAttributes(
        workflow_type=named,
        input=request.input,
        tag_list=request.tag_list,
        parent_initiated_event_id=0,
        **settings,
    )
    turn = begin(first, call.at, call.action.domain, call.action.workflow_id, run_id, call.action.id)
    return outcome_of(turn, shapes.Run(run_id=run_id))


def start_child(execution: Execution | None, call: Call, request: messages.StartChild) -> Outcome:
    """*execution* is the run that this very request made before, else the open run of the workflow id, else None."""
    started_by = names.child_action_id(request.parent.run_id, request.initiated_event_id, request.initiated_at)
    if execution is not None and execution.started_by == started_by:
        return Outcome(execution, messages=effects.announce_child(execution))
    if execution is not None and execution.open:
        cause = shapes.StartChildWorkflowExecutionFailedCause.WORKFLOW_ALREADY_RUNNING
        answer = messages.ChildNotStarted(request.initiated_event_id, cause)
        return Outcome(execution, messages=[to_source(call.action, request.parent, request.initiated_event_id, answer)])
    a = request.attributes
    first = shapes.WorkflowExecutionStartedEventAttributes(
        workflow_type=a.workflow_type,
        input=a.input,
        tag_list=a.tag_list,
        execution_start_to_close_timeout=a.execution_start_to_close_timeout,
        task_start_to_close_timeout=a.task_start_to_close_timeout,
        task_list=a.task_list,
        child_policy=a.child_policy,
        task_priority=a.task_priority,
        lambda_role=a.lambda_role,
        parent_workflow_execution=request.parent,
        parent_initiated_event_id=request.initiated_event_id,
    )
    return outcome_of(
        begin(first, call.at, call.action.domain, call.action.workflow_id, names.run_id(started_by), started_by)
    )


def continue_as(execution: Execution, successor: Successor, at: int) -> Outcome:
    turn = begin(successor.first, at, execution.domain, execution.workflow_id, successor.run_id, successor.started_by)
    return outcome_of(turn)


def to_source(
    action: Action, source: shapes.WorkflowExecution, initiated_event_id: int, request: messages.ExecutionRequest
) -> Action:
    """The answer to an action that another execution sent."""
    return Action(
        id=names.derived_id(0, source.run_id, initiated_event_id, type(request).__name__),
        lane=names.lane_of(action.domain, source.workflow_id),
        domain=action.domain,
        workflow_id=source.workflow_id,
        run_id=source.run_id,
        request=request,
    )
