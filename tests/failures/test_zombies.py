"""Failures 4 and 5: partitions change hands, in good order and not; two coordinators believe that one is theirs.

Law: under load, with real processes. A zombie is a coordinator that is frozen until RabbitMQ has dropped it and others
have gone on, and then thawed, with all that it remembers and all that it had received.
"""

from __future__ import annotations

import asyncio
import random

import pytest

from tests.brokers.rabbit import Rabbit
from tests.end_to_end import checker
from tests.end_to_end.load import Load
from tests.end_to_end.swf import Swf
from tests.end_to_end.verdict import check_acknowledged
from tests.failures.cluster import Balanced
from tests.failures.conftest import Clusters
from tests.failures.trial import cut, histories_of, trial


@pytest.mark.timeout(180)
@pytest.mark.long
async def test_failure_04_zombie(clusters: Clusters, rabbit: Rabbit, rounds: int) -> None:
    cluster = clusters(coordinators=2)
    async with trial(cluster, rabbit) as tried:
        for number in range(rounds):
            zombie = cluster.coordinators[number % 2]
            await tried.breathe()
            with tried.outage():
                with zombie.frozen():
                    await cut(rabbit, zombie)
                    # The other has all partitions: every lane goes on.
                    await tried.progress(100)
                await tried.progress(100)


@pytest.mark.long
@pytest.mark.timeout(120)
async def test_failure_04_two_active_coordinators_on_every_partition(clusters: Clusters) -> None:
    """For good, each with half of every lane's actions and a memory that is always stale: only the store stands.

    Who is told nonsense by a stale coordinator loses time or a task; what is written is what counts here.
    """
    cluster = clusters(coordinators=2, TWO_ACTIVE="1")
    swf = await asyncio.to_thread(Swf, cluster.url)
    async with Balanced(cluster) as wire:
        load = Load(wire, swf.domain, random.randrange(2**32))
        load.begin(starters=1, signallers=1)
        async with asyncio.timeout(60):
            while load.ledger.calls < 300:  # noqa: ASYNC110
                await asyncio.sleep(0.05)
        await load.end()
    # With only one of them left, what is written can be read as it is.
    cluster.terminate(cluster.coordinators[0])
    histories = histories_of(swf)
    for events in histories.values():
        checker.check(events)
    checker.check_together(histories)
    check_acknowledged(load.ledger, histories)


@pytest.mark.timeout(120)
@pytest.mark.long
async def test_failure_05_hand_over_in_good_order(clusters: Clusters, rabbit: Rabbit) -> None:
    """A coordinator joins and one leaves, several times. Nobody notices: no call fails, and none waits long."""
    cluster = clusters()
    async with trial(cluster, rabbit) as tried:
        for _ in range(2):
            await asyncio.to_thread(cluster.coordinator)
            await tried.progress(100)
            await asyncio.to_thread(cluster.terminate, cluster.coordinators[0])
            await tried.progress(100)
    assert tried.load.ledger.unanswered == 0


@pytest.mark.timeout(180)
async def test_rolling_restart(clusters: Clusters, rabbit: Rabbit) -> None:
    """Every gateway and every coordinator, one after the other: what is not answered is a 5xx or a dropped connection.

    Anything else would be among the load's surprises.
    """
    cluster = clusters(gateways=2, coordinators=2)
    async with trial(cluster, rabbit) as tried:
        for member in tuple(cluster.members):
            await asyncio.to_thread(cluster.terminate, member)
            await tried.progress(50)
            await asyncio.to_thread(cluster.gateway if member.kind == "gateway" else cluster.coordinator)
            await tried.progress(100)
