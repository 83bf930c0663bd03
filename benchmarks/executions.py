"""Executions per second: start, decide, work, decide, complete; seven calls each, a hundred in flight.

usage: python -m benchmarks.executions [-n 2000] [--in-flight 100] [--rounds 3] [--profile FILE]
                                       [--distributed [--gateways 1] [--coordinators 1] | --endpoint URL]
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import json
import pstats
import statistics
import time
import uuid
from collections.abc import Sequence
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import uvloop

from benchmarks.client import ACTIVITY_TYPE, WORKFLOW_TYPE, Client, decision, register
from benchmarks.engine import Engine, engine
from benchmarks.service import Service, service

STARTERS, DECIDERS, WORKERS = 8, 16, 16
PAYLOAD = "x" * 100


class Load:
    def __init__(self, endpoints: Sequence[str], executions: int, in_flight: int) -> None:
        self._endpoints = itertools.cycle(endpoints)
        self._left = executions
        self._executions = executions
        self._room = asyncio.Semaphore(in_flight)
        self._domain = f"bench-{uuid.uuid4().hex[:8]}"
        self._begun: dict[str, float] = {}
        self._took: list[float] = []
        self._done = asyncio.Event()
        self._clients: list[Client] = []

    def _client(self) -> Client:
        self._clients.append(Client(next(self._endpoints)))
        return self._clients[-1]

    async def run(self) -> dict[str, Any]:
        await register(self._client(), self._domain, "tl")
        self._clients[0].calls = 0
        began = time.perf_counter()
        roles = ((self._start, STARTERS), (self._decide, DECIDERS), (self._work, WORKERS))
        tasks = [asyncio.create_task(role(self._client())) for role, number in roles for _ in range(number)]
        done = asyncio.create_task(self._done.wait())
        finished: set[asyncio.Task[Any]] = set()
        while not done.done() and not any(task.exception() for task in finished):
            # Starters end when all is started; deciders and workers never do.
            running = [task for task in (*tasks, done) if not task.done()]
            finished, _ = await asyncio.wait(running, return_when=asyncio.FIRST_COMPLETED)
        took = time.perf_counter() - began
        for task in (*tasks, done):
            task.cancel()
        await asyncio.gather(*tasks, done, return_exceptions=True)
        for task in finished:
            task.result()
        return self._figures(took)

    def _figures(self, took: float) -> dict[str, Any]:
        ordered = sorted(self._took)
        return {
            "executions_per_s": round(self._executions / took, 1),
            "calls_per_s": round(sum(client.calls for client in self._clients) / took),
            "p50_ms": round(ordered[len(ordered) // 2] * 1000, 1),
            "p99_ms": round(ordered[int(len(ordered) * 0.99)] * 1000, 1),
        }

    async def _start(self, client: Client) -> None:
        while self._left:
            self._left -= 1
            workflow_id = f"w{self._left}"
            await self._room.acquire()
            self._begun[workflow_id] = time.perf_counter()
            await client.call(
                "StartWorkflowExecution",
                domain=self._domain,
                workflowId=workflow_id,
                workflowType=WORKFLOW_TYPE,
                input=PAYLOAD,
            )

    async def _decide(self, client: Client) -> None:
        while True:
            task = await client.call("PollForDecisionTask", domain=self._domain, taskList={"name": "tl"})
            if "taskToken" not in task:
                continue
            last = any(event["eventType"] == "ActivityTaskCompleted" for event in task["events"])
            what = (
                decision("CompleteWorkflowExecution", result="ok")
                if last
                else decision("ScheduleActivityTask", activityType=ACTIVITY_TYPE, activityId="1", input=PAYLOAD)
            )
            await client.call("RespondDecisionTaskCompleted", taskToken=task["taskToken"], decisions=[what])
            if last:
                self._finish(task["workflowExecution"]["workflowId"])

    def _finish(self, workflow_id: str) -> None:
        self._took.append(time.perf_counter() - self._begun.pop(workflow_id))
        self._room.release()
        if len(self._took) == self._executions:
            self._done.set()

    async def _work(self, client: Client) -> None:
        while True:
            task = await client.call("PollForActivityTask", domain=self._domain, taskList={"name": "tl"})
            if "taskToken" in task:
                await client.call("RespondActivityTaskCompleted", taskToken=task["taskToken"], result=PAYLOAD)


async def main(options: argparse.Namespace) -> None:
    async with AsyncExitStack() as stack:
        if options.distributed:
            running = await stack.enter_async_context(
                engine(options.gateways, options.coordinators, profile=options.profile)
            )
            rows = [await _round_of_engine(running, options) for _ in range(options.rounds)]
        elif options.endpoint:
            rows = [await _load([options.endpoint], options) for _ in range(options.rounds)]
        else:
            alone = await stack.enter_async_context(service(profile=options.profile))
            rows = [await _round_of_service(alone, options) for _ in range(options.rounds)]
    print(json.dumps({"median": {key: statistics.median(row[key] for row in rows) for key in rows[0]}}))
    if options.profile:
        pstats.Stats(str(options.profile)).sort_stats("tottime").print_stats(40)


async def _load(urls: list[str], options: argparse.Namespace) -> dict[str, Any]:
    row = await Load(urls, options.executions, options.in_flight).run()
    print(json.dumps(row))
    return row


async def _round_of_service(running: Service, options: argparse.Namespace) -> dict[str, Any]:
    spent = running.cpu_seconds()
    row = await _load([running.url], options)
    return {**row, "cpu_ms": round((running.cpu_seconds() - spent) / options.executions * 1000, 2)}


async def _round_of_engine(running: Engine, options: argparse.Namespace) -> dict[str, Any]:
    """Per execution: messages, store operations, and CPU milliseconds of each process."""
    messages, operations, spent = await running.messages(), running.operations(), running.cpu_seconds()
    row = await _load(running.urls, options)
    now = running.cpu_seconds()
    each = {f"cpu_ms {name}": (now[name] - before) * 1000 for name, before in spent.items()}
    now = running.operations()
    each |= {f"store {kind}": now[kind] - before for kind, before in operations.items()}
    now = await running.messages()
    each |= {f"broker {kind}": now[kind] - before for kind, before in messages.items()}
    figures = {name: round(value / options.executions, 2) for name, value in each.items()}
    print(json.dumps(figures))
    return {**row, **figures}


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("-n", "--executions", type=int, default=2000)
    parser.add_argument("--in-flight", type=int, default=100)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--profile", type=Path)
    parser.add_argument("--distributed", action="store_true", help="on a RabbitMQ and a MongoDB that it starts")
    parser.add_argument("--gateways", type=int, default=1)
    parser.add_argument("--coordinators", type=int, default=1)
    parser.add_argument("--endpoint", help="measure this one instead of starting the service")
    uvloop.run(main(parser.parse_args()))
