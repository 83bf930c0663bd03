"""How late timers fire while many are pending: executions start timers, and their histories say when those fired.

usage: python -m benchmarks.timers [-n 2000] [--each 10] [--settle 60] [--spread 120] [--distributed]

`n` executions start `each` timers apiece, of `settle` to `settle` + `spread` seconds.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import random
from contextlib import AsyncExitStack
from typing import Any

import uvloop

from benchmarks.client import WORKFLOW_TYPE, Client, decision, register
from benchmarks.engine import engine
from benchmarks.service import service

CLIENTS = 16


async def begin(url: str, options: argparse.Namespace) -> list[str]:
    """Start all timers; the run ids."""
    clients = [Client(url) for _ in range(CLIENTS)]
    await register(clients[0], "timers", "tl", "86400")
    numbers = iter(range(options.executions))
    runs: list[str] = []

    async def some(client: Client) -> None:
        for number in numbers:
            run = await client.call(
                "StartWorkflowExecution",
                domain="timers",
                workflowId=f"w{number}",
                workflowType=WORKFLOW_TYPE,
                taskStartToCloseTimeout="NONE",
            )
            runs.append(f"w{number} {run['runId']}")
            task = await client.call("PollForDecisionTask", domain="timers", taskList={"name": "tl"})
            seconds = [options.settle + random.uniform(1, options.spread) for _ in range(options.each)]  # noqa: S311
            decisions = [
                decision("StartTimer", timerId=str(at), startToFireTimeout=str(round(each)))
                for at, each in enumerate(seconds)
            ]
            await client.call("RespondDecisionTaskCompleted", taskToken=task["taskToken"], decisions=decisions)

    await asyncio.gather(*(some(client) for client in clients))
    return runs


async def lateness(url: str, runs: list[str]) -> list[float]:
    """Of every timer that fired, in seconds."""
    client, late = Client(url), []
    for run in runs:
        workflow_id, run_id = run.split()
        page = await client.call(
            "GetWorkflowExecutionHistory",
            domain="timers",
            execution={"workflowId": workflow_id, "runId": run_id},
        )
        due: dict[str, float] = {}
        for event in page["events"]:
            if event["eventType"] == "TimerStarted":
                started = event["timerStartedEventAttributes"]
                due[started["timerId"]] = event["eventTimestamp"] + int(started["startToFireTimeout"])
            elif event["eventType"] == "TimerFired":
                late.append(event["eventTimestamp"] - due[event["timerFiredEventAttributes"]["timerId"]])
    return late


async def measure(url: str, options: argparse.Namespace) -> dict[str, Any]:
    runs = await begin(url, options)
    await asyncio.sleep(options.settle + options.spread + 5)
    late = sorted(await lateness(url, runs))
    return {
        "timers": options.executions * options.each,
        "fired": len(late),
        "early": sum(each < 0 for each in late),
        "late_p50_ms": round(late[len(late) // 2] * 1000),
        "late_p99_ms": round(late[int(len(late) * 0.99)] * 1000),
        "late_max_ms": round(late[-1] * 1000),
    }


async def main(options: argparse.Namespace) -> None:
    async with AsyncExitStack() as stack:
        if options.distributed:
            url = (await stack.enter_async_context(engine())).urls[0]
        else:
            url = (await stack.enter_async_context(service())).url
        print(json.dumps(await measure(url, options)))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("-n", "--executions", type=int, default=2_000)
    parser.add_argument("--each", type=int, default=10)
    parser.add_argument("--spread", type=int, default=120, help="seconds over which they fall due")
    parser.add_argument("--settle", type=int, default=60, help="seconds before the first falls due")
    parser.add_argument("--distributed", action="store_true")
    uvloop.run(main(parser.parse_args()))
