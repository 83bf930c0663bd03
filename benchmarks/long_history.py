"""The cost of one decision by the length of the history before it, with the sticky way of polling and without.

One execution records markers until its history is long; at each length the service's CPU per decision is measured,
polling from the previous started event (a page of a few events) and for the newest page of a hundred.

usage: python -m benchmarks.long_history [--decisions 300]
"""

from __future__ import annotations

import argparse
import json
import time
from typing import Any

import uvloop

from benchmarks.client import WORKFLOW_TYPE, Client, decision, register
from benchmarks.service import Service, service

LENGTHS = (100, 1_000, 5_000, 10_000, 20_000)
MARKERS = 200
#: How a decider may ask for its task: as a sticky worker does, or for a page of the newest events.
WAYS: dict[str, dict[str, Any]] = {
    "sticky": {"startAtPreviousStartedEvent": True},
    "page_of_100": {"maximumPageSize": 100, "reverseOrder": True},
}


class Decider:
    def __init__(self, client: Client) -> None:
        self._client = client
        self.length = 0

    async def decide(self, decisions: list[dict[str, Any]], **way: Any) -> None:
        await self._client.call("SignalWorkflowExecution", domain="long", workflowId="w", signalName="go")
        task = await self._client.call("PollForDecisionTask", domain="long", taskList={"name": "tl"}, **way)
        await self._client.call("RespondDecisionTaskCompleted", taskToken=task["taskToken"], decisions=decisions)
        self.length = task["startedEventId"] + 1 + len(decisions)

    async def grow(self, length: int) -> None:
        while self.length < length:
            markers = [decision("RecordMarker", markerName="m")] * min(MARKERS, length - self.length)
            await self.decide(markers, **WAYS["sticky"])


async def cost(running: Service, decider: Decider, decisions: int, way: dict[str, Any]) -> dict[str, float]:
    spent, began = running.cpu_seconds(), time.perf_counter()
    for _ in range(decisions):
        await decider.decide([], **way)
    return {
        "cpu_ms": round((running.cpu_seconds() - spent) / decisions * 1000, 3),
        "ms": round((time.perf_counter() - began) / decisions * 1000, 3),
    }


async def main(options: argparse.Namespace) -> None:
    async with service() as running:
        client = Client(running.url)
        await register(client, "long", "tl", "86400")
        await client.call("StartWorkflowExecution", domain="long", workflowId="w", workflowType=WORKFLOW_TYPE)
        decider = Decider(client)
        for length in LENGTHS:
            await decider.grow(length)
            row = {name: await cost(running, decider, options.decisions, way) for name, way in WAYS.items()}
            print(json.dumps({"events": length, **row}))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--decisions", type=int, default=300)
    uvloop.run(main(parser.parse_args()))
