"""`workflowsvc dev`: gateway and coordinator in one process, on the in-process broker and SQLite.

Law: a composition root. It chooses adapters, opens them in order, waits for a signal, and closes them in reverse.
"""

from __future__ import annotations

import argparse
import asyncio
import errno
import gc
import signal
from contextlib import AsyncExitStack
from pathlib import Path

import uvloop

from cli.options import Usage, add_settings, from_environment, is_set, read_settings
from coordinator.service import Coordinator
from gateway.gateway import Gateway
from workflowsvc.brokers.inprocess import InProcessBroker
from workflowsvc.clocks.skipping import SkippingClock
from workflowsvc.clocks.system import SystemClock
from workflowsvc.settings import Settings
from workflowsvc.stores.errors import StoreRefused
from workflowsvc.stores.sqlite import SqliteStore

#: Nearly everything a request makes dies by reference count; looking for cycles as often as is usual costs 6 %.
GC_THRESHOLDS = (100_000, 20, 20)


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = commands.add_parser(
        "dev",
        help="the whole service in one process",
        description="The whole service in one process, keeping its data in one directory. Nothing else to install.",
    )
    parser.add_argument(
        "--host", default=from_environment("host", "127.0.0.1"), help="address to listen on (WORKFLOWSVC_HOST)"
    )
    parser.add_argument(
        "--port",
        default=from_environment("port", "8080"),
        help="port to listen on; 0: any that is free (default 8080; WORKFLOWSVC_PORT)",
    )
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
    try:
        port = int(options.port)
    except ValueError:
        raise Usage(f"--port: {options.port!r} is not a number") from None
    if not 0 <= port <= 65535:
        raise Usage(f"--port: {port} is not a port")
    if not options.host:
        raise Usage("--host: an empty address; 0.0.0.0 stands for all of them")
    path = None if options.ephemeral else Path(options.data)
    gc.set_threshold(*GC_THRESHOLDS)
    return uvloop.run(_serve(settings, options.host, port, path, skipping=options.time_skipping))


async def _serve(settings: Settings, host: str, port: int, data: Path | None, *, skipping: bool) -> int:
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    clock = SkippingClock() if skipping else SystemClock()
    async with AsyncExitStack() as stack:
        try:
            store = await stack.enter_async_context(SqliteStore(data and _database(data)))
        except StoreRefused as refused:
            raise Usage(str(refused)) from None
        broker = await stack.enter_async_context(InProcessBroker(clock, settings.partitions))
        await stack.enter_async_context(Coordinator(settings, clock, broker, store))
        control = clock if isinstance(clock, SkippingClock) else None
        gateway = await stack.enter_async_context(Gateway(settings, clock, broker, store, control))
        try:
            url = await gateway.listen(host, port)
        except OSError as error:
            raise Usage(_why_not(error, host, port)) from None
        print(
            f"workflowsvc is ready at {url} - aws swf list-domains --registration-status REGISTERED "
            f"--endpoint-url {url}",
            flush=True,
        )
        await stop.wait()
    return 0


def _database(directory: Path) -> Path:
    try:
        directory.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise Usage(f"cannot keep data in {directory}: {error.strerror}") from None
    return directory / "workflowsvc.sqlite"


def _why_not(error: OSError, host: str, port: int) -> str:
    if error.errno == errno.EADDRINUSE:
        return f"port {port} of {host} is in use; choose another with --port"
    return f"cannot listen on {host}:{port}: {error.strerror or error}"
