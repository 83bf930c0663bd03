"""What the shell looks up for an action, so that the core need ask nobody.

Law: it looks up what the action names, and nothing else.
"""

from __future__ import annotations

from collections.abc import Iterator

from coordinator.execution.decisions import attributes_of
from coordinator.execution.state import Execution
from coordinator.execution.types import Known
from coordinator.registered import Registered
from workflowsvc.messages import Action
from workflowsvc.records import TypeKey, TypeKind
from workflowsvc.swf import shapes
from workflowsvc.swf.shapes import DecisionType

#: What names an execution: where there is none, it matters whether there is such a domain.
_ASKED_BY_CLIENTS = (
    shapes.SignalWorkflowExecutionInput,
    shapes.RequestCancelWorkflowExecutionInput,
    shapes.TerminateWorkflowExecutionInput,
    shapes.DescribeWorkflowExecutionInput,
)


async def look_up(registered: Registered, action: Action, execution: Execution | None, nothing: Known) -> Known:
    """*nothing* is what is known where the action names neither types nor a domain that must be registered."""
    request = action.request
    if isinstance(request, shapes.StartWorkflowExecutionInput):
        named = request.workflow_type
        key = TypeKey(action.domain, TypeKind.WORKFLOW, named.name, named.version)
        return Known(await registered.domain(action.domain), await registered.types([key]), nothing.lambda_available)
    if execution is None and isinstance(request, _ASKED_BY_CLIENTS):
        return Known(await registered.domain(action.domain))
    if isinstance(request, shapes.RespondDecisionTaskCompletedInput) and request.decisions and execution:
        keys = list(_named(request.decisions, execution))
        if keys:
            return Known(None, await registered.types(keys), nothing.lambda_available)
    return nothing


def _named(decisions: list[shapes.Decision], execution: Execution) -> Iterator[TypeKey]:
    for decision in decisions:
        a = attributes_of(decision)
        match decision.decision_type:
            case DecisionType.SCHEDULE_ACTIVITY_TASK:
                kind, named = TypeKind.ACTIVITY, a.activity_type
                yield TypeKey(execution.domain, kind, named.name, named.version)
            case DecisionType.START_CHILD_WORKFLOW_EXECUTION:
                yield TypeKey(execution.domain, TypeKind.WORKFLOW, a.workflow_type.name, a.workflow_type.version)
            case DecisionType.CONTINUE_AS_NEW_WORKFLOW_EXECUTION:
                version = a.workflow_type_version or execution.workflow_type.version
                yield TypeKey(execution.domain, TypeKind.WORKFLOW, execution.workflow_type.name, version)
