"""Runs driven in a client's words: one run is a Scenario, runs that hear of one another are a Domain.

Law: the driver asks `act` and shows what came of it in wire form; it has no opinion of SWF. At every step it checks
what holds for every run whatever happens: event ids are dense, and folding the history gives the state in memory.

    run = Scenario().start().decide(schedule("a"))
    assert run.new == ["DecisionTaskCompleted", "ActivityTaskScheduled"]
    assert run.last("ActivityTaskScheduled")["activityId"] == "a"

Attributes are given and shown by their names on the wire; times are seconds, `at` is milliseconds.
"""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Self

import msgspec
import pytest

from coordinator.execution import snapshot
from coordinator.execution.act import act
from coordinator.execution.effects import Effects, effects_of
from coordinator.execution.evolve import beat, fold
from coordinator.execution.history import Event, encode
from coordinator.execution.outcome import Outcome
from coordinator.execution.state import Execution
from coordinator.execution.types import Known
from coordinator.execution.view import detail
from workflowsvc import messages, names
from workflowsvc.messages import NO_TASK, Action, Result, TaskKind, TaskRef
from workflowsvc.records import DomainRecord, Heartbeat, TypeKey, TypeKind, TypeRecord
from workflowsvc.swf import shapes
from workflowsvc.swf.decisions import DECISIONS
from workflowsvc.swf.errors import Fault
from workflowsvc.swf.shapes import DecisionType

#: the key of the domain `shop`
DOMAIN = "us-east-1/shop"
#: when runs start: not a whole second
T0 = 1_700_000_000_123
#: histories up to this many events are folded again at every step
FOLDED_EVERY_STEP = 200

Wire = dict[str, Any]

# ---- what is registered ----------------------------------------------------------------------------------------

RUN_DEFAULTS: Wire = {
    "defaultExecutionStartToCloseTimeout": "3600",
    "defaultTaskStartToCloseTimeout": "30",
    "defaultTaskList": {"name": "deciders"},
    "defaultChildPolicy": "TERMINATE",
}
ACTIVITY_DEFAULTS: Wire = {
    "defaultTaskList": {"name": "workers"},
    "defaultTaskScheduleToStartTimeout": "100",
    "defaultTaskScheduleToCloseTimeout": "300",
    "defaultTaskStartToCloseTimeout": "200",
    "defaultTaskHeartbeatTimeout": "50",
}


def named(name: str, version: str = "1") -> Wire:
    """A type, or whatever else has a name and a version."""
    return {"name": name, "version": version}


def workflow_type(name: str, version: str = "1", *, deprecated: bool = False, **defaults: Any) -> TypeRecord:
    configuration = msgspec.convert(defaults, shapes.WorkflowTypeConfiguration)
    return _type(TypeKind.WORKFLOW, name, version, configuration, deprecated)


def activity_type(name: str, version: str = "1", *, deprecated: bool = False, **defaults: Any) -> TypeRecord:
    configuration = msgspec.convert(defaults, shapes.ActivityTypeConfiguration)
    return _type(TypeKind.ACTIVITY, name, version, configuration, deprecated)


def _type(kind: TypeKind, name: str, version: str, configuration: Any, deprecated: bool) -> TypeRecord:
    key = TypeKey(DOMAIN, kind, name, version)
    return TypeRecord(key=key, created_at=T0, configuration=configuration, deprecated_at=T0 + 1 if deprecated else None)


def knowing(*types: TypeRecord, lambda_available: bool = True, domain: DomainRecord | None = None) -> Known:
    return Known(
        domain or DomainRecord(domain=DOMAIN, created_at=T0, retention="1"),
        {record.key: record for record in types},
        lambda_available,
    )


def without(defaults: Wire, *missing: str) -> Wire:
    return {name: value for name, value in defaults.items() if name not in missing}


#: `order` and `charge` define everything, `bare` nothing, `old` is deprecated
TYPES = (
    workflow_type("order", **RUN_DEFAULTS),
    workflow_type("order", "2", **{**RUN_DEFAULTS, "defaultTaskList": {"name": "deciders-2"}}),
    workflow_type("bare"),
    workflow_type("old", deprecated=True, **RUN_DEFAULTS),
    activity_type("charge", **ACTIVITY_DEFAULTS),
    activity_type("bare"),
    activity_type("old", deprecated=True, **ACTIVITY_DEFAULTS),
)
KNOWN = knowing(*TYPES)

# ---- decisions -------------------------------------------------------------------------------------------------


def decision(kind: str, **attributes: Any) -> Wire:
    """A decision in wire form; without attributes it comes without their struct."""
    wire = {"decisionType": kind}
    return {**wire, DECISIONS[DecisionType(kind)].wire: attributes} if attributes else wire


def schedule(activity_id: str = "a", **more: Any) -> Wire:
    return decision("ScheduleActivityTask", activityId=activity_id, **{"activityType": named("charge"), **more})


def cancel_activity(activity_id: str = "a") -> Wire:
    return decision("RequestCancelActivityTask", activityId=activity_id)


def start_timer(timer_id: str = "t", seconds: str = "10", **more: Any) -> Wire:
    return decision("StartTimer", timerId=timer_id, startToFireTimeout=seconds, **more)


def cancel_timer(timer_id: str = "t") -> Wire:
    return decision("CancelTimer", timerId=timer_id)


def marker(name: str = "m", **more: Any) -> Wire:
    return decision("RecordMarker", markerName=name, **more)


def complete(**more: Any) -> Wire:
    return decision("CompleteWorkflowExecution", **more)


def fail(**more: Any) -> Wire:
    return decision("FailWorkflowExecution", **more)


def cancel(**more: Any) -> Wire:
    return decision("CancelWorkflowExecution", **more)


def continue_as_new(**more: Any) -> Wire:
    return decision("ContinueAsNewWorkflowExecution", **more)


def start_child(workflow_id: str = "child", **more: Any) -> Wire:
    attributes = {"workflowType": named("order"), **more}
    return decision("StartChildWorkflowExecution", workflowId=workflow_id, **attributes)


def signal_external(workflow_id: str, **more: Any) -> Wire:
    return decision("SignalExternalWorkflowExecution", workflowId=workflow_id, **{"signalName": "hey", **more})


def cancel_external(workflow_id: str, **more: Any) -> Wire:
    return decision("RequestCancelExternalWorkflowExecution", workflowId=workflow_id, **more)


def schedule_lambda(lambda_id: str = "f", **more: Any) -> Wire:
    return decision("ScheduleLambdaFunction", id=lambda_id, **{"name": "resize", **more})


# ---- one run ---------------------------------------------------------------------------------------------------


def wire_of(value: Any) -> Any:
    """A shape as the client reads it."""
    return json.loads(msgspec.json.encode(value))


def attributes_of(event: Wire) -> Wire:
    """The attributes of an event in wire form."""
    kind = event["eventType"]
    return event[f"{kind[0].lower()}{kind[1:]}EventAttributes"]


class Scenario:
    """One run and what is asked of it. Every verb gives the scenario back; `result` is what it answered."""

    def __init__(self, workflow_id: str = "w", *, known: Known = KNOWN, at: int = T0) -> None:
        self.workflow_id = workflow_id
        self.known = known
        self.at = at
        self.state: Execution | None = None
        self.history: list[Event] = []
        #: the history in wire form
        self.events: list[Wire] = []
        self.beats: list[Heartbeat] = []
        #: what the last step did
        self.outcome = Outcome(None)
        self.effects = Effects()
        #: the run that continues this one
        self.successor: Scenario | None = None
        self._steps = 0
        self._tokens: dict[tuple[TaskKind, int], TaskRef] = {}

    # -- what there is to see

    @property
    def execution(self) -> Execution:
        assert self.state is not None
        return self.state

    @property
    def name(self) -> Wire:
        return wire_of(self.execution.name)

    @property
    def result(self) -> Result:
        return self.outcome.result

    @property
    def types(self) -> list[str]:
        return [event["eventType"] for event in self.events]

    @property
    def new(self) -> list[str]:
        """The types of the events that the last step wrote."""
        count = len(self.outcome.events)
        return self.types[len(self.events) - count :]

    @property
    def news(self) -> list[Wire]:
        """The attributes of the events that the last step wrote."""
        return [attributes_of(event) for event in self.events[len(self.events) - len(self.outcome.events) :]]

    @property
    def sent(self) -> list[Action]:
        """What the last step sends to other executions."""
        return [*self.effects.messages, *self.outcome.messages]

    def ids(self, kind: str) -> list[int]:
        return [event["eventId"] for event in self.events if event["eventType"] == kind]

    def all(self, kind: str) -> list[Wire]:
        """The attributes of all events of a type."""
        return [attributes_of(event) for event in self.events if event["eventType"] == kind]

    def last(self, kind: str) -> Wire:
        """The attributes of the newest event of a type."""
        return self.all(kind)[-1]

    def last_id(self, kind: str) -> int:
        return self.ids(kind)[-1]

    def describe(self) -> Wire:
        return wire_of(detail(self.execution))

    # -- acting

    def do(self, request: Any, *, task: TaskRef = NO_TASK, run_id: str | None = None) -> Self:
        """One request on this run; *run_id* "" addresses it by workflow id alone."""
        self._steps += 1
        known = self.state.run_id if self.state else ""
        action = Action(
            id=names.derived_id(self.at, self.workflow_id, known, self._steps),
            lane=names.lane_of(DOMAIN, self.workflow_id),
            domain=DOMAIN,
            workflow_id=self.workflow_id,
            run_id=known if run_id is None else run_id,
            request=request,
            task=task,
        )
        return self.receive(action)

    def receive(self, action: Action) -> Self:
        """An action that comes with everything: from another execution, or once more."""
        self._take_in(act(self.state, action, self.at, self.known))
        return self

    def _take_in(self, outcome: Outcome) -> None:
        if outcome.execution is not self.state:
            assert self.state is None or not self.state.open, "a second open run of one workflow id"
            self.history, self.events, self.beats, self._tokens = [], [], [], {}
        self.outcome, self.state = outcome, outcome.execution
        self.history += outcome.events
        self.events += (json.loads(encode(event)) for event in outcome.events)
        self.beats += [outcome.heartbeat] if outcome.heartbeat else []
        self.effects = effects_of(self.state, outcome.events) if self.state else Effects()
        if outcome.successor:
            self.successor = Scenario(self.workflow_id, known=self.known, at=self.at)
            self.successor._take_in(outcome.successor)
        self._check()

    def _check(self) -> None:
        if self.state is None or not self.outcome.events:
            return
        first, count = self.outcome.events[0].id, len(self.outcome.events)
        assert first + count - 1 == len(self.history) == self.state.last_event_id
        assert [event.id for event in self.outcome.events] == list(range(first, first + count))
        if len(self.history) <= FOLDED_EVERY_STEP:
            assert self.folded() == self.state

    def folded(self) -> Execution:
        """The state as the stored history and heartbeats give it."""
        e = self.execution
        folded = fold(self.history, e.domain, e.workflow_id, e.run_id, e.started_by)
        for heartbeat in self.beats:
            beat(folded, heartbeat)
        return folded

    @contextmanager
    def refusing(self, fault: type[Fault], message: str | None = None) -> Iterator[pytest.ExceptionInfo[Fault]]:
        """What happens within is refused and leaves the execution exactly as it was."""
        before = snapshot.freeze(self.execution) if self.state else None
        with pytest.raises(fault) as caught:
            yield caught
        assert (snapshot.freeze(self.execution) if self.state else None) == before
        if message is not None:
            assert caught.value.message == message

    # -- time

    def wait(self, seconds: float) -> Self:
        """Time goes by, and nobody looks."""
        self.at += round(seconds * 1000)
        return self

    def wake(self) -> Self:
        return self.do(messages.Wake())

    def after(self, seconds: float) -> Self:
        """Time goes by, and what is due happens."""
        return self.wait(seconds).wake()

    # -- clients

    def start(self, **wire: Any) -> Self:
        request = {"domain": "shop", "workflowId": self.workflow_id, "workflowType": named("order"), **wire}
        return self.do(msgspec.convert(request, shapes.StartWorkflowExecutionInput), run_id="")

    def signal(self, name: str = "hello", **wire: Any) -> Self:
        return self._as_client(shapes.SignalWorkflowExecutionInput, signalName=name, **wire)

    def request_cancel(self) -> Self:
        return self._as_client(shapes.RequestCancelWorkflowExecutionInput)

    def terminate(self, **wire: Any) -> Self:
        return self._as_client(shapes.TerminateWorkflowExecutionInput, **wire)

    def _as_client(self, kind: type[shapes.Shape], **wire: Any) -> Self:
        return self.do(msgspec.convert({"domain": "shop", "workflowId": self.workflow_id, **wire}, kind), run_id="")

    # -- deciders

    def take(self, identity: str | None = None, *, scheduled_id: int | None = None) -> Self:
        """A decider takes the decision task that waits."""
        queued = self.execution.queued
        return self._start(TaskKind.DECISION, scheduled_id or (queued.scheduled_id if queued else 0), identity)

    def decide(self, *decisions: Wire, **wire: Any) -> Self:
        """The decider answers the task that it has; where it has none, it takes the one that waits first."""
        if self.execution.started is None:
            self.take()
        return self.respond(self.decision_token, *decisions, **wire)

    def respond(self, token: TaskRef, *decisions: Wire, **wire: Any) -> Self:
        request = {"taskToken": "t", "decisions": list(decisions), **wire}
        return self.do(msgspec.convert(request, shapes.RespondDecisionTaskCompletedInput), task=token)

    @property
    def decision_token(self) -> TaskRef:
        started = self.execution.started
        assert started is not None
        return TaskRef(started.scheduled_id, started.started_id)

    # -- workers

    def _start(self, kind: TaskKind, scheduled_id: int, identity: str | None = None) -> Self:
        self.do(messages.StartTask(kind, identity), task=TaskRef(scheduled_id))
        if given := getattr(self.result, "task", None):
            self._tokens[kind, scheduled_id] = given
        return self

    def _scheduled(self, kind: str, member: str, name: str) -> int:
        return next(
            event["eventId"]
            for event in reversed(self.events)
            if event["eventType"] == kind and attributes_of(event)[member] == name
        )

    def activity_token(self, activity_id: str = "a") -> TaskRef:
        """The token of the newest activity task of that id: also of one that is not started, or closed."""
        scheduled_id = self._scheduled("ActivityTaskScheduled", "activityId", activity_id)
        return self._tokens.get((TaskKind.ACTIVITY, scheduled_id), TaskRef(scheduled_id, 0))

    def begin(self, activity_id: str = "a", identity: str | None = None) -> Self:
        """A worker takes an activity task."""
        return self._start(TaskKind.ACTIVITY, self.activity_token(activity_id).scheduled_event_id, identity)

    def _as_worker(self, kind: type[shapes.Shape], activity_id: str, **wire: Any) -> Self:
        return self.do(msgspec.convert({"taskToken": "t", **wire}, kind), task=self.activity_token(activity_id))

    def completes(self, activity_id: str = "a", **wire: Any) -> Self:
        return self._as_worker(shapes.RespondActivityTaskCompletedInput, activity_id, **wire)

    def fails(self, activity_id: str = "a", **wire: Any) -> Self:
        return self._as_worker(shapes.RespondActivityTaskFailedInput, activity_id, **wire)

    def cancels(self, activity_id: str = "a", **wire: Any) -> Self:
        return self._as_worker(shapes.RespondActivityTaskCanceledInput, activity_id, **wire)

    def beat(self, activity_id: str = "a", **wire: Any) -> Self:
        return self._as_worker(shapes.RecordActivityTaskHeartbeatInput, activity_id, **wire)

    # -- Lambda

    def invoke(self, lambda_id: str = "f") -> Self:
        return self._start(TaskKind.LAMBDA, self._scheduled("LambdaFunctionScheduled", "id", lambda_id))

    def returns(self, lambda_id: str = "f", **outcome: str) -> Self:
        scheduled_id = self._scheduled("LambdaFunctionScheduled", "id", lambda_id)
        return self.do(messages.FinishLambda(**outcome), task=self._tokens[TaskKind.LAMBDA, scheduled_id])


def started(**wire: Any) -> Scenario:
    """A run that has just started: 1 WorkflowExecutionStarted, 2 DecisionTaskScheduled."""
    return Scenario().start(**wire)


# ---- runs that hear of one another -----------------------------------------------------------------------------


class Domain:
    """Runs by run id. What they send waits in `mail` until `settle` delivers it, in order."""

    def __init__(self, known: Known = KNOWN) -> None:
        self.known = known
        self.runs: dict[str, Scenario] = {}
        self.mail: deque[Action] = deque()
        #: all that was ever delivered
        self.delivered: list[Action] = []
        self.at = T0

    def start(self, workflow_id: str, **wire: Any) -> Scenario:
        run = Scenario(workflow_id, known=self.known, at=self.at).start(**wire)
        return self.note(run)

    def note(self, run: Scenario) -> Scenario:
        """Collect what the last step of *run* sends."""
        if run.state is not None:
            self.runs[run.execution.run_id] = run
        self.at = max(self.at, run.at)
        self.mail += run.sent
        if run.outcome.successor and run.successor:
            self.note(run.successor)
        return run

    def settle(self) -> None:
        while self.mail:
            self.deliver(self.mail.popleft())

    def deliver(self, action: Action) -> Scenario:
        """As the coordinator finds it: by run id, else the run that it began, else the open run, else the newest."""
        run = self.find(action) or Scenario(action.workflow_id, known=self.known)
        if run.state is not None and not run.execution.open and isinstance(action.request, messages.StartChild):
            # A run is never reopened: what it begins is another.
            run = self._begun_by(action.request) or Scenario(action.workflow_id, known=self.known)
        run.at = self.at = max(run.at, self.at)
        self.delivered.append(action)
        return self.note(run.receive(action))

    def find(self, action: Action) -> Scenario | None:
        if action.run_id:
            return self.runs.get(action.run_id)
        if isinstance(action.request, messages.StartChild) and (begun := self._begun_by(action.request)):
            return begun
        return self.named(action.workflow_id)

    def named(self, workflow_id: str) -> Scenario | None:
        """The open run of a workflow id, else the newest."""
        runs = [run for run in self.runs.values() if run.workflow_id == workflow_id]
        return next((run for run in runs if run.execution.open), runs[-1] if runs else None)

    def _begun_by(self, request: messages.StartChild) -> Scenario | None:
        action_id = names.child_action_id(request.parent.run_id, request.initiated_event_id, request.initiated_at)
        return self.runs.get(names.run_id(action_id))

    def histories(self) -> Mapping[str, list[str]]:
        return {run_id: list(run.types) for run_id, run in self.runs.items()}

    def repeat(self) -> None:
        """Deliver again all that was ever delivered, and what that brings."""
        for action in list(self.delivered):
            self.deliver(action)
        self.settle()
