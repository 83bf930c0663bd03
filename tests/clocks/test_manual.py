"""Time moved by a test."""

from __future__ import annotations

import asyncio

import pytest

from workflowsvc.clocks.manual import ManualClock


async def test_only_what_is_due_is_woken() -> None:
    clock = ManualClock(1_000)
    early, late = (asyncio.create_task(clock.wait_until(at)) for at in (1_010, 1_011))
    await asyncio.sleep(0)
    clock.advance(10)
    await early
    assert not late.done()
    clock.set(1_011)
    await late
    assert clock.now() == 1_011


def test_time_cannot_be_set_back() -> None:
    clock = ManualClock(1_000)
    with pytest.raises(ValueError, match="backwards"):
        clock.set(999)
    assert clock.now() == 1_000
