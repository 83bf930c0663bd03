"""`workflowsvc dev`: gateway and coordinator in one process, on the in-process broker and SQLite, which another writes.

Law: a composition root. It chooses adapters and opens them in order.
"""

from __future__ import annotations

import argparse
from contextlib import AsyncExitStack
from functools import partial
from pathlib import Path

from cli.options import Usage, add_settings, from_environment, is_set, read_settings
from cli.serving import add_address, listen, read_address, serve
from coordinator.service import Coordinator
from gateway.gateway import Gateway
from workflowsvc.brokers.inprocess import InProcessBroker
from workflowsvc.clocks.skipping import SkippingClock
from workflowsvc.clocks.system import SystemClock
from workflowsvc.settings import Settings
from workflowsvc.stores.errors import StoreRefused
from workflowsvc.stores.sqlite import SqliteStore


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = commands.add_parser(
        "dev",
        help="the whole service in one process",
        description="The whole service in one process, keeping its data in one directory. Nothing else to install.",
    )
    add_address(parser)
    where = parser.add_mutually_exclusive_group()
    where.add_argument(
        "--data",
        metavar="DIR",
        default=from_environment("data", "workflowsvc-data"),
        help="directory to keep the data in, made if need be (default ./workflowsvc-data; WORKFLOWSVC_DATA)",
    )
    where.add_argument(
        "--ephemeral",
        action="store_true",
        default=is_set("ephemeral"),
        help="forget everything at the end (WORKFLOWSVC_EPHEMERAL=1)",
    )
    parser.add_argument(
        "--time-skipping",
        action="store_true",
        default=is_set("time_skipping"),
        help="when there is nothing to do, jump to the next deadline: for tests (WORKFLOWSVC_TIME_SKIPPING=1)",
    )
    add_settings(parser)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    settings = read_settings(options)
    host, port = read_address(options)
    path = None if options.ephemeral else Path(options.data)
    return serve(partial(_build, settings, host, port, path, options.time_skipping))


async def _build(
    settings: Settings, host: str, port: int, data: Path | None, skipping: bool, stack: AsyncExitStack
) -> str:
    clock = SkippingClock() if skipping else SystemClock()
    try:
        store = await stack.enter_async_context(SqliteStore(data and _database(data), apart=data is not None))
    except StoreRefused as refused:
        raise Usage(str(refused)) from None
    broker = await stack.enter_async_context(InProcessBroker(clock, settings.partitions))
    await stack.enter_async_context(Coordinator(settings, clock, broker, store))
    control = clock if isinstance(clock, SkippingClock) else None
    gateway = await stack.enter_async_context(Gateway(settings, clock, broker, store, control))
    return await listen(gateway, host, port)


def _database(directory: Path) -> Path:
    try:
        directory.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise Usage(f"cannot keep data in {directory}: {error.strerror}") from None
    return directory / "workflowsvc.sqlite"
