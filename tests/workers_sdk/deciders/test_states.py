"""Which state each event brings about (SWF.md §3.2, §4), by a history of one piece of work for each way it can go."""

from __future__ import annotations

import pytest

from tests.workers_sdk.deciders.histories import (
    CHILD,
    DTS,
    Told,
    after_first,
    initiated,
    lambda_scheduled,
    of_child,
    scheduled,
    timer,
)
from workers_sdk.deciders import State
from workers_sdk.deciders.states import OPENINGS, TELLINGS
from workflowsvc.swf.events import EVENTS
from workflowsvc.swf.shapes import EventType

FIFTH = {"scheduledEventId": 5}
UNSTARTED = {"scheduledEventId": 5, "startedEventId": 0}
SIXTH = {"scheduledEventId": 5, "startedEventId": 6}
TAKEN: Told = ("ActivityTaskStarted", {**FIFTH, "identity": "worker 7"})
CANCEL: Told = ("ActivityTaskCancelRequested", {"activityId": "charge", "decisionTaskCompletedEventId": 4})
RAN: Told = ("LambdaFunctionStarted", FIFTH)
ENDED: Told = ("TimerFired", {"timerId": "wait", "startedEventId": 5})
CANCELED: Told = ("TimerCanceled", {"timerId": "wait", "startedEventId": 5, "decisionTaskCompletedEventId": 4})
UNKNOWN = {
    "workflowId": "other",
    "cause": "UNKNOWN_EXTERNAL_WORKFLOW_EXECUTION",
    "initiatedEventId": 5,
    "decisionTaskCompletedEventId": 4,
}
SIGNAL: Told = (
    "SignalExternalWorkflowExecutionInitiated",
    {"workflowId": "other", "signalName": "hurry", "decisionTaskCompletedEventId": 4, "control": "note", "input": "in"},
)
REQUEST: Told = (
    "RequestCancelExternalWorkflowExecutionInitiated",
    {"workflowId": "other", "runId": "asked", "decisionTaskCompletedEventId": 4, "control": "note"},
)
REACHED = {"workflowExecution": {"workflowId": "other", "runId": "resolved"}, "initiatedEventId": 5}
TAKEN_ID: Told = (
    "StartChildWorkflowExecutionFailed",
    {
        "workflowType": {"name": "order", "version": "1"},
        "workflowId": "child",
        "cause": "WORKFLOW_ALREADY_RUNNING",
        "initiatedEventId": 5,
        "decisionTaskCompletedEventId": 4,
    },
)


@pytest.mark.parametrize(
    ("told", "state"),
    [
        ([], State.SCHEDULED),
        ([TAKEN], State.STARTED),
        ([TAKEN, CANCEL], State.STARTED),
        ([TAKEN, ("ActivityTaskCompleted", SIXTH)], State.COMPLETED),
        ([TAKEN, CANCEL, ("ActivityTaskCompleted", SIXTH)], State.COMPLETED),
        ([TAKEN, ("ActivityTaskFailed", SIXTH)], State.FAILED),
        ([TAKEN, ("ActivityTaskTimedOut", {**SIXTH, "timeoutType": "HEARTBEAT"})], State.TIMED_OUT),
        ([("ActivityTaskTimedOut", {**UNSTARTED, "timeoutType": "SCHEDULE_TO_START"})], State.TIMED_OUT),
        ([TAKEN, CANCEL, ("ActivityTaskCanceled", SIXTH)], State.CANCELED),
        ([CANCEL, ("ActivityTaskCanceled", {**UNSTARTED, "latestCancelRequestedEventId": 6})], State.CANCELED),
    ],
)
def test_activities(told: list[Told], state: State) -> None:
    run = after_first(scheduled(), *told, DTS)
    (activity,) = run.activities
    assert activity.state is state
    assert activity.open is (state in {State.SCHEDULED, State.STARTED})
    assert activity.cancel_requested is (CANCEL in told)
    assert list(run.activities.open) == ([activity] if activity.open else [])
    assert list(run.activities.closed) == ([] if activity.open else [activity])
    of_state = {
        State.COMPLETED: run.activities.completed,
        State.FAILED: run.activities.failed,
        State.TIMED_OUT: run.activities.timed_out,
        State.CANCELED: run.activities.canceled,
    }
    assert {where: list(those) for where, those in of_state.items() if those} == (
        {} if activity.open else {state: [activity]}
    )


@pytest.mark.parametrize(("told", "state"), [([], State.STARTED), ([ENDED], State.FIRED), ([CANCELED], State.CANCELED)])
def test_timers(told: list[Told], state: State) -> None:
    run = after_first(timer(control="note"), *told)
    (one,) = run.timers
    assert (one.state, one.open) == (state, state is State.STARTED)
    assert (one.id, one.timer_id, one.seconds, one.control, one.started_id) == ("wait", "wait", 60, "note", 5)
    assert list(run.timers.open) == ([one] if one.open else [])
    assert list(run.timers.fired) == ([one] if state is State.FIRED else [])
    assert list(run.timers.canceled) == ([one] if state is State.CANCELED else [])


@pytest.mark.parametrize(
    ("told", "state"),
    [
        ([], State.INITIATED),
        ([TAKEN_ID], State.START_FAILED),
        ([of_child("Started")], State.STARTED),
        ([of_child("Started"), of_child("Completed")], State.COMPLETED),
        ([of_child("Started"), of_child("Failed")], State.FAILED),
        ([of_child("Started"), of_child("TimedOut", timeoutType="START_TO_CLOSE")], State.TIMED_OUT),
        ([of_child("Started"), of_child("Canceled")], State.CANCELED),
        ([of_child("Started"), of_child("Terminated")], State.TERMINATED),
    ],
)
def test_children(told: list[Told], state: State) -> None:
    run = after_first(initiated(), *told)
    (child,) = run.children
    assert child.state is state
    assert child.open is (state in {State.INITIATED, State.STARTED})
    assert child.run_id == (CHILD["runId"] if of_child("Started") in told else None)
    assert child.cause == ("WORKFLOW_ALREADY_RUNNING" if state is State.START_FAILED else None)
    of_state = {
        State.COMPLETED: run.children.completed,
        State.FAILED: run.children.failed,
        State.TIMED_OUT: run.children.timed_out,
        State.CANCELED: run.children.canceled,
        State.TERMINATED: run.children.terminated,
        State.START_FAILED: run.children.start_failed,
    }
    assert {where: list(those) for where, those in of_state.items() if those} == (
        {} if child.open else {state: [child]}
    )


@pytest.mark.parametrize(
    ("told", "state", "run_id", "cause"),
    [
        ([], State.INITIATED, None, None),
        ([("ExternalWorkflowExecutionSignaled", REACHED)], State.SIGNALED, "resolved", None),
        ([("SignalExternalWorkflowExecutionFailed", UNKNOWN)], State.FAILED, None, UNKNOWN["cause"]),
    ],
)
def test_external_signals(told: list[Told], state: State, run_id: str | None, cause: str | None) -> None:
    run = after_first(SIGNAL, *told)
    (one,) = run.external_signals
    assert (one.state, one.open, one.run_id, one.cause) == (state, state is State.INITIATED, run_id, cause)
    assert (one.workflow_id, one.signal_name, one.input, one.control) == ("other", "hurry", "in", "note")
    assert one.initiated_id == 5
    assert list(run.external_signals.signaled) == ([one] if state is State.SIGNALED else [])
    assert list(run.external_signals.failed) == ([one] if state is State.FAILED else [])


@pytest.mark.parametrize(
    ("told", "state", "run_id", "cause"),
    [
        ([], State.INITIATED, "asked", None),
        ([("ExternalWorkflowExecutionCancelRequested", REACHED)], State.CANCEL_REQUESTED, "resolved", None),
        ([("RequestCancelExternalWorkflowExecutionFailed", UNKNOWN)], State.FAILED, "asked", UNKNOWN["cause"]),
    ],
)
def test_external_cancels(told: list[Told], state: State, run_id: str | None, cause: str | None) -> None:
    run = after_first(REQUEST, *told)
    (one,) = run.external_cancels
    assert (one.state, one.open, one.run_id, one.cause) == (state, state is State.INITIATED, run_id, cause)
    assert (one.workflow_id, one.control, one.initiated_id) == ("other", "note", 5)
    assert list(run.external_cancels.cancel_requested) == ([one] if state is State.CANCEL_REQUESTED else [])
    assert list(run.external_cancels.failed) == ([one] if state is State.FAILED else [])


@pytest.mark.parametrize(
    ("told", "state"),
    [
        ([], State.SCHEDULED),
        (
            [("StartLambdaFunctionFailed", {**FIFTH, "cause": "ASSUME_ROLE_FAILED", "message": "no role"})],
            "START_FAILED",
        ),
        ([RAN], State.STARTED),
        ([RAN, ("LambdaFunctionCompleted", SIXTH)], State.COMPLETED),
        ([RAN, ("LambdaFunctionFailed", SIXTH)], State.FAILED),
        ([RAN, ("LambdaFunctionTimedOut", {**SIXTH, "timeoutType": "START_TO_CLOSE"})], State.TIMED_OUT),
    ],
)
def test_lambdas(told: list[Told], state: State) -> None:
    run = after_first(lambda_scheduled(input="{}", control="note"), *told)
    (one,) = run.lambdas
    assert (one.state, one.open) == (state, state in {State.SCHEDULED, State.STARTED})
    assert (one.id, one.name, one.input, one.control, one.scheduled_id) == ("resize", "thumbnails", "{}", "note", 5)
    failed = state == State.START_FAILED
    assert (one.cause, one.message) == (("ASSUME_ROLE_FAILED", "no role") if failed else (None, None))
    of_state = {
        State.COMPLETED: run.lambdas.completed,
        State.FAILED: run.lambdas.failed,
        State.TIMED_OUT: run.lambdas.timed_out,
        State.START_FAILED: run.lambdas.start_failed,
    }
    assert {where: list(those) for where, those in of_state.items() if those} == ({} if one.open else {state: [one]})


#: SWF.md §4: events of the execution, of decision tasks, of signals and markers, and of decisions that failed at once.
NO_WORK = {
    *(kind for kind in EventType if kind.startswith(("WorkflowExecution", "DecisionTask"))),
    EventType.MARKER_RECORDED,
    EventType.RECORD_MARKER_FAILED,
    EventType.COMPLETE_WORKFLOW_EXECUTION_FAILED,
    EventType.FAIL_WORKFLOW_EXECUTION_FAILED,
    EventType.CANCEL_WORKFLOW_EXECUTION_FAILED,
    EventType.CONTINUE_AS_NEW_WORKFLOW_EXECUTION_FAILED,
    EventType.SCHEDULE_ACTIVITY_TASK_FAILED,
    EventType.REQUEST_CANCEL_ACTIVITY_TASK_FAILED,
    EventType.START_TIMER_FAILED,
    EventType.CANCEL_TIMER_FAILED,
    EventType.SCHEDULE_LAMBDA_FUNCTION_FAILED,
}


def test_every_event_type_is_in_the_table_or_tells_of_no_work() -> None:
    assert set(TELLINGS) == set(EventType) - NO_WORK


def test_every_event_of_the_table_names_the_event_that_began_the_work() -> None:
    """The members are asked of the shapes; ActivityTaskCancelRequested alone names the activity's id instead."""
    members = {shape.type: set(attributes.__struct_fields__) for attributes, shape in EVENTS.items()}
    openings = {opening.type for opening in OPENINGS.values()}
    without = {
        kind
        for kind, telling in TELLINGS.items()
        if kind not in openings and OPENINGS[telling.kind].member not in members[kind]
    }
    assert without == {EventType.ACTIVITY_TASK_CANCEL_REQUESTED}
