"""PollForDecisionTask and PollForActivityTask.

Law: a poll ends in a started task, in the empty answer, or in a fault. Pages of a decision task's history come at once
and are always pages of that task: "another page never claims another task" (SWF.md §2.3, §5).
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

import msgspec

from gateway import wire
from gateway.caller import Caller, Handler
from gateway.domains import Domains
from gateway.longpolls import LongPolls
from gateway.pages import page_size
from gateway.tokens import PageTokens, TaskToken, TaskTokens
from workflowsvc import names
from workflowsvc.messages import GivenActivityTask, GivenDecisionTask, TaskKind, TaskList, TaskRef
from workflowsvc.ports import Clock, Store
from workflowsvc.swf import shapes
from workflowsvc.swf.faults import UnknownResourceFault
from workflowsvc.swf.members import wire_name

# "taskToken, events, activityId omitted" (SWF.md §1.4): Flow for Java takes a token that is "" for a task.
_NO_DECISION_TASK: Final = wire.encode(
    {
        wire_name(shapes.DecisionTask, "previous_started_event_id"): 0,
        wire_name(shapes.DecisionTask, "started_event_id"): 0,
    }
)
_NO_ACTIVITY_TASK: Final = wire.encode({wire_name(shapes.ActivityTask, "started_event_id"): 0})


class _DecisionTask(msgspec.Struct, frozen=True):
    """A started decision task, found again or new."""

    domain: str
    execution: shapes.WorkflowExecution
    type: shapes.WorkflowType
    task: TaskRef
    previous: int
    #: every event up to DecisionTaskStarted, where they came along
    history: list[bytes] | None = None


class _Page(msgspec.Struct, frozen=True, array_like=True):
    """What the next page needs: which task, and the id of the page's first event."""

    run_id: str
    task: TaskRef
    previous: int
    position: int


class Polls:
    def __init__(
        self,
        clock: Clock,
        store: Store,
        domains: Domains,
        long_polls: LongPolls,
        tasks: TaskTokens,
        pages: PageTokens,
    ) -> None:
        self._clock = clock
        self._store = store
        self._domains = domains
        self._long_polls = long_polls
        self._tasks = tasks
        self._pages = pages

    def handlers(self) -> Iterable[tuple[type[shapes.Shape], Handler]]:
        return (
            (shapes.PollForActivityTaskInput, self._poll_for_activity_task),
            (shapes.PollForDecisionTaskInput, self._poll_for_decision_task),
        )

    # ---- activity tasks

    async def _poll_for_activity_task(self, caller: Caller, arguments: shapes.PollForActivityTaskInput) -> bytes:
        domain = await self._domains.key(caller.region, arguments.domain)
        task_list = TaskList(domain, TaskKind.ACTIVITY, arguments.task_list.name)
        given = await self._long_polls.poll(task_list, arguments.identity, caller.gone)
        if given is None:
            return _NO_ACTIVITY_TASK
        assert isinstance(given, GivenActivityTask)  # noqa: S101  the list's kind
        return wire.encode(
            shapes.ActivityTask(
                activity_id=given.activity_id,
                activity_type=given.activity_type,
                input=given.input,
                started_event_id=given.task.started_event_id,
                task_token=self._token(caller, TaskKind.ACTIVITY, domain, given.workflow_execution, given.task),
                workflow_execution=given.workflow_execution,
            )
        )

    # ---- decision tasks

    async def _poll_for_decision_task(self, caller: Caller, arguments: shapes.PollForDecisionTaskInput) -> bytes:
        page = self._pages.open(caller.region, arguments, _Page)
        domain = await self._domains.key(caller.region, arguments.domain)
        if page is not None:
            return await self._answer(caller, arguments, await self._again(domain, page), page.position)
        task_list = TaskList(domain, TaskKind.DECISION, arguments.task_list.name)
        given = await self._long_polls.poll(task_list, arguments.identity, caller.gone)
        if given is None:
            return _NO_DECISION_TASK
        assert isinstance(given, GivenDecisionTask)  # noqa: S101  the list's kind
        new = _DecisionTask(
            domain,
            given.workflow_execution,
            given.workflow_type,
            given.task,
            given.previous_started_event_id,
            given.history,
        )
        return await self._answer(caller, arguments, new, None)

    async def _again(self, domain: str, page: _Page) -> _DecisionTask:
        """The task of which the page before this one was given."""
        row = await self._store.row(page.run_id, self._clock.now())
        if row is None or row.domain != domain:
            raise UnknownResourceFault(f"Unknown decision task, scheduledEventId = {page.task.scheduled_event_id}")
        return _DecisionTask(
            domain,
            shapes.WorkflowExecution(run_id=row.run_id, workflow_id=row.workflow_id),
            shapes.WorkflowType(name=row.type_name, version=row.type_version),
            page.task,
            page.previous,
        )

    async def _answer(
        self, caller: Caller, arguments: shapes.PollForDecisionTaskInput, task: _DecisionTask, position: int | None
    ) -> bytes:
        # "Events from previousStartedEventId on, inclusive" (SWF.md §5); a first task has none before it.
        first = (arguments.start_at_previous_started_event and task.previous) or 1
        # "A task's history ends at its own DecisionTaskStarted" (SWF.md §5)
        last = task.task.started_event_id
        size = page_size(arguments)
        reverse = bool(arguments.reverse_order)
        if reverse:
            last = position or last
            beyond = last - size
            more = beyond >= first
        else:
            first = position or first
            beyond = first + size
            more = beyond <= last
        events = await self._events(task, first, last, size, reverse=reverse)
        next_page = _Page(task.execution.run_id, task.task, task.previous, beyond)
        frame = shapes.DecisionTask(
            events=[],
            next_page_token=self._pages.seal(caller.region, arguments, next_page) if more else None,
            previous_started_event_id=task.previous,
            started_event_id=task.task.started_event_id,
            task_token=self._token(caller, TaskKind.DECISION, task.domain, task.execution, task.task),
            workflow_execution=task.execution,
            workflow_type=task.type,
        )
        return wire.splice(frame, events)

    async def _events(self, task: _DecisionTask, first: int, last: int, size: int, *, reverse: bool) -> list[bytes]:
        if task.history is None:
            return await self._store.history(task.execution.run_id, first, last, size, reverse=reverse)
        events = task.history[first - 1 : last]  # ids are 1.. without a hole
        return events[::-1][:size] if reverse else events[:size]

    def _token(
        self, caller: Caller, kind: TaskKind, domain: str, execution: shapes.WorkflowExecution, task: TaskRef
    ) -> str:
        lane = names.lane_of(domain, execution.workflow_id)
        place = TaskToken(
            lane, domain, execution.workflow_id, execution.run_id, task.scheduled_event_id, task.started_event_id
        )
        return self._tasks.seal(caller.region, kind, place)
