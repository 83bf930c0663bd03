"""Closed runs and their end: what is shown until retention is over, and how they are removed.

Law: a run is shown for as many days after its close as its domain said, then nowhere.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from coordinator import retention
from coordinator.retention import purge_for_ever
from tests.coordinator.shell.world import DAY, DOMAIN, Refused, World, child, until
from workflowsvc.ports import StoreUnavailable
from workflowsvc.swf import shapes


async def run_to_its_end(world: World, workflow_id: str) -> str:
    run_id = await world.start(workflow_id)
    await world.terminate(workflow_id)
    await world.settled()
    return run_id


@asynccontextmanager
async def purging(world: World) -> AsyncIterator[None]:
    """Retention at work, on the world's clock."""
    task = asyncio.create_task(purge_for_ever(world.store, world.clock, 3600.0))  # type: ignore[arg-type]
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def test_a_closed_run_is_shown_for_the_days_of_its_domain(world: World) -> None:
    """Seven days after the close, and not a millisecond more."""
    run_id = await run_to_its_end(world, "w")
    row = await world.sqlite.row(run_id, world.clock.now() + 7 * DAY - 1)
    assert row is not None
    assert row.expires_at == world.clock.now() + 7 * DAY
    assert (await world.describe("w", run_id)).execution_info.close_status == "TERMINATED"
    assert await world.sqlite.row(run_id, world.clock.now() + 7 * DAY) is None


async def test_the_description_of_a_closed_run_shows_its_end(world: World) -> None:
    """Close time and status, cancelRequested false, no decision task; the history ends with the close."""
    run_id = await world.start("w")
    await world.ask(shapes.RequestCancelWorkflowExecutionInput(domain="orders", workflow_id="w"), "w")
    assert (await world.describe("w", run_id)).execution_info.cancel_requested
    world.clock.advance(5000)
    await world.terminate("w")
    detail = await world.describe("w", run_id)
    assert detail.execution_info.execution_status == "CLOSED"
    assert detail.execution_info.close_timestamp == world.clock.now() / 1000
    assert detail.execution_info.cancel_requested is False
    assert detail.open_counts.open_decision_tasks == 0
    assert (await world.types(run_id))[-1] == "WorkflowExecutionTerminated"


@pytest.mark.parametrize("days", ["0", "NONE"])
async def test_without_retention_a_closed_run_is_gone_at_once(world: World, days: str) -> None:
    """ "If you pass the value NONE or 0 (zero), then the workflow execution history isn't retained." """
    record = await world.sqlite.domain(DOMAIN)
    assert record is not None
    without = type(record)(domain=DOMAIN, created_at=record.created_at, retention=days)
    await world.sqlite.replace_domain(without)
    run_id = await run_to_its_end(world, "w")
    assert await world.sqlite.row(run_id, world.clock.now()) is None
    with pytest.raises(Refused, match="UnknownResourceFault"):
        await world.describe("w", run_id)


async def test_expired_runs_are_removed_in_batches(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Full batches follow one another; the last one, which is not full, ends it until the next look."""
    monkeypatch.setattr(retention, "BATCH", 4)
    monkeypatch.setattr(retention, "BREATH", 0)
    runs = [await run_to_its_end(world, str(number)) for number in range(10)]
    still_open = await world.start("open")
    world.clock.advance(7 * DAY + 1)
    world.store.watch("purge")
    async with purging(world):
        await until(lambda: len(world.store.calls["purge"]) == 3)
        async with asyncio.timeout(5):
            while any([await world.sqlite.load(run_id) for run_id in runs]):
                pass
    assert [limit for _, limit in world.store.calls["purge"]] == [4, 4, 4]
    assert await world.sqlite.load(still_open) is not None


async def test_a_run_that_is_not_settled_is_not_removed(world: World) -> None:
    """Its messages may still have to be sent, however old it is."""
    run_id = await world.start("parent")
    await world.decide(child())
    await world.settled()
    gate = world.store.stop("settle")
    await world.terminate("parent")
    await gate.reached()
    await world.sqlite.purge(world.clock.now() + 8 * DAY, 10)
    assert await world.sqlite.load(run_id) is not None
    gate.open()
    await world.settled()
    await world.sqlite.purge(world.clock.now() + 8 * DAY, 10)
    assert await world.sqlite.load(run_id) is None


async def test_retention_outlives_a_store_that_is_away(world: World) -> None:
    """It looks again later; here: at once."""
    world.store.fail("purge", StoreUnavailable("gone"))
    task = asyncio.create_task(purge_for_ever(world.store, world.clock, 0))  # type: ignore[arg-type]
    await until(lambda: len(world.store.calls["purge"]) >= 2)
    assert not task.done()
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
