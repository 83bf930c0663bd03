"""All 54 event types in wire form (SWF.md §4): which attributes each has, that a scenario writes each, and that the
stored bytes give the event back.

RecordMarkerFailed is written by no scenario: its only cause is OPERATION_NOT_PERMITTED (§3.2), and no policy that
denies single decisions exists.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import msgspec
import pytest

from coordinator.execution.history import Event, decode, encode
from tests.coordinator.execution.scenario import (
    TYPES,
    Domain,
    Scenario,
    Wire,
    attributes_of,
    cancel,
    cancel_activity,
    cancel_external,
    cancel_timer,
    complete,
    continue_as_new,
    fail,
    knowing,
    marker,
    named,
    schedule,
    schedule_lambda,
    signal_external,
    start_child,
    start_timer,
    started,
)
from workflowsvc.swf.events import EVENTS
from workflowsvc.swf.shapes import EventType, HistoryEvent

# ---- the table of §4: what every event of a type has, and what it may have -------------------------------------

DTC = "decisionTaskCompletedEventId"
RUN = "childPolicy taskList workflowType executionStartToCloseTimeout taskStartToCloseTimeout"
CHILD = "workflowExecution workflowType initiatedEventId startedEventId"
ENDED = "scheduledEventId startedEventId"
TIMEOUTS = "scheduleToStartTimeout scheduleToCloseTimeout startToCloseTimeout heartbeatTimeout"

ATTRIBUTES: dict[str, tuple[str, str]] = {
    "WorkflowExecutionStarted": (
        f"{RUN} parentInitiatedEventId",
        "input tagList taskPriority lambdaRole continuedExecutionRunId parentWorkflowExecution",
    ),
    "WorkflowExecutionCancelRequested": ("externalInitiatedEventId", "externalWorkflowExecution cause"),
    "WorkflowExecutionSignaled": ("signalName externalInitiatedEventId", "input externalWorkflowExecution"),
    "WorkflowExecutionCompleted": (DTC, "result"),
    "WorkflowExecutionFailed": (DTC, "reason details"),
    "WorkflowExecutionCanceled": (DTC, "details"),
    "WorkflowExecutionTimedOut": ("timeoutType childPolicy", ""),
    "WorkflowExecutionTerminated": ("childPolicy", "reason details cause"),
    "WorkflowExecutionContinuedAsNew": (
        f"{RUN} {DTC} newExecutionRunId",
        "taskPriority input tagList lambdaRole",
    ),
    "CompleteWorkflowExecutionFailed": (f"cause {DTC}", ""),
    "FailWorkflowExecutionFailed": (f"cause {DTC}", ""),
    "CancelWorkflowExecutionFailed": (f"cause {DTC}", ""),
    "ContinueAsNewWorkflowExecutionFailed": (f"cause {DTC}", ""),
    "DecisionTaskScheduled": ("taskList startToCloseTimeout scheduleToStartTimeout", "taskPriority"),
    "DecisionTaskStarted": ("scheduledEventId", "identity"),
    "DecisionTaskCompleted": (ENDED, "executionContext taskList taskListScheduleToStartTimeout"),
    "DecisionTaskTimedOut": (f"timeoutType {ENDED}", ""),
    "ActivityTaskScheduled": (
        f"activityType activityId taskList {DTC} {TIMEOUTS}",
        "input control taskPriority",
    ),
    "ScheduleActivityTaskFailed": (f"activityType activityId cause {DTC}", ""),
    "ActivityTaskStarted": ("scheduledEventId", "identity"),
    "ActivityTaskCompleted": (ENDED, "result"),
    "ActivityTaskFailed": (ENDED, "reason details"),
    "ActivityTaskTimedOut": (f"timeoutType {ENDED}", "details"),
    "ActivityTaskCancelRequested": (f"activityId {DTC}", ""),
    "ActivityTaskCanceled": (ENDED, "latestCancelRequestedEventId details"),
    "RequestCancelActivityTaskFailed": (f"activityId cause {DTC}", ""),
    "TimerStarted": (f"timerId startToFireTimeout {DTC}", "control"),
    "TimerFired": ("timerId startedEventId", ""),
    "TimerCanceled": (f"timerId startedEventId {DTC}", ""),
    "StartTimerFailed": (f"timerId cause {DTC}", ""),
    "CancelTimerFailed": (f"timerId cause {DTC}", ""),
    "MarkerRecorded": (f"markerName {DTC}", "details"),
    "RecordMarkerFailed": (f"markerName cause {DTC}", ""),
    "StartChildWorkflowExecutionInitiated": (
        f"{RUN} workflowId {DTC}",
        "control input taskPriority tagList lambdaRole",
    ),
    "StartChildWorkflowExecutionFailed": (f"workflowType workflowId cause initiatedEventId {DTC}", "control"),
    "ChildWorkflowExecutionStarted": ("workflowExecution workflowType initiatedEventId", ""),
    "ChildWorkflowExecutionCompleted": (CHILD, "result"),
    "ChildWorkflowExecutionFailed": (CHILD, "reason details"),
    "ChildWorkflowExecutionTimedOut": (f"{CHILD} timeoutType", ""),
    "ChildWorkflowExecutionCanceled": (CHILD, "details"),
    "ChildWorkflowExecutionTerminated": (CHILD, ""),
    "SignalExternalWorkflowExecutionInitiated": (f"workflowId signalName {DTC}", "runId input control"),
    "RequestCancelExternalWorkflowExecutionInitiated": (f"workflowId {DTC}", "runId control"),
    "SignalExternalWorkflowExecutionFailed": (f"workflowId cause initiatedEventId {DTC}", "runId control"),
    "RequestCancelExternalWorkflowExecutionFailed": (f"workflowId cause initiatedEventId {DTC}", "runId control"),
    "ExternalWorkflowExecutionSignaled": ("workflowExecution initiatedEventId", ""),
    "ExternalWorkflowExecutionCancelRequested": ("workflowExecution initiatedEventId", ""),
    "LambdaFunctionScheduled": (f"id name {DTC}", "input control startToCloseTimeout"),
    "LambdaFunctionStarted": ("scheduledEventId", ""),
    "LambdaFunctionCompleted": (ENDED, "result"),
    "LambdaFunctionFailed": (ENDED, "reason details"),
    "LambdaFunctionTimedOut": (f"{ENDED} timeoutType", ""),
    "ScheduleLambdaFunctionFailed": (f"id name cause {DTC}", ""),
    "StartLambdaFunctionFailed": ("scheduledEventId cause message", ""),
}
UNREACHABLE = {"RecordMarkerFailed"}

# ---- scenarios that write them all, each once with everything optional and once with nothing --------------------

TEXT: Wire = {"input": "i", "control": "c"}
SETTINGS: Wire = {
    "input": "i",
    "taskPriority": "1",
    "tagList": ["t"],
    "lambdaRole": "role",
    "executionStartToCloseTimeout": "60",
    "taskStartToCloseTimeout": "NONE",
    "taskList": {"name": "l"},
    "childPolicy": "ABANDON",
}


def _closes(run: Callable[[], Scenario]) -> Iterator[Scenario]:
    for wire in (complete(), complete(result="r"), fail(), fail(reason="r", details="d"), cancel()):
        yield run().decide(wire)
    yield run().decide(cancel(details="d"))
    yield run().take().signal().decide(complete())
    yield run().take().signal().decide(fail())
    yield run().take().signal().decide(cancel())
    yield run().take().signal().decide(continue_as_new())
    yield run().terminate()
    yield run().terminate(reason="r", details="d", childPolicy="ABANDON")
    yield run().after(3600)
    for more in ({}, SETTINGS):
        continued = run().decide(continue_as_new(**more))
        assert continued.successor is not None
        yield continued
        yield continued.successor


def _tasks() -> Iterator[Scenario]:
    yield started(**SETTINGS).take("me").after(60)
    yield started().take("me").decide(executionContext="c", taskList={"name": "l"}, taskListScheduleToStartTimeout="1")
    yield started().decide(taskList={"name": "l"}, taskListScheduleToStartTimeout="1").signal("s", input="i").after(1)
    yield started().take().after(30).request_cancel().decide(cancel_activity("x"), cancel_timer("x"))
    yield started().decide(schedule(activityType=named("nobody")), start_timer(), start_timer())
    yield started().decide(marker(), marker(details="d"), start_timer(control="c"), cancel_timer())
    yield started().decide(start_timer(seconds="0")).wake()
    for more in ({}, {**TEXT, "taskPriority": "1"}):
        yield started().decide(schedule(**more)).begin().completes()
        yield started().decide(schedule(**more)).begin(identity="me").completes(result="r")
    yield started().decide(schedule()).begin().fails()
    yield started().decide(schedule()).begin().fails(reason="r", details="d")
    yield started().decide(schedule()).begin().cancels()
    yield started().decide(schedule()).begin().signal().decide(cancel_activity()).cancels(details="d")
    yield started().decide(schedule(), cancel_activity())
    yield started().decide(schedule()).after(100)
    yield started().decide(schedule()).begin().beat(details="d").after(50)
    for more in ({}, {**TEXT, "startToCloseTimeout": "5"}):
        yield started(lambdaRole="r").decide(schedule_lambda(**more)).invoke().returns()
    yield started(lambdaRole="r").decide(schedule_lambda()).invoke().returns(result="r")
    yield started(lambdaRole="r").decide(schedule_lambda()).invoke().returns(reason="r")
    yield started(lambdaRole="r").decide(schedule_lambda()).invoke().returns(reason="r", details="d")
    yield started(lambdaRole="r").decide(schedule_lambda()).invoke().after(900)
    yield started().decide(schedule_lambda()).invoke()
    yield Scenario(known=knowing(*TYPES, lambda_available=False)).start().decide(schedule_lambda())


def _relations() -> Iterator[Scenario]:
    closes: list[Callable[[Scenario], Any]] = [
        lambda c: c.decide(complete()),
        lambda c: c.decide(complete(result="r")),
        lambda c: c.decide(fail()),
        lambda c: c.decide(fail(reason="r", details="d")),
        lambda c: c.decide(cancel()),
        lambda c: c.decide(cancel(details="d")),
        lambda c: c.terminate(),
        lambda c: c.after(60),
    ]
    for close in closes:
        domain = Domain()
        parent = domain.start("parent", childPolicy="REQUEST_CANCEL")
        other = domain.start("other", childPolicy="REQUEST_CANCEL")
        domain.note(other.decide(start_child("cousin")))
        domain.note(parent.decide(start_child("child", control="c", **SETTINGS)))
        domain.settle()
        domain.note(
            parent.decide(
                start_child("child", control="c"),
                start_child("x", workflowType=named("nobody")),
                signal_external("child", **TEXT),
                signal_external("nobody"),
                signal_external("nobody", runId="r", **TEXT),
                cancel_external("child", control="c"),
                cancel_external("nobody"),
                cancel_external("nobody", runId="r", control="c"),
            )
        )
        domain.settle()
        child = domain.named("child")
        assert child is not None
        domain.note(close(child))
        domain.note(other.terminate())
        domain.settle()
        yield from domain.runs.values()


def runs() -> list[Scenario]:
    return [*_closes(started), *_tasks(), *_relations()]


def events() -> list[tuple[Event, Wire]]:
    return [pair for run in runs() for pair in zip(run.history, run.events, strict=True)]


@pytest.fixture(scope="module")
def written() -> dict[str, list[tuple[Event, Wire]]]:
    """Every event of the scenarios, by type."""
    by_type: dict[str, list[tuple[Event, Wire]]] = {}
    for event, wire in events():
        by_type.setdefault(wire["eventType"], []).append((event, wire))
    return by_type


Written = dict[str, list[tuple[Event, Wire]]]

# ---- the facts -------------------------------------------------------------------------------------------------


def test_the_table_has_all_54_types() -> None:
    """§4: the table here names every event type of the model, and each attribute is one of its shape's."""
    assert len(ATTRIBUTES) == len(EVENTS) == 54
    assert set(ATTRIBUTES) == {str(shape.type) for shape in EVENTS.values()}
    for attributes, shape in EVENTS.items():
        required, optional = ATTRIBUTES[shape.type]
        assert {*required.split(), *optional.split()} == set(attributes.__struct_encode_fields__)


def test_the_scenarios_write_every_type_that_can_be_written(written: Written) -> None:
    """§4: 53 of 54."""
    assert set(ATTRIBUTES) - set(written) == UNREACHABLE


@pytest.mark.parametrize("kind", sorted(set(ATTRIBUTES) - UNREACHABLE))
def test_an_event_has_what_section_4_says(kind: str, written: Written) -> None:
    """§4: required attributes always, zeros included; optional ones only when set, never null, each seen once."""
    required, optional = (set(words.split()) for words in ATTRIBUTES[kind])
    seen: set[str] = set()
    for _, wire in written[kind]:
        attributes = attributes_of(wire)
        assert required <= set(attributes) <= required | optional
        assert None not in attributes.values()
        seen |= set(attributes)
    assert seen == required | optional
    if optional:
        assert any(optional - set(attributes_of(wire)) for _, wire in written[kind])


@pytest.mark.parametrize("kind", sorted(set(ATTRIBUTES) - UNREACHABLE))
def test_an_event_comes_back_from_its_bytes(kind: str, written: Written) -> None:
    """history.py: decode is the inverse of encode; and the bytes are what msgspec makes of a HistoryEvent."""
    for event, wire in written[kind]:
        stored = encode(event)
        assert decode(stored) == event
        assert decode(json.dumps(wire).encode()) == event
        shape = EVENTS[type(event.attributes)]
        whole: Any = {shape.member: event.attributes}
        expected = HistoryEvent(event_id=event.id, event_timestamp=event.at / 1000, event_type=shape.type, **whole)
        assert json.loads(stored) == json.loads(msgspec.json.encode(expected))


@pytest.mark.parametrize("kind", sorted(set(ATTRIBUTES) - UNREACHABLE))
def test_the_wire_form_is_compact_with_sorted_keys(kind: str, written: Written) -> None:
    """§1: compact JSON, keys sorted alphabetically, at every depth."""
    for event, _ in written[kind]:
        stored = encode(event).decode()
        assert stored == json.dumps(json.loads(stored), sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def test_text_of_any_kind_comes_back() -> None:
    """§1: what a client wrote is what it reads: quotes, control characters, astral planes."""
    text = 'a "quoted" \\ line\nü€😀\x00\x7f'
    run = started(input=text)
    assert run.last("WorkflowExecutionStarted")["input"] == text
    assert decode(encode(run.history[0])) == run.history[0]


@pytest.mark.parametrize("at", [0, 1, 1_700_000_000_000, 1_700_000_000_001, 1_999_999_999_999, 32_503_680_000_123])
def test_a_timestamp_keeps_its_milliseconds(at: int) -> None:
    """§1: seconds with millisecond resolution."""
    event = Event(1, at, started().history[0].attributes)
    assert json.loads(encode(event))["eventTimestamp"] == at / 1000
    assert decode(encode(event)).at == at


def test_every_id_that_means_no_event_is_sent_as_zero(written: Written) -> None:
    """§4, point 16: an id of 0 means "no such event" and is sent."""
    zeros = {
        (kind, name)
        for kind, pairs in written.items()
        for _, wire in pairs
        for name, value in attributes_of(wire).items()
        if value == 0 and value is not False
    }
    assert zeros == {
        ("WorkflowExecutionStarted", "parentInitiatedEventId"),
        ("WorkflowExecutionSignaled", "externalInitiatedEventId"),
        ("WorkflowExecutionCancelRequested", "externalInitiatedEventId"),
        ("DecisionTaskTimedOut", "startedEventId"),
        ("ActivityTaskTimedOut", "startedEventId"),
        ("ActivityTaskCanceled", "startedEventId"),
        ("StartChildWorkflowExecutionFailed", "initiatedEventId"),
    }


def test_every_reference_is_to_an_earlier_event_of_the_right_type() -> None:
    """§4: scheduled ids name ...Scheduled, started ids ...Started, initiated ids ...Initiated, dtc the batch's."""
    for run in runs():
        for event in run.events:
            _check_references(run, event)


#: Attributes that name another execution's event, or none of this table's.
_ELSEWHERE = {"parentInitiatedEventId", "externalInitiatedEventId"}


def _check_references(run: Scenario, event: Wire) -> None:
    for name, value in attributes_of(event).items():
        if not name.endswith("EventId") or name in _ELSEWHERE or value == 0:
            continue
        assert value < event["eventId"]
        referred = run.types[value - 1]
        match name:
            case "decisionTaskCompletedEventId":
                assert referred == EventType.DECISION_TASK_COMPLETED
            case "scheduledEventId":
                assert referred.endswith("Scheduled")
            case "startedEventId":
                assert referred.endswith("Started")
            case "initiatedEventId":
                assert referred.endswith("Initiated")
            case "latestCancelRequestedEventId":
                assert referred == EventType.ACTIVITY_TASK_CANCEL_REQUESTED
