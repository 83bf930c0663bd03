"""A gateway over the real in-process broker and the real SQLite store; the coordinator is scripted."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from gateway.gateway import Gateway
from tests.gateway.coordinator import ScriptedCoordinator
from tests.gateway.http import Client
from workflowsvc import names
from workflowsvc.brokers.inprocess import InProcessBroker
from workflowsvc.clocks.manual import ManualClock
from workflowsvc.records import DomainRecord
from workflowsvc.settings import Settings
from workflowsvc.stores.sqlite import SqliteStore

START = 1_700_000_000_000


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(START)


@pytest.fixture
async def broker(clock: ManualClock) -> AsyncIterator[InProcessBroker]:
    async with InProcessBroker(clock, partitions=4) as broker:
        yield broker


@pytest.fixture
async def store() -> AsyncIterator[SqliteStore]:
    async with SqliteStore(None) as store:
        yield store


@pytest.fixture
async def coordinator(broker: InProcessBroker) -> AsyncIterator[ScriptedCoordinator]:
    async with ScriptedCoordinator(broker).running() as coordinator:
        yield coordinator


@pytest.fixture
def settings() -> Settings:
    """A test that wants an empty poll asks for one of its own."""
    return Settings(poll_seconds=60.0, account="123456789012")


@pytest.fixture
async def gateway(
    settings: Settings,
    clock: ManualClock,
    broker: InProcessBroker,
    store: SqliteStore,
    coordinator: ScriptedCoordinator,
) -> AsyncIterator[Gateway]:
    async with Gateway(settings, clock, broker, store) as gateway:
        yield gateway


@pytest.fixture
async def url(gateway: Gateway) -> str:
    return await gateway.listen("127.0.0.1", 0)


@pytest.fixture
async def client(url: str) -> AsyncIterator[Client]:
    async with Client(url) as client:
        yield client


@pytest.fixture
async def domain(store: SqliteStore) -> str:
    """The key of a domain `shop` in the default region."""
    key = names.scoped("us-east-1", "shop")
    await store.add_domain(DomainRecord(domain=key, created_at=START, retention="30", description="All orders"))
    return key
