"""Every timeout and timer (SWF.md §6): not a millisecond early, on time, and what it writes; in which order."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from coordinator.execution.deadlines import next_deadline
from coordinator.execution.limits import YEAR
from tests.coordinator.execution.scenario import (
    Scenario,
    Wire,
    attributes_of,
    complete,
    schedule,
    schedule_lambda,
    start_child,
    start_timer,
    started,
)

DTS, DTTO, ATTO = "DecisionTaskScheduled", "DecisionTaskTimedOut", "ActivityTaskTimedOut"
NO_LIMITS = dict.fromkeys(
    ("scheduleToStartTimeout", "scheduleToCloseTimeout", "startToCloseTimeout", "heartbeatTimeout"), "NONE"
)


def with_activity(**timeouts: str) -> Scenario:
    """A run that does nothing but wait for activity `a`, limited by these timeouts only."""
    return started().decide(schedule(**{**NO_LIMITS, **timeouts}))


def activity_timed_out(kind: str, started_id: int, **more: str) -> Wire:
    return {"timeoutType": kind, "scheduledEventId": 5, "startedEventId": started_id, **more}


# Each row: what it is, the run just as the clock starts, the seconds, the event, its attributes, whether a decision
# task follows.
ROWS: list[tuple[str, Callable[[], Scenario], int, str, Wire, bool]] = [
    (
        "execution startToClose",
        started,
        3600,
        "WorkflowExecutionTimedOut",
        {"timeoutType": "START_TO_CLOSE", "childPolicy": "TERMINATE"},
        False,
    ),
    (
        "decision startToClose, from its start",
        lambda: started().wait(1000).take(),
        30,
        DTTO,
        {"timeoutType": "START_TO_CLOSE", "scheduledEventId": 2, "startedEventId": 3},
        True,
    ),
    (
        "decision scheduleToStart",
        lambda: started().decide(taskList={"name": "mine"}, taskListScheduleToStartTimeout="7").wait(1000).signal(),
        7,
        DTTO,
        {"timeoutType": "SCHEDULE_TO_START", "scheduledEventId": 6, "startedEventId": 0},
        True,
    ),
    (
        "activity scheduleToStart",
        lambda: with_activity(scheduleToStartTimeout="7"),
        7,
        ATTO,
        activity_timed_out("SCHEDULE_TO_START", 0),
        True,
    ),
    (
        "activity startToClose, from its start",
        lambda: with_activity(startToCloseTimeout="7").wait(1000).begin(),
        7,
        ATTO,
        activity_timed_out("START_TO_CLOSE", 6),
        True,
    ),
    (
        "activity startToClose, whatever its heartbeats",
        lambda: with_activity(startToCloseTimeout="7").begin().wait(1).beat().wait(-1),
        7,
        ATTO,
        activity_timed_out("START_TO_CLOSE", 6),
        True,
    ),
    (
        "activity scheduleToClose, unstarted",
        lambda: with_activity(scheduleToCloseTimeout="7"),
        7,
        ATTO,
        activity_timed_out("SCHEDULE_TO_CLOSE", 0),
        True,
    ),
    (
        "activity scheduleToClose, started, from its scheduling",
        lambda: with_activity(scheduleToCloseTimeout="7").wait(3).begin().wait(-3),
        7,
        ATTO,
        activity_timed_out("SCHEDULE_TO_CLOSE", 6),
        True,
    ),
    (
        "activity heartbeat, from its start",
        lambda: with_activity(heartbeatTimeout="7").wait(1000).begin(),
        7,
        ATTO,
        activity_timed_out("HEARTBEAT", 6),
        True,
    ),
    (
        "activity heartbeat, from the last one",
        lambda: with_activity(heartbeatTimeout="7").begin().wait(6).beat(details="1").wait(6).beat(details="2"),
        7,
        ATTO,
        activity_timed_out("HEARTBEAT", 6, details="2"),
        True,
    ),
    (
        "activity heartbeat, the last one without details",
        lambda: with_activity(heartbeatTimeout="7").begin().beat(details="1").beat(),
        7,
        ATTO,
        activity_timed_out("HEARTBEAT", 6),
        True,
    ),
    (
        "timer",
        lambda: started().decide(start_timer("t", "7")),
        7,
        "TimerFired",
        {"timerId": "t", "startedEventId": 5},
        True,
    ),
    (
        "Lambda, by default",
        lambda: started(lambdaRole="r").decide(schedule_lambda()).wait(1000).invoke(),
        900,
        "LambdaFunctionTimedOut",
        {"timeoutType": "START_TO_CLOSE", "scheduledEventId": 5, "startedEventId": 6},
        True,
    ),
    (
        "Lambda",
        lambda: started(lambdaRole="r").decide(schedule_lambda(startToCloseTimeout="7")).invoke(),
        7,
        "LambdaFunctionTimedOut",
        {"timeoutType": "START_TO_CLOSE", "scheduledEventId": 5, "startedEventId": 6},
        True,
    ),
]


@pytest.mark.parametrize(
    ("make", "seconds", "event", "attributes", "decision"), [row[1:] for row in ROWS], ids=[row[0] for row in ROWS]
)
def test_a_timeout_comes_on_time_and_not_earlier(
    make: Callable[[], Scenario], seconds: int, event: str, attributes: Wire, decision: bool
) -> None:
    """§6: 1 ms before it is due nothing happens; then its event, and a decision task unless the run is over."""
    run = make()
    assert next_deadline(run.execution) == run.at + seconds * 1000
    assert run.after(seconds - 0.001).new == []
    assert run.after(0.001).new == ([event, DTS] if decision else [event])
    assert run.last(event) == attributes
    assert run.events[-1]["eventTimestamp"] == run.at / 1000


def test_a_heartbeat_moves_no_other_clock() -> None:
    """§6: startToClose and scheduleToClose run on."""
    run = with_activity(heartbeatTimeout="5", startToCloseTimeout="12", scheduleToCloseTimeout="30").begin()
    for _ in range(2):
        assert run.after(4).beat(details="alive").new == []
    assert run.after(4).new == [ATTO, DTS]
    assert run.last(ATTO) == activity_timed_out("START_TO_CLOSE", 6, details="alive")


def test_a_late_heartbeat_cannot_set_the_clock_back() -> None:
    """§6: "reset by each heartbeat": clocks of two coordinators may differ, the later sign of life counts."""
    run = with_activity(heartbeatTimeout="10").begin().wait(5).beat().wait(-3).beat()
    assert next_deadline(run.execution) == run.at + 3_000 + 10_000


# ---- NONE and 0 (§6) -------------------------------------------------------------------------------------------

UNLIMITED: list[tuple[str, Callable[[], Scenario]]] = [
    ("decision startToClose", lambda: started(**YEAR_LONG, taskStartToCloseTimeout="NONE").take()),
    ("a queued decision task", lambda: started(**YEAR_LONG)),
    ("an unstarted activity", lambda: started(**YEAR_LONG).decide(schedule(**NO_LIMITS))),
    ("a started activity", lambda: started(**YEAR_LONG).decide(schedule(**NO_LIMITS)).begin()),
    ("an unstarted Lambda task", lambda: started(**YEAR_LONG).decide(schedule_lambda())),
    ("an open child", lambda: started(**YEAR_LONG).decide(start_child())),
    ("nothing at all", lambda: started(**YEAR_LONG).decide()),
]
YEAR_LONG = {"executionStartToCloseTimeout": str(YEAR)}


@pytest.mark.parametrize("make", [row[1] for row in UNLIMITED], ids=[row[0] for row in UNLIMITED])
def test_none_is_unlimited_under_the_ceiling_of_the_execution(make: Callable[[], Scenario]) -> None:
    """§6: nothing happens for a year, and then the execution times out."""
    run = make()
    assert YEAR == 31_536_000
    assert run.after(YEAR - 0.001).new == []
    assert run.after(0.001).new == ["WorkflowExecutionTimedOut"]


def test_a_longer_task_timeout_is_capped_by_the_execution() -> None:
    """§6: longer task timeouts are legal and end with the execution."""
    run = started(taskStartToCloseTimeout="99999999").take()
    assert run.after(3600).new == ["WorkflowExecutionTimedOut"]


@pytest.mark.parametrize(
    ("make", "event", "kind"),
    [
        (lambda: with_activity(scheduleToStartTimeout="0"), ATTO, "SCHEDULE_TO_START"),
        (lambda: with_activity(scheduleToCloseTimeout="0"), ATTO, "SCHEDULE_TO_CLOSE"),
        (lambda: with_activity(startToCloseTimeout="0").begin(), ATTO, "START_TO_CLOSE"),
        (lambda: with_activity(heartbeatTimeout="0").begin(), ATTO, "HEARTBEAT"),
        (lambda: started(taskStartToCloseTimeout="0").take(), DTTO, "START_TO_CLOSE"),
        (lambda: started(executionStartToCloseTimeout="0"), "WorkflowExecutionTimedOut", "START_TO_CLOSE"),
        (lambda: started().decide(start_timer("t", "0")), "TimerFired", None),
    ],
)
def test_zero_is_due_at_once_and_in_a_later_commit(make: Callable[[], Scenario], event: str, kind: str | None) -> None:
    """§6: "0 is legal (fires at once)"; §3.2: as a separate event, after the batch."""
    run = make()
    assert event not in run.types
    assert next_deadline(run.execution) == run.at
    assert run.wake().new[0] == event
    assert run.last(event).get("timeoutType") == kind


def test_a_temporary_list_with_a_timeout_of_zero_reverts_in_one_wake_up() -> None:
    """§5.6: what is recorded can be due itself; it ends, because the override is reverted."""
    run = started().decide(taskList={"name": "mine"}, taskListScheduleToStartTimeout="0").signal().wake()
    assert run.new == [DTTO, DTS]
    assert run.last(DTS)["taskList"] == {"name": "deciders"}


def test_a_due_task_and_the_task_that_follows_it_at_once() -> None:
    """§5.6: the decision task that a timer brings goes to a list on which nobody can take it in time."""
    run = started().decide(start_timer(), taskList={"name": "mine"}, taskListScheduleToStartTimeout="0").after(10)
    assert run.new == ["TimerFired", DTS, DTTO, DTS]


# ---- several at once -------------------------------------------------------------------------------------------


def test_what_came_due_earlier_is_written_earlier() -> None:
    """§4: by the time at which it was due, and among equals by the event that set it; one timestamp for all."""
    run = started().decide(start_timer("late", "9"), start_timer("b", "5"), start_timer("a", "5"), schedule())
    run.begin().signal().take().after(55)
    fired = [attributes.get("timerId", attributes.get("timeoutType")) for attributes in run.news]
    assert run.new == ["TimerFired", DTS, "TimerFired", "TimerFired", DTTO, ATTO]
    assert [name for name in fired if name] == ["b", "a", "late", "START_TO_CLOSE", "HEARTBEAT"]
    assert {event["eventTimestamp"] for event in run.events[-6:]} == {run.at / 1000}


def test_the_execution_timeout_wins_among_equals_and_ends_it() -> None:
    """§6: nothing is ever written after a close event; a timer of the same instant does not fire."""
    run = started(executionStartToCloseTimeout="10").decide(start_timer("same"), start_timer("later", "11"))
    assert run.after(20).new == ["WorkflowExecutionTimedOut"]
    assert run.describe()["openCounts"]["openTimers"] == 2


def test_what_was_due_before_the_execution_timeout_comes_before_it() -> None:
    """§6: a wake-up that is late for both writes both, in order."""
    run = started(executionStartToCloseTimeout="10").decide(start_timer("before", "9"))
    assert run.after(20).new == ["TimerFired", DTS, "WorkflowExecutionTimedOut"]


def test_the_earliest_of_an_activitys_timeouts_counts() -> None:
    """§6: all four run; the first one that is due closes the task and ends the others."""
    run = started().decide(schedule())
    assert run.after(100).last(ATTO)["timeoutType"] == "SCHEDULE_TO_START"
    run.decide(schedule()).begin().after(50)
    assert run.last(ATTO)["timeoutType"] == "HEARTBEAT"
    run.decide(schedule(heartbeatTimeout="NONE")).begin().after(200)
    assert run.last(ATTO)["timeoutType"] == "START_TO_CLOSE"
    run.decide(schedule(heartbeatTimeout="NONE")).wait(99).wake().begin().wait(199).after(2)
    assert run.last(ATTO)["timeoutType"] == "START_TO_CLOSE"
    run.decide(schedule(heartbeatTimeout="NONE", startToCloseTimeout="250")).wait(99).begin().after(201)
    assert run.last(ATTO)["timeoutType"] == "SCHEDULE_TO_CLOSE"


# ---- wake-ups --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("times", [1, 3])
def test_a_wake_up_that_finds_nothing_due_is_dropped(times: int) -> None:
    """DESIGN.md §4: early and repeated wake-ups change nothing."""
    run = started().decide(start_timer())
    for _ in range(times):
        assert run.wake().new == []
    run.after(10)
    for _ in range(times):
        assert run.wake().new == []


def test_a_closed_run_has_no_deadline() -> None:
    """§6: dead after the close, whatever was open."""
    run = started().decide(start_timer(), schedule()).signal().terminate()
    assert next_deadline(run.execution) is None
    assert run.after(1_000).new == []


def test_a_wake_up_of_a_run_that_is_gone() -> None:
    """Its record may be deleted: nothing happens."""
    run = Scenario()
    assert run.wake().state is None


def test_an_answer_ends_the_clocks_of_its_task() -> None:
    """§6: completed, failed, canceled or cancelled, a task does not time out."""
    for answer in ("completes", "fails", "cancels"):
        run = started().decide(schedule()).begin()
        getattr(run, answer)()
        assert ATTO not in run.after(1_000).types
    assert DTTO not in started().decide().after(1_000).types
    assert started().decide(complete()).after(4_000).new == []


def test_time_never_runs_backwards_in_a_history() -> None:
    """§4: in order of commit: a clock that was set back does not show."""
    run = started().wait(-5).signal().wait(-5).take()
    stamps = [event["eventTimestamp"] for event in run.events]
    assert stamps == sorted(stamps)
    assert len(set(stamps)) == 1


def test_due_attributes_of_any_event() -> None:
    """Every timed event names what set it: TimerFired its TimerStarted, a timeout its Scheduled."""
    run = started().decide(start_timer("x"), schedule()).after(400)
    origins: dict[str, Any] = {"TimerFired": "startedEventId", ATTO: "scheduledEventId"}
    for event in run.events:
        if member := origins.get(event["eventType"]):
            assert attributes_of(event)[member] < event["eventId"]
