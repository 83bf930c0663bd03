"""A crowd of starters, signallers, deciders and workers that goes on whatever happens to the service.

Law: what was acknowledged is written down at once, and only that; a call that was not answered may have happened or
not, and is never repeated under the same name. Deciders keep no memory: every decision follows from the history that
came with the task, as in a decider that was restarted. Nobody here judges; `Ledger` is for the test.

Two kinds of executions. A *parent* does two activities, a timer, a mute activity (which beats its heart and then is
silent), a child, and waits for a signal of that child; every fifth does so only in the run that continues its first.
A *child* greets its parent and closes once it is greeted back.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, field
from itertools import count
from typing import Any

import aiohttp

from tests.end_to_end.checker import Event, attributes
from tests.end_to_end.swf import ACTIVITY, WORKFLOW, complete, decision
from tests.end_to_end.wire import Answer, Wire

#: Seconds of the timeouts: tasks in the hands of a process that was killed come again this soon.
TASK_TIMEOUT = "2"
_SETTINGS = {"workflowType": WORKFLOW, "taskStartToCloseTimeout": TASK_TIMEOUT}
_REFUSALS_OF_A_LATE_ANSWER = {"UnknownResourceFault"}
#: What a client sees of a service that is being killed.
_BROKEN = (aiohttp.ClientError, OSError, asyncio.TimeoutError, asyncio.IncompleteReadError)


@dataclass
class Ledger:
    """All that the service acknowledged, and what it may or may not have done."""

    calls: int = 0
    unanswered: int = 0
    #: workflowId -> runId, of starts that were answered
    started: dict[str, str] = field(default_factory=dict)
    #: every workflowId that somebody tried to start
    tried: set[str] = field(default_factory=set)
    #: input -> runId
    signalled: dict[str, str] = field(default_factory=dict)
    signals_tried: set[str] = field(default_factory=set)
    #: executionContext -> runId
    decided: dict[str, str] = field(default_factory=dict)
    #: result -> (runId, startedEventId)
    worked: dict[str, tuple[str, int]] = field(default_factory=dict)
    #: (runId, startedEventId) -> details of the heartbeats in their order, and whether each was answered
    beats: dict[tuple[str, int], list[tuple[str, bool]]] = field(default_factory=dict)
    #: (runId, startedEventId) of every task that was handed out
    decision_tasks: list[tuple[str, int]] = field(default_factory=list)
    activity_tasks: list[tuple[str, int]] = field(default_factory=list)
    #: answers that nothing explains
    surprises: list[str] = field(default_factory=list)


class Load:
    def __init__(self, wire: Wire, domain: str, seed: int) -> None:
        self.ledger = Ledger()
        self._wire = wire
        self._domain = domain
        self._random = random.Random(seed)
        self._unique = count()
        self._open: list[tuple[str, str]] = []
        self._tasks: list[asyncio.Task[None]] = []
        self._starting = asyncio.Event()

    # ---- who is there

    def begin(self, *, starters: int = 3, signallers: int = 2, deciders: int = 6, workers: int = 6) -> None:
        self._starting.set()
        roles: list[tuple[int, Callable[[], Awaitable[None]]]] = [
            (starters, self._start),
            (signallers, self._signal),
            (deciders, self._decide),
            (workers, self._work),
        ]
        self._tasks = [
            asyncio.create_task(self._for_ever(one, polite=one in (self._start, self._signal)))
            for number, one in roles
            for _ in range(number)
        ]

    def no_more_starts(self) -> None:
        self._starting.clear()

    async def end(self) -> None:
        for task in self._tasks:
            task.cancel()
        for result in await asyncio.gather(*self._tasks, return_exceptions=True):
            if isinstance(result, Exception):
                raise result

    async def _for_ever(self, turn: Callable[[], Awaitable[None]], *, polite: bool) -> None:
        while True:
            if polite:
                await self._starting.wait()
                await asyncio.sleep(self._random.uniform(0.0, 0.06))  # the rate of the load
            await turn()

    def _name(self, kind: str) -> str:
        return f"{kind}-{next(self._unique)}"

    async def _call(self, operation: str, **members: Any) -> Answer | None:
        """The answer, or None where none came."""
        try:
            answer = await self._wire.call(operation, **members)
        except _BROKEN:
            self.ledger.unanswered += 1
            await asyncio.sleep(0.05)  # the service is down: try again soon
            return None
        if answer.status == 200:
            self.ledger.calls += 1
        elif answer.status >= 500:
            self.ledger.unanswered += 1
            return None
        return answer

    def _expect(self, answer: Answer, *codes: str) -> None:
        if answer.status != 200 and answer.code not in codes:
            self.ledger.surprises.append(str(answer))

    # ---- starters and signallers

    async def _start(self) -> None:
        name = self._name("parent")
        self.ledger.tried.add(name)
        answer = await self._call(
            "StartWorkflowExecution", domain=self._domain, workflowId=name, input=name, **_SETTINGS
        )
        if answer is None:
            return
        self._expect(answer)
        if answer.status == 200:
            self.ledger.started[name] = answer.body["runId"]
            self._open.append((name, answer.body["runId"]))

    async def _signal(self) -> None:
        if not self._open:
            return
        workflow_id, run_id = self._random.choice(self._open[-40:])
        text = self._name("signal")
        self.ledger.signals_tried.add(text)
        answer = await self._call(
            "SignalWorkflowExecution",
            domain=self._domain,
            workflowId=workflow_id,
            runId=run_id,
            signalName="client",
            input=text,
        )
        if answer is None:
            return
        self._expect(answer, "UnknownResourceFault")  # it may have closed
        if answer.status == 200:
            self.ledger.signalled[text] = run_id

    # ---- deciders

    async def _decide(self) -> None:
        ask = {"domain": self._domain, "taskList": {"name": "deciders"}}
        answer = await self._call("PollForDecisionTask", **ask)
        if answer is None:
            return
        self._expect(answer)
        task = answer.body
        if "taskToken" not in task:
            return
        run_id = task["workflowExecution"]["runId"]
        self.ledger.decision_tasks.append((run_id, task["startedEventId"]))
        context = self._name("context")
        answer = await self._call(
            "RespondDecisionTaskCompleted",
            taskToken=task["taskToken"],
            executionContext=context,
            decisions=decisions_for(task["workflowExecution"]["workflowId"], task["events"]),
        )
        if answer is None:
            return
        self._expect(answer, *_REFUSALS_OF_A_LATE_ANSWER)
        if answer.status == 200:
            self.ledger.decided[context] = run_id

    # ---- workers

    async def _work(self) -> None:
        answer = await self._call("PollForActivityTask", domain=self._domain, taskList={"name": "workers"})
        if answer is None:
            return
        self._expect(answer)
        task = answer.body
        if "taskToken" not in task:
            return
        key = (task["workflowExecution"]["runId"], task["startedEventId"])
        self.ledger.activity_tasks.append(key)
        for _ in range(self._random.randint(1, 3)):
            details = self._name("beat")
            answer = await self._call("RecordActivityTaskHeartbeat", taskToken=task["taskToken"], details=details)
            answered = answer is not None and answer.status == 200
            self.ledger.beats.setdefault(key, []).append((details, answered))
            if answer is not None:
                self._expect(answer, *_REFUSALS_OF_A_LATE_ANSWER)
        if task["activityId"].startswith("mute"):
            return
        result = self._name("result")
        answer = await self._call("RespondActivityTaskCompleted", taskToken=task["taskToken"], result=result)
        if answer is None:
            return
        self._expect(answer, *_REFUSALS_OF_A_LATE_ANSWER)
        if answer.status == 200:
            self.ledger.worked[result] = key


# ---- what a decider decides ------------------------------------------------------------------------------------


def decisions_for(workflow_id: str, events: list[Event]) -> list[dict[str, Any]]:
    told = Told(events)
    return _child(workflow_id, told) if workflow_id.startswith("child") else _parent(workflow_id, told)


class Told:
    """What a history says, as far as these deciders ask."""

    def __init__(self, events: Iterable[Event]) -> None:
        self.events = list(events)

    def of(self, *kinds: str) -> list[Any]:
        return [attributes(event) for event in self.events if event["eventType"] in kinds]

    def activities(self) -> dict[str, str]:
        """activityId -> the type of its last event."""
        names: dict[int, str] = {}
        states: dict[str, str] = {}
        for event in self.events:
            kind = event["eventType"]
            if kind == "ActivityTaskScheduled":
                names[event["eventId"]] = attributes(event)["activityId"]
                states[names[event["eventId"]]] = kind
            elif kind.startswith("ActivityTask"):
                states[names[attributes(event)["scheduledEventId"]]] = kind
        return states

    def signals(self) -> set[str]:
        return {one["signalName"] for one in self.of("WorkflowExecutionSignaled")}


def _activity(activity_id: str, **more: str) -> dict[str, Any]:
    return decision(
        "ScheduleActivityTask",
        activityId=activity_id,
        activityType=ACTIVITY,
        **{"startToCloseTimeout": TASK_TIMEOUT, "heartbeatTimeout": TASK_TIMEOUT} | more,
    )


def _parent(workflow_id: str, told: Told) -> list[dict[str, Any]]:
    states = told.activities()
    if not states:
        return _begin(workflow_id, told)
    wanted = _greeting(told)
    # What was lost with its worker is tried anew, under the next name; a mute one was meant to be lost.
    for name, state in states.items():
        if state == "ActivityTaskTimedOut" and not name.startswith("mute") and _newest(name, states):
            wanted.append(_activity(f"{name.partition('-')[0]}-{len(states)}-{len(wanted)}"))
    pending = any(state in ("ActivityTaskScheduled", "ActivityTaskStarted") for state in states.values())
    heard = (
        told.of("TimerFired")
        and told.of("ChildWorkflowExecutionCompleted")
        and told.of("ExternalWorkflowExecutionSignaled", "SignalExternalWorkflowExecutionFailed")
    )
    if heard and not pending and not wanted:
        return [complete(result=workflow_id)]
    return wanted


def _begin(workflow_id: str, told: Told) -> list[dict[str, Any]]:
    number = int(workflow_id.rpartition("-")[2])
    if number % 5 == 4 and "continuedExecutionRunId" not in told.of("WorkflowExecutionStarted")[0]:
        settings = {"input": workflow_id, "taskStartToCloseTimeout": TASK_TIMEOUT}
        return [decision("ContinueAsNewWorkflowExecution", **settings)]
    return [
        _activity("a"),
        _activity("b"),
        *([_activity("mute", heartbeatTimeout="1")] if number % 3 == 0 else []),
        decision("StartTimer", timerId="t", startToFireTimeout=str(number % 3)),
        decision("RecordMarker", markerName="begun"),
        decision("StartChildWorkflowExecution", workflowId=f"child-of-{workflow_id}", **_SETTINGS),
    ]


def _greeting(told: Told) -> list[dict[str, Any]]:
    child = told.of("ChildWorkflowExecutionStarted")
    if not child or "hello" not in told.signals() or told.of("SignalExternalWorkflowExecutionInitiated"):
        return []
    return [decision("SignalExternalWorkflowExecution", signalName="welcome", **child[0]["workflowExecution"])]


def _newest(name: str, states: dict[str, str]) -> bool:
    """Whether this is the last try of its activity."""
    stem = name.partition("-")[0]
    return [other for other in states if other.partition("-")[0] == stem][-1] == name


def _child(workflow_id: str, told: Told) -> list[dict[str, Any]]:
    if not told.of("SignalExternalWorkflowExecutionInitiated"):
        parent = told.of("WorkflowExecutionStarted")[0]["parentWorkflowExecution"]
        return [decision("SignalExternalWorkflowExecution", signalName="hello", **parent)]
    if "welcome" in told.signals():
        return [complete(result=f"welcomed {workflow_id}")]
    return []
