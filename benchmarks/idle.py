"""What open executions cost while nothing happens: memory each, and CPU of the whole service.

Half of them wait for a timer of an hour, half for a signal; two hundred long polls are held beside them.

usage: python -m benchmarks.idle [-n 10000] [--seconds 10]
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
from typing import Any

import uvloop

from benchmarks.client import WORKFLOW_TYPE, Client, decision, register
from benchmarks.service import Service, service

CLIENTS = 16
POLLS = 200


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


async def measure(running: Service, options: argparse.Namespace) -> dict[str, Any]:
    warm = Client(running.url)
    await warm.call("ListDomains", registrationStatus="REGISTERED")
    empty = running.resident_bytes()
    clients = await fill(running.url, options.executions)
    full = running.resident_bytes()
    polls = [
        asyncio.create_task(Client(running.url).call("PollForActivityTask", domain="idle", taskList={"name": "tl"}))
        for _ in range(POLLS)
    ]
    await asyncio.sleep(2)
    spent = running.cpu_seconds()
    await asyncio.sleep(options.seconds)
    spent = running.cpu_seconds() - spent
    for poll in polls:
        poll.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await asyncio.gather(*polls)
    for client in clients:
        client.close()
    return {
        "executions": options.executions,
        "resident_kb_per_execution": round((full - empty) / options.executions / 1000, 2),
        "cpu_percent_of_a_core": round(spent / options.seconds * 100, 2),
    }


async def main(options: argparse.Namespace) -> None:
    async with service() as running:
        print(json.dumps(await measure(running, options)))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("-n", "--executions", type=int, default=10_000)
    parser.add_argument("--seconds", type=int, default=10)
    uvloop.run(main(parser.parse_args()))
