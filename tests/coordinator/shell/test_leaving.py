"""How a coordinator leaves: what it has begun is finished if it soon can be, all else comes again.

Law: whoever takes over is another coordinator on the same broker and store.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any

import pytest

from coordinator.service import Coordinator
from tests.coordinator.shell.world import PATIENCE, World, start_of
from workflowsvc.ports import BrokerUnavailable
from workflowsvc.stores.sqlite import SqliteStore


async def leave(coordinator: Coordinator) -> None:
    async with asyncio.timeout(PATIENCE):
        await coordinator.__aexit__(None, None, None)


def another(world: World) -> Coordinator:
    return Coordinator(world.settings, world.clock, world.broker, world.store)  # type: ignore[arg-type]


@pytest.fixture
def hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("coordinator.service.FINISH_SECONDS", 0.05)


async def test_what_was_begun_is_finished(world: World) -> None:
    """A commit that is under way when it is to leave is waited for, and answered, before anybody takes over."""
    gate = world.store.stop("commit")
    starting = world.send(world.action(start_of("w"), "w"))
    await gate.reached()
    leaving = asyncio.create_task(leave(world.coordinator))
    gate.open()
    await leaving
    assert (await world.result(starting)).run_id
    async with another(world):
        await world.settled()


@pytest.mark.usefixtures("hurried")
@pytest.mark.parametrize("method", ["types", "commit"])
async def test_a_store_that_hangs_is_not_waited_for(world: World, method: str) -> None:
    gate = world.store.stop(method)
    starting = world.send(world.action(start_of("w"), "w"))
    await gate.reached()
    await leave(world.coordinator)
    async with another(world):
        assert (await world.result(starting)).run_id


@pytest.mark.usefixtures("hurried")
async def test_a_broker_that_hangs_is_not_waited_for(world: World) -> None:
    """The commit is made: whoever gets the action again puts the task on its list."""
    gate = world.broker.stop("offer")
    starting = world.send(world.action(start_of("w"), "w"))
    await gate.reached()
    await leave(world.coordinator)
    async with another(world):
        await world.result(starting)
        await world.settled()
        [task] = await world.waiting()
        assert task.workflow_id == "w"


@pytest.mark.usefixtures("hurried")
@pytest.mark.parametrize("where", ["lane", "beside"])
async def test_a_cancellation_that_is_swallowed_is_repeated(store: SqliteStore, where: str) -> None:
    """As asyncio.wait_for does until Python 3.12 when what it waits for ends in the same moment."""
    world, hung = World(store), asyncio.Event()

    async def swallow(_: Callable[[], Awaitable[Any]]) -> None:
        hung.set()
        with suppress(asyncio.CancelledError):
            await asyncio.Event().wait()
        await asyncio.Event().wait()

    async with world.running():
        await world.register()
        if where == "beside":
            world.broker.fail("offer", BrokerUnavailable())
        world.broker._plan("offer", swallow)
        world.send(world.action(start_of("w"), "w"))
        async with asyncio.timeout(PATIENCE):
            await hung.wait()
        await leave(world.coordinator)
