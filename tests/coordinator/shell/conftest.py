"""What the shell's tests share: a world with a store of its own, and retries that wait for nothing."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from tests.coordinator.shell.world import World
from workflowsvc.stores.sqlite import SqliteStore


@pytest.fixture(autouse=True)
def no_wait_between_retries(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("coordinator.release.RETRY_SECONDS", 0)


@pytest.fixture
async def store() -> AsyncIterator[SqliteStore]:
    async with SqliteStore(None) as opened:
        yield opened


@pytest.fixture
async def world(store: SqliteStore) -> AsyncIterator[World]:
    """A coordinator that runs, with a domain, a workflow type and an activity type."""
    made = World(store)
    async with made.running():
        await made.register()
        yield made
        await made.settled()


@pytest.fixture
async def forgetful(store: SqliteStore) -> AsyncIterator[World]:
    """The same with a cache of one execution."""
    made = World(store, capacity=1)
    async with made.running():
        await made.register()
        yield made
        await made.settled()
