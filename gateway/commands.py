"""The operations that change something, and DescribeWorkflowExecution: each becomes one action for the coordinator.

Law: the gateway says *where* an action goes, never whether it may: every fault of a domain, type, execution or task
comes back from the coordinator. The table says how each input names its place.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, Final, NamedTuple

from gateway import resources, wire
from gateway.caller import Caller, Handler
from gateway.calls import Calls
from gateway.tokens import TaskTokens
from workflowsvc import names
from workflowsvc.messages import NO_TASK, TaskKind, TaskRef
from workflowsvc.swf import shapes


class Place(NamedTuple):
    """Where an action goes: the first members of messages.Action, and the task if it is about one."""

    lane: int
    domain: str
    workflow_id: str = ""
    run_id: str = ""
    task: TaskRef = NO_TASK


def _of_workflow(region: str, arguments: Any) -> Place:
    """StartWorkflowExecution: the run is yet to be made."""
    domain = names.scoped(region, arguments.domain)
    return Place(names.lane_of(domain, arguments.workflow_id), domain, arguments.workflow_id)


def _of_run(region: str, arguments: Any) -> Place:
    """ "If a runId is not specified, the action affects the open execution" of the workflow id."""
    return _of_workflow(region, arguments)._replace(run_id=arguments.run_id or "")


def _of_execution(region: str, arguments: shapes.DescribeWorkflowExecutionInput) -> Place:
    domain, execution = names.scoped(region, arguments.domain), arguments.execution
    return Place(names.lane_of(domain, execution.workflow_id), domain, execution.workflow_id, execution.run_id)


def _of_domain(region: str, name: str) -> Place:
    domain = names.scoped(region, name)
    return Place(names.lane_of(domain), domain)


def _of_name(region: str, arguments: Any) -> Place:
    return _of_domain(region, arguments.name)


def _of_types_domain(region: str, arguments: Any) -> Place:
    return _of_domain(region, arguments.domain)


def _of_resource(region: str, arguments: Any) -> Place:
    return _of_domain(region, resources.domain_named(region, arguments.resource_arn))


_PLACES: Final[dict[type[shapes.Shape], Callable[[str, Any], Place]]] = {
    shapes.StartWorkflowExecutionInput: _of_workflow,
    shapes.SignalWorkflowExecutionInput: _of_run,
    shapes.RequestCancelWorkflowExecutionInput: _of_run,
    shapes.TerminateWorkflowExecutionInput: _of_run,
    shapes.DescribeWorkflowExecutionInput: _of_execution,
    shapes.RegisterDomainInput: _of_name,
    shapes.DeprecateDomainInput: _of_name,
    shapes.UndeprecateDomainInput: _of_name,
    shapes.RegisterActivityTypeInput: _of_types_domain,
    shapes.DeprecateActivityTypeInput: _of_types_domain,
    shapes.UndeprecateActivityTypeInput: _of_types_domain,
    shapes.DeleteActivityTypeInput: _of_types_domain,
    shapes.RegisterWorkflowTypeInput: _of_types_domain,
    shapes.DeprecateWorkflowTypeInput: _of_types_domain,
    shapes.UndeprecateWorkflowTypeInput: _of_types_domain,
    shapes.DeleteWorkflowTypeInput: _of_types_domain,
    shapes.TagResourceInput: _of_resource,
    shapes.UntagResourceInput: _of_resource,
}

_TASK_KINDS: Final[dict[type[shapes.Shape], TaskKind]] = {
    shapes.RespondDecisionTaskCompletedInput: TaskKind.DECISION,
    shapes.RespondActivityTaskCompletedInput: TaskKind.ACTIVITY,
    shapes.RespondActivityTaskFailedInput: TaskKind.ACTIVITY,
    shapes.RespondActivityTaskCanceledInput: TaskKind.ACTIVITY,
    shapes.RecordActivityTaskHeartbeatInput: TaskKind.ACTIVITY,
}


class Commands:
    def __init__(self, calls: Calls, tokens: TaskTokens) -> None:
        self._calls = calls
        self._tokens = tokens

    def handlers(self) -> Iterable[tuple[type[shapes.Shape], Handler]]:
        for shape, place_of in _PLACES.items():
            yield shape, self._handler(place_of)
        for shape, kind in _TASK_KINDS.items():
            yield shape, self._handler(self._of_task(kind))

    def _of_task(self, kind: TaskKind) -> Callable[[str, Any], Place]:
        def place_of(region: str, arguments: Any) -> Place:
            token = self._tokens.open(region, kind, arguments.task_token)
            return Place(token.lane, token.domain, token.workflow_id, token.run_id, token.task)

        return place_of

    def _handler(self, place_of: Callable[[str, Any], Place]) -> Handler:
        async def handle(caller: Caller, arguments: Any) -> bytes:
            place = place_of(caller.region, arguments)
            result = await self._calls.call(
                place.lane, place.domain, place.workflow_id, place.run_id, arguments, place.task
            )
            return wire.encode(result)

        return handle
