"""What a history means, told a second time and in another way: from the JSON of its events alone.

Law: it shares no code with the coordinator. `read` takes one event after the other and fails where one contradicts
those before it; the questions below answer from what was read. What each timeout counts from stands in the
reference's table of timeouts (section 6), what needs a decision in its table of events (section 4).
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, NamedTuple

CLOSES = {
    "WorkflowExecutionCompleted": "COMPLETED",
    "WorkflowExecutionFailed": "FAILED",
    "WorkflowExecutionCanceled": "CANCELED",
    "WorkflowExecutionTerminated": "TERMINATED",
    "WorkflowExecutionTimedOut": "TIMED_OUT",
    "WorkflowExecutionContinuedAsNew": "CONTINUED_AS_NEW",
}
#: Events marked +D, but for the failed closes: for those the task is waiting already.
NEEDING_A_DECISION = {
    "WorkflowExecutionStarted",
    "WorkflowExecutionCancelRequested",
    "WorkflowExecutionSignaled",
    "ContinueAsNewWorkflowExecutionFailed",
    "DecisionTaskTimedOut",
    "ScheduleActivityTaskFailed",
    "ActivityTaskCompleted",
    "ActivityTaskFailed",
    "ActivityTaskTimedOut",
    "ActivityTaskCanceled",
    "RequestCancelActivityTaskFailed",
    "TimerFired",
    "StartTimerFailed",
    "CancelTimerFailed",
    "RecordMarkerFailed",
    "StartChildWorkflowExecutionFailed",
    "ChildWorkflowExecutionStarted",
    "ChildWorkflowExecutionCompleted",
    "ChildWorkflowExecutionFailed",
    "ChildWorkflowExecutionTimedOut",
    "ChildWorkflowExecutionCanceled",
    "ChildWorkflowExecutionTerminated",
    "SignalExternalWorkflowExecutionFailed",
    "RequestCancelExternalWorkflowExecutionFailed",
    "ExternalWorkflowExecutionSignaled",
    "ExternalWorkflowExecutionCancelRequested",
    "LambdaFunctionCompleted",
    "LambdaFunctionFailed",
    "LambdaFunctionTimedOut",
    "ScheduleLambdaFunctionFailed",
    "StartLambdaFunctionFailed",
}
UNHANDLED = {
    "CompleteWorkflowExecutionFailed",
    "FailWorkflowExecutionFailed",
    "CancelWorkflowExecutionFailed",
    "ContinueAsNewWorkflowExecutionFailed",
}
#: Events that only time brings.
OF_TIME = {
    "WorkflowExecutionTimedOut",
    "DecisionTaskTimedOut",
    "ActivityTaskTimedOut",
    "TimerFired",
    "LambdaFunctionTimedOut",
}


class Entry(NamedTuple):
    id: int
    at: int
    type: str
    #: the event's attributes, by their wire names
    of: dict[str, Any]


class Due(NamedTuple):
    at: int
    #: the id of the event that set it, and what comes of it: a timeout type, or the event's own type
    about: int
    what: str


def entry(wire: bytes) -> Entry:
    event = json.loads(wire)
    kind = event["eventType"]
    attributes = event[f"{kind[0].lower()}{kind[1:]}EventAttributes"]
    assert set(event) == {"eventId", "eventTimestamp", "eventType", f"{kind[0].lower()}{kind[1:]}EventAttributes"}
    return Entry(event["eventId"], round(event["eventTimestamp"] * 1000), kind, attributes)


class Oracle:
    def __init__(self) -> None:
        self.entries: list[Entry] = []
        self.queued: Entry | None = None
        self.started: Entry | None = None
        self.previous_started = 0
        self.context: str | None = None
        #: open ones, by the id of the event that scheduled, started or initiated them
        self.activities: dict[int, Entry] = {}
        self.timers: dict[int, Entry] = {}
        self.children: dict[int, Entry] = {}
        self.lambdas: dict[int, Entry] = {}
        self.external: dict[int, Entry] = {}
        #: started events of open activities, functions and children, by the same id
        self.begun: dict[int, Entry] = {}
        self.beats: dict[int, int] = {}
        self.closed: Entry | None = None

    # ---- reading

    def read(self, wire: bytes) -> Entry:
        new = entry(wire)
        assert self.closed is None, f"{new} follows the close"
        assert new.id == len(self.entries) + 1
        assert not self.entries or new.at >= self.entries[-1].at
        if new.type in OF_TIME:
            self._must_be_due(new)
        self._take(new)
        self.entries.append(new)
        return new

    def _must_be_due(self, new: Entry) -> None:
        """It fires neither early nor under the name of a timeout that would have come later."""
        about = new.of.get("scheduledEventId", new.of.get("startedEventId", 0))
        what = new.of.get("timeoutType", new.type)
        rows = [due for due in self.deadlines() if due.about == about]
        assert rows, f"nothing is due for {new}"
        assert min(rows).at <= new.at, f"{new} came before {min(rows)}"
        assert what in {due.what for due in rows if due.at == min(rows).at}

    def _take(self, new: Entry) -> None:
        kind, of = new.type, new.of
        opened = {
            "ActivityTaskScheduled": self.activities,
            "TimerStarted": self.timers,
            "LambdaFunctionScheduled": self.lambdas,
            "StartChildWorkflowExecutionInitiated": self.children,
            "SignalExternalWorkflowExecutionInitiated": self.external,
            "RequestCancelExternalWorkflowExecutionInitiated": self.external,
        }
        if kind in CLOSES:
            self.closed, self.queued, self.started = new, None, None
        elif kind.startswith("DecisionTask"):
            self._take_decision_task(new)
        elif kind in opened:
            for name in ("activityId", "timerId"):
                assert name not in of or of[name] not in {other.of[name] for other in opened[kind].values()}
            opened[kind][new.id] = new
        elif kind in ("ActivityTaskStarted", "LambdaFunctionStarted"):
            assert of["scheduledEventId"] in (self.activities if kind.startswith("Activity") else self.lambdas)
            self._begin(of["scheduledEventId"], new)
        elif kind == "ChildWorkflowExecutionStarted":
            assert of["initiatedEventId"] in self.children
            self._begin(of["initiatedEventId"], new)
        elif kind == "ActivityTaskCancelRequested":
            assert of["activityId"] in {task.of["activityId"] for task in self.activities.values()}
        else:
            self._take_end(new)

    def _begin(self, about: int, new: Entry) -> None:
        assert about not in self.begun, f"{new}: it had begun"
        self.begun[about] = new

    def _take_decision_task(self, new: Entry) -> None:
        match new.type:
            case "DecisionTaskScheduled":
                assert self.queued is None, "two decision tasks wait"
                self.queued = new
            case "DecisionTaskStarted":
                assert self.started is None, "two decision tasks are worked on"
                assert self.queued is not None
                assert self.queued.id == new.of["scheduledEventId"]
                self.begun[self.queued.id] = new
                self.started, self.queued = self.queued, None
            case "DecisionTaskCompleted":
                assert self._worked_on() == (new.of["scheduledEventId"], new.of["startedEventId"])
                self.started, self.previous_started = None, new.of["startedEventId"]
                self.context = new.of.get("executionContext", self.context)
            case "DecisionTaskTimedOut" if new.of["startedEventId"]:
                assert self._worked_on() == (new.of["scheduledEventId"], new.of["startedEventId"])
                self.started = None
            case _:
                assert self.queued is not None
                assert self.queued.id == new.of["scheduledEventId"]
                self.queued = None

    def _worked_on(self) -> tuple[int, int] | None:
        return self.started and (self.started.id, self.begun[self.started.id].id)

    def _take_end(self, new: Entry) -> None:
        kind, of = new.type, new.of
        if kind.startswith("ActivityTask"):
            self._end(self.activities, of["scheduledEventId"], of["startedEventId"])
        elif kind.startswith("LambdaFunction"):
            self._end(self.lambdas, of["scheduledEventId"], of["startedEventId"])
        elif kind == "StartLambdaFunctionFailed":
            self._end(self.lambdas, of["scheduledEventId"], 0)
        elif kind in ("TimerFired", "TimerCanceled"):
            assert self.timers.pop(of["startedEventId"]).of["timerId"] == of["timerId"]
        elif kind.startswith("ChildWorkflowExecution"):
            assert of["startedEventId"]
            self._end(self.children, of["initiatedEventId"], of["startedEventId"])
        elif kind == "StartChildWorkflowExecutionFailed" and of["initiatedEventId"]:
            self._end(self.children, of["initiatedEventId"], 0)
        elif kind in ("ExternalWorkflowExecutionSignaled", "SignalExternalWorkflowExecutionFailed"):
            self._answer(new, "SignalExternalWorkflowExecutionInitiated")
        elif kind in (
            "ExternalWorkflowExecutionCancelRequested",
            "RequestCancelExternalWorkflowExecutionFailed",
        ):
            self._answer(new, "RequestCancelExternalWorkflowExecutionInitiated")

    def _end(self, opened: dict[int, Entry], about: int, started: int) -> None:
        assert about in opened, f"event {about} opened nothing that is open"
        begun = self.begun.get(about)
        assert started == (begun.id if begun else 0)
        del opened[about]

    def _answer(self, new: Entry, asked: str) -> None:
        initiated = self.external.pop(new.of["initiatedEventId"])
        assert initiated.type == asked
        # Flow for Java finds what it asked for by `control`.
        if new.type.endswith("Failed"):
            assert new.of.get("control") == initiated.of.get("control")

    # ---- questions

    def deadlines(self) -> Iterator[Due]:
        """All that time may yet bring, the earliest of each."""
        if self.closed is not None:
            return
        first = self.entries[0]
        yield Due(first.at + _span(first, "executionStartToCloseTimeout"), 0, "START_TO_CLOSE")
        if self.queued:
            yield from self._of_task(self.queued, (self.queued.at, "scheduleToStartTimeout", "SCHEDULE_TO_START"))
        if self.started:
            since = self.begun[self.started.id].at
            yield from self._of_task(self.started, (since, "startToCloseTimeout", "START_TO_CLOSE"))
        for task in self.activities.values():
            yield from self._of_activity(task)
        for timer in self.timers.values():
            yield Due(timer.at + _span(timer, "startToFireTimeout"), timer.id, "TimerFired")
        for function in self.lambdas.values():
            if function.id in self.begun:
                given = function.of.get("startToCloseTimeout", "NONE")
                span = 900_000 if given == "NONE" else int(given) * 1000
                yield Due(self.begun[function.id].at + span, function.id, "START_TO_CLOSE")

    def _of_activity(self, task: Entry) -> Iterator[Due]:
        begun = self.begun.get(task.id)
        yield from self._of_task(task, (task.at, "scheduleToCloseTimeout", "SCHEDULE_TO_CLOSE"))
        if begun is None:
            yield from self._of_task(task, (task.at, "scheduleToStartTimeout", "SCHEDULE_TO_START"))
        else:
            beaten = max(begun.at, self.beats.get(task.id, 0))
            yield from self._of_task(task, (begun.at, "startToCloseTimeout", "START_TO_CLOSE"))
            yield from self._of_task(task, (beaten, "heartbeatTimeout", "HEARTBEAT"))

    @staticmethod
    def _of_task(task: Entry, clock: tuple[int, str, str]) -> Iterator[Due]:
        since, member, what = clock
        if task.of[member] != "NONE":
            yield Due(since + _span(task, member), task.id, what)

    def next_deadline(self) -> int | None:
        return min((due.at for due in self.deadlines()), default=None)

    def pending(self) -> set[tuple[str, str, int]]:
        """Tasks that are scheduled and not started: their kind, their list, their id."""
        if self.closed is not None:
            return set()
        waiting = {
            ("activity", task.of["taskList"]["name"], task.id)
            for task in self.activities.values()
            if task.id not in self.begun
        }
        if self.queued:
            waiting.add(("decision", self.queued.of["taskList"]["name"], self.queued.id))
        return waiting

    def on_offer(self) -> set[int]:
        """Tasks that a poller could be given now: a decision task only while none is worked on."""
        if self.closed is not None:
            return set()
        waiting = {about for about in (*self.activities, *self.lambdas) if about not in self.begun}
        return waiting | ({self.queued.id} if self.queued and not self.started else set())

    def open_counts(self) -> dict[str, int]:
        return {
            "openActivityTasks": len(self.activities),
            "openDecisionTasks": 1 if self.queued or self.started else 0,
            "openTimers": len(self.timers),
            "openChildWorkflowExecutions": len(self.children),
            "openLambdaFunctions": len(self.lambdas),
        }

    def latest_activity(self) -> int | None:
        return max((event.at for event in self.entries if event.type.startswith("ActivityTask")), default=None)


def _span(event: Entry, member: str) -> int:
    return int(event.of[member]) * 1000
