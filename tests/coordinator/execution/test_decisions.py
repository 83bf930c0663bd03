"""The 13 decisions (SWF.md §3.2, every cause that can be reached) and the rules of a batch (§3.1).

The *_RATE_EXCEEDED causes and OPEN_WORKFLOWS_LIMIT_EXCEEDED, which want quotas that are set: test_quotas.py.
WORKFLOW_ALREADY_RUNNING and UNKNOWN_EXTERNAL_WORKFLOW_EXECUTION come later, by message: test_relations.py. Not
reachable, and why: OPERATION_NOT_PERMITTED wants an access policy that denies single decisions, ID_ALREADY_IN_USE of
ScheduleLambdaFunction is "not raised in practice", and the rates of continue-as-new and Lambda tasks are not known.
"""

from __future__ import annotations

from typing import Any

import pytest

from coordinator.execution.decisions import OPEN_LIMIT
from coordinator.execution.types import Known
from tests.coordinator.execution.scenario import (
    ACTIVITY_DEFAULTS,
    KNOWN,
    RUN_DEFAULTS,
    TYPES,
    Scenario,
    Wire,
    activity_type,
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
    without,
    workflow_type,
)
from workflowsvc.swf.errors import ValidationException

DTC, DTS = "DecisionTaskCompleted", "DecisionTaskScheduled"
#: DecisionTaskCompleted of a run's first decision task: 1 started, 2 scheduled, 3 taken
FIRST = 4

# ---- what succeeds ---------------------------------------------------------------------------------------------

FULL_ACTIVITY: Wire = {
    "activityType": named("bare"),
    "control": "c",
    "input": "i",
    "scheduleToStartTimeout": "1",
    "scheduleToCloseTimeout": "NONE",
    "startToCloseTimeout": "3",
    "heartbeatTimeout": "0",
    "taskList": {"name": "elsewhere"},
    "taskPriority": "-7",
}
FULL_RUN: Wire = {
    "input": "i",
    "executionStartToCloseTimeout": "60",
    "taskStartToCloseTimeout": "NONE",
    "taskList": {"name": "elsewhere"},
    "taskPriority": "9",
    "childPolicy": "ABANDON",
    "tagList": ["one", "two"],
    "lambdaRole": "role",
}
CHARGE_SETTINGS: Wire = {
    "taskList": {"name": "workers"},
    "scheduleToStartTimeout": "100",
    "scheduleToCloseTimeout": "300",
    "startToCloseTimeout": "200",
    "heartbeatTimeout": "50",
}
ORDER_SETTINGS: Wire = {
    "executionStartToCloseTimeout": "3600",
    "taskStartToCloseTimeout": "30",
    "taskList": {"name": "deciders"},
    "childPolicy": "TERMINATE",
}

SUCCESSES = [
    (
        schedule(),
        "ActivityTaskScheduled",
        {"activityId": "a", "activityType": named("charge"), **CHARGE_SETTINGS},
    ),
    (schedule(**FULL_ACTIVITY), "ActivityTaskScheduled", {"activityId": "a", **FULL_ACTIVITY}),
    (start_timer(), "TimerStarted", {"timerId": "t", "startToFireTimeout": "10"}),
    (start_timer(control=""), "TimerStarted", {"timerId": "t", "startToFireTimeout": "10", "control": ""}),
    (marker(), "MarkerRecorded", {"markerName": "m"}),
    (marker(details="d"), "MarkerRecorded", {"markerName": "m", "details": "d"}),
    (complete(), "WorkflowExecutionCompleted", {}),
    (complete(result="r"), "WorkflowExecutionCompleted", {"result": "r"}),
    (fail(), "WorkflowExecutionFailed", {}),
    (fail(reason="r", details="d"), "WorkflowExecutionFailed", {"reason": "r", "details": "d"}),
    (cancel(), "WorkflowExecutionCanceled", {}),
    (cancel(details=""), "WorkflowExecutionCanceled", {"details": ""}),
    (
        start_child(),
        "StartChildWorkflowExecutionInitiated",
        {"workflowId": "child", "workflowType": named("order"), **ORDER_SETTINGS},
    ),
    (
        start_child(workflowType=named("bare"), control="c", **FULL_RUN),
        "StartChildWorkflowExecutionInitiated",
        {"workflowId": "child", "workflowType": named("bare"), "control": "c", **FULL_RUN},
    ),
    (
        start_child(executionStartToCloseTimeout="NONE"),
        "StartChildWorkflowExecutionInitiated",
        {
            "workflowId": "child",
            "workflowType": named("order"),
            **ORDER_SETTINGS,
            "executionStartToCloseTimeout": "31536000",
        },
    ),
    (
        signal_external("other"),
        "SignalExternalWorkflowExecutionInitiated",
        {"workflowId": "other", "signalName": "hey"},
    ),
    (
        signal_external("other", runId="r", input="i", control="c"),
        "SignalExternalWorkflowExecutionInitiated",
        {"workflowId": "other", "signalName": "hey", "runId": "r", "input": "i", "control": "c"},
    ),
    (cancel_external("other"), "RequestCancelExternalWorkflowExecutionInitiated", {"workflowId": "other"}),
    (
        cancel_external("other", runId="r", control="c"),
        "RequestCancelExternalWorkflowExecutionInitiated",
        {"workflowId": "other", "runId": "r", "control": "c"},
    ),
    (schedule_lambda(), "LambdaFunctionScheduled", {"id": "f", "name": "resize"}),
    (
        schedule_lambda(input="i", control="c", startToCloseTimeout="300"),
        "LambdaFunctionScheduled",
        {"id": "f", "name": "resize", "input": "i", "control": "c", "startToCloseTimeout": "300"},
    ),
]


@pytest.mark.parametrize(("wire", "event", "attributes"), SUCCESSES)
def test_a_decision_writes_its_event_with_effective_values(wire: Wire, event: str, attributes: Wire) -> None:
    """The event holds what was sent, what the type fills in, the DecisionTaskCompleted id, and nothing else."""
    run = started().decide(wire)
    assert run.new == [DTC, event]
    assert run.last(event) == {**attributes, "decisionTaskCompletedEventId": FIRST}


def test_a_cancelled_timer_brings_no_decision_task_and_frees_its_id_in_the_batch() -> None:
    """TimerCanceled names the TimerStarted event; the id is reusable at once."""
    run = started().decide(start_timer()).signal().decide(cancel_timer(), start_timer(seconds="7"))
    assert run.new == [DTC, "TimerCanceled", "TimerStarted"]
    assert run.last("TimerCanceled") == {
        "timerId": "t",
        "startedEventId": run.ids("TimerStarted")[0],
        "decisionTaskCompletedEventId": run.last_id(DTC),
    }


def test_an_unstarted_activity_is_cancelled_at_once() -> None:
    """Two events in the batch, the second names the first, and a decision task; the id is free again at once."""
    run = started().decide(schedule()).signal().decide(cancel_activity(), schedule())
    assert run.new == [DTC, "ActivityTaskCancelRequested", "ActivityTaskCanceled", "ActivityTaskScheduled", DTS]
    completed = run.last_id(DTC)
    assert run.last("ActivityTaskCancelRequested") == {"activityId": "a", "decisionTaskCompletedEventId": completed}
    assert run.last("ActivityTaskCanceled") == {
        "scheduledEventId": run.ids("ActivityTaskScheduled")[0],
        "startedEventId": 0,
        "latestCancelRequestedEventId": run.last_id("ActivityTaskCancelRequested"),
    }


def test_a_started_activity_is_only_asked_to_cancel_as_often_as_wanted() -> None:
    """§12 #16: each request writes its event; the last one counts; no decision task."""
    run = started().decide(schedule()).begin().signal().decide(cancel_activity(), cancel_activity())
    assert run.new == [DTC, "ActivityTaskCancelRequested", "ActivityTaskCancelRequested"]
    latest = run.last_id("ActivityTaskCancelRequested")
    assert run.cancels().last("ActivityTaskCanceled")["latestCancelRequestedEventId"] == latest


# ---- what fails ------------------------------------------------------------------------------------------------


def _undefined(kind: str, defaults: Wire, *missing: str) -> Known:
    make = activity_type if kind == "activity" else workflow_type
    return knowing(*TYPES, make("partial", **without(defaults, *missing)))


ACTIVITY_UNDEFINED = [
    ("defaultTaskList", "DEFAULT_TASK_LIST_UNDEFINED"),
    ("defaultTaskScheduleToStartTimeout", "DEFAULT_SCHEDULE_TO_START_TIMEOUT_UNDEFINED"),
    ("defaultTaskScheduleToCloseTimeout", "DEFAULT_SCHEDULE_TO_CLOSE_TIMEOUT_UNDEFINED"),
    ("defaultTaskStartToCloseTimeout", "DEFAULT_START_TO_CLOSE_TIMEOUT_UNDEFINED"),
    ("defaultTaskHeartbeatTimeout", "DEFAULT_HEARTBEAT_TIMEOUT_UNDEFINED"),
]
RUN_UNDEFINED = [
    ("defaultExecutionStartToCloseTimeout", "DEFAULT_EXECUTION_START_TO_CLOSE_TIMEOUT_UNDEFINED"),
    ("defaultTaskList", "DEFAULT_TASK_LIST_UNDEFINED"),
    ("defaultTaskStartToCloseTimeout", "DEFAULT_TASK_START_TO_CLOSE_TIMEOUT_UNDEFINED"),
    ("defaultChildPolicy", "DEFAULT_CHILD_POLICY_UNDEFINED"),
]


def _activity_failed(kind: Wire, cause: str) -> tuple[str, Wire]:
    return "ScheduleActivityTaskFailed", {"activityId": "a", "activityType": kind, "cause": cause}


def _child_failed(kind: Wire, cause: str) -> tuple[str, Wire]:
    attributes = {"workflowId": "child", "workflowType": kind, "control": "c", "initiatedEventId": 0, "cause": cause}
    return "StartChildWorkflowExecutionFailed", attributes


def _failures() -> list[Any]:
    rows: list[tuple[str, Known, list[Wire], Wire, tuple[str, Wire]]] = []

    def row(label: str, wire: Wire, failed: tuple[str, Wire], known: Known = KNOWN, before: Wire | None = None) -> None:
        rows.append((label, known, [before] if before else [], wire, failed))

    for name, cause in (("nobody", "ACTIVITY_TYPE_DOES_NOT_EXIST"), ("old", "ACTIVITY_TYPE_DEPRECATED")):
        row(f"activity {cause}", schedule(activityType=named(name)), _activity_failed(named(name), cause))
    row("activity id", schedule(), _activity_failed(named("charge"), "ACTIVITY_ID_ALREADY_IN_USE"), before=schedule())
    for missing, cause in ACTIVITY_UNDEFINED:
        known = _undefined("activity", ACTIVITY_DEFAULTS, missing)
        row(cause, schedule(activityType=named("partial")), _activity_failed(named("partial"), cause), known)
    row(
        "unknown activity id",
        cancel_activity("nobody"),
        ("RequestCancelActivityTaskFailed", {"activityId": "nobody", "cause": "ACTIVITY_ID_UNKNOWN"}),
    )
    row(
        "timer id",
        start_timer(),
        ("StartTimerFailed", {"timerId": "t", "cause": "TIMER_ID_ALREADY_IN_USE"}),
        before=start_timer(),
    )
    row(
        "unknown timer",
        cancel_timer("nobody"),
        ("CancelTimerFailed", {"timerId": "nobody", "cause": "TIMER_ID_UNKNOWN"}),
    )
    for name, cause in (("nobody", "WORKFLOW_TYPE_DOES_NOT_EXIST"), ("old", "WORKFLOW_TYPE_DEPRECATED")):
        wire = start_child(workflowType=named(name), control="c")
        row(f"child {cause}", wire, _child_failed(named(name), cause))
    for missing, cause in RUN_UNDEFINED:
        known = _undefined("workflow", RUN_DEFAULTS, missing)
        wire = start_child(workflowType=named("partial"), control="c")
        row(f"child {cause}", wire, _child_failed(named("partial"), cause), known)
    for missing, cause in RUN_UNDEFINED:
        failed = ("ContinueAsNewWorkflowExecutionFailed", {"cause": cause})
        known = knowing(*TYPES, workflow_type("order", "3", **without(RUN_DEFAULTS, missing)))
        row(f"continue {cause}", continue_as_new(workflowTypeVersion="3"), failed, known)
    for version, cause in (("nobody", "WORKFLOW_TYPE_DOES_NOT_EXIST"), ("old", "WORKFLOW_TYPE_DEPRECATED")):
        failed = ("ContinueAsNewWorkflowExecutionFailed", {"cause": cause})
        known = knowing(*TYPES, workflow_type("order", "old", deprecated=True, **RUN_DEFAULTS))
        row(f"continue {cause}", continue_as_new(workflowTypeVersion=version), failed, known)
    row(
        "no Lambda",
        schedule_lambda(),
        (
            "ScheduleLambdaFunctionFailed",
            {"id": "f", "name": "resize", "cause": "LAMBDA_SERVICE_NOT_AVAILABLE_IN_REGION"},
        ),
        knowing(*TYPES, lambda_available=False),
    )
    return [pytest.param(*rest, id=label) for label, *rest in rows]


@pytest.mark.parametrize(("known", "before", "wire", "failed"), _failures())
def test_a_decision_that_fails_says_why_and_brings_a_decision_task(
    known: Known, before: list[Wire], wire: Wire, failed: tuple[str, Wire]
) -> None:
    """The ...Failed event holds the cause and the ids that it is found by; one decision task follows."""
    event, attributes = failed
    run = Scenario(known=known).start().decide(*before, wire)
    assert run.new[-2:] == [event, DTS]
    assert run.last(event) == {**attributes, "decisionTaskCompletedEventId": FIRST}
    assert run.execution.open


@pytest.mark.parametrize("missing", range(len(ACTIVITY_UNDEFINED)))
def test_the_first_undefined_setting_of_an_activity_is_the_cause(missing: int) -> None:
    """§3.2, "in check order": the task list, then the four timeouts."""
    settings = {_activity_member(member): _value(member) for member, _ in ACTIVITY_UNDEFINED[:missing]}
    run = started().decide(schedule(activityType=named("bare"), **settings))
    assert run.last("ScheduleActivityTaskFailed")["cause"] == ACTIVITY_UNDEFINED[missing][1]


def _activity_member(default: str) -> str:
    name = default.removeprefix("defaultTask")
    return "taskList" if name == "List" else name[0].lower() + name[1:]


def _value(default: str) -> Any:
    return {"name": "l"} if default.endswith("List") else "5"


def test_the_type_is_checked_before_the_id_and_the_id_before_the_defaults() -> None:
    """§3.2: DOES_NOT_EXIST, DEPRECATED, ID_ALREADY_IN_USE, DEFAULT_*, in this order."""
    run = started().decide(schedule(), *(schedule(activityType=named(name)) for name in ("nobody", "old", "bare")))
    assert [failed["cause"] for failed in run.all("ScheduleActivityTaskFailed")] == [
        "ACTIVITY_TYPE_DOES_NOT_EXIST",
        "ACTIVITY_TYPE_DEPRECATED",
        "ACTIVITY_ID_ALREADY_IN_USE",
    ]


@pytest.mark.parametrize("settings", [("defaultTaskList",), ("defaultTaskList", "defaultChildPolicy")])
def test_what_the_decision_gives_need_not_be_defined_by_the_type(settings: tuple[str, ...]) -> None:
    """§6: the value in the decision, else the type's default."""
    known = _undefined("workflow", RUN_DEFAULTS, *settings)
    wire = start_child(workflowType=named("partial"), taskList={"name": "mine"}, childPolicy="ABANDON")
    run = Scenario(known=known).start().decide(wire)
    initiated = run.last("StartChildWorkflowExecutionInitiated")
    assert (initiated["taskList"], initiated["childPolicy"]) == ({"name": "mine"}, "ABANDON")


# ---- limits (§9) -----------------------------------------------------------------------------------------------

LIMITS = [
    (schedule, "ActivityTaskScheduled", "ScheduleActivityTaskFailed", "OPEN_ACTIVITIES_LIMIT_EXCEEDED"),
    (start_timer, "TimerStarted", "StartTimerFailed", "OPEN_TIMERS_LIMIT_EXCEEDED"),
    (
        start_child,
        "StartChildWorkflowExecutionInitiated",
        "StartChildWorkflowExecutionFailed",
        "OPEN_CHILDREN_LIMIT_EXCEEDED",
    ),
    (
        schedule_lambda,
        "LambdaFunctionScheduled",
        "ScheduleLambdaFunctionFailed",
        "OPEN_LAMBDA_FUNCTIONS_LIMIT_EXCEEDED",
    ),
]


@pytest.mark.parametrize(("make", "opened", "failed", "cause"), LIMITS)
def test_a_thousand_may_be_open(make: Any, opened: str, failed: str, cause: str) -> None:
    """§9: 1,000 open of each kind; the next one fails, and so does the one after it, with one decision task."""
    assert OPEN_LIMIT == 1_000
    run = started().decide(*(make(f"n{number}") for number in range(1_000)))
    assert len(run.ids(opened)) == 1_000
    assert run.types[-1] == opened
    run.signal().decide(make("over"), make("over again"))
    assert run.new == [DTC, failed, failed, DTS]
    assert run.last(failed)["cause"] == cause


@pytest.mark.parametrize(
    ("make", "member", "failed", "causes"),
    [
        (
            schedule,
            "activityType",
            "ScheduleActivityTaskFailed",
            ["ACTIVITY_TYPE_DOES_NOT_EXIST", "DEFAULT_TASK_LIST_UNDEFINED"],
        ),
        (
            start_child,
            "workflowType",
            "StartChildWorkflowExecutionFailed",
            ["WORKFLOW_TYPE_DOES_NOT_EXIST", "DEFAULT_EXECUTION_START_TO_CLOSE_TIMEOUT_UNDEFINED"],
        ),
    ],
)
def test_the_limit_is_checked_last(make: Any, member: str, failed: str, causes: list[str]) -> None:
    """§3.2, "in check order": types and defaults come before OPEN_..._LIMIT_EXCEEDED."""
    run = started().decide(*(make(f"n{number}") for number in range(1_000))).signal()
    run.decide(*(make("over", **{member: named(name)}) for name in ("nobody", "bare")))
    assert [one["cause"] for one in run.all(failed)] == causes


def test_what_is_closed_makes_room() -> None:
    """The limit is on open timers: a cancelled one no longer counts, in the batch already."""
    run = started().decide(*(start_timer(f"n{number}") for number in range(1_000))).signal()
    assert run.decide(cancel_timer("n0"), start_timer("more")).new == [DTC, "TimerCanceled", "TimerStarted"]


# ---- the batch (§3.1) ------------------------------------------------------------------------------------------

CLOSES: list[tuple[Wire, str, str]] = [
    (complete(), "WorkflowExecutionCompleted", "CompleteWorkflowExecutionFailed"),
    (fail(), "WorkflowExecutionFailed", "FailWorkflowExecutionFailed"),
    (cancel(), "WorkflowExecutionCanceled", "CancelWorkflowExecutionFailed"),
    (continue_as_new(), "WorkflowExecutionContinuedAsNew", "ContinueAsNewWorkflowExecutionFailed"),
]
CLOSE_WIRES = [wire for wire, _, _ in CLOSES]


@pytest.mark.parametrize("close", CLOSE_WIRES)
@pytest.mark.parametrize("after", [*CLOSE_WIRES, marker()], ids=lambda wire: wire["decisionType"])
def test_a_close_must_be_the_last_decision(close: Wire, after: Wire) -> None:
    """§3.1.1, .3: one ValidationException, nothing applied, the token stays good."""
    run = started().take()
    with run.refusing(ValidationException, "Close must be last decision in list"):
        run.decide(marker(), close, after)
    assert run.decide(marker()).new == [DTC, "MarkerRecorded"]


@pytest.mark.parametrize("close", CLOSE_WIRES)
@pytest.mark.parametrize("other", [schedule(), start_timer(), cancel_activity(), schedule_lambda()])
def test_some_decisions_cannot_accompany_a_close(close: Wire, other: Wire) -> None:
    """§3.1.4: ScheduleActivityTask, StartTimer, RequestCancelActivityTask, ScheduleLambdaFunction."""
    run = started().take()
    with run.refusing(ValidationException, "Specified decision is incompatible with close decision"):
        run.decide(other, close)
    assert run.decide(other).new[0] == DTC


@pytest.mark.parametrize(("close", "closed", "_failed"), CLOSES)
def test_other_decisions_may_accompany_a_close(close: Wire, closed: str, _failed: str) -> None:
    """§3.1.4: RecordMarker, CancelTimer, StartChild, both External*, in the order of the list."""
    run = started().decide(start_timer()).signal()
    run.decide(marker(), cancel_timer(), start_child(), signal_external("x"), cancel_external("x"), close)
    assert run.new == [
        DTC,
        "MarkerRecorded",
        "TimerCanceled",
        "StartChildWorkflowExecutionInitiated",
        "SignalExternalWorkflowExecutionInitiated",
        "RequestCancelExternalWorkflowExecutionInitiated",
        closed,
    ]


@pytest.mark.parametrize(("close", "_closed", "failed"), CLOSES)
def test_a_close_fails_as_unhandled_where_a_decision_task_waits(close: Wire, _closed: str, failed: str) -> None:
    """§3.1.6: the other decisions stand, no further decision task is written, the queued one runs next."""
    run = started().take().signal()
    queued = run.last_id(DTS)
    run.decide(marker(), close)
    assert run.new == [DTC, "MarkerRecorded", failed]
    assert run.last(failed) == {"cause": "UNHANDLED_DECISION", "decisionTaskCompletedEventId": run.last_id(DTC)}
    assert run.take().last("DecisionTaskStarted") == {"scheduledEventId": queued}
    assert run.decide(close).execution.open is False


@pytest.mark.parametrize(("close", "closed", "_failed"), CLOSES)
def test_what_is_open_does_not_prevent_a_close(close: Wire, closed: str, _failed: str) -> None:
    """§3.1.6: neither open activities (even started during the task), timers, children nor Lambda functions."""
    run = started(lambdaRole="role").decide(
        schedule("a"), schedule("b"), start_timer(), start_child(), schedule_lambda(), signal_external("x")
    )
    run.signal().take().begin("a").invoke()
    assert run.decide(close).new == [DTC, closed]


@pytest.mark.parametrize(("close", "closed", "_failed"), CLOSES)
def test_a_failed_decision_and_a_close_both_apply(close: Wire, closed: str, _failed: str) -> None:
    """§12 #12: the run closes in the same batch, and no decision task follows."""
    assert started().decide(cancel_timer("nobody"), close).new == [DTC, "CancelTimerFailed", closed]


@pytest.mark.parametrize("close", CLOSE_WIRES)
def test_a_close_alone_is_legal(close: Wire) -> None:
    """§3.1.1: an absent struct counts as empty, which is right for the close decisions."""
    assert list(close) == ["decisionType"]
    assert not started().decide(close).execution.open


def test_failed_decisions_bring_one_decision_task_in_the_end() -> None:
    """§3.1.5: later decisions go on; after the batch one DecisionTaskScheduled."""
    run = started().decide(cancel_timer("x"), start_timer(), cancel_activity("x"), marker())
    assert run.new == [
        DTC,
        "CancelTimerFailed",
        "TimerStarted",
        "RequestCancelActivityTaskFailed",
        "MarkerRecorded",
        DTS,
    ]


def test_failed_decisions_bring_none_where_one_is_queued() -> None:
    """§3.1.5: "unless one is queued already"."""
    run = started().take().signal().decide(cancel_timer("x"))
    assert run.new == [DTC, "CancelTimerFailed"]
    assert run.execution.queued is not None


@pytest.mark.parametrize("decisions", [{}, {"decisions": []}, {"decisions": None}])
def test_no_decision_is_legal(decisions: Wire) -> None:
    """§3.1.7: the run just waits."""
    run = started().take()
    run.decide(**decisions)
    assert run.new == [DTC]
    assert run.execution.open
    assert run.execution.queued is None


def test_a_hundred_decisions_and_the_timer_of_flow() -> None:
    """§3.1.8: Flow sends 99 and FORCE_IMMEDIATE_DECISION with a timeout of "0", which fires as a later event."""
    force = start_timer("FORCE_IMMEDIATE_DECISION", "0")
    run = started().decide(*(schedule(f"n{number}") for number in range(99)), force)
    assert run.new == [DTC, *["ActivityTaskScheduled"] * 99, "TimerStarted"]
    assert run.wake().new == ["TimerFired", DTS]


def test_more_than_a_hundred_decisions() -> None:
    """§12 #15: there is no cap on the number of decisions."""
    run = started().decide(*(marker(f"m{number}") for number in range(2_500)))
    assert [recorded["markerName"] for recorded in run.all("MarkerRecorded")] == [f"m{n}" for n in range(2_500)]


def test_a_batch_has_one_timestamp_and_one_completed_event() -> None:
    """§3.1.2: all events of a batch share DecisionTaskCompleted's timestamp; each names it."""
    run = started().take().wait(2.5).decide(schedule(), start_timer(), cancel_timer("x"), marker())
    stamps = {event["eventTimestamp"] for event in run.events[FIRST - 1 :]}
    assert stamps == {run.at / 1000}
    assert {attributes.get("decisionTaskCompletedEventId", FIRST) for attributes in run.news} == {FIRST}


def test_a_marker_name_need_not_be_unique() -> None:
    """§3.2: "Names need not be unique"."""
    assert started().decide(marker(), marker()).new == [DTC, "MarkerRecorded", "MarkerRecorded"]


@pytest.mark.parametrize("timeout", ["0", "901", "99999999"])
def test_a_lambda_timeout_is_1_to_900_seconds(timeout: str) -> None:
    """§3.2: outside 1..900 the whole batch is refused, with the path of the decision."""
    run = started().take()
    with run.refusing(ValidationException) as refused:
        run.decide(marker(), schedule_lambda(startToCloseTimeout=timeout))
    path = "'decisions.2.member.scheduleLambdaFunctionDecisionAttributes.startToCloseTimeout'"
    assert path in str(refused.value)


@pytest.mark.parametrize("timeout", ["1", "900", "NONE"])
def test_a_lambda_timeout_within_is_accepted(timeout: str) -> None:
    """§3.2: 1..900; NONE stands for the default."""
    run = started().decide(schedule_lambda(startToCloseTimeout=timeout))
    assert run.last("LambdaFunctionScheduled")["startToCloseTimeout"] == timeout


def test_an_unknown_struct_beside_the_matching_one_is_ignored() -> None:
    """§3.1.1: a foreign struct is validated by the gateway, and then plays no part."""
    wire = {**marker(), "startTimerDecisionAttributes": {"timerId": "t", "startToFireTimeout": "1"}}
    assert started().decide(wire).new == [DTC, "MarkerRecorded"]
