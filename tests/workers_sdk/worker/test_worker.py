"""A worker against the service: workflows that call activities, from their start to their result."""

from __future__ import annotations

import asyncio
import threading

import pytest

from tests.conftest import Private
from tests.workers_sdk.worker.conftest import Domain, fresh_domain, types_of
from workers_sdk.client import Client, ClientClosed
from workers_sdk.deciders import History, decider, decisions
from workers_sdk.definitions.activities import activity
from workers_sdk.definitions.workflows import workflow
from workers_sdk.worker import Worker, activity_context
from workflowsvc.swf.shapes import Decision


@activity("double", "1", start_to_close=30)
def double(number: int) -> int:
    assert threading.current_thread().name.startswith("activity-")
    return number * 2


@activity("add", "1", start_to_close=30)
async def add(left: int, right: int = 1) -> int:
    await asyncio.sleep(0)
    assert threading.current_thread().name == "activities"
    return left + right


@activity("whoami", "1", start_to_close=30)
def whoami() -> list[str]:
    info = activity_context().info
    return [info.name, info.version, info.workflow_id, info.domain]


@workflow("arithmetic", "1")
async def arithmetic(number: int) -> int:
    return await add(await double(number), right=5)


async def test_a_workflow_calls_activities_and_completes(domain: Domain) -> None:
    """A `def` activity runs in a thread, an `async def` one on the activities' loop; the result is JSON."""
    async with Worker(domain.client, task_list="main", workflows=[arithmetic], activities=[double, add]):
        execution = await domain.start(arithmetic, "[20]")
        assert await domain.result(execution) == "45"


async def test_methods_of_an_instance_are_activities(domain: Domain) -> None:
    class Till:
        def __init__(self, rate: float) -> None:
            self.rate = rate

        @activity("charge", "1")
        def charge(self, amount: int) -> float:
            return amount * self.rate

    @workflow("charging", "1")
    async def charging() -> float:
        return await Till.charge(10)

    async with Worker(domain.client, task_list="main", workflows=[charging], activities=[Till(1.5)]):
        assert await domain.result(await domain.start(charging)) == "15.0"


async def test_more_decisions_than_fit_into_one_answer_come_with_the_next(domain: Domain) -> None:
    @workflow("wide", "1")
    async def wide(width: int) -> int:
        return sum(await asyncio.gather(*(double(number) for number in range(width))))

    async with Worker(domain.client, task_list="main", workflows=[wide], activities=[double]):
        execution = await domain.start(wide, "[150]")
        assert await domain.result(execution) == str(2 * sum(range(150)))
    scheduled = [event.activity_task_scheduled_event_attributes for event in await domain.events(execution)]
    assert len({one.decision_task_completed_event_id for one in scheduled if one}) > 1


async def test_several_versions_of_a_type_run_side_by_side(domain: Domain) -> None:
    @workflow("greeting", "1")
    async def first() -> str:
        return "first"

    @workflow("greeting", "2")
    async def second() -> str:
        return "second"

    async with Worker(domain.client, task_list="main", workflows=[first, second]):
        executions = [await domain.start(first), await domain.start(second)]
        assert [await domain.result(execution) for execution in executions] == ['"first"', '"second"']


async def test_a_decider_reads_the_history_and_decides(domain: Domain) -> None:
    @decider("order", "1")
    def order(history: History) -> list[Decision]:
        asked = history.activity("who")
        if asked is None:
            return [decisions.schedule_activity_task(activity=whoami, activity_id="who")]
        return [decisions.complete_workflow_execution(result=asked.result)]

    async with Worker(domain.client, task_list="main", workflows=[order], activities=[whoami]):
        execution = await domain.start(order)
        result = await domain.result(execution)
    assert result == f'["whoami","1","{execution.workflow_id}","{domain.client.domain}"]'
    assert "MarkerRecorded" not in types_of(await domain.events(execution))


async def test_a_month_passes_at_once_where_time_is_skipped(private: Private) -> None:
    """The decisions that wait in the worker's own list are not skipped over."""

    @workflow("monthly", "1")
    async def monthly(number: int) -> int:
        for _ in range(3):
            await asyncio.sleep(30 * 86_400)
            number = await double(number)
        return number

    service = private("--time-skipping")
    async with (
        fresh_domain(service.url) as domain,
        Worker(domain.client, task_list="main", workflows=[monthly], activities=[double]),
    ):
        execution = await domain.start(monthly, "[1]")
        assert await domain.result(execution) == "8"
        assert "DecisionTaskTimedOut" not in types_of(await domain.events(execution))


async def test_a_type_whose_tasks_go_elsewhere_is_said(domain: Domain, caplog: pytest.LogCaptureFixture) -> None:
    @activity("slow", "1", task_list="slow")
    def slow() -> None: ...

    async with Worker(domain.client, task_list="main", activities=[slow, double]):
        pass
    assert [record.getMessage() for record in caplog.records if record.levelname == "WARNING"] == [
        "<activity slow 1> has the default task list slow, which this worker of main does not poll"
    ]


async def test_a_worker_without_anything_to_do_is_refused(domain: Domain) -> None:
    with pytest.raises(ValueError, match="workflows or activities"):
        Worker(domain.client, task_list="main")


async def test_a_client_that_is_not_open_is_opened(domain: Domain, url: str) -> None:
    client = Client(url, domain=domain.client.domain, credentials="none")
    async with Worker(client, task_list="main", workflows=[arithmetic], activities=[double, add]):
        assert await domain.result(await domain.start(arithmetic, "[1]")) == "7"
    with pytest.raises(ClientClosed):
        _ = client.endpoint
