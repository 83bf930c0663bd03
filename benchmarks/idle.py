"""What open executions cost while nothing happens: memory each, and CPU of every process.

Half of them wait for a timer of an hour, half for a signal; two hundred long polls are held beside them.

usage: python -m benchmarks.idle [-n 10000] [--seconds 10] [--distributed]
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
from collections.abc import Mapping
from contextlib import AsyncExitStack
from typing import Any

import uvloop

from benchmarks.client import WORKFLOW_TYPE, Client, decision, register
from benchmarks.engine import engine
from benchmarks.service import cpu_seconds, resident_bytes, service

CLIENTS = 16
POLLS = 200
#: Seconds in which what follows the last start has been done: its decision task's timeout of 30 s has passed.
CALM_SECONDS = 45


async def fill(url: str, executions: int) -> list[Client]:
    clients = [Client(url) for _ in range(CLIENTS)]
    await register(clients[0], "idle", "tl", "86400")
    numbers = iter(range(executions))

    async def open_some(client: Client) -> None:
        for number in numbers:
            await client.call(
                "StartWorkflowExecution",
                domain="idle",
                workflowId=f"w{number}",
                workflowType=WORKFLOW_TYPE,
                input="x" * 100,
            )
            task = await client.call("PollForDecisionTask", domain="idle", taskList={"name": "tl"})
            timer = [decision("StartTimer", timerId="t", startToFireTimeout="3600")] if number % 2 else []
            await client.call("RespondDecisionTaskCompleted", taskToken=task["taskToken"], decisions=timer)

    await asyncio.gather(*(open_some(client) for client in clients))
    return clients


async def measure(url: str, pids: Mapping[str, int], options: argparse.Namespace) -> dict[str, Any]:
    await Client(url).call("ListDomains", registrationStatus="REGISTERED")
    empty = {name: resident_bytes(pid) for name, pid in pids.items()}
    clients = await fill(url, options.executions)
    full = {name: resident_bytes(pid) for name, pid in pids.items()}
    polls = [
        asyncio.create_task(Client(url).call("PollForActivityTask", domain="idle", taskList={"name": "tl"}))
        for _ in range(POLLS)
    ]
    await asyncio.sleep(CALM_SECONDS if options.distributed else 2)
    before = {name: cpu_seconds(pid) for name, pid in pids.items()}
    await asyncio.sleep(options.seconds)
    spent = {name: cpu_seconds(pid) - before[name] for name, pid in pids.items()}
    for poll in polls:
        poll.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await asyncio.gather(*polls)
    for client in clients:
        client.close()
    return {
        "executions": options.executions,
        "resident_kb_per_execution": {
            name: round((full[name] - empty[name]) / options.executions / 1000, 2) for name in pids
        },
        "cpu_percent_of_a_core": {name: round(spent[name] / options.seconds * 100, 2) for name in pids},
    }


async def main(options: argparse.Namespace) -> None:
    async with AsyncExitStack() as stack:
        if options.distributed:
            running = await stack.enter_async_context(engine())
            url, pids = running.urls[0], running.pids
        else:
            alone = await stack.enter_async_context(service())
            url, pids = alone.url, {"dev": alone.pid}
        print(json.dumps(await measure(url, pids, options)))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("-n", "--executions", type=int, default=10_000)
    parser.add_argument("--seconds", type=int, default=10)
    parser.add_argument("--distributed", action="store_true")
    uvloop.run(main(parser.parse_args()))
