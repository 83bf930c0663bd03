"""How an execution looks from outside (SWF.md §8): WorkflowExecutionInfo and WorkflowExecutionDetail."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from coordinator.execution.view import detail, info
from tests.coordinator.execution.scenario import (
    T0,
    Domain,
    Scenario,
    Wire,
    cancel,
    cancel_activity,
    cancel_timer,
    complete,
    continue_as_new,
    fail,
    named,
    schedule,
    schedule_lambda,
    start_child,
    start_timer,
    started,
    wire_of,
)
from workflowsvc.swf import faults, shapes

COUNTS = (
    "openActivityTasks",
    "openDecisionTasks",
    "openTimers",
    "openChildWorkflowExecutions",
    "openLambdaFunctions",
)


def counts(run: Scenario) -> tuple[int, ...]:
    shown = run.describe()["openCounts"]
    assert set(shown) == set(COUNTS)
    return tuple(shown[name] for name in COUNTS)


def test_an_open_run() -> None:
    """§8: cancelRequested always present; no close, parent or tags where there are none; all five counts."""
    run = started()
    assert run.describe() == {
        "executionInfo": {
            "execution": {"workflowId": "w", "runId": run.execution.run_id},
            "workflowType": named("order"),
            "startTimestamp": T0 / 1000,
            "executionStatus": "OPEN",
            "cancelRequested": False,
        },
        "executionConfiguration": {
            "taskStartToCloseTimeout": "30",
            "executionStartToCloseTimeout": "3600",
            "taskList": {"name": "deciders"},
            "childPolicy": "TERMINATE",
        },
        "openCounts": dict.fromkeys(COUNTS, 0) | {"openDecisionTasks": 1},
    }
    assert wire_of(info(run.execution)) == run.describe()["executionInfo"]


def test_what_is_optional() -> None:
    """§8, §7.8: tags in their order, the priority and the role, where they were set."""
    run = started(tagList=["b", "a"], taskPriority="1", lambdaRole="r", taskStartToCloseTimeout="NONE")
    configuration = run.describe()["executionConfiguration"]
    assert run.describe()["executionInfo"]["tagList"] == ["b", "a"]
    assert (configuration["taskPriority"], configuration["lambdaRole"]) == ("1", "r")
    assert configuration["taskStartToCloseTimeout"] == "NONE"


CLOSES: list[tuple[str, Callable[[Scenario], Scenario]]] = [
    ("COMPLETED", lambda run: run.decide(complete())),
    ("FAILED", lambda run: run.decide(fail())),
    ("CANCELED", lambda run: run.decide(cancel())),
    ("CONTINUED_AS_NEW", lambda run: run.decide(continue_as_new())),
    ("TERMINATED", lambda run: run.terminate()),
    ("TIMED_OUT", lambda run: run.after(3600)),
]


@pytest.mark.parametrize(("status", "close"), CLOSES)
def test_a_closed_run(status: str, close: Callable[[Scenario], Scenario]) -> None:
    """§8, point 32: closeTimestamp on every close; point 36: counts survive it, save decision tasks."""
    unlimited = dict.fromkeys(
        ("scheduleToStartTimeout", "scheduleToCloseTimeout", "startToCloseTimeout", "heartbeatTimeout"), "NONE"
    )
    run = started(taskStartToCloseTimeout="NONE")
    run.decide(schedule(**unlimited), start_timer(seconds="9999"), start_child(), schedule_lambda())
    run.request_cancel().wait(1)
    assert counts(run) == (1, 1, 1, 1, 1)
    close(run.take())
    shown = run.describe()["executionInfo"]
    assert shown["executionStatus"] == "CLOSED"
    assert shown["closeStatus"] == status
    assert shown["closeTimestamp"] == run.events[-1]["eventTimestamp"] == run.at / 1000
    # §12 #7: true while open, false once closed.
    assert shown["cancelRequested"] is False
    assert counts(run) == (1, 0, 1, 1, 1)


def test_cancel_requested_while_open() -> None:
    """§7.7, §12 #7."""
    run = started().request_cancel()
    assert run.describe()["executionInfo"]["cancelRequested"] is True


def test_two_decision_tasks_count_as_one() -> None:
    """§8, point 36: 0..1."""
    run = started()
    shown = [counts(run)[1], counts(run.take())[1], counts(run.signal())[1], counts(run.decide())[1]]
    shown += [counts(run.decide())[1]]
    assert shown == [1, 1, 1, 1, 0]


@pytest.mark.parametrize(
    ("index", "opened", "closed"),
    [
        (0, lambda: started().decide(schedule()), lambda run: run.begin().completes()),
        (0, lambda: started().decide(schedule()).begin(), lambda run: run.fails()),
        (0, lambda: started().decide(schedule()), lambda run: run.after(100)),
        (0, lambda: started().decide(schedule()), lambda run: run.signal().decide(cancel_activity())),
        (2, lambda: started().decide(start_timer()), lambda run: run.after(10)),
        (2, lambda: started().decide(start_timer()), lambda run: run.signal().decide(cancel_timer())),
        (4, lambda: started(lambdaRole="r").decide(schedule_lambda()), lambda run: run.invoke().returns()),
        (4, lambda: started(lambdaRole="r").decide(schedule_lambda()).invoke(), lambda run: run.after(900)),
        (4, lambda: started().decide(schedule_lambda()), lambda run: run.invoke()),
    ],
)
def test_counts_follow(index: int, opened: Callable[[], Scenario], closed: Callable[[Scenario], Scenario]) -> None:
    """§8: what is open is counted, started or not; what is closed is not."""
    run = opened()
    assert counts(run)[index] == 1
    assert counts(closed(run))[index] == 0


def test_children_count_from_their_initiation_on() -> None:
    """§8: open children, whether they have started or not."""
    domain = Domain()
    parent = domain.start("parent")
    domain.note(parent.decide(start_child("child")))
    assert counts(parent)[3] == 1
    domain.settle()
    assert counts(parent)[3] == 1
    child = domain.named("child")
    assert child is not None
    assert child.describe()["executionInfo"]["parent"] == parent.name
    domain.note(child.decide(complete()))
    domain.settle()
    assert counts(parent)[3] == 0


def test_the_latest_activity_task_moves_on_every_activity_event() -> None:
    """§8, point 36: scheduled, started, cancel requested, closed; absent if none; it survives the close."""
    run = started()
    assert "latestActivityTaskTimestamp" not in run.describe()

    def moves() -> bool:
        return run.describe().get("latestActivityTaskTimestamp") == run.at / 1000

    assert not moves()
    steps: list[Callable[[], Scenario]] = [
        lambda: run.decide(schedule("a"), schedule("b")),
        lambda: run.begin("a"),
        lambda: run.signal().decide(cancel_activity("a")),
        lambda: run.completes("a"),
        lambda: run.decide(cancel_activity("b")),
    ]
    for step in steps:
        run.wait(1)
        step()
        assert moves()
    run.wait(1).signal()
    assert not moves()
    latest = run.describe()["latestActivityTaskTimestamp"]
    assert run.terminate().describe()["latestActivityTaskTimestamp"] == latest


def test_a_temporary_list_is_the_current_one() -> None:
    """§5.7, point 39: deciders poll by the run's current list."""
    run = started().decide(taskList={"name": "mine"}, taskListScheduleToStartTimeout="5").signal()
    assert run.describe()["executionConfiguration"]["taskList"] == {"name": "mine"}
    run.after(5)
    assert run.describe()["executionConfiguration"]["taskList"] == {"name": "deciders"}


def _describe(run: Scenario) -> Wire:
    request = shapes.DescribeWorkflowExecutionInput(
        domain="shop", execution=shapes.WorkflowExecution(workflow_id="w", run_id="r")
    )
    run.do(request, run_id=run.execution.run_id if run.state else "r")
    return wire_of(run.result)


@pytest.mark.parametrize("closed", [False, True])
def test_describe_answers_for_open_and_closed_runs(closed: bool) -> None:
    """§2.2: and writes nothing."""
    run = started()
    if closed:
        run.terminate()
    assert _describe(run) == wire_of(detail(run.execution))
    assert run.new == []


def test_describe_of_nobody() -> None:
    """§1.3: UR with the runId that was given."""
    run = Scenario()
    with run.refusing(faults.UnknownResourceFault, "Unknown execution: WorkflowExecution=[workflowId=w, runId=r]"):
        _describe(run)
