"""Executions from outside: start one, signal it, read its state, wait for its result.

Law: SWF's own operations and nothing else. SWF tells nobody when an execution closes: who waits asks, again and again,
each time for the last event of the history.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final, Generic, TypeVar, overload
from uuid import uuid4

from workers_sdk.definitions.options import priority_text, seconds_text, task_list_of
from workers_sdk.definitions.signals import Signal
from workers_sdk.errors import ExecutionFailed
from workers_sdk.failures import Failure, failure_from
from workflowsvc.swf import shapes
from workflowsvc.swf.faults import UnknownResourceFault
from workflowsvc.swf.shapes import EventType

if TYPE_CHECKING:
    from workers_sdk.client import Client
    from workers_sdk.definitions.workflows import Workflow

T = TypeVar("T")
R_co = TypeVar("R_co", covariant=True)

#: Seconds between two questions whether an execution has closed: the first pause, and the longest.
_FIRST_PAUSE: Final = 0.05
_LONGEST_PAUSE: Final = 1.0

_E: Final = EventType
#: What an execution that closed without a result is called: its closeStatus.
_STATUS: Final = {
    _E.WORKFLOW_EXECUTION_FAILED: "FAILED",
    _E.WORKFLOW_EXECUTION_CANCELED: "CANCELED",
    _E.WORKFLOW_EXECUTION_TIMED_OUT: "TIMED_OUT",
    _E.WORKFLOW_EXECUTION_TERMINATED: "TERMINATED",
}


class Handle(Generic[R_co]):
    """An execution by its ids. What it returns is read as the workflow's return type, if the workflow is known.

    Through continue-as-new it stays the same execution: what is asked, and signals and requests, follow to the run that
    is the last. Another execution that is started later with the same workflow id is another: it is never spoken to.
    """

    def __init__(self, client: Client, workflow_id: str, run_id: str, returns: Any = Any) -> None:
        self.workflow_id = workflow_id
        #: of the last run that was heard of
        self.run_id = run_id
        self._client = client
        self._returns = returns

    @property
    def execution(self) -> shapes.WorkflowExecution:
        """Its ids, as SWF's operations take them."""
        return shapes.WorkflowExecution(workflow_id=self.workflow_id, run_id=self.run_id)

    async def result(self, timeout: float | timedelta | None = None) -> R_co:  # noqa: ASYNC109
        """What the workflow returned.

        Raises ExecutionFailed if it failed, timed out, was canceled or terminated; TimeoutError after *timeout*
        (seconds or a timedelta) while it is still open.
        """
        async with asyncio.timeout(_seconds(timeout)):
            closed = await self._closed()
        result: R_co = self._client.payloads.converter.from_text(closed, self._returns)
        return result

    @overload
    async def signal(self, signal: Signal[None]) -> None: ...
    @overload
    async def signal(self, signal: Signal[T], value: T) -> None: ...
    async def signal(self, signal: Signal[Any], value: Any = None) -> None:
        """SignalWorkflowExecution. Raises UnknownResourceFault: no run of it is open."""
        await self.signal_by_name(signal.name, value)

    async def signal_by_name(self, name: str, value: object = None) -> None:
        """The same, for a signal that is declared nowhere."""
        payloads = self._client.payloads
        text = None if value is None else payloads.converter.to_text(value)
        encoded = await payloads.encode(text)
        await self._to_the_last_run(
            lambda run_id: self._client.signal_workflow_execution(
                workflow_id=self.workflow_id, run_id=run_id, signal_name=name, input=encoded
            )
        )

    async def request_cancel(self) -> None:
        """RequestCancelWorkflowExecution. Raises UnknownResourceFault: no run of it is open."""
        await self._to_the_last_run(
            lambda run_id: self._client.request_cancel_workflow_execution(workflow_id=self.workflow_id, run_id=run_id)
        )

    async def terminate(self, reason: str | None = None, details: str | None = None) -> None:
        """TerminateWorkflowExecution. Raises UnknownResourceFault: no run of it is open."""
        await self._to_the_last_run(
            lambda run_id: self._client.terminate_workflow_execution(
                workflow_id=self.workflow_id, run_id=run_id, reason=reason, details=details
            )
        )

    async def describe(self) -> shapes.WorkflowExecutionDetail:
        """DescribeWorkflowExecution of the last run. Raises UnknownResourceFault."""
        while True:
            detail = await self._client.describe_workflow_execution(execution=self.execution)
            if detail.execution_info.close_status is not shapes.CloseStatus.CONTINUED_AS_NEW:
                return detail
            self._follow(await self._last())

    @overload
    async def state(self, type_: type[T]) -> T | None: ...
    @overload
    async def state(self) -> Any: ...
    async def state(self, type_: Any = Any) -> Any:
        """What the workflow last gave to `set_state`, read as *type_*; None if this run never did."""
        context = (await self.describe()).latest_execution_context
        if context is None:
            return None
        payloads = self._client.payloads
        return payloads.converter.from_text(await payloads.decode(context), type_)

    async def wait_for_state(
        self,
        condition: Callable[[Any], bool],
        type_: Any = Any,
        timeout: float | timedelta | None = None,  # noqa: ASYNC109
    ) -> Any:
        """The first state, read as *type_*, for which *condition* holds; a state of None is not asked about.

        Raises TimeoutError, and ExecutionFailed if the execution closes before, whatever its status.
        """
        pauses = _pauses()
        async with asyncio.timeout(_seconds(timeout)):
            while True:
                closed = (await self.describe()).execution_info.close_status
                state = await self.state(type_)
                if state is not None and condition(state):
                    return state
                if closed is not None:
                    what = f"execution {self.workflow_id} before its state was as awaited,"
                    raise ExecutionFailed(what, closed.value, Failure())
                await asyncio.sleep(next(pauses))

    async def history(self) -> list[shapes.HistoryEvent]:
        """All events of the run that `run_id` names, with their payloads decoded."""
        events = [event async for event in self._client.history(self.workflow_id, self.run_id)]
        return list(await self._client.payloads.decode_events(events))

    async def _to_the_last_run(self, call: Callable[[str], Awaitable[None]]) -> None:
        while True:
            try:
                return await call(self.run_id)
            except UnknownResourceFault:
                if not self._follow(await self._last()):
                    raise

    async def _closed(self) -> str | None:
        pauses = _pauses()
        while True:
            last = await self._last()
            if (completed := last.workflow_execution_completed_event_attributes) is not None:
                return completed.result
            if last.event_type in _STATUS:
                raise self._failure(last)
            if not self._follow(last):
                await asyncio.sleep(next(pauses))

    async def _last(self) -> shapes.HistoryEvent:
        page = await self._client.get_workflow_execution_history(
            execution=self.execution, reverse_order=True, maximum_page_size=1
        )
        [last] = await self._client.payloads.decode_events(page.events)
        return last

    def _follow(self, last: shapes.HistoryEvent) -> bool:
        """Go on with the next run, if *last* says that there is one."""
        continued = last.workflow_execution_continued_as_new_event_attributes
        if continued is None:
            return False
        self.run_id = continued.new_execution_run_id
        return True

    def _failure(self, last: shapes.HistoryEvent) -> ExecutionFailed:
        told = last.workflow_execution_failed_event_attributes or last.workflow_execution_terminated_event_attributes
        canceled = last.workflow_execution_canceled_event_attributes
        reason = told.reason if told else None
        details = told.details if told else canceled.details if canceled else None
        status = _STATUS[last.event_type]
        return ExecutionFailed(f"execution {self.workflow_id}", status, failure_from(reason, details))


def _seconds(duration: float | timedelta | None) -> float | None:
    return duration.total_seconds() if isinstance(duration, timedelta) else duration


def _pauses() -> Iterator[float]:
    """Between two questions, in seconds: longer and longer, without an end."""
    pause = _FIRST_PAUSE
    while True:
        yield pause
        pause = min(pause * 1.5, _LONGEST_PAUSE)


@overload
def handle_of(client: Client, workflow_id: str, run_id: str) -> Handle[Any]: ...
@overload
def handle_of(client: Client, workflow_id: str, run_id: str, workflow: Workflow[..., T]) -> Handle[T]: ...
def handle_of(client: Client, workflow_id: str, run_id: str, workflow: Workflow[..., Any] | None = None) -> Handle[Any]:
    """An execution that was started elsewhere; with its *workflow*, results have its type."""
    return Handle(client, workflow_id, run_id, Any if workflow is None else workflow.signature.returns)


@overload
async def find_handle(client: Client, workflow_id: str) -> Handle[Any]: ...
@overload
async def find_handle(client: Client, workflow_id: str, workflow: Workflow[..., T]) -> Handle[T]: ...
async def find_handle(client: Client, workflow_id: str, workflow: Workflow[..., Any] | None = None) -> Handle[Any]:
    """The execution of this workflow id that is open, else the one that was started last.

    Raises UnknownResourceFault if there is none: none ever, or it was closed longer ago than the domain keeps it.
    """
    asked = shapes.WorkflowExecutionFilter(workflow_id=workflow_id)
    ever = shapes.ExecutionTimeFilter(oldest_date=0.0)
    for executions in (
        client.each_open_workflow_execution(start_time_filter=ever, execution_filter=asked),
        client.each_closed_workflow_execution(start_time_filter=ever, execution_filter=asked),
    ):
        async for one in executions:
            run_id = one.execution.run_id
            return Handle(client, workflow_id, run_id, Any if workflow is None else workflow.signature.returns)
    raise UnknownResourceFault(f"no execution has the workflow id {workflow_id!r}")


async def start(client: Client, workflow: Workflow[..., T], arguments: tuple[Any, ...]) -> Handle[T]:
    """Workflow.start says what it does and raises."""
    payloads, said = client.payloads, workflow.said
    workflow_id = said.workflow_id or str(uuid4())
    run = await client.start_workflow_execution(
        workflow_id=workflow_id,
        workflow_type=shapes.WorkflowType(name=workflow.name, version=workflow.version),
        input=await payloads.encode(payloads.converter.arguments_to_text(arguments)),
        task_list=task_list_of(said.task_list),
        task_priority=priority_text(said.priority),
        execution_start_to_close_timeout=seconds_text(said.execution_timeout),
        task_start_to_close_timeout=seconds_text(said.task_timeout),
        child_policy=shapes.ChildPolicy(said.child_policy) if said.child_policy else None,
        tag_list=None if said.tags is None else [*said.tags],
        lambda_role=said.lambda_role,
    )
    return handle_of(client, workflow_id, run.run_id or "", workflow)
