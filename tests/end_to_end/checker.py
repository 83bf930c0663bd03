"""Whether a history, in wire form, obeys SWF.md §4-§6, and whether several agree with one another.

Law: reads events as any client gets them (boto3's or plain JSON) and knows nothing of the service's own code. Each
rule is checked where its sentence stands; the first that is broken raises AssertionError and names the event.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

import botocore.loaders
import botocore.model
from botocore.validate import ParamValidator

Event = Mapping[str, Any]

_MODEL = botocore.model.ServiceModel(botocore.loaders.Loader().load_service_model("swf", "service-2", "2012-01-25"))
_SHAPE = _MODEL.shape_for("HistoryEvent")
_VALIDATOR = ParamValidator()
EVENT_TYPES = frozenset(_MODEL.shape_for("EventType").enum)

# ---- the tables of SWF.md §4 -----------------------------------------------------------------------------------

#: Column D: "+D = event makes a decision task needed".
NEEDS_DECISION = frozenset(
    {
        "WorkflowExecutionStarted",
        "WorkflowExecutionCancelRequested",
        "WorkflowExecutionSignaled",
        "CompleteWorkflowExecutionFailed",
        "FailWorkflowExecutionFailed",
        "CancelWorkflowExecutionFailed",
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
)

CLOSES = {
    "WorkflowExecutionCompleted": "COMPLETED",
    "WorkflowExecutionFailed": "FAILED",
    "WorkflowExecutionCanceled": "CANCELED",
    "WorkflowExecutionTimedOut": "TIMED_OUT",
    "WorkflowExecutionTerminated": "TERMINATED",
    "WorkflowExecutionContinuedAsNew": "CONTINUED_AS_NEW",
}

#: Which type of event a member names; the member is decisionTaskCompletedEventId everywhere else.
_COMPLETED = {"decisionTaskCompletedEventId": "DecisionTaskCompleted"}


def _of_task(kind: str, ends: str) -> dict[str, dict[str, str]]:
    scheduled = {"scheduledEventId": f"{kind}Scheduled"}
    both = scheduled | {"startedEventId": f"{kind}Started"}
    return {f"{kind}Started": scheduled} | {f"{kind}{end}": both for end in ends.split()}


def _of_initiated(kind: str, ends: str) -> dict[str, dict[str, str]]:
    return {end: {"initiatedEventId": f"{kind}Initiated"} for end in ends.split()}


_CHILD_ENDS = tuple(
    f"ChildWorkflowExecution{end}" for end in ("Completed", "Failed", "TimedOut", "Canceled", "Terminated")
)

REFERENCES: dict[str, dict[str, str]] = (
    _of_task("DecisionTask", "Completed TimedOut")
    | _of_task("ActivityTask", "Completed Failed TimedOut Canceled")
    | _of_task("LambdaFunction", "Completed Failed TimedOut")
    | {
        "StartLambdaFunctionFailed": {"scheduledEventId": "LambdaFunctionScheduled"},
        "TimerFired": {"startedEventId": "TimerStarted"},
        "TimerCanceled": {"startedEventId": "TimerStarted"},
    }
    | _of_initiated(
        "StartChildWorkflowExecution",
        "ChildWorkflowExecutionStarted StartChildWorkflowExecutionFailed",
    )
    | {
        end: {
            "initiatedEventId": "StartChildWorkflowExecutionInitiated",
            "startedEventId": "ChildWorkflowExecutionStarted",
        }
        for end in _CHILD_ENDS
    }
    | _of_initiated(
        "SignalExternalWorkflowExecution", "ExternalWorkflowExecutionSignaled SignalExternalWorkflowExecutionFailed"
    )
    | _of_initiated(
        "RequestCancelExternalWorkflowExecution",
        "ExternalWorkflowExecutionCancelRequested RequestCancelExternalWorkflowExecutionFailed",
    )
)

#: "An id of 0 means no such event": where it may be, and of which timeouts it must be.
_MAY_BE_ZERO = {
    ("ActivityTaskCanceled", "startedEventId"),
    ("ActivityTaskTimedOut", "startedEventId"),
    ("DecisionTaskTimedOut", "startedEventId"),
    ("StartChildWorkflowExecutionFailed", "initiatedEventId"),
    ("StartChildWorkflowExecutionFailed", "decisionTaskCompletedEventId"),
}


def attributes(event: Event) -> Mapping[str, Any]:
    found: Mapping[str, Any] = event[_member(event["eventType"])]
    return found


def millis(at: Any) -> int:
    """A timestamp in milliseconds: boto3 gives a datetime, the wire a number of seconds."""
    return round((at.timestamp() if isinstance(at, datetime) else at) * 1000)


def _member(event_type: str) -> str:
    return event_type[0].lower() + event_type[1:] + "EventAttributes"


class Checked(NamedTuple):
    """What a history that obeys the rules says of its execution."""

    open: bool
    close_status: str | None
    #: ids of what is still open
    activities: set[int]
    timers: set[int]
    children: set[int]
    decision_queued: bool
    decision_started: bool


def check(events: Sequence[Event]) -> Checked:
    """One whole history, oldest first."""
    return _Checker(events).run()


class _Checker:
    def __init__(self, events: Sequence[Event]) -> None:
        self.events = events
        self.at = 0
        self.queued = 0  # id of a DecisionTaskScheduled that nobody has started
        self.started = 0  # id of the open DecisionTaskStarted
        self.closed: str | None = None
        #: an event needs a decision task that must come next
        self.needed = False
        #: the DecisionTaskCompleted whose decisions are being recorded; a decision task needed by them comes after
        self.batch = 0
        self.batch_needs = False
        self.activities: dict[str, int] = {}  # open ones, by activityId
        self.timers: dict[str, int] = {}
        self.lambdas: set[int] = set()
        self.children: dict[int, int] = {}  # initiated -> started, 0 until then
        self.externals: set[int] = set()
        self.begun: dict[int, int] = {}  # scheduled -> started, of activities and lambdas

    def run(self) -> Checked:
        assert self.events, "an empty history"
        previous = 0
        for event in self.events:
            self.at += 1
            try:
                self._wire_form(event)
                assert millis(event["eventTimestamp"]) >= previous, "time runs backwards"
                previous = millis(event["eventTimestamp"])
                self._references(event)
                self._decision_tasks(event)
                self._state(event)
            except AssertionError as error:
                around = "\n".join(map(str, self.events[max(0, self.at - 6) : self.at + 2]))
                raise AssertionError(f"event {self.at}: {error}\n{around}") from None
        assert self.closed or not (self.needed or self.batch_needs), "the last event needs a decision task"
        return Checked(
            open=self.closed is None,
            close_status=self.closed,
            activities=set(self.activities.values()),
            timers=set(self.timers.values()),
            children={initiated for initiated, started in self.children.items() if started},
            decision_queued=bool(self.queued),
            decision_started=bool(self.started),
        )

    # ---- every event

    def _wire_form(self, event: Event) -> None:
        assert event["eventId"] == self.at, "ids are 1.. dense, in order"
        kind = event["eventType"]
        assert kind in EVENT_TYPES, f"no event type {kind}"
        expected = {"eventId", "eventTimestamp", "eventType", _member(kind)}
        assert set(event) == expected, f"members are {sorted(event)}"
        report = _VALIDATOR.validate(event, _SHAPE)
        assert not report.has_errors(), report.generate_report()
        assert (kind == "WorkflowExecutionStarted") == (self.at == 1), "the first event starts it, and no other"
        assert self.closed is None, "nothing is ever written after a close event"

    def _references(self, event: Event) -> None:
        """Every back-reference names an earlier event of the right type, and of the same subject."""
        kind, members = event["eventType"], attributes(event)
        table = REFERENCES.get(kind, {}) | _COMPLETED
        for member, target in table.items():
            if member not in members or (members[member] == 0 and (kind, member) in _MAY_BE_ZERO):
                continue
            number = members[member]
            assert 0 < number < self.at, f"{member} {number} is not of an earlier event"
            found = self._at(number)
            assert found["eventType"] == target, f"{member} {number} is a {found['eventType']}, not a {target}"
            if member == "startedEventId" and "scheduledEventId" in members:
                assert attributes(found)["scheduledEventId"] == members["scheduledEventId"], "another task's start"
            if member == "startedEventId" and "initiatedEventId" in members:
                assert attributes(found)["initiatedEventId"] == members["initiatedEventId"], "another child's start"

    # ---- decision tasks (SWF.md §5)

    def _decision_tasks(self, event: Event) -> None:
        kind, members = event["eventType"], attributes(event)
        if self.batch and not self._in_batch(event):
            self.needed = self.batch_needs and not self.queued
            self.batch, self.batch_needs = 0, False
        if self.needed and kind not in CLOSES:
            assert kind == "DecisionTaskScheduled", "a decision task is needed and must come at once"
            assert self._timestamp(self.at) == self._timestamp(self.at - 1), "of the same commit"
        if kind == "DecisionTaskScheduled":
            assert self.needed, "nothing needs this decision task"
            assert not self.queued, "at most one decision task is queued"
            self.queued, self.needed = self.at, False
        elif kind == "DecisionTaskStarted":
            assert not self.started, "never two started"
            assert members["scheduledEventId"] == self.queued, "the queued one is started"
            self.queued, self.started = 0, self.at
        elif kind == "DecisionTaskCompleted":
            assert members["startedEventId"] == self.started != 0, "the started one is completed"
            self.started, self.batch = 0, self.at
        elif kind == "DecisionTaskTimedOut":
            self._decision_timed_out(members)
        if kind in NEEDS_DECISION:
            self._needs(event)

    def _needs(self, event: Event) -> None:
        if not self.batch:
            self.needed = not self.queued
        elif attributes(event).get("cause") != "UNHANDLED_DECISION":
            self.batch_needs = True
        else:
            assert self.queued, "UNHANDLED_DECISION iff a decision task is queued already"

    def _in_batch(self, event: Event) -> bool:
        """Decision events stand right after their DecisionTaskCompleted and share its timestamp."""
        kind, members = event["eventType"], attributes(event)
        if members.get("decisionTaskCompletedEventId") == self.batch:
            # WORKFLOW_ALREADY_RUNNING comes later, by itself, as do External...Failed (SWF.md §3.2).
            if kind.endswith("ExternalWorkflowExecutionFailed") or (
                kind == "StartChildWorkflowExecutionFailed" and members["initiatedEventId"]
            ):
                return False
            assert self._timestamp(self.at) == self._timestamp(self.batch), "it shares its batch's timestamp"
            return True
        same = self._timestamp(self.at) == self._timestamp(self.batch)
        if kind == "ActivityTaskCanceled" and members["startedEventId"] == 0 and same:
            return bool(self._at(self.at - 1)["eventType"] == "ActivityTaskCancelRequested")
        return False

    def _decision_timed_out(self, members: Mapping[str, Any]) -> None:
        scheduled = attributes(self._at(members["scheduledEventId"]))
        if members["timeoutType"] == "START_TO_CLOSE":
            assert members["startedEventId"] == self.started != 0, "the started one times out"
            self._not_early(self.started, scheduled["startToCloseTimeout"])
            self.started = 0
        else:
            assert members["startedEventId"] == 0, "nobody has started it"
            assert members["scheduledEventId"] == self.queued, "the queued one times out"
            self._not_early(self.queued, scheduled["scheduleToStartTimeout"])
            self.queued = 0

    # ---- activities, timers, children, external executions, lambdas

    def _state(self, event: Event) -> None:
        kind, members = event["eventType"], attributes(event)
        if kind in CLOSES:
            self._close(kind, members)
        elif kind.startswith("ActivityTask"):
            self._activity(kind.removeprefix("ActivityTask"), members)
        elif kind.startswith(("TimerStarted", "TimerFired", "TimerCanceled")):
            self._timer(kind.removeprefix("Timer"), members)
        elif kind.startswith("ChildWorkflowExecution") or kind == "StartChildWorkflowExecutionFailed":
            self._child(kind, members)
        elif kind == "StartChildWorkflowExecutionInitiated":
            self.children[self.at] = 0
        elif kind.endswith("ExternalWorkflowExecutionInitiated"):
            self.externals.add(self.at)
        elif "External" in kind:
            assert members["initiatedEventId"] in self.externals, "an external execution answers once"
            self.externals.remove(members["initiatedEventId"])
        elif kind.startswith("LambdaFunction") or kind == "StartLambdaFunctionFailed":
            self._lambda(kind, members)
        elif kind == "RequestCancelActivityTaskFailed":
            assert members["activityId"] not in self.activities, "an open task can be cancelled"

    def _close(self, kind: str, members: Mapping[str, Any]) -> None:
        if "decisionTaskCompletedEventId" in members:
            assert not self.queued, "a close decision fails iff a decision task is queued"
        if kind == "WorkflowExecutionTimedOut":
            self._not_early(1, attributes(self.events[0])["executionStartToCloseTimeout"])
        self.closed = CLOSES[kind]

    def _activity(self, what: str, members: Mapping[str, Any]) -> None:
        if what == "Scheduled":
            assert members["activityId"] not in self.activities, "an activityId is unique among open tasks"
            self.activities[members["activityId"]] = self.at
            return
        if what == "CancelRequested":
            assert members["activityId"] in self.activities, "an open task is cancelled"
            return
        scheduled = members["scheduledEventId"]
        told = attributes(self._at(scheduled))
        assert self.activities.get(told["activityId"]) == scheduled, "the task is open"
        if what == "Started":
            assert scheduled not in self.begun, "a task is started at most once"
            self.begun[scheduled] = self.at
            return
        assert members["startedEventId"] == self.begun.get(scheduled, 0), "the start it had, or 0"
        if what == "TimedOut":
            self._activity_timed_out(scheduled, members, told)
        elif what == "Canceled" and "latestCancelRequestedEventId" in members:
            request = self._at(members["latestCancelRequestedEventId"])
            assert request["eventType"] == "ActivityTaskCancelRequested", "what requested it"
            assert attributes(request)["activityId"] == told["activityId"], "for this task"
        del self.activities[told["activityId"]]

    def _activity_timed_out(self, scheduled: int, members: Mapping[str, Any], told: Mapping[str, Any]) -> None:
        started = members["startedEventId"]
        kind = members["timeoutType"]
        since = {"SCHEDULE_TO_START": scheduled, "SCHEDULE_TO_CLOSE": scheduled}.get(kind, started)
        assert since, f"{kind} is of a started task"
        assert kind != "SCHEDULE_TO_START" or not started, "SCHEDULE_TO_START is of a task that nobody started"
        member = {
            "SCHEDULE_TO_START": "scheduleToStartTimeout",
            "SCHEDULE_TO_CLOSE": "scheduleToCloseTimeout",
            "START_TO_CLOSE": "startToCloseTimeout",
            "HEARTBEAT": "heartbeatTimeout",
        }[kind]
        self._not_early(since, told[member])

    def _timer(self, what: str, members: Mapping[str, Any]) -> None:
        timer = members["timerId"]
        if what == "Started":
            assert timer not in self.timers, "a timerId is unique among open timers"
            self.timers[timer] = self.at
            return
        assert self.timers.pop(timer, 0) == members["startedEventId"], "the timer is open"
        if what == "Fired":
            self._not_early(
                members["startedEventId"], attributes(self._at(members["startedEventId"]))["startToFireTimeout"]
            )

    def _child(self, kind: str, members: Mapping[str, Any]) -> None:
        initiated = members["initiatedEventId"]
        if initiated == 0:  # refused in the batch: there is no Initiated event
            assert members["cause"] != "WORKFLOW_ALREADY_RUNNING", "that one comes after Initiated"
            return
        assert initiated in self.children, "the child is open"
        told = attributes(self._at(initiated))
        who = members.get("workflowExecution", members)
        assert who["workflowId"] == told["workflowId"], "the child that was asked for"
        if kind in _CHILD_ENDS:
            assert self.children.pop(initiated) == members["startedEventId"] != 0, "it began before it ended"
        else:
            assert self.children[initiated] == 0, "it begins once"
            self.children[initiated] = self.at
            if kind == "StartChildWorkflowExecutionFailed":
                del self.children[initiated]

    def _lambda(self, kind: str, members: Mapping[str, Any]) -> None:
        if kind == "LambdaFunctionScheduled":
            self.lambdas.add(self.at)
            return
        scheduled = members["scheduledEventId"]
        assert scheduled in self.lambdas, "the lambda task is open"
        if kind == "LambdaFunctionStarted":
            assert scheduled not in self.begun, "it is started at most once"
            self.begun[scheduled] = self.at
            return
        self.lambdas.remove(scheduled)
        if kind == "LambdaFunctionTimedOut":
            self._not_early(
                members["startedEventId"], attributes(self._at(scheduled)).get("startToCloseTimeout", "900")
            )

    # ---- helpers

    def _at(self, number: int) -> Event:
        return self.events[number - 1]

    def _timestamp(self, number: int) -> int:
        return millis(self._at(number)["eventTimestamp"])

    def _not_early(self, since: int, seconds: str) -> None:
        assert seconds != "NONE", "a clock that does not run has no end"
        passed = self._timestamp(self.at) - self._timestamp(since)
        assert passed >= int(seconds) * 1000, f"early: {seconds} s have not passed, {passed} ms have"


# ---- several histories -----------------------------------------------------------------------------------------


def check_together(histories: Mapping[str, Sequence[Event]]) -> None:
    """Histories of one domain by runId: parents and children, sources and targets tell the same story."""
    received: dict[tuple[str, int, str], list[str]] = {}
    for run_id, events in histories.items():
        for event in events:
            members = attributes(event)
            # A child policy has no initiated event: it reaches every child once.
            if members.get("externalInitiatedEventId"):
                source = members["externalWorkflowExecution"]["runId"]
                key = (source, members["externalInitiatedEventId"], event["eventType"])
                received.setdefault(key, []).append(run_id)
    for key, runs in received.items():
        assert len(runs) == 1, f"{key} was delivered {len(runs)} times, to {runs}"
    for run_id, events in histories.items():
        for event in events:
            _agree(run_id, event, histories, received)


_ARRIVALS = {
    "ExternalWorkflowExecutionSignaled": "WorkflowExecutionSignaled",
    "ExternalWorkflowExecutionCancelRequested": "WorkflowExecutionCancelRequested",
}
#: What a run that continues another takes from the event that closed it.
_CONTINUED = ("taskList", "childPolicy", "workflowType", "input", "tagList", "taskPriority", "lambdaRole")


def _agree(
    run_id: str,
    event: Event,
    histories: Mapping[str, Sequence[Event]],
    received: Mapping[tuple[str, int, str], list[str]],
) -> None:
    """What the event says of another run is what that run says."""
    kind, members = event["eventType"], attributes(event)
    other = members.get("newExecutionRunId") or members.get("workflowExecution", {}).get("runId")
    there = histories.get(other or "")
    if there is None:
        return
    first, last = attributes(there[0]), there[-1]
    try:
        if kind in _ARRIVALS:
            found = received.get((run_id, members["initiatedEventId"], _ARRIVALS[kind]))
            assert found == [other], f"it arrived at {found}"
        elif kind == "ChildWorkflowExecutionStarted":
            assert first["parentWorkflowExecution"]["runId"] == run_id, "the child has another parent"
            assert first["parentInitiatedEventId"] == members["initiatedEventId"], "another initiated event"
        elif kind == "WorkflowExecutionContinuedAsNew":
            assert first["continuedExecutionRunId"] == run_id, "the successor continues another run"
            assert [first.get(name) for name in _CONTINUED] == [members.get(name) for name in _CONTINUED]
        elif kind in _CHILD_ENDS:
            assert last["eventType"] == kind.removeprefix("Child"), "the child ended otherwise"
            for member in ("result", "reason", "details", "timeoutType"):
                # Of a termination the parent is told nothing more.
                if member in members or kind != "ChildWorkflowExecutionTerminated":
                    assert members.get(member) == attributes(last).get(member), f"another {member}"
    except AssertionError as error:
        raise AssertionError(f"{run_id}: {error}\n{event}\n{there[0]}\n{last}") from None


def check_all(histories: Mapping[str, Sequence[Event]]) -> dict[str, Checked]:
    """Each history by itself, and all of them together."""
    checked = {run_id: check(events) for run_id, events in histories.items()}
    check_together(histories)
    return checked


def types(events: Iterable[Event]) -> list[str]:
    return [event["eventType"] for event in events]
