"""Failures 12, 13 and 21-24: RabbitMQ or MongoDB is killed, wiped, frozen or takes nothing, under load.

Law: the servers are these tests' own. While one is away calls are answered with a 5xx or not at all, nothing else; when
it is back everything goes on by itself.
"""

from __future__ import annotations

import asyncio
import random
import time

import pytest

from tests.failures.cluster import Balanced, Cluster
from tests.failures.servers import Servers
from tests.failures.trial import BACK_SECONDS, Trial, trial

pytestmark = pytest.mark.timeout(300)

#: Seconds within which a call is answered while a server is away: a publisher waits 5 s for a confirm, and whoever
#: comes meanwhile waits for the next one.
PROMPT_SECONDS = 12.0


async def away_and_back(tried: Trial, servers: Servers, name: str, how: str = "kill") -> None:
    with tried.outage():
        await asyncio.to_thread(getattr(servers, how), name)
        await asyncio.to_thread(servers.start, name)
        since = time.monotonic()
        await tried.progress()
        assert time.monotonic() - since < BACK_SECONDS


async def test_failure_12_broker_restart(exposed: Cluster, servers: Servers) -> None:
    """Killed, and stopped in good order."""
    async with trial(exposed, servers.rabbit) as tried:
        for how in ("kill", "stop"):
            await tried.breathe()
            await away_and_back(tried, servers, "rabbitmq", how)


@pytest.mark.long
async def test_failure_13_broker_wiped(exposed: Cluster, servers: Servers) -> None:
    """Tasks, timers and messages between executions are made anew from the store."""
    async with trial(exposed, servers.rabbit) as tried:
        await tried.breathe()
        with tried.outage():
            await asyncio.to_thread(servers.kill, "rabbitmq")
            await asyncio.to_thread(servers.wipe, "rabbitmq")
            await asyncio.to_thread(servers.start, "rabbitmq")
            await tried.progress()


@pytest.mark.long
async def test_failure_13_broker_wiped_while_nobody_is_there(exposed: Cluster, servers: Servers, rounds: int) -> None:
    """All are killed with messages between executions on their way: whom a closed child told nothing is told anew."""
    everybody = ["gateway", "coordinator", "coordinator", "rabbitmq"]
    async with trial(exposed, servers.rabbit) as tried:
        for _ in range(rounds):
            await tried.breathe()
            with tried.outage():
                await asyncio.to_thread(_kill, exposed, servers, everybody)
                await asyncio.to_thread(servers.wipe, "rabbitmq")
                await asyncio.to_thread(_start, exposed, servers, everybody)
                await tried.progress()


@pytest.mark.long
async def test_failure_21_store_away(exposed: Cluster, servers: Servers) -> None:
    """Calls fail soon, and in the way that SDKs try again."""
    async with trial(exposed, servers.rabbit) as tried:
        await tried.breathe()
        with tried.outage():
            await asyncio.to_thread(servers.kill, "mongodb")
            async with Balanced(exposed) as wire, asyncio.timeout(20):
                await _all_fail_promptly(wire, 3)
            await asyncio.to_thread(servers.start, "mongodb")
            await tried.progress()


async def _all_fail_promptly(wire: Balanced, number: int) -> None:
    for attempt in range(number):
        since = time.monotonic()
        answer = await wire.call(
            "StartWorkflowExecution",
            domain="d",
            workflowId=f"w{attempt}",
            workflowType={"name": "order", "version": "1"},
        )
        assert answer.status in (500, 503), answer
        assert time.monotonic() - since < PROMPT_SECONDS


@pytest.mark.long
async def test_failure_22_store_killed_with_inserts_under_way(exposed: Cluster, servers: Servers, rounds: int) -> None:
    """Whether the last insert was made is unknown each time: it is read back by its id."""
    async with trial(exposed, servers.rabbit) as tried:
        for _ in range(rounds):
            await tried.breathe()
            await away_and_back(tried, servers, "mongodb")


@pytest.mark.long
async def test_failure_23_broker_hangs(exposed: Cluster, servers: Servers) -> None:
    """It holds its connections and confirms nothing, for longer than a publisher waits, and then everything at once."""
    async with trial(exposed, servers.rabbit) as tried:
        await tried.breathe()
        with tried.outage():
            with servers.frozen("rabbitmq"):
                async with Balanced(exposed) as wire, asyncio.timeout(20):
                    await _all_fail_promptly(wire, 1)
            await tried.progress()


@pytest.mark.long
async def test_failure_24_memory_alarm(exposed: Cluster, servers: Servers) -> None:
    """RabbitMQ takes nothing: requests fail fast. What is there already is worked on; afterwards all goes on."""
    async with trial(exposed, servers.rabbit) as tried:
        await tried.breathe()
        with tried.outage():
            # Its own command takes a second or two.
            alarm = servers.alarmed()
            await asyncio.to_thread(alarm.__enter__)
            try:
                async with Balanced(exposed) as wire, asyncio.timeout(30):
                    await _all_fail_promptly(wire, 3)
            finally:
                await asyncio.to_thread(alarm.__exit__, None, None, None)
            await tried.progress()


@pytest.mark.long
async def test_everything_killed_again_and_again(exposed: Cluster, servers: Servers, rounds: int) -> None:
    """Gateway, coordinators, broker and store, by lot, and now and then all at once."""
    async with trial(exposed, servers.rabbit) as tried:
        for number in range(rounds):
            await tried.breathe()
            everything = ["gateway", "coordinator", "coordinator", "rabbitmq", "mongodb"]
            doomed = everything if number % 2 == 0 else tried.lots.sample(everything, 2)
            with tried.outage():
                await asyncio.to_thread(_kill, exposed, servers, doomed)
                tried.lots.shuffle(doomed)
                await asyncio.to_thread(_start, exposed, servers, doomed)
                await tried.progress()


def _kill(cluster: Cluster, servers: Servers, doomed: list[str]) -> None:
    for what in doomed:
        if what in ("rabbitmq", "mongodb"):
            servers.kill(what)
        else:
            cluster.kill(random.choice([member for member in cluster.members if member.kind == what]))


def _start(cluster: Cluster, servers: Servers, doomed: list[str]) -> None:
    """Servers and processes in any order; a process that finds no store says so and ends, as a supervisor expects."""
    for what in sorted(doomed, key=lambda what: what not in ("rabbitmq", "mongodb")):
        if what in ("rabbitmq", "mongodb"):
            servers.start(what)
        elif what == "gateway":
            cluster.gateway()
        else:
            cluster.coordinator()


def test_processes_wait_for_a_broker_that_is_not_there_yet(
    tmp_path_factory: pytest.TempPathFactory, servers: Servers
) -> None:
    """Whatever is started first."""
    servers.kill("rabbitmq")
    with Cluster(tmp_path_factory.mktemp("early"), servers.amqp_url, servers.database()) as cluster:
        early = [cluster.spawn("coordinator"), cluster.spawn("gateway", "--port", "0")]
        servers.start("rabbitmq")
        assert all(member.process.first_line() for member in early)
