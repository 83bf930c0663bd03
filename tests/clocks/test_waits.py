"""What waits must not cost."""

from __future__ import annotations

import asyncio
import gc
import weakref

from workflowsvc.clocks.waits import Waits


async def test_cancelled_waits_are_not_kept() -> None:
    waits = Waits()
    kept = waits.enter(5)
    alive: weakref.WeakSet[asyncio.Future[None]] = weakref.WeakSet()
    for _ in range(100):
        batch = [waits.enter(10 + number) for number in range(100)]
        alive.update(batch)
        for wait in batch:
            wait.cancel()
        del batch, wait
        await asyncio.sleep(0)
    gc.collect()
    assert len(alive) < 200
    assert len(waits) == 1
    assert waits.first() == 5
    waits.wake(5)
    await kept
    await asyncio.sleep(0)
    assert len(waits) == 0


async def test_a_wait_is_forgotten_as_soon_as_it_is_cancelled() -> None:
    waits = Waits()
    cancelled, kept = waits.enter(1), waits.enter(2)
    cancelled.cancel()
    assert waits.first() == 2
    waits.wake(2)
    await kept
