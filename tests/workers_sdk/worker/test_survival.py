"""The service is restarted, and the worker goes on where it was."""

from __future__ import annotations

import asyncio
import threading

import pytest

from tests.conftest import Private
from tests.workers_sdk.worker.conftest import fresh_domain
from tests.workers_sdk.worker.test_activities import scheduler
from workers_sdk.client import Retries
from workers_sdk.definitions.activities import activity
from workers_sdk.worker import Worker, persistence, pollers
from workers_sdk.worker.backoff import Backoff
from workflowsvc.swf.shapes import EventType


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pauses of a test's length."""

    class Short(Backoff):
        def __init__(self) -> None:
            super().__init__(first=0.1, longest=0.2)

    monkeypatch.setattr(persistence, "Backoff", Short)
    monkeypatch.setattr(pollers, "Backoff", Short)


async def test_an_activity_is_answered_though_the_service_was_away(private: Private) -> None:
    go = threading.Event()

    @activity("work", "1", heartbeat=30)
    def work() -> str:
        go.wait(20)
        return "not lost"

    service = private()
    decide = scheduler(work)
    async with (
        fresh_domain(service.url, retries=Retries(attempts=1)) as domain,
        Worker(domain.client, task_list="main", workflows=[decide], activities=[work]) as worker,
    ):
        execution = await domain.start(decide)
        await domain.until(execution, EventType.ACTIVITY_TASK_STARTED)
        await asyncio.to_thread(service.kill)
        go.set()
        await asyncio.to_thread(service.start)
        events = await domain.until(execution, EventType.WORKFLOW_EXECUTION_COMPLETED)
        completed = [event.activity_task_completed_event_attributes for event in events]
        assert [one.result for one in completed if one] == ['"not lost"']
        worker.stop()
