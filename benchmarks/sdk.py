"""The library end to end: executions per second with its workers, and activities per second of one worker process.

The service (embedded) and the worker are processes of their own; starts come from this one.

usage: python -m benchmarks.sdk [-n 500] [--in-flight 50] [--activities 2000] [--no-sticky]
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
import time
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import uvloop

from benchmarks.service import Service, cpu_seconds, service
from workers_sdk import Client, Worker, activity, workflow

PAYLOAD = "x" * 100
FAN = 200


@activity("Work", "1.0")
async def work(payload: str) -> str:
    return payload


@activity("Block", "1.0")
def block(payload: str) -> str:
    return payload


@workflow("One", "1.0", execution_timeout=600)
async def one(payload: str) -> str:
    """Two decisions and an activity, as benchmarks.executions has them."""
    return await work(payload)


@workflow("Many", "1.0", execution_timeout=600)
async def many(count: int) -> int:
    return len(await asyncio.gather(*(work(PAYLOAD) for _ in range(count))))


@workflow("ManyBlocking", "1.0", execution_timeout=600)
async def many_blocking(count: int) -> int:
    return len(await asyncio.gather(*(block(PAYLOAD) for _ in range(count))))


async def serve(url: str, domain: str, *, sticky: bool) -> None:
    worker = Worker(
        Client(url, domain=domain),
        task_list="main",
        workflows=[one, many, many_blocking],
        activities=[work, block],
        register_domain=1,
        sticky=sticky,
    )
    async with worker:
        print("ready", flush=True)
        await asyncio.Event().wait()


@asynccontextmanager
async def worker(url: str, domain: str, *, sticky: bool) -> AsyncIterator[int]:
    """A worker process: its pid."""
    how = ["--worker", url, "--domain", domain, *([] if sticky else ["--no-sticky"])]
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "benchmarks.sdk", *how, stdout=asyncio.subprocess.PIPE
    )
    try:
        if process.stdout is None or not await process.stdout.readline():
            raise RuntimeError("the worker did not start")
        yield process.pid
    finally:
        process.kill()
        await process.wait()


async def executions(client: Client, count: int, in_flight: int) -> None:
    room = asyncio.Semaphore(in_flight)

    async def run() -> None:
        async with room:
            await (await one.start(client, PAYLOAD)).result()

    await asyncio.gather(*(run() for _ in range(count)))


async def activities(client: Client, count: int, *, blocking: bool) -> None:
    process = many_blocking if blocking else many
    handles = [await process.start(client, FAN) for _ in range(count // FAN)]
    await asyncio.gather(*(handle.result() for handle in handles))


async def measure(
    what: str, count: int, running: Service, worker_pid: int, act: Callable[[], Awaitable[None]]
) -> dict[str, Any]:
    served, worked, began = running.cpu_seconds(), cpu_seconds(worker_pid), time.perf_counter()
    await act()
    took = time.perf_counter() - began
    return {
        f"{what}_per_s": round(count / took, 1),
        "service_cpu_ms_each": round((running.cpu_seconds() - served) / count * 1e3, 2),
        "worker_cpu_ms_each": round((cpu_seconds(worker_pid) - worked) / count * 1e3, 2),
    }


async def main(options: argparse.Namespace) -> None:
    if options.worker:
        return await serve(options.worker, options.domain, sticky=options.sticky)
    domain = f"bench-{uuid.uuid4().hex[:8]}"
    async with (
        service() as running,
        worker(running.url, domain, sticky=options.sticky) as pid,
        Client(running.url, domain=domain) as client,
    ):
        n, fan = options.n, options.activities
        await executions(client, 20, 10)
        for what, count, act in (
            ("executions", n, lambda: executions(client, n, options.in_flight)),
            ("async_activities", fan, lambda: activities(client, fan, blocking=False)),
            ("sync_activities", fan, lambda: activities(client, fan, blocking=True)),
        ):
            print(json.dumps(await measure(what, count, running, pid, act)))
    return None


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("-n", type=int, default=500)
    parser.add_argument("--in-flight", type=int, default=50)
    parser.add_argument("--activities", type=int, default=2000)
    parser.add_argument("--no-sticky", dest="sticky", action="store_false")
    parser.add_argument("--worker", default="", help=argparse.SUPPRESS)
    parser.add_argument("--domain", default="", help=argparse.SUPPRESS)
    uvloop.run(main(parser.parse_args()))
