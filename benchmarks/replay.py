"""Replay: events per second, the cost of a decision with the history in memory, and what an execution takes there.

No server: the histories are made here, as SWF writes them. `events_per_s` has the decoding of events in it, from the
bytes of GetWorkflowExecutionHistory; `replay_only` has not.

usage: python -m benchmarks.replay [--events 24000] [--cached 2000]
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import json
import time
import tracemalloc
from collections.abc import Callable
from typing import Any

import msgspec

from workers_sdk import activity, signal, sleep, workflow
from workers_sdk.payloads import JsonConverter
from workers_sdk.replay.replay import Replay
from workflowsvc.swf import shapes

Event = dict[str, Any]
EXECUTION = shapes.WorkflowExecution(workflow_id="order-1", run_id="run-1")
#: More than any history here has.
MANY = 10**9
FAN = 50
LENGTHS = (100, 1_000, 10_000)
#: Decisions that are timed at each length.
DECISIONS = 200


@activity("Charge", "1.0")
def charge(number: int) -> int:
    return number


go = signal("go", int)


@workflow("Sequence", "1.0")
async def sequence(count: int) -> int:
    total = 0
    for number in range(count):
        total += await charge(number)
    return total


@workflow("FanOut", "1.0")
async def fan_out(rounds: int) -> int:
    total = 0
    for _ in range(rounds):
        total += sum(await asyncio.gather(*(charge(number) for number in range(FAN))))
    return total


@workflow("Timers", "1.0")
async def timers(count: int) -> int:
    total = 0
    for _ in range(count):
        await sleep(10)
        total += await go.receive()
    return total


class History:
    """Events as SWF writes them, one decision task after the other."""

    def __init__(self, name: str, argument: int) -> None:
        self.events: list[Event] = []
        self._completed = 0
        self.add(
            "WorkflowExecutionStarted",
            childPolicy="TERMINATE",
            taskList={"name": "main"},
            workflowType={"name": name, "version": "1.0"},
            input=f"[{argument}]",
            executionStartToCloseTimeout="3600",
            taskStartToCloseTimeout="60",
            parentInitiatedEventId=0,
        )

    def add(self, kind: str, **attributes: Any) -> int:
        number = len(self.events) + 1
        member = f"{kind[0].lower()}{kind[1:]}EventAttributes"
        self.events.append(
            {"eventId": number, "eventTimestamp": 1e9 + number / 100, "eventType": kind, member: attributes}
        )
        return number

    def begin(self) -> int:
        """A decision task that is scheduled and started: its startedEventId."""
        scheduled = self.add("DecisionTaskScheduled", taskList={"name": "main"}, startToCloseTimeout="60")
        return self.add("DecisionTaskStarted", scheduledEventId=scheduled, identity="host:1")

    def complete(self) -> None:
        started = self.events[-1]["eventId"]
        self._completed = self.add("DecisionTaskCompleted", scheduledEventId=started - 1, startedEventId=started)

    def decide(self) -> None:
        self.begin()
        self.complete()

    def schedule(self, number: int, value: int) -> int:
        return self.add(
            "ActivityTaskScheduled",
            activityId=str(number),
            activityType={"name": "Charge", "version": "1.0"},
            decisionTaskCompletedEventId=self._completed,
            taskList={"name": "main"},
            input=f"[{value}]",
            startToCloseTimeout="300",
            scheduleToStartTimeout="NONE",
            scheduleToCloseTimeout="NONE",
            heartbeatTimeout="NONE",
        )

    def work(self, scheduled: int, value: int) -> None:
        started = self.add("ActivityTaskStarted", scheduledEventId=scheduled, identity="host:1")
        self.add("ActivityTaskCompleted", scheduledEventId=scheduled, startedEventId=started, result=str(value))

    def sleep(self, number: int) -> None:
        timer = self.add(
            "TimerStarted",
            timerId=str(number),
            startToFireTimeout="10",
            decisionTaskCompletedEventId=self._completed,
        )
        self.add("TimerFired", timerId=str(number), startedEventId=timer)
        self.add("WorkflowExecutionSignaled", signalName="go", input="1", externalInitiatedEventId=0)

    @property
    def decoded(self) -> list[shapes.HistoryEvent]:
        return msgspec.convert(self.events, list[shapes.HistoryEvent])


def sequence_history(events: int) -> History:
    history = History("Sequence", MANY)
    while len(history.events) < events:
        history.decide()
        number = len(history.events) // 6 + 1
        history.work(history.schedule(number, number), number)
    return history


def fan_out_history(events: int) -> History:
    history = History("FanOut", MANY)
    number = 0
    while len(history.events) < events:
        history.decide()
        scheduled = [history.schedule(number + one, one - 1) for one in range(1, FAN + 1)]
        number += FAN
        for one, event in enumerate(scheduled):
            history.work(event, one)
    return history


def timers_history(events: int) -> History:
    history = History("Timers", MANY)
    number = 0
    while len(history.events) < events:
        history.decide()
        number += 1
        history.sleep(number)
    return history


KINDS: dict[str, tuple[Any, Callable[[int], History]]] = {
    "sequence": (sequence, sequence_history),
    "fan_out": (fan_out, fan_out_history),
    "timers_and_signals": (timers, timers_history),
}


def new(kind: str) -> Replay:
    return Replay(KINDS[kind][0], EXECUTION, "benchmark", JsonConverter())


def speed(kind: str, events: int) -> dict[str, Any]:
    history = KINDS[kind][1](events)
    body = msgspec.json.encode({"events": history.events})
    began = time.perf_counter()
    decoded = msgspec.json.decode(body, type=shapes.History).events
    between = time.perf_counter()
    replay = new(kind)
    replay.catch_up(decoded)
    ended = time.perf_counter()
    replay.close()
    return {
        "replay": kind,
        "events": len(decoded),
        "events_per_s": round(len(decoded) / (ended - began)),
        "replay_only": round(len(decoded) / (ended - between)),
    }


def decision_cost(length: int) -> dict[str, Any]:
    """Microseconds of one decision of an execution that is kept in memory, fed with the events that are new."""
    history = sequence_history(length)
    replay = new("sequence")
    started = history.begin()
    replay.decide(history.decoded, started)
    took = 0.0
    for _ in range(DECISIONS):
        seen = len(history.events)
        history.complete()
        number = history.events[-1]["eventId"] // 6 + 1
        history.work(history.schedule(number, number), number)
        started = history.begin()
        fresh = msgspec.convert(history.events[seen:], list[shapes.HistoryEvent])
        began = time.perf_counter()
        replay.decide(fresh, started)
        took += time.perf_counter() - began
    replay.close()
    return {"decision_after_events": length, "us": round(took / DECISIONS * 1e6, 1)}


def memory(length: int, count: int) -> dict[str, Any]:
    """Bytes that one execution of so many events takes while it waits in memory."""
    history = sequence_history(length)
    started = history.begin()
    events = history.decoded
    new("sequence").decide(events, started)
    gc.collect()
    tracemalloc.start()
    kept = [new("sequence") for _ in range(count)]
    for replay in kept:
        replay.decide(events, started)
    gc.collect()
    size, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return {"cached_after_events": length, "bytes": round(size / count)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--events", type=int, default=24_000)
    parser.add_argument("--cached", type=int, default=500)
    options = parser.parse_args()
    for kind in KINDS:
        print(json.dumps(speed(kind, options.events)))
    for length in LENGTHS:
        print(json.dumps(decision_cost(length)))
    for length in (100, 10_000):
        print(json.dumps(memory(length, options.cached if length == 100 else 20)))


if __name__ == "__main__":
    main()
