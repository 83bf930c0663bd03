"""kill -9, again and again, under load. Law: DESIGN.md §7: an acknowledged write is never lost and never doubled.

Everything that is claimed is read from the histories at the end; the ledger of `load.py` says what was acknowledged.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Callable

import pytest

from tests.end_to_end import checker, verdict
from tests.end_to_end.load import Load
from tests.end_to_end.service import Service
from tests.end_to_end.swf import Swf
from tests.end_to_end.wire import Wire

#: What a timer may be late, besides the time in which there was no service: on a busy machine with two cores.
LATE_SECONDS = 5


@pytest.fixture
def rounds(request: pytest.FixtureRequest) -> int:
    number: int = request.config.getoption("--kill-rounds")
    return number


@pytest.mark.timeout(900)
async def test_nothing_acknowledged_is_lost(
    private: Callable[..., Service], rounds: int, capsys: pytest.CaptureFixture[str]
) -> None:
    """Killed at random instants, also while it starts, the service loses and doubles nothing."""
    seed = random.randrange(2**32)
    lots = random.Random(seed)
    since = time.monotonic()
    service = private("--poll-seconds", "5")
    swf = Swf(service.url)
    async with Wire(service.url, seconds=15) as wire:
        load = Load(wire, swf.domain, seed)
        load.begin()
        outages = []
        for _ in range(rounds):
            await asyncio.sleep(lots.uniform(0.3, 2.5))  # the instant is drawn by lot
            down = time.time()
            if lots.random() < 0.5:  # whoever writes its file dies before it, and sometimes is replaced in between
                service.kill_children()
                await asyncio.sleep(lots.choice([0.0, lots.uniform(0.0, 0.6)]))
            service.kill()
            await _start_again(service, lots)
            outages.append((down, time.time()))
        load.no_more_starts()
        await verdict.all_closed(wire, swf)
        await load.end()
    histories = {run: swf.history(run, name) for name, run in swf.runs()}
    told = f"seed {seed}"
    checked = checker.check_all(histories)
    assert not any(one.open for one in checked.values()), told
    verdict.check_ledger(load.ledger, histories)
    verdict.check_stories(histories)
    late = verdict.latest_timer(histories, outages)
    assert late < LATE_SECONDS, told
    with capsys.disabled():
        print(  # noqa: T201  the figures are the result
            f"\nkill -9: {rounds} rounds, {load.ledger.calls} acknowledged calls, {load.ledger.unanswered} unanswered, "
            f"{len(histories)} executions, {sum(map(len, histories.values()))} events, latest timer {late:.2f} s, "
            f"{time.monotonic() - since:.0f} s ({told})"
        )


async def _start_again(service: Service, lots: random.Random) -> None:
    """On the same data and port; every other time it is killed once more while it starts."""
    if lots.random() < 0.5:
        service.spawn()
        await asyncio.sleep(lots.uniform(0.0, 0.5))
        service.kill()
    await asyncio.to_thread(service.start)
