"""The wall clock that is set back, and the one that is set forward."""

from __future__ import annotations

import pytest

from workflowsvc.clocks import system
from workflowsvc.clocks.system import SystemClock

MS = 1_000_000


def test_a_wall_clock_that_is_set_back_keeps_the_last_time() -> None:
    walls = iter([5_000 * MS, 3_000 * MS, 4_999 * MS, 5_001 * MS])
    clock = SystemClock(lambda: next(walls))
    assert [clock.now() for _ in range(4)] == [5_000, 5_000, 5_000, 5_001]


async def test_who_waits_sees_that_the_wall_clock_was_set_forward(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(system, "LONGEST_SLEEP", 1)
    walls = iter([0, 0, 1 * MS, 1 * MS])
    clock = SystemClock(lambda: next(walls, 3_600_000 * MS))
    await clock.wait_until(3_600_000)
    assert clock.now() == 3_600_000
