"""The promises of ports.Clock, over every adapter. Law: asserts what the port says, and no more."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest

from workflowsvc.clocks.manual import ManualClock
from workflowsvc.clocks.skipping import SkippingClock
from workflowsvc.clocks.system import SystemClock
from workflowsvc.ports import Clock

CLOCKS: dict[str, Callable[[], Clock]] = {
    "system": SystemClock,
    "manual": lambda: ManualClock(1_700_000_000_000),
    "skipping": SkippingClock,
}


@pytest.fixture(params=CLOCKS)
def clock(request: pytest.FixtureRequest) -> Clock:
    return CLOCKS[request.param]()


async def reach(clock: Clock, at: int, *waits: asyncio.Task[None]) -> None:
    """Let time come to *at*, by hand where it must be, and see the waits end."""
    async with asyncio.timeout(15):
        # twice: a wait is not there before its task has had its first turn
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        if isinstance(clock, ManualClock):
            clock.set(at)
        await asyncio.gather(clock.wait_until(at), *waits)


async def test_time_never_runs_backwards(clock: Clock) -> None:
    times = [clock.now() for _ in range(1_000)]
    await reach(clock, times[-1] + 5)
    times.append(clock.now())
    assert times == sorted(times)
    assert times[-1] >= times[0] + 5


async def test_what_has_come_is_not_waited_for(clock: Clock) -> None:
    # Less than a clock sleeps at a time.
    async with asyncio.timeout(5):
        await clock.wait_until(clock.now())
        await clock.wait_until(clock.now() - 1_000_000)


async def test_nobody_is_woken_early(clock: Clock) -> None:
    start = clock.now()
    ended: dict[int, int] = {}

    async def wait(after: int) -> None:
        await clock.wait_until(start + after)
        ended[after] = clock.now() - start

    delays = [1, 2, 3, 5, 8, 13, 21, 34]
    await reach(clock, start + 34, *(asyncio.create_task(wait(after)) for after in delays))
    assert sorted(ended) == delays
    assert all(at >= after for after, at in ended.items())


async def test_waits_end_in_the_order_of_their_times(clock: Clock) -> None:
    start = clock.now()
    ended: list[int] = []

    async def wait(after: int) -> None:
        await clock.wait_until(start + after)
        ended.append(after)

    await reach(clock, start + 60, *(asyncio.create_task(wait(after)) for after in (60, 20, 40)))
    assert ended == [20, 40, 60]


async def test_a_cancelled_wait_is_forgotten_and_the_others_stand(clock: Clock) -> None:
    start = clock.now()
    # A lock of the clock that skips, so that it does not run to the end of these waits before they are cancelled.
    clock.occupy("run")
    cancelled, kept = (asyncio.create_task(clock.wait_until(start + after)) for after in (20, 30))
    await asyncio.sleep(0)
    cancelled.cancel()
    await reach(clock, start + 30, kept)
    assert cancelled.cancelled()
    assert not kept.cancelled()


async def test_holding_and_occupying_need_no_balance(clock: Clock) -> None:
    message = object()
    clock.release(message)
    clock.vacate("run")
    for _ in range(2):
        clock.hold(message)
        clock.occupy("run")
    clock.release(message)
    clock.vacate("run")
    await reach(clock, clock.now() + 5)
