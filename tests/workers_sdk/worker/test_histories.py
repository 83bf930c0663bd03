"""The events of a decision task, from all its pages."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any, cast

import pytest

from workers_sdk.client import Client
from workers_sdk.worker.histories import Histories, TaskGone
from workflowsvc.swf import shapes
from workflowsvc.swf.shapes import EventType

PAGE = 3


class Service:
    """Has ten events, of which it gives three at a time; the test's task is the one that event 8 started."""

    def __init__(self) -> None:
        self.gone = False
        self.asked: list[tuple[str, str | None]] = []

    async def poll_for_decision_task(self, *, task_list: shapes.TaskList, **members: Any) -> shapes.DecisionTask | None:
        token = members.get("next_page_token")
        self.asked.append((task_list.name, token))
        if self.gone and token:
            return None
        first = 4 if members.get("start_at_previous_started_event") else 1
        return task(int(token or first))

    async def history(self, workflow_id: str, run_id: str) -> AsyncIterator[shapes.HistoryEvent]:
        for number in range(1, 11):
            yield event(number)


def event(number: int) -> shapes.HistoryEvent:
    return shapes.HistoryEvent(event_id=number, event_timestamp=0.0, event_type=EventType.DECISION_TASK_STARTED)


def task(first: int, previous: int = 4) -> shapes.DecisionTask:
    last = min(first + PAGE - 1, 8)
    return shapes.DecisionTask(
        events=[event(number) for number in range(first, last + 1)],
        next_page_token=str(last + 1) if last < 8 else None,
        previous_started_event_id=previous,
        started_event_id=8,
        task_token="token",  # noqa: S106
        workflow_execution=shapes.WorkflowExecution(workflow_id="w", run_id="r"),
        workflow_type=shapes.WorkflowType(name="order", version="1"),
    )


@pytest.fixture
def service() -> Service:
    return Service()


@pytest.fixture
def histories(service: Service) -> Histories:
    return Histories(cast(Client, service), "main", "main@here")


def ids(events: list[shapes.HistoryEvent]) -> list[int]:
    return [event.event_id for event in events]


async def test_of_the_common_list_all_pages(histories: Histories, service: Service) -> None:
    polled = await histories.poll()
    assert polled is not None
    assert ids(await histories.full(polled)) == [1, 2, 3, 4, 5, 6, 7, 8]
    assert service.asked == [("main", None), ("main", "4"), ("main", "7")]


async def test_of_the_own_list_the_pages_since_the_last_decision(histories: Histories, service: Service) -> None:
    polled = await histories.poll_own()
    assert polled is not None
    assert ids(await histories.news(polled)) == [4, 5, 6, 7, 8]
    assert service.asked == [("main@here", None), ("main@here", "7")]


async def test_of_the_own_list_everything_up_to_the_task_if_nothing_is_in_memory(histories: Histories) -> None:
    """What came after the task was started is the next one's."""
    polled = await histories.poll_own()
    assert polled is not None
    assert ids(await histories.full_of_own(polled)) == [1, 2, 3, 4, 5, 6, 7, 8]


async def test_a_first_task_has_everything_with_it(histories: Histories) -> None:
    first = task(1, previous=0)
    assert ids(await histories.full_of_own(first)) == [1, 2, 3, 4, 5, 6, 7, 8]


async def test_a_task_that_closed_meanwhile_has_no_more_pages(histories: Histories, service: Service) -> None:
    polled = await histories.poll()
    assert polled is not None
    service.gone = True
    with pytest.raises(TaskGone):
        await histories.full(polled)
