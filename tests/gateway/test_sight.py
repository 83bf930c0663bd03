"""Lists and counts over a store whose writers show what they committed only later."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from gateway.calls import Calls
from gateway.sight import Sight
from tests.gateway.coordinator import ScriptedCoordinator
from tests.gateway.http import Client
from tests.gateway.runs import START
from tests.stores.lagging import Lagging
from workflowsvc.brokers.inprocess import InProcessBroker
from workflowsvc.clocks.manual import ManualClock
from workflowsvc.messages import Refusal, Show
from workflowsvc.settings import Settings
from workflowsvc.swf.errors import ServiceUnavailableException

PARTITIONS = Settings().partitions
READS: dict[str, dict[str, Any]] = {
    "ListOpenWorkflowExecutions": {"startTimeFilter": {"oldestDate": START / 1000}},
    "ListClosedWorkflowExecutions": {"startTimeFilter": {"oldestDate": START / 1000}},
    "CountOpenWorkflowExecutions": {"startTimeFilter": {"oldestDate": START / 1000}},
    "CountClosedWorkflowExecutions": {"closeTimeFilter": {"oldestDate": START / 1000}},
    "CountPendingActivityTasks": {"taskList": {"name": "main"}},
    "CountPendingDecisionTasks": {"taskList": {"name": "main"}},
}


@pytest.fixture
async def lagging() -> AsyncIterator[Lagging]:
    async with Lagging(None) as store:
        yield store


@pytest.fixture
async def sight(
    lagging: Lagging, clock: ManualClock, broker: InProcessBroker, coordinator: ScriptedCoordinator
) -> AsyncIterator[Sight]:
    async with Calls(clock, broker) as calls:
        yield Sight(lagging, calls, PARTITIONS)


async def round_of(coordinator: ScriptedCoordinator) -> list[Any]:
    deliveries = [await coordinator.next() for _ in range(PARTITIONS)]
    assert sorted(each.message.lane for each in deliveries) == list(range(PARTITIONS))
    return deliveries


@pytest.mark.parametrize("operation", READS)
async def test_where_nothing_lags_nobody_is_asked(
    client: Client, coordinator: ScriptedCoordinator, domain: str, operation: str
) -> None:
    assert (await client.call(operation, {"domain": "shop", **READS[operation]})).status == 200
    assert not coordinator.actions


class TestLagging:
    @pytest.fixture
    async def store(self, lagging: Lagging) -> Lagging:
        return lagging

    @pytest.mark.parametrize("operation", READS)
    async def test_lists_and_counts_ask_every_partition_first(
        self, client: Client, coordinator: ScriptedCoordinator, domain: str, operation: str
    ) -> None:
        asking = asyncio.create_task(client.call(operation, {"domain": "shop", **READS[operation]}))
        for delivery in await round_of(coordinator):
            assert isinstance(delivery.message.request, Show)
            assert not asking.done()
            await coordinator.answer(delivery, None)
        assert (await asking).status == 200

    async def test_a_partition_that_cannot_is_a_503(
        self, client: Client, coordinator: ScriptedCoordinator, domain: str
    ) -> None:
        coordinator.say(Show, Refusal("ServiceUnavailableException"))
        answer = await client.call("CountPendingDecisionTasks", {"domain": "shop", "taskList": {"name": "main"}})
        assert (answer.status, answer.code) == (503, "ServiceUnavailableException")


async def test_who_asks_together_shares_a_round(sight: Sight, coordinator: ScriptedCoordinator) -> None:
    coordinator.say(Show, None)
    await asyncio.gather(*(sight.clear() for _ in range(10)))
    assert len(coordinator.actions) == PARTITIONS


async def test_who_asks_while_a_round_is_under_way_waits_for_the_next(
    sight: Sight, coordinator: ScriptedCoordinator
) -> None:
    """What was answered since the round began may not be shown by it."""
    first = asyncio.create_task(sight.clear())
    deliveries = await round_of(coordinator)
    late = [asyncio.create_task(sight.clear()) for _ in range(3)]
    for delivery in deliveries:
        await coordinator.answer(delivery, None)
    await first
    assert not any(each.done() for each in late)
    for delivery in await round_of(coordinator):
        await coordinator.answer(delivery, None)
    await asyncio.gather(*late)
    assert len(coordinator.actions) == 2 * PARTITIONS


async def test_a_round_that_fails_does_not_spoil_the_next(sight: Sight, coordinator: ScriptedCoordinator) -> None:
    coordinator.say(Show, Refusal("ServiceUnavailableException"))
    with pytest.raises(ServiceUnavailableException):
        await sight.clear()
    coordinator.say(Show, None)
    await sight.clear()
