"""SIGTERM while something hangs: RabbitMQ, MongoDB, or a connection that RabbitMQ has given up already.

Law: under load, with real processes. Each ends by itself and in time, with exit code 0; what it did not finish comes
again with those that are started after.
"""

from __future__ import annotations

import asyncio
import time

import pytest

from tests.brokers.rabbit import Rabbit
from tests.failures.cluster import Cluster, Member
from tests.failures.conftest import Clusters
from tests.failures.servers import Servers
from tests.failures.trial import cut, trial

pytestmark = pytest.mark.timeout(180)

#: Seconds that the end of a process takes at most, whatever hangs; it has 8 for its good order.
BOUND = 12.0


def stop(cluster: Cluster, members: list[Member]) -> None:
    """All at once."""
    since = time.monotonic()
    for member in members:
        member.process.terminate()
    for member in members:
        cluster.members.remove(member)
        assert member.process.wait() == 0
    assert time.monotonic() - since < BOUND


async def test_a_stop_does_not_wait_for_a_server_that_hangs(exposed: Cluster, servers: Servers) -> None:
    """Neither for RabbitMQ nor for MongoDB."""
    async with trial(exposed, servers.rabbit) as tried:
        for name in ("rabbitmq", "mongodb"):
            await tried.breathe()
            with tried.outage():
                with servers.frozen(name):
                    # One coordinator stays: what the others had begun is its, as soon as it can work again.
                    leaving = [exposed.gateways[0], exposed.coordinators[0]]
                    await asyncio.to_thread(stop, exposed, leaving)
                await asyncio.to_thread(exposed.coordinator)
                await asyncio.to_thread(exposed.gateway)
                await tried.progress()


@pytest.mark.long
async def test_a_zombie_can_be_stopped(clusters: Clusters, rabbit: Rabbit, rounds: int) -> None:
    """Right after it was thawed, with all that it had received and connections that are no more."""
    cluster = clusters(coordinators=2)
    async with trial(cluster, rabbit) as tried:
        for _ in range(rounds):
            zombie = cluster.coordinators[0]
            await tried.breathe()
            with tried.outage():
                with zombie.frozen():
                    await cut(rabbit, zombie)
                    await tried.progress(100)
                await asyncio.to_thread(stop, cluster, [zombie])
                await asyncio.to_thread(cluster.coordinator)
                await tried.progress(100)
