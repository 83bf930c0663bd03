"""What every command that serves has in common: signals, the listening address, the event loop.

Law: a command is a coroutine that is handed an AsyncExitStack, builds on it, and returns when it is ready to serve; it
is taken down when the process is asked to end. That takes only so long, whatever hangs: what is unfinished is not lost.
"""

from __future__ import annotations

import argparse
import asyncio
import errno
import faulthandler
import gc
import logging
import signal
from collections.abc import Callable, Coroutine
from contextlib import AsyncExitStack
from typing import Any

import uvloop

from cli.options import Usage, from_environment
from gateway.gateway import Gateway
from workflowsvc.jobs import end

log = logging.getLogger(__name__)

#: Seconds for leaving in good order. What hangs then is cancelled, step by step.
LEAVE_SECONDS = 8.0
#: Seconds after which the process ends as if it were killed, and tells on standard error where it was.
LAST_SECONDS = 14.0

#: Nearly everything a request makes dies by reference count; looking for cycles as often as is usual costs 6 %.
GC_THRESHOLDS = (100_000, 20, 20)

Build = Callable[[AsyncExitStack], Coroutine[Any, Any, str]]


def serve(build: Build) -> int:
    """Run until SIGINT or SIGTERM; *build* gives the line that says that it is ready."""
    gc.set_threshold(*GC_THRESHOLDS)
    try:
        uvloop.run(_serve(build))
    finally:
        faulthandler.cancel_dump_traceback_later()
    return 0


async def _serve(build: Build) -> None:
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    stopping = asyncio.create_task(stop.wait())
    stack = AsyncExitStack()
    building = asyncio.create_task(build(stack))
    try:
        # Who waits for a broker that is not there must be able to give up.
        await asyncio.wait({building, stopping}, return_when=asyncio.FIRST_COMPLETED)
        if building.done():
            print(building.result(), flush=True)
            await stopping
    finally:
        await _leave(building, stack)


async def _leave(building: asyncio.Task[str], stack: AsyncExitStack) -> None:
    # A thread of its own: it needs neither the loop, nor the executor's threads, nor the interpreter.
    faulthandler.dump_traceback_later(LAST_SECONDS, exit=True)
    await end([building])
    leaving = asyncio.create_task(stack.aclose())
    if not await end([leaving], after=LEAVE_SECONDS):
        log.warning("something hung: what was not finished in %g s is left to whoever goes on", LEAVE_SECONDS)
    elif (error := leaving.exception()) is not None:
        raise error
    # What was cut short may have left tasks of its libraries behind, and these begin others as they end.
    while left := asyncio.all_tasks() - {asyncio.current_task()}:
        await end(left)


# ---- where a gateway listens


def add_address(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--host", default=from_environment("host", "127.0.0.1"), help="address to listen on (WORKFLOWSVC_HOST)"
    )
    parser.add_argument(
        "--port",
        default=from_environment("port", "8080"),
        help="port to listen on; 0: any that is free (default 8080; WORKFLOWSVC_PORT)",
    )


def read_address(options: argparse.Namespace) -> tuple[str, int]:
    """Raises Usage."""
    try:
        port = int(options.port)
    except ValueError:
        raise Usage(f"--port: {options.port!r} is not a number") from None
    if not 0 <= port <= 65535:
        raise Usage(f"--port: {port} is not a port")
    if not options.host:
        raise Usage("--host: an empty address; 0.0.0.0 stands for all of them")
    return options.host, port


async def listen(gateway: Gateway, host: str, port: int) -> str:
    """The line that says so. Raises Usage."""
    try:
        url = await gateway.listen(host, port)
    except OSError as error:
        raise Usage(_why_not(error, host, port)) from None
    return f"workflowsvc is ready at {url} - aws swf list-domains --registration-status REGISTERED --endpoint-url {url}"


def _why_not(error: OSError, host: str, port: int) -> str:
    if error.errno == errno.EADDRINUSE:
        return f"port {port} of {host} is in use; choose another with --port"
    return f"cannot listen on {host}:{port}: {error.strerror or error}"
