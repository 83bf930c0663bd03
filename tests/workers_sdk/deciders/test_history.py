"""What a history answers to a decider."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from tests.workers_sdk.deciders.histories import (
    DTS,
    FIRST,
    ORDER,
    STARTED,
    TYPE,
    after_first,
    events,
    history,
    initiated,
    of_child,
    scheduled,
    task,
    timer,
)
from workers_sdk.client import lenient
from workers_sdk.deciders import DecisionFailure, History, Marker, Signal, State, attributes_of
from workflowsvc.swf import shapes
from workflowsvc.swf.events import EVENTS
from workflowsvc.swf.shapes import DecisionType, EventType

EXECUTION = shapes.WorkflowExecution(workflow_id="w", run_id="r")
SIXTH = {"scheduledEventId": 5, "startedEventId": 6}


# ---- events


def test_each_event_type_has_its_own_attributes() -> None:
    """One structure per type (API reference, HistoryEvent); all 54."""
    for shape in EVENTS.values():
        made = shapes.Shape()  # stands for any: only the type decides
        members: dict[str, Any] = {shape.member: made}
        event = shapes.HistoryEvent(event_id=1, event_timestamp=0.0, event_type=shape.type, **members)
        assert attributes_of(event) is made


def test_events_can_be_matched_on() -> None:
    found: list[str | None] = []
    for event in after_first(scheduled(), ("ActivityTaskCompleted", SIXTH | {"result": "paid"})).new:
        match attributes_of(event):
            case shapes.ActivityTaskScheduledEventAttributes(activity_id=activity_id):
                found.append(activity_id)
            case shapes.ActivityTaskCompletedEventAttributes(result=result):
                found.append(result)
            case _:
                pass
    assert found == ["charge", "paid"]


def test_an_event_without_its_attributes_is_named() -> None:
    event = shapes.HistoryEvent(event_id=9, event_timestamp=0.0, event_type=EventType.TIMER_FIRED)
    with pytest.raises(ValueError, match="event 9, TimerFired, has no timer_fired_event_attributes"):
        attributes_of(event)


def test_an_event_type_of_tomorrow_is_passed_over() -> None:
    """The client reads it as a value of EventType that is not among its members."""
    wire = {"eventId": 5, "eventTimestamp": 0, "eventType": "MoonRisen"}
    event = lenient.read(shapes.HistoryEvent, wire)
    run = History(events=[*events(*FIRST), event, *after_first(scheduled()).events[4:]], previous_started_event_id=3)
    assert attributes_of(event) is None
    assert event in run.new
    assert [one.id for one in run.activities] == ["charge"]
    assert list(run.decision_failures) == []


def test_a_history_is_its_events_in_order() -> None:
    told = events(*FIRST)
    run = History(events=told)
    assert list(run) == told == list(run.events)
    assert len(run) == 4
    assert run.event(3) is told[2]
    with pytest.raises(KeyError):
        run.event(5)


def test_new_is_what_came_after_the_last_completed_decision_task_started() -> None:
    """previousStartedEventId (SWF.md §5): 0 at first; what the decisions wrote is new, what came meanwhile too."""
    told = (*FIRST, scheduled(), DTS)
    assert [event.event_id for event in history(*told, previous=3).new] == [4, 5, 6]
    assert [event.event_id for event in history(*told).new] == [1, 2, 3, 4, 5, 6]


# ---- made from a decision task


def test_a_decision_task_says_all_that_a_history_needs() -> None:
    given = task(
        *FIRST,
        DTS,
        previousStartedEventId=3,
        startedEventId=6,
        workflowType={"name": "order", "version": "2"},
    )
    run = History(given)
    assert list(run) == given.events
    assert (run.previous_started_event_id, run.started_event_id) == (3, 6)
    assert run.execution == EXECUTION
    assert run.workflow_type.version == "2"


def test_the_pages_of_a_decision_task_together_replace_its_first() -> None:
    whole = events(*FIRST, DTS)
    run = History(task(*FIRST[:2], startedEventId=6, nextPageToken="more"), whole)
    assert list(run) == whole
    assert run.previous_started_event_id == 0


def test_without_a_task_the_execution_must_be_said_and_the_type_is_that_of_the_first_event() -> None:
    run = history(STARTED)
    assert run.workflow_type == shapes.WorkflowType(**ORDER)
    with pytest.raises(ValueError, match="made without its execution"):
        _ = run.execution
    assert History(events=run.events, execution=EXECUTION).execution == EXECUTION


# ---- the execution


def test_what_the_execution_was_started_with() -> None:
    run = history(*FIRST)
    assert run.started.task_start_to_close_timeout == "30"
    assert run.input == "two books"
    assert run.tags == ("express", "gift")
    assert not run.cancel_requested


def test_no_input_and_no_tags() -> None:
    bare = {name: value for name, value in STARTED[1].items() if name not in {"input", "tagList"}}
    run = history((STARTED[0], bare))
    assert run.input is None
    assert run.tags == ()


def test_a_cancel_request() -> None:
    assert after_first(("WorkflowExecutionCancelRequested", {"externalInitiatedEventId": 0})).cancel_requested


# ---- activities


def test_all_that_an_activity_was_scheduled_with() -> None:
    (one,) = after_first(scheduled(input="10 EUR", control="note")).activities
    assert one == one.__class__(events=one.events)
    assert (one.id, one.activity_id, one.input, one.control) == ("charge", "charge", "10 EUR", "note")
    assert one.type == shapes.ActivityType(**TYPE)
    assert one.scheduled.task_list.name == "workers"
    assert one.scheduled_id == one.opened_id == 5
    assert one.opened_at == datetime(2014, 5, 13, 16, 53, 25, tzinfo=UTC)
    assert (one.started, one.outcome, one.closed_id) == (None, None, None)
    assert (one.result, one.reason, one.details, one.timeout_type) == (None, None, None, None)


def test_how_activities_ended() -> None:
    run = after_first(
        scheduled("a"),
        scheduled("b"),
        scheduled("c"),
        ("ActivityTaskStarted", {"scheduledEventId": 6, "identity": "worker 7"}),
        ("ActivityTaskStarted", {"scheduledEventId": 5}),
        ("ActivityTaskStarted", {"scheduledEventId": 7}),
        ("ActivityTaskFailed", {"scheduledEventId": 6, "startedEventId": 8, "reason": "no funds", "details": "at 3"}),
        ("ActivityTaskCompleted", {"scheduledEventId": 5, "startedEventId": 9, "result": "paid"}),
        (
            "ActivityTaskTimedOut",
            {"scheduledEventId": 7, "startedEventId": 10, "timeoutType": "HEARTBEAT", "details": "half"},
        ),
    )
    a, b, c = run.activities
    assert (a.result, a.reason, a.details, a.closed_id) == ("paid", None, None, 12)
    assert isinstance(a.outcome, shapes.ActivityTaskCompletedEventAttributes)
    assert (b.result, b.reason, b.details, b.closed_id) == (None, "no funds", "at 3", 11)
    assert b.started
    assert b.started.identity == "worker 7"
    assert (c.timeout_type, c.details) == (shapes.ActivityTaskTimeoutType.HEARTBEAT, "half")


def test_an_activity_id_names_the_last_attempt() -> None:
    """ "activityId is unique among open tasks", free again once closed (SWF.md §3.2, §11.19)."""
    run = after_first(
        scheduled(input="1"),
        ("ActivityTaskTimedOut", {"scheduledEventId": 5, "startedEventId": 0, "timeoutType": "SCHEDULE_TO_START"}),
        scheduled(input="2"),
        scheduled("other"),
        ("ActivityTaskCancelRequested", {"activityId": "charge", "decisionTaskCompletedEventId": 4}),
    )
    last = run.activity("charge")
    assert last
    assert (last.input, last.state) == ("2", State.SCHEDULED)
    first, second = run.activities.attempts("charge")
    assert (first.input, first.state, first.cancel_requested) == ("1", State.TIMED_OUT, False)
    assert (second, second.cancel_requested) == (last, True)
    assert list(run.activities.attempts("charge").timed_out) == [first]
    assert run.activity("unheard of") is None
    assert list(run.activities.attempts("unheard of")) == []


def test_views_are_of_their_own_kind() -> None:
    run = after_first(scheduled("a"), timer("a"), initiated("a"))
    assert [len(view) for view in (run.activities, run.timers, run.children)] == [1, 1, 1]
    a, t, c = run.activity("a"), run.timer("a"), run.child("a")
    assert a
    assert t
    assert c
    assert (a.opened_id, t.opened_id, c.opened_id) == (5, 6, 7)
    assert run.lambda_function("a") is None
    assert run.activities.in_state(State.SCHEDULED, State.STARTED) == run.activities.open


# ---- children


def test_how_a_child_ended() -> None:
    (child,) = after_first(
        initiated(input="in", control="note"), of_child("Started"), of_child("Failed", reason="no", details="more")
    ).children
    assert (child.id, child.workflow_id, child.input, child.control) == ("child", "child", "in", "note")
    assert (child.reason, child.details, child.result) == ("no", "more", None)
    assert (child.initiated_id, child.type.name, child.initiated.child_policy) == (5, "order", "ABANDON")
    assert child.started
    assert child.started.workflow_execution.run_id == "run-of-child"


def test_a_child_that_is_refused_at_once_never_was() -> None:
    """ "initiatedEventId 0, no Initiated event" (SWF.md §3.2): a failed decision, not a child."""
    run = after_first(
        (
            "StartChildWorkflowExecutionFailed",
            {
                "workflowType": ORDER,
                "workflowId": "child",
                "cause": "WORKFLOW_TYPE_DOES_NOT_EXIST",
                "initiatedEventId": 0,
                "decisionTaskCompletedEventId": 4,
            },
        )
    )
    assert list(run.children) == []
    assert list(run.decision_failures) == [
        DecisionFailure(
            event_id=5,
            decision=DecisionType.START_CHILD_WORKFLOW_EXECUTION,
            name="child",
            cause=shapes.StartChildWorkflowExecutionFailedCause.WORKFLOW_TYPE_DOES_NOT_EXIST,
        )
    ]


# ---- signals, markers, failed decisions


def test_signals_in_their_order_and_by_name() -> None:
    source = {"workflowId": "x", "runId": "y"}
    run = after_first(
        ("WorkflowExecutionSignaled", {"signalName": "pay", "input": "1", "externalInitiatedEventId": 0}),
        ("WorkflowExecutionSignaled", {"signalName": "stop", "externalWorkflowExecution": source}),
        ("WorkflowExecutionSignaled", {"signalName": "pay", "input": "2", "externalInitiatedEventId": 0}),
    )
    one = Signal(event_id=5, name="pay", input="1", source=None)
    two = Signal(event_id=6, name="stop", input=None, source=shapes.WorkflowExecution(workflow_id="x", run_id="y"))
    three = Signal(event_id=7, name="pay", input="2", source=None)
    assert list(run.signals) == [one, two, three]
    assert list(run.signals.named("pay")) == [one, three]
    assert run.signal("pay") == three
    assert run.signal("go") is None
    assert list(run.signals.after(5)) == [two, three]


def test_markers() -> None:
    run = after_first(
        ("MarkerRecorded", {"markerName": "paid", "details": "10", "decisionTaskCompletedEventId": 4}),
        ("MarkerRecorded", {"markerName": "paid", "decisionTaskCompletedEventId": 4}),
    )
    assert list(run.markers) == [
        Marker(event_id=5, name="paid", details="10"),
        Marker(event_id=6, name="paid", details=None),
    ]
    assert run.marker("paid") == run.markers[1]
    assert run.marker("other") is None


REFUSED = {"decisionTaskCompletedEventId": 4}


@pytest.mark.parametrize(
    ("decision", "attributes", "name"),
    [
        ("CompleteWorkflowExecution", {"cause": "UNHANDLED_DECISION"}, ""),
        ("FailWorkflowExecution", {"cause": "UNHANDLED_DECISION"}, ""),
        ("CancelWorkflowExecution", {"cause": "UNHANDLED_DECISION"}, ""),
        ("ContinueAsNewWorkflowExecution", {"cause": "WORKFLOW_TYPE_DEPRECATED"}, ""),
        (
            "ScheduleActivityTask",
            {"activityType": TYPE, "activityId": "charge", "cause": "ACTIVITY_ID_ALREADY_IN_USE"},
            "charge",
        ),
        ("RequestCancelActivityTask", {"activityId": "charge", "cause": "ACTIVITY_ID_UNKNOWN"}, "charge"),
        ("StartTimer", {"timerId": "wait", "cause": "TIMER_ID_ALREADY_IN_USE"}, "wait"),
        ("CancelTimer", {"timerId": "wait", "cause": "TIMER_ID_UNKNOWN"}, "wait"),
        ("RecordMarker", {"markerName": "paid", "cause": "OPERATION_NOT_PERMITTED"}, "paid"),
        (
            "StartChildWorkflowExecution",
            {"workflowType": ORDER, "workflowId": "c", "cause": "OPEN_CHILDREN_LIMIT_EXCEEDED", "initiatedEventId": 0},
            "c",
        ),
        (
            "SignalExternalWorkflowExecution",
            {"workflowId": "o", "cause": "OPERATION_NOT_PERMITTED", "initiatedEventId": 0},
            "o",
        ),
        (
            "RequestCancelExternalWorkflowExecution",
            {"workflowId": "o", "cause": "OPERATION_NOT_PERMITTED", "initiatedEventId": 0},
            "o",
        ),
        ("ScheduleLambdaFunction", {"id": "resize", "name": "thumbnails", "cause": "ID_ALREADY_IN_USE"}, "resize"),
    ],
)
def test_failed_decisions(decision: str, attributes: dict[str, object], name: str) -> None:
    """Each of the thirteen has its event, with a cause (SWF.md §3.2); none of them begins or ends any work."""
    run = after_first(scheduled("other"), (f"{decision}Failed", {**attributes, **REFUSED}))
    (failure,) = run.decision_failures
    assert (failure.event_id, failure.decision, failure.name) == (6, decision, name)
    assert failure.cause == attributes["cause"]
    assert list(run.decision_failures.after(6)) == []
    assert list(run.activities.open) == list(run.activities)


def test_what_a_worker_failed_is_no_failed_decision() -> None:
    run = after_first(scheduled(), ("ActivityTaskStarted", {"scheduledEventId": 5}), ("ActivityTaskFailed", SIXTH))
    assert list(run.decision_failures) == []


# ---- half a history


def test_a_history_without_its_beginning_is_refused_when_it_is_asked() -> None:
    half = History(events=after_first(scheduled(), ("ActivityTaskCompleted", SIXTH)).events[5:])
    with pytest.raises(ValueError, match="begins with WorkflowExecutionStarted"):
        _ = half.input
    with pytest.raises(ValueError, match="event 6, ActivityTaskCompleted, tells of work whose beginning"):
        _ = half.activities


def test_a_cancel_request_for_an_activity_that_is_not_there_is_refused() -> None:
    cancel = ("ActivityTaskCancelRequested", {"activityId": "charge", "decisionTaskCompletedEventId": 4})
    with pytest.raises(ValueError, match="ActivityTaskCancelRequested"):
        _ = after_first(cancel).activities
