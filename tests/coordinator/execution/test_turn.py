"""Who writes what in which order (SWF.md §4.1, §4.2), and the three rules of a turn: nothing follows a close, event
25,001 is the end (§9, §12 #15), what is worth deciding on brings a decision task (§5.1)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from coordinator.execution.turn import EVENT_LIMIT
from tests.coordinator.execution.scenario import (
    Domain,
    Scenario,
    cancel_activity,
    complete,
    continue_as_new,
    marker,
    schedule,
    schedule_lambda,
    start_child,
    start_timer,
    started,
)
from workflowsvc import messages
from workflowsvc.swf import faults, shapes

DTS, DTST, DTC = "DecisionTaskScheduled", "DecisionTaskStarted", "DecisionTaskCompleted"

# ---- who writes what (§4.1) ------------------------------------------------------------------------------------


def working() -> Scenario:
    """An activity `a` that is being worked on, one `b` that waits; no decision task."""
    return started().decide(schedule("a"), schedule("b")).begin("a")


STEPS: list[tuple[str, Callable[[], Scenario], list[str]]] = [
    ("start", started, ["WorkflowExecutionStarted", DTS]),
    ("decision task handed out", lambda: started().take(), [DTST]),
    ("no decisions", lambda: started().decide(), [DTC]),
    ("signal", lambda: working().signal(), ["WorkflowExecutionSignaled", DTS]),
    ("signal, one queued", lambda: started().signal(), ["WorkflowExecutionSignaled"]),
    ("signal, one started", lambda: started().take().signal(), ["WorkflowExecutionSignaled", DTS]),
    ("cancel", lambda: working().request_cancel(), ["WorkflowExecutionCancelRequested", DTS]),
    ("activity task handed out", working, ["ActivityTaskStarted"]),
    ("activity completed", lambda: working().completes(), ["ActivityTaskCompleted", DTS]),
    ("activity failed", lambda: working().fails(), ["ActivityTaskFailed", DTS]),
    ("activity canceled", lambda: working().cancels(), ["ActivityTaskCanceled", DTS]),
    ("activity timed out", lambda: working().after(50), ["ActivityTaskTimedOut", DTS]),
    ("timer", lambda: started().decide(start_timer()).after(10), ["TimerFired", DTS]),
    ("decision task timed out", lambda: started().take().after(30), ["DecisionTaskTimedOut", DTS]),
    ("terminate", lambda: working().terminate(), ["WorkflowExecutionTerminated"]),
    ("execution timeout", lambda: started().after(3600), ["WorkflowExecutionTimedOut"]),
    (
        "unstarted activity cancelled",
        lambda: working().signal().decide(cancel_activity("b"), marker()),
        [DTC, "ActivityTaskCancelRequested", "ActivityTaskCanceled", "MarkerRecorded", DTS],
    ),
]


@pytest.mark.parametrize(("step", "expected"), [row[1:] for row in STEPS], ids=[row[0] for row in STEPS])
def test_who_writes_what_in_which_order(step: Callable[[], Scenario], expected: list[str]) -> None:
    """§4.1: the events of one commit, in order, with one timestamp."""
    run = step()
    assert run.new == expected
    assert len({event["eventTimestamp"] for event in run.events[-len(expected) :]}) == 1


def test_what_parent_and_child_write() -> None:
    """§4.1: the child begins with two events; the parent hears of its start and its close."""
    domain = Domain()
    parent = domain.start("parent")
    domain.note(parent.decide(start_child()))
    domain.settle()
    child = domain.named("child")
    assert child is not None
    assert child.types == ["WorkflowExecutionStarted", DTS]
    assert parent.new == ["ChildWorkflowExecutionStarted", DTS]
    domain.note(parent.decide())
    domain.note(child.decide(complete()))
    domain.settle()
    assert child.types[-1] == "WorkflowExecutionCompleted"
    assert parent.new == ["ChildWorkflowExecutionCompleted", DTS]


# ---- a real trace (§4.2) ---------------------------------------------------------------------------------------


def test_the_trace_of_2013_id_by_id() -> None:
    """§4.2: a recorded history, its ids, who refers to whom, and the second task's previousStartedEventId."""
    run = started().decide(schedule("one"), schedule("two")).begin("one").begin("two").completes("one").take()
    run.completes("two").decide(schedule("two")).take().begin("two").completes("two").decide(complete()).take()
    assert list(enumerate(run.types, 1)) == [
        (1, "WorkflowExecutionStarted"),
        (2, DTS),
        (3, DTST),
        (4, DTC),
        (5, "ActivityTaskScheduled"),
        (6, "ActivityTaskScheduled"),
        (7, "ActivityTaskStarted"),
        (8, "ActivityTaskStarted"),
        (9, "ActivityTaskCompleted"),
        (10, DTS),
        (11, DTST),
        (12, "ActivityTaskCompleted"),
        (13, DTS),
        (14, DTC),
        (15, "ActivityTaskScheduled"),
        (16, DTST),
        (17, "ActivityTaskStarted"),
        (18, "ActivityTaskCompleted"),
        (19, DTS),
        (20, DTC),
        (21, "CompleteWorkflowExecutionFailed"),
        (22, DTST),
    ]
    assert [started["scheduledEventId"] for started in run.all(DTST)] == [2, 10, 13, 19]
    assert run.all(DTC) == [
        {"scheduledEventId": 2, "startedEventId": 3},
        {"scheduledEventId": 10, "startedEventId": 11},
        {"scheduledEventId": 13, "startedEventId": 16},
    ]
    assert run.last("CompleteWorkflowExecutionFailed") == {
        "cause": "UNHANDLED_DECISION",
        "decisionTaskCompletedEventId": 20,
    }
    assert isinstance(run.result, messages.GivenDecisionTask)
    assert run.result.previous_started_event_id == 16
    assert run.result.task == messages.TaskRef(19, 22)


# ---- nothing follows a close -----------------------------------------------------------------------------------


def full() -> Scenario:
    """A run in which everything is open that can be: started and waiting tasks, a timer, a child, asked others."""
    run = started(lambdaRole="role").decide(
        schedule("a"), schedule("b"), start_timer(), start_child(), schedule_lambda("f"), schedule_lambda("g")
    )
    return run.begin("a").invoke("f").signal().take().signal()


CLOSING: dict[str, Callable[[Scenario], Any]] = {
    "terminated": lambda run: run.terminate(),
    "timed out": lambda run: run.after(3600),
    "completed": lambda run: run.decide().decide(complete()),
    "continued": lambda run: run.decide().decide(continue_as_new()),
}


@pytest.mark.parametrize("close", CLOSING.values(), ids=CLOSING)
def test_nothing_is_written_after_a_close(close: Callable[[Scenario], Any]) -> None:
    """§6: late timers, timeouts and messages are dropped; what a client asks is refused."""
    run = full()
    decision, activity = run.decision_token, run.activity_token("a")
    close(run)
    length = len(run.events)
    initiated = run.last_id("StartChildWorkflowExecutionInitiated")
    child = shapes.WorkflowExecution(workflow_id="child", run_id="r")
    order = shapes.WorkflowType(name="order", version="1")
    run.after(40_000_000)
    for request in (
        messages.ChildStarted(initiated, child, order),
        messages.ChildNotStarted(initiated, shapes.StartChildWorkflowExecutionFailedCause.WORKFLOW_ALREADY_RUNNING),
        messages.ChildClosed(initiated, child, order, shapes.CloseStatus.COMPLETED),
        messages.ExternalDone(initiated, child),
        messages.ApplyChildPolicy(child, initiated, shapes.ChildPolicy.TERMINATE),
        messages.Resume(),
    ):
        assert run.do(request).new == []
    assert run.returns("f", result="late").new == []
    assert run.begin("b").new == []
    assert run.begin("b").result == messages.Stale()
    assert run.take(scheduled_id=decision.scheduled_event_id).result == messages.Stale()
    assert run.invoke("g").result == messages.Stale()
    unknown = f"Unknown execution: WorkflowExecution=[workflowId=w, runId={run.execution.run_id}]"
    with run.refusing(faults.UnknownResourceFault, unknown):
        run.respond(decision)
    assert run.activity_token("a") == activity
    for late in (run.completes, run.fails, run.cancels, run.beat):
        with run.refusing(faults.UnknownResourceFault, unknown):
            late("a")
    assert len(run.events) == length


# ---- event 25,001 ----------------------------------------------------------------------------------------------

TERMINATED = "WorkflowExecutionTerminated"


def long_run(length: int, before: Callable[[Scenario], Scenario] = lambda run: run) -> Scenario:
    """A run of so many events: markers make them cheaply. A decision task is started."""
    run = before(started())
    if run.execution.queued is None:
        run.signal()
    run.take()
    # Still to come beside the markers: DecisionTaskCompleted, and the Signaled, Scheduled and Started of the next.
    run.decide(*[marker()] * (length - len(run.events) - 4)).signal().take()
    assert len(run.events) == length
    return run


def terminated_by_the_limit(run: Scenario) -> None:
    assert EVENT_LIMIT == 25_000
    assert len(run.events) == 25_001
    assert run.types[-1] == TERMINATED
    assert run.last(TERMINATED) == {"cause": "EVENT_LIMIT_EXCEEDED", "childPolicy": "TERMINATE"}
    assert not run.execution.open
    assert run.describe()["executionInfo"]["closeStatus"] == "TERMINATED"
    assert run.folded() == run.execution


def test_event_25_000_is_an_event_like_another() -> None:
    """§12 #15: the limit is passed by event 25,001, not reached by 25,000."""
    run = long_run(24_998).decide(marker())
    assert len(run.events) == 25_000
    assert run.execution.open
    assert run.types[-1] == "MarkerRecorded"


def test_a_close_at_event_25_000_is_what_it_says() -> None:
    """§12 #15: a run may close with its 25,000th event."""
    run = long_run(24_998).decide(complete())
    assert len(run.events) == 25_000
    assert run.types[-1] == "WorkflowExecutionCompleted"


def test_the_limit_in_mid_batch_drops_the_remaining_decisions_and_the_call_succeeds() -> None:
    """§12 #15: event 25,001 is WorkflowExecutionTerminated; the markers after it are gone."""
    run = long_run(24_997).decide(*[marker()] * 5)
    assert run.new == [DTC, "MarkerRecorded", "MarkerRecorded", TERMINATED]
    terminated_by_the_limit(run)


LIMIT_STEPS: list[tuple[str, Callable[[Scenario], Scenario], Callable[[Scenario], Any]]] = [
    ("a decision task's completion", lambda run: run, lambda run: run.decide(marker(), complete())),
    ("a continuation", lambda run: run, lambda run: run.decide(continue_as_new())),
    ("a signal", lambda run: run, lambda run: run.signal()),
    ("a cancel request", lambda run: run, lambda run: run.request_cancel()),
    ("an activity's start", lambda run: run.decide(schedule()), lambda run: run.begin()),
    ("an activity's completion", lambda run: run.decide(schedule()).begin(), lambda run: run.completes()),
    ("a timeout", lambda run: run, lambda run: run.after(30)),
    ("a timer", lambda run: run.decide(start_timer()), lambda run: run.after(10)),
]


@pytest.mark.parametrize(("before", "step"), [row[1:] for row in LIMIT_STEPS], ids=[row[0] for row in LIMIT_STEPS])
def test_whatever_would_be_event_25_001_is_the_end(
    before: Callable[[Scenario], Scenario], step: Callable[[Scenario], Any]
) -> None:
    """§12 #15: always WorkflowExecutionTerminated, the caller is not refused, and nothing comes after it."""
    run = long_run(25_000, before)
    step(run)
    assert run.new == [TERMINATED]
    terminated_by_the_limit(run)
    assert run.successor is None
    assert run.effects.tasks == []


@pytest.mark.parametrize("length", [24_998, 24_999])
def test_a_continuation_that_does_not_fit_has_no_successor(length: int) -> None:
    """§12 #15: DecisionTaskCompleted is 24,999 or 25,000; the continuation as 25,000 is one, as 25,001 none."""
    run = long_run(length).decide(continue_as_new())
    assert (run.successor is not None) == (length == 24_998)
    assert run.types[-1] == ("WorkflowExecutionContinuedAsNew" if length == 24_998 else TERMINATED)


def test_an_unstarted_activity_cancelled_at_the_limit() -> None:
    """§12 #15: of the two events of an immediate cancel the second may be the one too many."""
    run = long_run(24_998, lambda run: run.decide(schedule())).decide(cancel_activity())
    assert run.new == [DTC, "ActivityTaskCancelRequested", TERMINATED]
    terminated_by_the_limit(run)


TAKEN: list[tuple[Callable[[Scenario], Scenario], Callable[[Scenario], Any]]] = [
    (lambda run: run.decide(schedule()), lambda run: run.begin()),
    (lambda run: run.decide(schedule_lambda()), lambda run: run.invoke()),
]


@pytest.mark.parametrize(("before", "take"), TAKEN, ids=["activity", "function"])
def test_a_task_that_is_taken_at_the_limit_is_stale(
    before: Callable[[Scenario], Scenario], take: Callable[[Scenario], Any]
) -> None:
    """§12 #15: the poller gets nothing of a run that its own poll ended."""
    run = long_run(25_000, before)
    take(run)
    assert run.result == messages.Stale()
    terminated_by_the_limit(run)


def test_the_limit_applies_the_child_policy() -> None:
    """§12 #14: as for terminate."""
    run = long_run(25_000, lambda run: run.decide(start_child())).signal()
    assert [type(action.request) for action in run.sent] == [messages.ApplyChildPolicy]
