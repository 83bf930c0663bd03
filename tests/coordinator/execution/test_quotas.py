"""Account-wide quotas (SWF.md §9) as the core sees them: how many there may be is given, what exceeds it fails."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace

from tests.coordinator.execution.scenario import (
    KNOWN,
    Scenario,
    cancel_external,
    named,
    schedule,
    signal_external,
    start_child,
    start_timer,
)
from workflowsvc.swf import faults
from workflowsvc.swf.shapes import DecisionType


def test_a_start_beyond_the_open_executions_of_a_domain_is_refused() -> None:
    full = replace(KNOWN, room=0)
    with Scenario(known=full).refusing(faults.LimitExceededFault):
        Scenario(known=full).start()
    assert Scenario(known=replace(KNOWN, room=1)).start().new[0] == "WorkflowExecutionStarted"


def test_that_it_is_started_already_comes_before_that_there_are_too_many() -> None:
    """SWF.md §2: "LimitExceeded last"."""
    run = Scenario().start()
    run.known = replace(KNOWN, room=0)
    with run.refusing(faults.WorkflowExecutionAlreadyStartedFault):
        run.start()


BATCH_CAUSES = [
    (schedule, "ActivityTaskScheduled", "ScheduleActivityTaskFailed", "ACTIVITY_CREATION_RATE_EXCEEDED"),
    (start_timer, "TimerStarted", "StartTimerFailed", "TIMER_CREATION_RATE_EXCEEDED"),
    (
        start_child,
        "StartChildWorkflowExecutionInitiated",
        "StartChildWorkflowExecutionFailed",
        "CHILD_CREATION_RATE_EXCEEDED",
    ),
]


@pytest.mark.parametrize(("decision", "done", "failed", "cause"), BATCH_CAUSES)
def test_decisions_beyond_the_rate_fail_and_the_others_stand(decision: Any, done: str, failed: str, cause: str) -> None:
    kind = DecisionType(decision("x")["decisionType"])
    run = Scenario(known=replace(KNOWN, rates={kind: 2})).start()
    run.decide(*(decision(f"x{n}") for n in range(4)))
    assert run.new == ["DecisionTaskCompleted", done, done, failed, failed, "DecisionTaskScheduled"]
    assert [event["cause"] for event in run.all(failed)] == [cause, cause]


def test_a_decision_that_fails_for_another_cause_uses_up_no_rate() -> None:
    run = Scenario(known=replace(KNOWN, rates={DecisionType.SCHEDULE_ACTIVITY_TASK: 1})).start()
    run.decide(schedule("a", activityType=named("nobody")), schedule("b"))
    assert run.new[1:3] == ["ScheduleActivityTaskFailed", "ActivityTaskScheduled"]
    assert run.last("ScheduleActivityTaskFailed")["cause"] == "ACTIVITY_TYPE_DOES_NOT_EXIST"


def test_children_beyond_the_open_executions_of_the_domain_fail_in_the_batch() -> None:
    """ "in batch, initiatedEventId 0, no Initiated event" (SWF.md §3.2)."""
    run = Scenario(known=replace(KNOWN, room=1)).start()
    run.known = replace(KNOWN, room=1)
    run.decide(start_child("c1"), start_child("c2"))
    assert run.new[1:3] == ["StartChildWorkflowExecutionInitiated", "StartChildWorkflowExecutionFailed"]
    failed = run.last("StartChildWorkflowExecutionFailed")
    assert (failed["cause"], failed["initiatedEventId"]) == ("OPEN_WORKFLOWS_LIMIT_EXCEEDED", 0)


EXTERNAL = [
    (signal_external, "SignalExternalWorkflowExecution", "SIGNAL_EXTERNAL_WORKFLOW_EXECUTION_RATE_EXCEEDED"),
    (
        cancel_external,
        "RequestCancelExternalWorkflowExecution",
        "REQUEST_CANCEL_EXTERNAL_WORKFLOW_EXECUTION_RATE_EXCEEDED",
    ),
]


@pytest.mark.parametrize(("decision", "name", "cause"), EXTERNAL)
def test_external_decisions_beyond_the_rate_fail_after_their_initiated_event(
    decision: Any, name: str, cause: str
) -> None:
    run = Scenario(known=replace(KNOWN, rates={DecisionType(name): 1})).start()
    run.decide(decision("one", control="c1"), decision("two", control="c2"))
    assert run.new[1:] == [f"{name}Initiated", f"{name}Initiated", f"{name}Failed", "DecisionTaskScheduled"]
    failed = run.last(f"{name}Failed")
    assert failed["cause"] == cause
    assert failed["initiatedEventId"] == run.last_id(f"{name}Initiated")
    assert (failed["workflowId"], failed["control"]) == ("two", "c2")
    assert [action.workflow_id for action in run.sent] == ["one"]
    assert len(run.execution.signals) + len(run.execution.cancels) == 1
