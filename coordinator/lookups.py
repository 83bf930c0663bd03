"""What the shell looks up for an action, so that the core need ask nobody.

Law: domains and types are read when they are used: a deprecation holds from its answer on.
"""

from __future__ import annotations

from collections.abc import Iterator

from coordinator.execution.decisions import attributes_of
from coordinator.execution.state import Execution
from coordinator.execution.types import Known
from workflowsvc.messages import Action
from workflowsvc.ports import Store
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


async def look_up(store: Store, action: Action, execution: Execution | None, nothing: Known) -> Known:
    """*nothing* is what is known where the action names neither types nor a domain that must be registered."""
    request = action.request
    if isinstance(request, shapes.StartWorkflowExecutionInput):
        named = request.workflow_type
        key = TypeKey(action.domain, TypeKind.WORKFLOW, named.name, named.version)
        return Known(await store.domain(action.domain), await store.types([key]), nothing.lambda_available)
    if execution is None and isinstance(request, _ASKED_BY_CLIENTS):
        return Known(await store.domain(action.domain))
    if isinstance(request, shapes.RespondDecisionTaskCompletedInput) and request.decisions and execution:
        keys = list(_named(request.decisions, execution))
        if keys:
            return Known(None, await store.types(keys), nothing.lambda_available)
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
