"""The gateway's life: it listens, it drains, it leaves nothing behind."""

from __future__ import annotations

import asyncio

import pytest

from gateway.gateway import Gateway
from tests.brokers.inbox import PATIENCE
from tests.gateway.coordinator import ScriptedCoordinator
from tests.gateway.http import Client, Wire, request
from workflowsvc.brokers.inprocess import InProcessBroker
from workflowsvc.clocks.manual import ManualClock
from workflowsvc.records import DomainRecord
from workflowsvc.settings import Settings
from workflowsvc.stores.sqlite import SqliteStore
from workflowsvc.swf import shapes
from workflowsvc.swf.operations import OPERATIONS

POLL = b'{"domain":"shop","taskList":{"name":"main"}}'


async def test_every_operation_is_served(gateway: Gateway) -> None:
    assert gateway._endpoint._served.keys() == OPERATIONS.keys()


async def test_a_port_that_is_taken_is_an_error(url: str, gateway: Gateway) -> None:
    port = int(url.rpartition(":")[2])
    with pytest.raises(OSError, match="address already in use"):
        await gateway.listen("127.0.0.1", port)


async def test_it_listens_at_more_than_one_address(gateway: Gateway) -> None:
    urls = [await gateway.listen("127.0.0.1", 0) for _ in range(2)]
    for url in urls:
        async with Client(url) as client:
            assert (await client.send("GET", "/healthz")).status == 200
    assert len(set(urls)) == 2


async def test_an_ipv6_address_is_written_in_brackets(gateway: Gateway) -> None:
    assert (await gateway.listen("::1", 0)).startswith("http://[::1]:")


async def test_tokens_survive_a_restart_and_are_good_at_every_gateway(
    settings: Settings, clock: ManualClock, broker: InProcessBroker, store: SqliteStore, domain: str
) -> None:
    for name in ("a", "b"):
        await store.add_domain(DomainRecord(domain=f"us-east-1/{name}", created_at=1, retention="1"))
    asked: dict[str, object] = {"registrationStatus": "REGISTERED", "maximumPageSize": 2}
    found = []
    for _ in range(2):
        async with (
            Gateway(settings, clock, broker, store) as gateway,
            Client(await gateway.listen("127.0.0.1", 0)) as client,
        ):
            answer = await client.call("ListDomains", asked)
            found += [info["name"] for info in answer.json["domainInfos"]]
            asked["nextPageToken"] = answer.json.get("nextPageToken")
    assert found == ["a", "b", "shop"]


# ---- shutdown --------------------------------------------------------------------------------------------------


async def test_shutdown_answers_polls_empty_and_lets_requests_finish(
    settings: Settings,
    clock: ManualClock,
    broker: InProcessBroker,
    store: SqliteStore,
    coordinator: ScriptedCoordinator,
    domain: str,
) -> None:
    gateway = Gateway(settings, clock, broker, store)
    async with asyncio.timeout(PATIENCE):
        await gateway.__aenter__()
        url = await gateway.listen("127.0.0.1", 0)
        async with Wire(url) as poller, Wire(url) as caller, Wire(url) as idle:
            await poller.send(request("PollForActivityTask", POLL))
            while not gateway._polls._lines:  # noqa: ASYNC110  nothing tells
                await asyncio.sleep(0)
            await caller.send(request("DeprecateDomain", b'{"name":"shop"}'))
            delivery = await coordinator.next()
            closing = asyncio.create_task(gateway.__aexit__(None, None, None))
            empty = await poller.answer()
            assert (empty.body, empty.headers["connection"]) == (b'{"startedEventId":0}', "close")
            assert isinstance(delivery.message.request, shapes.DeprecateDomainInput)
            await coordinator.answer(delivery, None)
            assert (await caller.answer()).status == 200
            await closing
            assert await idle.answers() == []
            with pytest.raises(OSError, match=r"refused|Connect"):
                await asyncio.open_connection("127.0.0.1", int(url.rpartition(":")[2]))


async def test_shutdown_takes_five_seconds_at_most(
    settings: Settings,
    clock: ManualClock,
    broker: InProcessBroker,
    store: SqliteStore,
    coordinator: ScriptedCoordinator,
    domain: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("gateway.gateway._REQUESTS_SECONDS", 0.05)
    async with asyncio.timeout(5):
        async with Gateway(settings, clock, broker, store) as gateway:
            wire = Wire(await gateway.listen("127.0.0.1", 0))
            await wire.__aenter__()
            await wire.send(request("DeprecateDomain", b'{"name":"shop"}'))
            delivery = await coordinator.next()
        wire.hang_up()
    await delivery.ack()
