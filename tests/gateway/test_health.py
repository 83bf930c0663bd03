"""Alive, ready."""

from __future__ import annotations

import pytest

from gateway.gateway import Gateway
from tests.gateway.http import Client
from workflowsvc.brokers.inprocess import InProcessBroker
from workflowsvc.ports import BrokerUnavailable, StoreUnavailable
from workflowsvc.stores.sqlite import SqliteStore


async def test_alive_and_ready(client: Client) -> None:
    for path in ("/healthz", "/readyz"):
        answer = await client.send("GET", path)
        assert (answer.status, answer.json) == (200, {"status": "ok"})


@pytest.mark.parametrize("away", ["store", "broker"])
async def test_not_ready_but_alive_while_something_is_away(
    client: Client, store: SqliteStore, broker: InProcessBroker, monkeypatch: pytest.MonkeyPatch, away: str
) -> None:
    async def fail() -> None:
        raise StoreUnavailable if away == "store" else BrokerUnavailable

    monkeypatch.setattr({"store": store, "broker": broker}[away], "ping", fail)
    assert (await client.send("GET", "/readyz")).status == 503
    assert (await client.send("GET", "/healthz")).status == 200


async def test_not_ready_from_the_moment_of_shutdown(client: Client, gateway: Gateway) -> None:
    await gateway._drain()
    assert (await client.send("GET", "/readyz")).status == 503
