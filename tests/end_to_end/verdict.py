"""Whether a service did what it should while it was killed: the ledger of `load.py` against the histories.

Law: DESIGN.md §7: an acknowledged write is never lost and never doubled, and every execution ends. Everything that is
claimed is read from the histories; the first that is broken raises AssertionError.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from tests.end_to_end import checker
from tests.end_to_end.checker import Event, attributes, millis
from tests.end_to_end.load import Ledger
from tests.end_to_end.swf import Swf
from tests.end_to_end.wire import Wire

Histories = Mapping[str, Sequence[Event]]

#: Seconds within which everything that was begun has ended: each step of a story may wait for a timeout, and each
#: timeout for its decision task.
ENDING_SECONDS = 120


async def all_closed(wire: Wire, swf: Swf) -> None:
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


def check_ledger(ledger: Ledger, histories: Histories) -> None:
    assert ledger.surprises == []
    check_acknowledged(ledger, histories)
    _check_heartbeats(ledger, histories)


def check_acknowledged(ledger: Ledger, histories: Histories) -> None:
    """What was answered is there, once, and nothing is there that nobody tried."""
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


def check_stories(histories: Histories) -> None:
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


def latest_timer(histories: Histories, outages: list[tuple[float, float]]) -> float:
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
