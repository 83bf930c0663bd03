"""The events that a decision task is decided on, page by page.

Law: they end with the task's own DecisionTaskStarted, and begin with the first of all, or with that of the last task
that was decided here.
"""

from __future__ import annotations

from workers_sdk.client import Client
from workflowsvc.swf import shapes


class TaskGone(Exception):
    """The task closed while its history was read."""


class Histories:
    def __init__(self, client: Client, task_list: str, own_list: str) -> None:
        """*task_list*: the common one; *own_list*: the one that is polled from the last decision on."""
        self._client = client
        self._task_list = shapes.TaskList(name=task_list)
        self._own_list = shapes.TaskList(name=own_list)

    async def poll(self) -> shapes.DecisionTask | None:
        return await self._client.poll_for_decision_task(task_list=self._task_list)

    async def poll_own(self) -> shapes.DecisionTask | None:
        return await self._page_of_own(None)

    async def full(self, task: shapes.DecisionTask) -> list[shapes.HistoryEvent]:
        """Of a task from the common list."""
        events = list(task.events)
        token = task.next_page_token
        while token is not None:
            page = await self._client.poll_for_decision_task(task_list=self._task_list, next_page_token=token)
            token = _append(events, page)
        return events

    async def news(self, task: shapes.DecisionTask) -> list[shapes.HistoryEvent]:
        """Of a task from the worker's own list: from the DecisionTaskStarted before this one on."""
        events = list(task.events)
        token = task.next_page_token
        while token is not None:
            token = _append(events, await self._page_of_own(token))
        return events

    async def full_of_own(self, task: shapes.DecisionTask) -> list[shapes.HistoryEvent]:
        """Of a task from the worker's own list, of which the worker has nothing in memory."""
        if not task.previous_started_event_id:
            return await self.news(task)
        history = self._client.history(task.workflow_execution.workflow_id, task.workflow_execution.run_id)
        events: list[shapes.HistoryEvent] = []
        async for event in history:
            events.append(event)
            if event.event_id >= task.started_event_id:
                break
        return events

    async def _page_of_own(self, token: str | None) -> shapes.DecisionTask | None:
        return await self._client.poll_for_decision_task(
            task_list=self._own_list, next_page_token=token, start_at_previous_started_event=True
        )


def _append(events: list[shapes.HistoryEvent], page: shapes.DecisionTask | None) -> str | None:
    if page is None:
        raise TaskGone
    events.extend(page.events)
    return page.next_page_token
