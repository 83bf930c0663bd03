"""What the shell looks up for an action, so that the core need ask nobody.

Law: it looks up what the action names, and takes what its decisions use of a rate; nothing else.
"""

from __future__ import annotations

from collections.abc import Iterator

from coordinator.execution.decisions import attributes_of
from coordinator.execution.state import Execution
from coordinator.execution.types import Known
from coordinator.quotas import Quotas
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


async def look_up(
    registered: Registered, quotas: Quotas, action: Action, execution: Execution | None, nothing: Known
) -> Known:
    """*nothing* is what is known where the action names neither types nor a domain that must be registered."""
    request = action.request
    if isinstance(request, shapes.StartWorkflowExecutionInput):
        named = request.workflow_type
        key = TypeKey(action.domain, TypeKind.WORKFLOW, named.name, named.version)
        return Known(
            await registered.domain(action.domain),
            await registered.types([key]),
            nothing.lambda_available,
            await quotas.room(action.domain),
        )
    if execution is None and isinstance(request, _ASKED_BY_CLIENTS):
        return Known(await registered.domain(action.domain))
    if isinstance(request, shapes.RespondDecisionTaskCompletedInput) and request.decisions and execution:
        keys = list(_named(request.decisions, execution))
        rates = quotas.take(execution.domain, request.decisions)
        if keys or rates:
            types = await registered.types(keys)
            return Known(None, types, nothing.lambda_available, await _room(quotas, keys, execution.domain), rates)
    return nothing


async def _room(quotas: Quotas, keys: list[TypeKey], domain: str) -> int | None:
    """It matters to children only, of which the types are looked up."""
    return await quotas.room(domain) if any(key.kind is TypeKind.WORKFLOW for key in keys) else None


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
