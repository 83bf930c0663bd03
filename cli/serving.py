"""What every command that serves has in common: signals, the listening address, the event loop.

Law: a command is a coroutine that is handed an AsyncExitStack, builds on it, and returns when it is ready to serve; it
is taken down when the process is asked to end.
"""

from __future__ import annotations

import argparse
import asyncio
import errno
import gc
import signal
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack

import uvloop

from cli.options import Usage, from_environment
from gateway.gateway import Gateway

#: Nearly everything a request makes dies by reference count; looking for cycles as often as is usual costs 6 %.
GC_THRESHOLDS = (100_000, 20, 20)

Build = Callable[[AsyncExitStack], Awaitable[str]]


def serve(build: Build) -> int:
    """Run until SIGINT or SIGTERM; *build* gives the line that says that it is ready."""
    gc.set_threshold(*GC_THRESHOLDS)
    return uvloop.run(_serve(build))


async def _serve(build: Build) -> int:
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    stopping = asyncio.create_task(stop.wait())
    async with AsyncExitStack() as stack:
        building = asyncio.ensure_future(build(stack))
        # Who waits for a broker that is not there must be able to give up.
        await asyncio.wait({building, stopping}, return_when=asyncio.FIRST_COMPLETED)
        if not building.done():
            building.cancel()
            await asyncio.wait({building})
            return 0
        print(building.result(), flush=True)
        await stopping
    return 0


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
