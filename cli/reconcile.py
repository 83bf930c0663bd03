"""`workflowsvc reconcile`: give a broker that lost its data all that must be in flight, as the store knows it.

Law: the store is only read, and what is sent each execution checks for itself: it may be run at any time, and again.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack
from typing import Final

from cli.engine import PARTITIONS, add_urls, read_urls
from cli.options import Usage
from cli.partitions import add_partitions, read_partitions
from coordinator.recovery import resume_all
from workflowsvc.brokers.errors import BrokerRefused
from workflowsvc.brokers.rabbitmq import RabbitBroker
from workflowsvc.clocks.system import SystemClock
from workflowsvc.messages import Action
from workflowsvc.ports import BrokerUnavailable, StoreUnavailable
from workflowsvc.stores.errors import StoreRefused
from workflowsvc.stores.mongo import MongoStore
from workflowsvc.stores.mongodb.inspection import count_recoverable, inspect, reaching

#: Seconds without any progress, after which it gives up.
PATIENCE: Final = 30.0
#: Between two lines that tell of progress.
_TELL_SECONDS: Final = 1.0


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = commands.add_parser(
        "reconcile",
        help="give a broker that lost its data all that must be in flight",
        description="Sends every execution that is open, or has messages unconfirmed, word to offer its tasks, arm its"
        " timers and send its messages again. May be run at any time, and again, whether or not coordinators run."
        " Exit code 0: it is done; 1: store or broker cannot be reached or used; 2: an option cannot be used.",
    )
    add_urls(parser)
    add_partitions(parser)
    parser.add_argument("--dry-run", action="store_true", help="only say how many executions it would be")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    urls, given = read_urls(options), read_partitions(options)
    try:
        return asyncio.run(_count(urls, given) if options.dry_run else _reconcile(urls, given))
    except (StoreRefused, StoreUnavailable, BrokerRefused, BrokerUnavailable) as error:
        print(f"workflowsvc: {error}", file=sys.stderr)
    except TimeoutError:
        print(f"workflowsvc: nothing went on for {PATIENCE:g} s; run it again when all is reachable", file=sys.stderr)
    return 1


async def _count(urls: tuple[str, str], given: int | None) -> int:
    _, mongodb_url = urls
    await _partitions(mongodb_url, given)
    async with reaching(mongodb_url) as server:
        print(f"{await count_recoverable(server):,} executions would be resumed")
    return 0


async def _reconcile(urls: tuple[str, str], given: int | None) -> int:
    amqp_url, mongodb_url = urls
    clock = SystemClock()
    async with asyncio.timeout(PATIENCE) as patience, AsyncExitStack() as stack:
        partitions = await _partitions(mongodb_url, given)
        progress = _Progress(patience)
        store = await stack.enter_async_context(MongoStore(mongodb_url))
        broker = await stack.enter_async_context(_Telling(progress.made, clock, amqp_url, partitions))
        await resume_all(store, broker, clock)
        await broker.recovered()
    print(f"done: {progress.resumed:,} executions were resumed")
    return 0


async def _partitions(mongodb_url: str, given: int | None) -> int:
    """As the database has them. One that was never set up is a wrong URL: the broker would be told that all is well."""
    async with reaching(mongodb_url) as server:
        agreed = (await inspect(server, PARTITIONS)).agreed.get(PARTITIONS)
    if agreed is None:
        raise Usage("--mongodb-url: there is nothing of workflowsvc in this database")
    if given not in {None, int(agreed)}:
        raise Usage(f"--partitions: {given}, but this database was set up for {agreed}")
    return int(agreed)


class _Progress:
    """Counts, tells now and then, and lets patience begin anew."""

    def __init__(self, patience: asyncio.Timeout) -> None:
        self._patience = patience
        self._loop = asyncio.get_running_loop()
        self._told = self._loop.time()
        self.resumed = 0

    def made(self, runs: int) -> None:
        self.resumed += runs
        now = self._loop.time()
        self._patience.reschedule(now + PATIENCE)
        if now - self._told >= _TELL_SECONDS:
            self._told = now
            print(f"{self.resumed:,} executions so far", flush=True)


class _Telling(RabbitBroker):
    """Says how many actions were confirmed."""

    def __init__(self, told: Callable[[int], None], clock: SystemClock, url: str, partitions: int) -> None:
        super().__init__(clock, url, partitions, "reconcile")
        self._told = told

    async def publish(self, actions: Sequence[Action]) -> None:
        await super().publish(actions)
        self._told(len(actions))
