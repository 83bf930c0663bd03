"""Which executions there are: ListOpen, ListClosed, CountOpen, CountClosed, and the counts of pending tasks.

Law: a request becomes one ExecutionQuery; the rows' infos are spliced from stored bytes. Bounds are inclusive; "an
interval in the future or empty is legal and matches nothing" (SWF.md §8).
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

from gateway import wire
from gateway.caller import Caller, Handler
from gateway.domains import Domains
from gateway.pages import page_size, paged
from gateway.sight import Sight
from gateway.tokens import PageTokens
from workflowsvc.messages import TaskKind, TaskList
from workflowsvc.ports import Clock, Store
from workflowsvc.records import Cursor, ExecutionQuery, TimeField
from workflowsvc.swf import shapes

#: Any time a store can hold, in milliseconds; what a client sends beyond it is as far away.
_FAR: Final = 2**53


class Visibility:
    def __init__(self, clock: Clock, store: Store, sight: Sight, domains: Domains, pages: PageTokens) -> None:
        self._clock = clock
        self._store = store
        self._sight = sight
        self._domains = domains
        self._pages = pages

    def handlers(self) -> Iterable[tuple[type[shapes.Shape], Handler]]:
        return (
            (shapes.ListOpenWorkflowExecutionsInput, self._list_open),
            (shapes.ListClosedWorkflowExecutionsInput, self._list_closed),
            (shapes.CountOpenWorkflowExecutionsInput, self._count_open),
            (shapes.CountClosedWorkflowExecutionsInput, self._count_closed),
            (shapes.CountPendingActivityTasksInput, self._count_pending_activity_tasks),
            (shapes.CountPendingDecisionTasksInput, self._count_pending_decision_tasks),
        )

    async def _list_open(self, caller: Caller, arguments: shapes.ListOpenWorkflowExecutionsInput) -> bytes:
        return await self._list(caller, arguments, open=True)

    async def _list_closed(self, caller: Caller, arguments: shapes.ListClosedWorkflowExecutionsInput) -> bytes:
        return await self._list(caller, arguments, open=False)

    async def _count_open(self, caller: Caller, arguments: shapes.CountOpenWorkflowExecutionsInput) -> bytes:
        return await self._count(caller, arguments, open=True)

    async def _count_closed(self, caller: Caller, arguments: shapes.CountClosedWorkflowExecutionsInput) -> bytes:
        return await self._count(caller, arguments, open=False)

    async def _list(self, caller: Caller, arguments: Any, *, open: bool) -> bytes:
        after = self._pages.open(caller.region, arguments, Cursor)
        query = self._query(await self._domains.key(caller.region, arguments.domain), arguments, open=open)
        limit = page_size(arguments)
        await self._sight.clear()
        page, last = paged(await self._store.executions(query, after, limit + 1), limit)
        token = None if last is None else self._pages.seal(caller.region, arguments, last.cursor)
        frame = shapes.WorkflowExecutionInfos(execution_infos=[], next_page_token=token)
        return wire.splice(frame, [listed.info for listed in page])

    async def _count(self, caller: Caller, arguments: Any, *, open: bool) -> bytes:
        query = self._query(await self._domains.key(caller.region, arguments.domain), arguments, open=open)
        await self._sight.clear()
        count = await self._store.count_executions(query)
        return wire.encode(shapes.WorkflowExecutionCount(count=count, truncated=False))

    def _query(self, domain: str, arguments: Any, *, open: bool) -> ExecutionQuery:
        by, period = _period(arguments, open=open)
        execution, kind = arguments.execution_filter, arguments.type_filter
        tag, status = arguments.tag_filter, None if open else arguments.close_status_filter
        now = self._clock.now()
        return ExecutionQuery(
            domain=domain,
            open=open,
            by=by,
            oldest=_milliseconds(period.oldest_date),
            latest=now if period.latest_date is None else _milliseconds(period.latest_date),
            now=now,
            workflow_id=execution and execution.workflow_id,
            type_name=kind and kind.name,
            # "typeFilter without version = all versions" (SWF.md §8)
            type_version=(kind and kind.version) or None,
            tag=tag and tag.tag,
            close_status=status and status.status,
            reverse=bool(getattr(arguments, "reverse_order", None)),
        )

    # ---- pending tasks

    async def _count_pending_activity_tasks(
        self, caller: Caller, arguments: shapes.CountPendingActivityTasksInput
    ) -> bytes:
        return await self._count_pending(caller, arguments, TaskKind.ACTIVITY)

    async def _count_pending_decision_tasks(
        self, caller: Caller, arguments: shapes.CountPendingDecisionTasksInput
    ) -> bytes:
        return await self._count_pending(caller, arguments, TaskKind.DECISION)

    async def _count_pending(self, caller: Caller, arguments: Any, kind: TaskKind) -> bytes:
        domain = await self._domains.key(caller.region, arguments.domain)
        await self._sight.clear()
        count = await self._store.count_pending(TaskList(domain, kind, arguments.task_list.name))
        return wire.encode(shapes.PendingTaskCount(count=count, truncated=False))


def _period(arguments: Any, *, open: bool) -> tuple[TimeField, shapes.ExecutionTimeFilter]:
    """ "By start time (closeTimeFilter: by close time)" (SWF.md §8). Which of them is there, rules.py has seen to."""
    if open or arguments.start_time_filter is not None:
        return TimeField.STARTED, arguments.start_time_filter
    return TimeField.CLOSED, arguments.close_time_filter


def _milliseconds(seconds: float) -> int:
    return round(min(max(seconds * 1000, -_FAR), _FAR))
