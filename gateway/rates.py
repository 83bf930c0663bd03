"""How often each operation may be called: AWS's token buckets, for those who set `quota-rates`.

Law: every gateway counts for itself, each region apart. The tables are AWS's (SWF Developer Guide, swf-dg-limits);
what exceeds them is refused with ThrottlingException before anything is done.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping
from typing import Any, Final

from gateway.caller import Caller, Handler
from gateway.tokens import TaskTokens
from workflowsvc.buckets import Buckets, Rate
from workflowsvc.messages import TaskKind
from workflowsvc.ports import Clock
from workflowsvc.swf import shapes
from workflowsvc.swf.errors import ThrottlingException

_RATES: Final[Mapping[Rate, tuple[type[shapes.Shape], ...]]] = {
    Rate(2000, 200): (
        shapes.PollForActivityTaskInput,
        shapes.PollForDecisionTaskInput,
        shapes.RespondActivityTaskCanceledInput,
        shapes.RespondActivityTaskCompletedInput,
        shapes.RespondActivityTaskFailedInput,
        shapes.RespondDecisionTaskCompletedInput,
        shapes.StartWorkflowExecutionInput,
    ),
    Rate(2000, 160): (shapes.RecordActivityTaskHeartbeatInput,),
    Rate(2000, 60): (shapes.GetWorkflowExecutionHistoryInput, shapes.TerminateWorkflowExecutionInput),
    Rate(2000, 30): (shapes.RequestCancelWorkflowExecutionInput, shapes.SignalWorkflowExecutionInput),
    Rate(2000, 6): (
        shapes.CountClosedWorkflowExecutionsInput,
        shapes.CountOpenWorkflowExecutionsInput,
        shapes.DescribeActivityTypeInput,
        shapes.DescribeWorkflowExecutionInput,
        shapes.DescribeWorkflowTypeInput,
    ),
    Rate(200, 60): (shapes.RegisterActivityTypeInput, shapes.RegisterWorkflowTypeInput),
    Rate(200, 48): (shapes.ListOpenWorkflowExecutionsInput,),
    Rate(200, 6): (
        shapes.CountPendingActivityTasksInput,
        shapes.CountPendingDecisionTasksInput,
        shapes.DeleteActivityTypeInput,
        shapes.DeleteWorkflowTypeInput,
        shapes.DeprecateActivityTypeInput,
        shapes.DeprecateWorkflowTypeInput,
        shapes.DescribeDomainInput,
        shapes.ListActivityTypesInput,
        shapes.ListClosedWorkflowExecutionsInput,
        shapes.ListWorkflowTypesInput,
        shapes.UndeprecateActivityTypeInput,
        shapes.UndeprecateWorkflowTypeInput,
    ),
    Rate(100, 6): (
        shapes.DeprecateDomainInput,
        shapes.ListDomainsInput,
        shapes.RegisterDomainInput,
        shapes.UndeprecateDomainInput,
    ),
    Rate(50, 30): (shapes.ListTagsForResourceInput, shapes.TagResourceInput, shapes.UntagResourceInput),
}
RATES: Final[Mapping[type[shapes.Shape], Rate]] = {shape: rate for rate, those in _RATES.items() for shape in those}

_WORDS: Final = "Rate exceeded"

#: of one execution
RUN_RATES: Final[Mapping[type[shapes.Shape], Rate]] = {
    shapes.GetWorkflowExecutionHistoryInput: Rate(400, 200),
    shapes.SignalWorkflowExecutionInput: Rate(1000, 1000),
    shapes.RecordActivityTaskHeartbeatInput: Rate(1000, 1000),
    shapes.RequestCancelWorkflowExecutionInput: Rate(200, 200),
}


class Rates:
    def __init__(self, clock: Clock, tokens: TaskTokens, factor: float) -> None:
        """*factor*: the part of AWS's rates that is allowed, or a multiple of them."""
        self._clock = clock
        self._tokens = tokens
        self._factor = factor

    def limited(self, shape: type[shapes.Shape], handle: Handler) -> Handler:
        """*handle*, as often as the rates of its operation allow."""
        clock = self._clock
        all_of_it = Buckets(RATES[shape].times(self._factor))
        each_run = Buckets(RUN_RATES[shape].times(self._factor)) if shape in RUN_RATES else None
        run_of = self._run_of(shape)

        async def limit(caller: Caller, arguments: Any) -> bytes:
            now = clock.now()
            if each_run is not None and not each_run.take(run_of(caller.region, arguments), 1, now):
                raise ThrottlingException(_WORDS)
            if not all_of_it.take(caller.region, 1, now):
                raise ThrottlingException(_WORDS)
            return await handle(caller, arguments)

        return limit

    def _run_of(self, shape: type[shapes.Shape]) -> Callable[[str, Any], Hashable]:
        """What tells apart the runs that the requests are about, as the requests name them."""
        if shape is shapes.RecordActivityTaskHeartbeatInput:
            return lambda region, arguments: self._tokens.open(region, TaskKind.ACTIVITY, arguments.task_token).run_id
        if shape is shapes.GetWorkflowExecutionHistoryInput:
            return lambda _, arguments: arguments.execution.run_id
        return lambda region, arguments: (region, arguments.domain, arguments.workflow_id, arguments.run_id)
