"""The forty points that a naive clone gets wrong (SWF.md §11), as far as the core decides them; one test a point.

Points without a test here are not the core's:

    1   an empty poll omits taskToken                   test_point_01_... in tests/end_to_end/test_polls.py
    2   polls are held                                  test_point_02_... in tests/end_to_end/test_polls.py
    3   void actions have an empty body                 test_point_03_... in tests/end_to_end/test_protocol.py
    8   nextPageToken pages the same task               test_point_08_... in tests/end_to_end/test_pages.py
    33  deprecating a domain, listings                  tests/end_to_end/test_catalogue.py (here: no start in one)
    34  filters of visibility                           test_point_34_... in tests/end_to_end/test_visibility.py
    35  order and paging of lists                       test_point_35_... in tests/end_to_end/test_visibility.py
    38  operations that exist                           tests/end_to_end/test_catalogue.py (here: the core knows each)
"""

from __future__ import annotations

from collections.abc import Callable

import pytest

from coordinator.execution.deadlines import next_deadline
from tests.coordinator.execution.scenario import (
    T0,
    TYPES,
    Domain,
    Scenario,
    Wire,
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
    wire_of,
)
from workflowsvc import messages
from workflowsvc.records import DomainRecord
from workflowsvc.swf import faults, shapes
from workflowsvc.swf.errors import ValidationException

DTS, DTST, DTC, DTTO = (
    "DecisionTaskScheduled",
    "DecisionTaskStarted",
    "DecisionTaskCompleted",
    "DecisionTaskTimedOut",
)
CLOSES = [complete(), fail(), cancel(), continue_as_new()]


def kind_of(wire: Wire) -> str:
    return wire["decisionType"]


def previous(run: Scenario) -> int:
    assert isinstance(run.result, messages.GivenDecisionTask)
    return run.result.previous_started_event_id


def test_point_04_a_decision_task_is_scheduled_at_once_during_a_started_one() -> None:
    """4: no pending flag: DecisionTaskScheduled stands between DecisionTaskStarted and DecisionTaskCompleted."""
    assert started().take().signal().decide().types[2:] == [DTST, "WorkflowExecutionSignaled", DTS, DTC]


def test_point_05_one_queued_task_at_most() -> None:
    """5: with one queued and none started, nothing adds a second."""
    run = started().signal().request_cancel().signal()
    assert run.types.count(DTS) == 1


def test_point_06_a_tasks_history_stops_at_its_own_start() -> None:
    """6: the task names its DecisionTaskStarted, whatever is written behind it."""
    run = started().signal().take()
    assert isinstance(run.result, messages.GivenDecisionTask)
    seen = run.result.task.started_event_id
    assert seen == run.last_id(DTST) == len(run.events)
    assert run.signal().decision_token.started_event_id == seen


def test_point_07_previous_started_event_is_0_at_first_and_the_last_completed_then() -> None:
    """7: not moved at the start of a task, nor by a timeout."""
    assert previous(started().take()) == 0
    assert previous(started().take().after(30).take()) == 0
    assert previous(started().decide().signal().take()) == 3


@pytest.mark.parametrize("close", CLOSES, ids=kind_of)
def test_point_09_unhandled_decision_covers_all_four_closes(close: Wire) -> None:
    """9: each fails while a decision task is queued."""
    run = started().take().signal().decide(close)
    assert run.new == [DTC, f"{kind_of(close)}Failed"]
    assert run.news[1]["cause"] == "UNHANDLED_DECISION"


@pytest.mark.parametrize("close", CLOSES, ids=kind_of)
def test_point_10_what_is_open_never_blocks_a_close(close: Wire) -> None:
    """10: activities, timers, children."""
    run = started().decide(schedule(), start_timer(), start_child()).signal().decide(close)
    assert not run.execution.open


def test_point_11_one_decision_task_after_failures_none_after_an_unhandled_close() -> None:
    """11: and none where one is queued."""
    assert started().decide(cancel_timer("x"), cancel_timer("y")).new.count(DTS) == 1
    assert DTS not in started().take().signal().decide(cancel_timer("x"), complete()).new


@pytest.mark.parametrize(
    ("decisions", "failed", "attributes"),
    [
        ([start_timer(), start_timer()], "StartTimerFailed", {"timerId": "t", "cause": "TIMER_ID_ALREADY_IN_USE"}),
        ([cancel_timer()], "CancelTimerFailed", {"timerId": "t", "cause": "TIMER_ID_UNKNOWN"}),
    ],
)
def test_point_12_failed_timer_decisions_bring_a_decision_task(
    decisions: list[Wire], failed: str, attributes: Wire
) -> None:
    """12: and both events have their timerId."""
    run = started().decide(*decisions)
    assert run.new[-2:] == [failed, DTS]
    assert run.last(failed) == {**attributes, "decisionTaskCompletedEventId": 4}


@pytest.mark.parametrize("close", CLOSES, ids=kind_of)
def test_point_13_a_close_is_last_and_has_no_bad_company(close: Wire) -> None:
    """13: includes ContinueAsNew."""
    run = started().take()
    with run.refusing(ValidationException, "Close must be last decision in list"):
        run.decide(close, marker())
    with run.refusing(ValidationException, "Specified decision is incompatible with close decision"):
        run.decide(schedule(), close)


def test_point_14_a_rejected_batch_leaves_no_trace_and_a_live_token() -> None:
    """14: while failed decisions do not reject their batch."""
    run = started().take()
    with run.refusing(ValidationException):
        run.decide(marker(), complete(), complete())
    assert run.decide(marker(), cancel_timer("x"), marker()).new == [
        DTC,
        "MarkerRecorded",
        "CancelTimerFailed",
        "MarkerRecorded",
        DTS,
    ]


def test_point_15_what_the_core_validates_has_the_path_of_its_decision() -> None:
    """15: counted from 1; the structs' own constraints: tests/gateway."""
    run = started().take()
    with run.refusing(ValidationException) as refused:
        run.decide(marker(), marker(), schedule_lambda(startToCloseTimeout="901"))
    assert "'decisions.3.member.scheduleLambdaFunctionDecisionAttributes." in str(refused.value)


def test_point_16_zero_ids_and_empty_strings_are_real() -> None:
    """16: they are sent, not dropped."""
    run = (
        started(input="", tagList=[""]).decide(schedule("a", input="", control=""), schedule("b")).signal("s", input="")
    )
    run.take().after(100)
    first = run.last("WorkflowExecutionStarted")
    assert (first["parentInitiatedEventId"], first["input"], first["tagList"]) == (0, "", [""])
    assert run.last("WorkflowExecutionSignaled")["externalInitiatedEventId"] == 0
    assert run.last("WorkflowExecutionSignaled")["input"] == ""
    scheduled = run.all("ActivityTaskScheduled")[0]
    assert (scheduled["input"], scheduled["control"]) == ("", "")
    assert [timed_out["startedEventId"] for timed_out in run.all("ActivityTaskTimedOut")] == [0, 0]
    assert run.decide(complete(result="")).last("WorkflowExecutionCompleted")["result"] == ""


def test_point_17_started_carries_tags_priority_and_role() -> None:
    """17."""
    more = {"tagList": ["t"], "taskPriority": "5", "lambdaRole": "role"}
    first = started(**more).last("WorkflowExecutionStarted")
    assert {name: first[name] for name in more} == more


def test_point_18_activity_task_scheduled_shows_effective_values() -> None:
    """18: the type's defaults, where the decision gave none."""
    scheduled = started().decide(schedule(startToCloseTimeout="1")).last("ActivityTaskScheduled")
    assert scheduled["taskList"] == {"name": "workers"}
    timeouts = ("scheduleToStartTimeout", "scheduleToCloseTimeout", "startToCloseTimeout", "heartbeatTimeout")
    assert [scheduled[name] for name in timeouts] == ["100", "300", "1", "50"]


def test_point_19_an_activity_id_is_unique_among_open_tasks() -> None:
    """19: free again once closed."""
    run = started().decide(schedule(), schedule())
    assert run.last("ScheduleActivityTaskFailed")["cause"] == "ACTIVITY_ID_ALREADY_IN_USE"
    assert run.begin().completes().decide(schedule()).new == [DTC, "ActivityTaskScheduled"]


@pytest.mark.parametrize(
    ("member", "kind", "is_started"),
    [
        ("scheduleToStartTimeout", "SCHEDULE_TO_START", False),
        ("scheduleToCloseTimeout", "SCHEDULE_TO_CLOSE", False),
        ("startToCloseTimeout", "START_TO_CLOSE", True),
        ("heartbeatTimeout", "HEARTBEAT", True),
    ],
)
def test_point_20_all_four_activity_timeouts_run(member: str, kind: str, is_started: bool) -> None:
    """20: those of a started task from its start."""
    none = dict.fromkeys(
        ("scheduleToStartTimeout", "scheduleToCloseTimeout", "startToCloseTimeout", "heartbeatTimeout"), "NONE"
    )
    run = started().decide(schedule(**{**none, member: "9"})).wait(5)
    if is_started:
        run.begin()
        assert run.after(8).new == []
    assert run.after(4).new == ["ActivityTaskTimedOut", DTS]
    assert run.last("ActivityTaskTimedOut")["timeoutType"] == kind


def test_point_21_none_is_a_value() -> None:
    """21: of the decision task's timeout, too; the event says so."""
    run = started(taskStartToCloseTimeout="NONE").take()
    assert run.last(DTS)["startToCloseTimeout"] == "NONE"
    assert next_deadline(run.execution) == T0 + 3_600_000


def test_point_22_a_decision_task_that_nobody_takes_reverts_the_override() -> None:
    """22: SCHEDULE_TO_START, back to the original list."""
    run = started().decide(taskList={"name": "mine"}, taskListScheduleToStartTimeout="5").signal().after(5)
    assert run.new == [DTTO, DTS]
    assert run.last(DTTO)["timeoutType"] == "SCHEDULE_TO_START"
    assert run.last(DTS)["taskList"] == {"name": "deciders"}


def test_point_23_the_event_is_timer_canceled() -> None:
    """23: one l."""
    assert started().decide(start_timer(), cancel_timer()).new[-1] == "TimerCanceled"


def test_point_24_timers_are_durable_and_dead_after_the_close() -> None:
    """24: part of the state that a history gives back, and nothing fires later."""
    run = started().decide(start_timer())
    assert run.folded().timers == run.execution.timers
    assert run.signal().decide(complete()).after(100).new == []


def test_point_25_an_unstarted_activity_is_closed_at_once_a_started_one_is_told() -> None:
    """25: startedEventId 0 and a decision task; else the heartbeats' flag only."""
    run = started().decide(schedule("waits"), schedule("runs")).begin("runs").signal()
    run.decide(cancel_activity("waits"), cancel_activity("runs"))
    requested, canceled = "ActivityTaskCancelRequested", "ActivityTaskCanceled"
    assert run.new == [DTC, requested, canceled, requested, DTS]
    assert run.last(canceled)["startedEventId"] == 0
    assert wire_of(run.beat("runs").result) == {"cancelRequested": True}


def family() -> tuple[Domain, Scenario, Scenario]:
    domain = Domain()
    parent = domain.start("parent")
    domain.note(parent.decide(start_child("child")))
    domain.settle()
    child = domain.named("child")
    assert child is not None
    return domain, parent, child


def test_point_26_a_childs_started_event_is_the_parents() -> None:
    """26: Child*startedEventId names ChildWorkflowExecutionStarted, not the child's first event."""
    domain, parent, child = family()
    domain.note(child.decide(complete()))
    domain.settle()
    assert parent.last("ChildWorkflowExecutionCompleted")["startedEventId"] == 6
    assert parent.types[5] == "ChildWorkflowExecutionStarted"


def test_point_27_a_child_that_fails_has_an_initiated_event_only_if_it_was_running_already() -> None:
    """27: 0 otherwise."""
    domain, parent, _child = family()
    domain.note(parent.decide(start_child("x", workflowType=named("nobody")), start_child("child")))
    domain.settle()
    failures = [(one["cause"], one["initiatedEventId"]) for one in parent.all("StartChildWorkflowExecutionFailed")]
    (_, initiated) = parent.ids("StartChildWorkflowExecutionInitiated")
    assert failures == [("WORKFLOW_TYPE_DOES_NOT_EXIST", 0), ("WORKFLOW_ALREADY_RUNNING", initiated)]


@pytest.mark.parametrize(
    "wire",
    [
        start_child("c"),
        continue_as_new(),
        signal_external("o"),
        cancel_external("o"),
        cancel_activity("x"),
        schedule_lambda(),
    ],
    ids=kind_of,
)
def test_point_27_six_decisions_that_clones_lack(wire: Wire) -> None:
    """27: each does something."""
    assert len(started().decide(wire).new) >= 2


@pytest.mark.parametrize(
    ("close", "applies"),
    [
        (lambda run: run.terminate(), True),
        (lambda run: run.after(3600), True),
        *((lambda run, wire=wire: run.decide(wire), False) for wire in CLOSES),
    ],
)
def test_point_28_a_child_policy_applies_on_terminate_and_timeout_only(
    close: Callable[[Scenario], Scenario], applies: bool
) -> None:
    """28."""
    domain = Domain()
    parent = domain.start("parent")
    domain.note(parent.decide(start_child("child", executionStartToCloseTimeout="31536000")))
    domain.settle()
    close(parent)
    assert [type(action.request) for action in parent.sent] == ([messages.ApplyChildPolicy] if applies else [])


def test_point_29_a_continuation_inherits_defaults_and_the_parent_link() -> None:
    """29: not the run's settings, nor input, nor tags."""
    _domain, parent, child = family()
    heir = child.decide(continue_as_new()).successor
    assert heir is not None
    assert heir.last("WorkflowExecutionStarted")["parentWorkflowExecution"] == parent.name
    other = started(input="i", tagList=["t"], taskList={"name": "mine"}, taskPriority="3").decide(continue_as_new())
    assert other.successor is not None
    first = other.successor.last("WorkflowExecutionStarted")
    assert first["taskList"] == {"name": "deciders"}
    assert not {"input", "tagList", "taskPriority"} & set(first)


def test_point_30_a_signal_without_input() -> None:
    """30: is legal, and the event has none."""
    assert "input" not in started().signal().last("WorkflowExecutionSignaled")


def test_point_31_an_absent_context_changes_nothing() -> None:
    """31."""
    run = started().decide(executionContext="c").signal().decide()
    assert run.describe()["latestExecutionContext"] == "c"


@pytest.mark.parametrize(
    "close",
    [
        lambda run: run.terminate(),
        lambda run: run.after(3600),
        *(lambda run, wire=wire: run.decide(wire) for wire in CLOSES),
    ],
)
def test_point_32_timestamps_are_those_of_the_events(close: Callable[[Scenario], Scenario]) -> None:
    """32: closeTimestamp on every close, startTimestamp of the start."""
    run = started().wait(7)
    close(run)
    shown = run.describe()["executionInfo"]
    assert shown["startTimestamp"] == run.events[0]["eventTimestamp"] == T0 / 1000
    assert shown["closeTimestamp"] == run.events[-1]["eventTimestamp"] == run.at / 1000


def test_point_33_no_new_run_in_a_deprecated_domain_but_open_ones_go_on() -> None:
    """33: DomainDeprecated at the start only."""
    run = started()
    run.known = knowing(*TYPES, domain=DomainRecord(domain="d", created_at=0, retention="1", deprecated=True))
    run.signal().decide(schedule()).begin().completes()
    with run.refusing(faults.DomainDeprecatedFault, "shop"):
        run.start()
    assert not run.decide(complete()).execution.open


def test_point_36_what_describe_counts() -> None:
    """36: openDecisionTasks 0 or 1, other counts survive the close, the activity timestamp moves on start and close."""
    run = started().decide(schedule("a"), schedule("b")).wait(1).begin("a")
    assert run.describe()["latestActivityTaskTimestamp"] == run.at / 1000
    run.wait(1).completes("a")
    assert run.describe()["latestActivityTaskTimestamp"] == run.at / 1000
    run.take().signal()
    assert run.describe()["openCounts"]["openDecisionTasks"] == 1
    shown = run.terminate().describe()["openCounts"]
    assert (shown["openDecisionTasks"], shown["openActivityTasks"]) == (0, 1)


def test_point_37_a_started_task_is_not_pending() -> None:
    """37: a hand-out takes it off the count, for both kinds."""
    run = started()
    scheduled = run.outcome.scheduled
    assert run.take().outcome.unscheduled == scheduled
    run.decide(schedule())
    scheduled = run.outcome.scheduled
    assert run.begin().outcome.unscheduled == scheduled
    assert len(scheduled) == 1


def test_point_38_requests_that_clones_lack() -> None:
    """38: RequestCancelWorkflowExecution and RespondActivityTaskCanceled (§12 #9: without a request, too)."""
    run = started().decide(schedule()).begin().cancels(details="d")
    assert run.new == ["ActivityTaskCanceled", DTS]
    assert "latestCancelRequestedEventId" not in run.last("ActivityTaskCanceled")
    assert run.request_cancel().new == ["WorkflowExecutionCancelRequested"]


def test_point_39_deciders_poll_the_runs_current_list() -> None:
    """39: a response can change it."""
    run = started().decide(taskList={"name": "mine"}).signal()
    assert [task.task_list.name for task in run.effects.tasks] == ["mine"]
    assert run.describe()["executionConfiguration"]["taskList"] == {"name": "mine"}


def test_point_40_one_open_run_per_workflow_id_and_no_lost_events() -> None:
    """40: what the core refuses; concurrent starts and crashes: tests/end_to_end."""
    run = started()
    with run.refusing(faults.WorkflowExecutionAlreadyStartedFault):
        run.start()
    domain, parent, child = family()
    domain.note(child.decide(signal_external("parent"), complete()))
    domain.note(parent.terminate())
    domain.settle()
    assert child.execution.close_status is shapes.CloseStatus.COMPLETED
    assert domain.mail == type(domain.mail)()
