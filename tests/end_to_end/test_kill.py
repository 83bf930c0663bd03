"""kill -9, again and again, under load. Law: DESIGN.md §7: an acknowledged write is never lost and never doubled.

Everything that is claimed is read from the histories at the end; the ledger of `load.py` says what was acknowledged.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pytest

from tests.end_to_end import checker
from tests.end_to_end.checker import Event, attributes, millis
from tests.end_to_end.load import Ledger, Load
from tests.end_to_end.service import Service
from tests.end_to_end.swf import Swf
from tests.end_to_end.wire import Wire

Histories = Mapping[str, Sequence[Event]]

#: Seconds within which everything that was begun has ended: each step of a story may wait for a timeout, and each
#: timeout for its decision task.
ENDING_SECONDS = 45
#: What a timer may be late, besides the time in which there was no service: on a busy machine with two cores.
LATE_SECONDS = 5


@pytest.fixture
def rounds(request: pytest.FixtureRequest) -> int:
    number: int = request.config.getoption("--kill-rounds")
    return number


@pytest.mark.timeout(900)
async def test_nothing_acknowledged_is_lost(
    private: Callable[..., Service], rounds: int, capsys: pytest.CaptureFixture[str]
) -> None:
    """Killed at random instants, also while it starts, the service loses and doubles nothing."""
    seed = random.randrange(2**32)
    lots = random.Random(seed)
    since = time.monotonic()
    service = private("--poll-seconds", "5")
    swf = Swf(service.url)
    async with Wire(service.url, seconds=15) as wire:
        load = Load(wire, swf.domain, seed)
        load.begin()
        outages = []
        for _ in range(rounds):
            await asyncio.sleep(lots.uniform(0.3, 2.5))  # the instant is drawn by lot
            down = time.time()
            service.kill()
            await _start_again(service, lots)
            outages.append((down, time.time()))
        load.no_more_starts()
        await _all_closed(wire, swf)
        await load.end()
    histories = {run: swf.history(run, name) for name, run in swf.runs()}
    told = f"seed {seed}"
    checked = checker.check_all(histories)
    assert not any(one.open for one in checked.values()), told
    _check_ledger(load.ledger, histories)
    _check_stories(histories)
    late = _latest_timer(histories, outages)
    assert late < LATE_SECONDS, told
    with capsys.disabled():
        print(  # noqa: T201  the figures are the result
            f"\nkill -9: {rounds} rounds, {load.ledger.calls} acknowledged calls, {load.ledger.unanswered} unanswered, "
            f"{len(histories)} executions, {sum(map(len, histories.values()))} events, latest timer {late:.2f} s, "
            f"{time.monotonic() - since:.0f} s ({told})"
        )


async def _start_again(service: Service, lots: random.Random) -> None:
    """On the same data and port; every other time it is killed once more while it starts."""
    if lots.random() < 0.5:
        service.spawn()
        await asyncio.sleep(lots.uniform(0.0, 0.5))
        service.kill()
    await asyncio.to_thread(service.start)


async def _all_closed(wire: Wire, swf: Swf) -> None:
    deadline = time.monotonic() + ENDING_SECONDS
    ask: dict[str, Any] = {"domain": swf.domain, "startTimeFilter": {"oldestDate": 0}}
    while (await wire.good("CountOpenWorkflowExecutions", **ask))["count"]:
        if time.monotonic() > deadline:
            infos = (await wire.good("ListOpenWorkflowExecutions", **ask))["executionInfos"]
            first = infos[0]["execution"]
            history = checker.types(swf.history(first["runId"], first["workflowId"]))
            raise AssertionError(f"{len(infos)} executions do not end; {first}: {history}")
        await asyncio.sleep(0.1)


# ---- the ledger against the histories


def _check_ledger(ledger: Ledger, histories: Histories) -> None:
    assert ledger.surprises == []
    firsts = [attributes(events[0]) for events in histories.values()]
    names = Counter(
        first["input"]
        for first in firsts
        if not first["parentInitiatedEventId"] and "continuedExecutionRunId" not in first
    )
    assert set(names.values()) == {1}, "a start that was not answered began two runs"
    assert set(names) <= ledger.tried
    for name, run in ledger.started.items():
        assert attributes(histories[run][0])["input"] == name, "an acknowledged start"

    signals = _find(histories, "WorkflowExecutionSignaled", "input")
    _once("signal", ledger.signalled, signals)
    assert set(signals) <= ledger.signals_tried
    _once("decision", ledger.decided, _find(histories, "DecisionTaskCompleted", "executionContext"))

    results = _find(histories, "ActivityTaskCompleted", "result")
    _once("result", {result: run for result, (run, _) in ledger.worked.items()}, results)
    for result, (run, started) in ledger.worked.items():
        [event] = [e for e in histories[run] if attributes(e).get("result") == result]
        assert attributes(event)["startedEventId"] == started, "the result of this very start"

    for what, tasks in (("DecisionTaskStarted", ledger.decision_tasks), ("ActivityTaskStarted", ledger.activity_tasks)):
        assert len(set(tasks)) == len(tasks), "a task was handed out twice"
        for run, started in tasks:
            assert histories[run][started - 1]["eventType"] == what
    _check_heartbeats(ledger, histories)


def _find(histories: Histories, kind: str, member: str) -> dict[str, list[str]]:
    """The member's values, and the runs in whose histories each is."""
    found: dict[str, list[str]] = {}
    for run, events in histories.items():
        for event in events:
            if event["eventType"] == kind and member in attributes(event):
                found.setdefault(attributes(event)[member], []).append(run)
    return found


def _once(what: str, acknowledged: Mapping[str, str], found: Mapping[str, list[str]]) -> None:
    doubled = {name: runs for name, runs in found.items() if len(runs) != 1}
    assert not doubled, f"{what}: doubled"
    lost = {name: run for name, run in acknowledged.items() if found.get(name) != [run]}
    assert not lost, f"{what}: acknowledged, and not in the history"


def _check_heartbeats(ledger: Ledger, histories: Histories) -> None:
    """A timeout has the details of the last answered heartbeat, or of a later one that may have been taken."""
    seen = 0
    for run, events in histories.items():
        for event in events:
            if event["eventType"] != "ActivityTaskTimedOut":
                continue
            beats = ledger.beats.get((run, attributes(event)["startedEventId"]), [])
            answered = [number for number, (_, taken) in enumerate(beats) if taken]
            possible = {details for details, _ in beats[answered[-1] if answered else 0 :]}
            if not answered:
                possible.add("")
            assert attributes(event).get("details", "") in possible, f"{run}: {attributes(event)}, sent {beats}"
            seen += bool(answered)
    assert seen, "no heartbeat was to be remembered: the load is not what it should be"


# ---- the stories


def _check_stories(histories: Histories) -> None:
    """Timers fired and not late beyond the outage, children and parents agree, each greeted the other once."""
    for run, events in histories.items():
        kinds = Counter(checker.types(events))
        if events[-1]["eventType"] == "WorkflowExecutionContinuedAsNew":
            assert attributes(events[-1])["newExecutionRunId"] in histories
            continue
        assert events[-1]["eventType"] == "WorkflowExecutionCompleted", f"{run} ended in {events[-1]}"
        greetings = Counter(
            attributes(event)["signalName"]
            for event in events
            if event["eventType"] == "WorkflowExecutionSignaled" and attributes(event)["externalInitiatedEventId"]
        )
        if attributes(events[0])["parentInitiatedEventId"]:
            assert greetings == {"welcome": 1}
        else:
            assert greetings == {"hello": 1}
            assert kinds["TimerFired"] == kinds["TimerStarted"] == 1
            assert kinds["ChildWorkflowExecutionStarted"] == kinds["ChildWorkflowExecutionCompleted"] == 1
            assert attributes(events[-1])["result"] == attributes(events[0])["input"]
            [heard] = [attributes(e) for e in events if e["eventType"] == "ChildWorkflowExecutionCompleted"]
            assert heard["workflowExecution"]["runId"] in histories
            assert heard["result"].startswith("welcomed child-of-")


def _latest_timer(histories: Histories, outages: list[tuple[float, float]]) -> float:
    """The worst lateness of a timer, in seconds; one that came due in an outage was due at its end."""
    worst = 0.0
    for events in histories.values():
        for event in events:
            if event["eventType"] == "TimerFired":
                started = events[attributes(event)["startedEventId"] - 1]
                due = millis(started["eventTimestamp"]) / 1000 + int(attributes(started)["startToFireTimeout"])
                for down, up in outages:
                    if down - 0.1 <= due < up:  # what was due just before may not have been written yet
                        due = up
                worst = max(worst, millis(event["eventTimestamp"]) / 1000 - due)
    return worst
