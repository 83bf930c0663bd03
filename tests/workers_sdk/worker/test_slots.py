"""Places: taken before work is asked for, of every kind at once."""

from __future__ import annotations

import asyncio

import pytest

from workers_sdk.worker.slots import Slots


def begun(slots: Slots[str]) -> asyncio.Task[object]:
    return asyncio.create_task(slots.reserve())


async def turns() -> None:
    """Let every task run as far as it can."""
    for _ in range(10):
        await asyncio.sleep(0)


async def test_a_reservation_takes_a_place_of_every_kind() -> None:
    slots = Slots({"async": 2, "thread": 1})
    first = await slots.reserve()
    second = begun(slots)
    await turns()
    assert not second.done()
    first.keep("async")  # the thread's place is free again, and one of the two others
    await turns()
    assert second.done()


async def test_what_is_released_twice_is_released_once() -> None:
    slots = Slots({"thread": 1})
    reservation = await slots.reserve()
    reservation.release()
    reservation.release()
    await slots.reserve()
    waiting = begun(slots)
    await turns()
    assert not waiting.done()
    waiting.cancel()


async def test_a_cancelled_reservation_keeps_nothing() -> None:
    slots = Slots({"async": 1, "thread": 1})
    taken = await slots.reserve()
    taken.keep("thread")
    waiting = begun(slots)  # has the async place and waits for the thread's
    await turns()
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    taken.release()
    assert (await slots.reserve()).held == {"async", "thread"}
