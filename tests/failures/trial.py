"""A crowd on a cluster while something fails, and what the histories say afterwards.

Law: DESIGN.md §7. Every acknowledged write is there once, every execution ends, no timer was early, nothing was parked.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field

from tests.brokers.rabbit import Rabbit
from tests.end_to_end import checker, verdict
from tests.end_to_end.load import Load
from tests.end_to_end.swf import Swf, client
from tests.failures.cluster import Balanced, Cluster, Member

#: Seconds within which work goes on when what failed is back, reconnecting and the load of the machine included.
BACK_SECONDS = 30
#: What a timer may be late besides the time of an outage: the sweeper takes it for lost after 5 s, and looks every 5;
#: and the wake-up that it sends may wait 10 s for a confirmation that a queue without leader never gives.
LATE_SECONDS = 22


@dataclass
class Trial:
    load: Load
    lots: random.Random
    seed: int
    outages: list[tuple[float, float]] = field(default_factory=list)

    async def progress(self, calls: int = 40) -> None:
        """So many more calls were acknowledged."""
        wanted = self.load.ledger.calls + calls
        async with asyncio.timeout(BACK_SECONDS):
            while self.load.ledger.calls < wanted:  # noqa: ASYNC110
                await asyncio.sleep(0.02)

    async def breathe(self) -> None:
        """Until an instant drawn by lot."""
        await self.progress(self.lots.randint(10, 120))

    @contextmanager
    def outage(self) -> Iterator[None]:
        down = time.time()
        yield
        self.outages.append((down, time.time()))


@asynccontextmanager
async def trial(cluster: Cluster, rabbit: Rabbit, *, unrouted: bool = False) -> AsyncIterator[Trial]:
    """*unrouted*: whether it may be that a timer comes due with no partition to go to."""
    seed = random.randrange(2**32)
    swf = await asyncio.to_thread(Swf, cluster.url)
    async with Balanced(cluster) as wire:
        tried = Trial(Load(wire, swf.domain, seed), random.Random(seed), seed)
        # Few starts: histories are read one by one in the end.
        tried.load.begin(starters=1, signallers=1)
        try:
            await tried.progress()
            yield tried
            await tried.progress()
            tried.load.no_more_starts()
            await verdict.all_closed(wire, swf)
        finally:
            await tried.load.end()
    swf.client = client(cluster.url)  # the first gateway may be another by now
    judge(tried, histories_of(swf), rabbit, empty=["poison"] if unrouted else ["poison", "unrouted"])


def histories_of(swf: Swf) -> verdict.Histories:
    return {run: swf.history(run, name) for name, run in swf.runs()}


def judge(tried: Trial, histories: verdict.Histories, rabbit: Rabbit, empty: Sequence[str]) -> None:
    checked = checker.check_all(histories)
    assert not any(one.open for one in checked.values())
    verdict.check_ledger(tried.load.ledger, histories)
    verdict.check_stories(histories)
    late = verdict.latest_timer(histories, tried.outages)
    assert late < LATE_SECONDS, f"a timer was {late:.1f} s late (seed {tried.seed})"
    for queue in empty:
        assert not rabbit.messages(queue), queue


async def cut(rabbit: Rabbit, member: Member) -> None:
    """RabbitMQ drops its connections, as it does with those that give no sign of life; both of them must be known."""
    async with asyncio.timeout(BACK_SECONDS):
        while len(rabbit.connections(member.connections)) < 2:  # noqa: ASYNC110
            await asyncio.sleep(0.1)
    await asyncio.to_thread(rabbit.cut, member.connections)
