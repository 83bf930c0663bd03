"""How runs begin: asked by a client (SWF.md §2, §2.2, §6), by a parent (§7.5), by the run before (§7.4)."""

from __future__ import annotations

from typing import Any

import pytest

from coordinator.execution.types import Known
from tests.coordinator.execution.scenario import (
    KNOWN,
    RUN_DEFAULTS,
    TYPES,
    Domain,
    Scenario,
    Wire,
    complete,
    continue_as_new,
    knowing,
    named,
    schedule,
    start_child,
    start_timer,
    started,
    without,
    workflow_type,
)
from workflowsvc import messages
from workflowsvc.records import DomainRecord
from workflowsvc.swf import faults, shapes
from workflowsvc.swf.errors import Fault, ValidationException

STARTED, DTS = "WorkflowExecutionStarted", "DecisionTaskScheduled"
CONTINUED = "WorkflowExecutionContinuedAsNew"
DEFAULTS: Wire = {
    "executionStartToCloseTimeout": "3600",
    "taskStartToCloseTimeout": "30",
    "taskList": {"name": "deciders"},
    "childPolicy": "TERMINATE",
}
EVERYTHING: Wire = {
    "executionStartToCloseTimeout": "31536000",
    "taskStartToCloseTimeout": "NONE",
    "taskList": {"name": "mine"},
    "childPolicy": "REQUEST_CANCEL",
    "taskPriority": "-2147483648",
    "lambdaRole": "role",
    "input": "",
    "tagList": ["b", "", "a", "b"],
}

# ---- by a client -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("wire", "expected"),
    [
        ({}, {"workflowType": named("order"), **DEFAULTS}),
        (EVERYTHING, {"workflowType": named("order"), **EVERYTHING}),
        (
            {"workflowType": named("bare"), **EVERYTHING},
            {"workflowType": named("bare"), **EVERYTHING},
        ),
        ({"executionStartToCloseTimeout": "0"}, {"workflowType": named("order"), **DEFAULTS} | {
            "executionStartToCloseTimeout": "0"
        }),
    ],
)  # fmt: skip
def test_a_start_records_effective_settings(wire: Wire, expected: Wire) -> None:
    """§4: what was sent, else the type's defaults; parentInitiatedEventId 0; nothing that was never set."""
    run = started(**wire)
    assert run.new == [STARTED, DTS]
    assert run.last(STARTED) == {**expected, "parentInitiatedEventId": 0}
    assert isinstance(run.result, shapes.Run)
    assert run.result.run_id == run.execution.run_id


def test_the_types_optional_defaults_are_effective_too() -> None:
    """§7.9, §7.11: defaultTaskPriority and defaultLambdaRole show in the events."""
    optional = {"defaultTaskPriority": "8", "defaultLambdaRole": "the type's"}
    known = knowing(workflow_type("order", **RUN_DEFAULTS, **optional))
    run = Scenario(known=known).start()
    assert run.last(STARTED)["taskPriority"] == "8"
    assert run.last(STARTED)["lambdaRole"] == "the type's"
    assert run.last(DTS)["taskPriority"] == "8"


def test_a_run_id_is_a_function_of_its_action() -> None:
    """§1, DESIGN.md §4: ours: at most 60 characters of [A-Za-z0-9=_-]; a redelivered start finds it."""
    run = started()
    assert len(run.execution.run_id) <= 60
    assert set(run.execution.run_id) <= set("0123456789abcdef=")
    assert run.execution.run_id == started().execution.run_id
    assert run.execution.run_id != Scenario(at=run.at + 1).start().execution.run_id


DEPRECATED = DomainRecord(domain="us-east-1/shop", created_at=0, retention="1", deprecated=True)
REFUSALS: list[tuple[str, Known, Wire, type[Fault], str]] = [
    ("no domain", Known(), {}, faults.UnknownResourceFault, "Unknown domain: shop"),
    ("deprecated domain", knowing(*TYPES, domain=DEPRECATED), {}, faults.DomainDeprecatedFault, "shop"),
    (
        "unknown type",
        KNOWN,
        {"workflowType": named("nobody", "7")},
        faults.UnknownResourceFault,
        "Unknown type: WorkflowType=[name=nobody, version=7]",
    ),
    (
        "deprecated type",
        KNOWN,
        {"workflowType": named("old")},
        faults.TypeDeprecatedFault,
        "WorkflowType=[name=old, version=1]",
    ),
    *(
        (
            f"no {member}",
            knowing(workflow_type("order", **without(RUN_DEFAULTS, f"default{member[0].upper()}{member[1:]}"))),
            {},
            faults.DefaultUndefinedFault,
            member,
        )
        for member in DEFAULTS
    ),
]


@pytest.mark.parametrize(
    ("known", "wire", "fault", "message"), [row[1:] for row in REFUSALS], ids=[row[0] for row in REFUSALS]
)
def test_a_start_is_refused(known: Known, wire: Wire, fault: type[Fault], message: str) -> None:
    """§1.3, §2.2: each fault with its text, and no run."""
    run = Scenario(known=known)
    with run.refusing(fault, message):
        run.start(**wire)
    assert run.state is None


def test_one_open_run_of_a_workflow_id() -> None:
    """§7.3: across types; free again once closed, under another run id."""
    run = started()
    with run.refusing(faults.WorkflowExecutionAlreadyStartedFault, "Already Started"):
        run.start(workflowType=named("order", "2"))
    first = run.terminate().execution.run_id
    assert run.wait(1).start().execution.run_id > first


def test_faults_are_checked_in_order() -> None:
    """§2: VE, domain, DomainDeprecated, type, TypeDeprecated, DefaultUndefined, AlreadyStarted."""
    run = started()
    bad_time = {"executionStartToCloseTimeout": "NONE"}
    settings = workflow_type("old", deprecated=True)
    steps: list[tuple[Known, Wire, type[Fault]]] = [
        (Known(), {**bad_time, "workflowType": named("nobody")}, ValidationException),
        (Known(), {"workflowType": named("nobody")}, faults.UnknownResourceFault),
        (knowing(settings, domain=DEPRECATED), {"workflowType": named("nobody")}, faults.DomainDeprecatedFault),
        (knowing(settings), {"workflowType": named("nobody")}, faults.UnknownResourceFault),
        (knowing(settings), {"workflowType": named("old")}, faults.TypeDeprecatedFault),
        (KNOWN, {"workflowType": named("bare")}, faults.DefaultUndefinedFault),
        (KNOWN, {}, faults.WorkflowExecutionAlreadyStartedFault),
    ]
    for known, wire, fault in steps:
        run.known = known
        with run.refusing(fault):
            run.start(**wire)


def test_settings_are_missed_in_order() -> None:
    """§2: execution timeout, task list, task timeout, child policy."""
    given: Wire = {}
    for member in ("executionStartToCloseTimeout", "taskList", "taskStartToCloseTimeout", "childPolicy"):
        run = Scenario()
        with run.refusing(faults.DefaultUndefinedFault, member):
            run.start(workflowType=named("bare"), **given)
        given[member] = DEFAULTS[member]
    assert Scenario().start(workflowType=named("bare"), **given).execution.open


@pytest.mark.parametrize("timeout", ["NONE", "31536001", "99999999"])
def test_an_execution_lasts_a_year_at_most(timeout: str) -> None:
    """§6: NONE and more than 31,536,000 s are refused with ValidationException at Start."""
    run = Scenario()
    with run.refusing(ValidationException) as refused:
        run.start(executionStartToCloseTimeout=timeout)
    assert f"'{timeout}' at 'executionStartToCloseTimeout'" in str(refused.value)


# ---- by the run before (§7.4) ----------------------------------------------------------------------------------


def continued(run: Scenario, **more: Any) -> Scenario:
    run.decide(continue_as_new(**more))
    assert run.successor is not None
    return run.successor


def test_a_continuation_takes_the_types_defaults_not_the_runs_settings() -> None:
    """§7.4, point 29: neither settings nor input nor tags are inherited; the successor starts in the same outcome."""
    run = started(**EVERYTHING)
    heir = continued(run)
    settings = {"workflowType": named("order"), **DEFAULTS}
    assert run.last(CONTINUED) == {
        **settings,
        "newExecutionRunId": heir.execution.run_id,
        "decisionTaskCompletedEventId": 4,
    }
    assert heir.new == [STARTED, DTS]
    assert heir.last(STARTED) == {
        **settings,
        "continuedExecutionRunId": run.execution.run_id,
        "parentInitiatedEventId": 0,
    }
    assert heir.execution.workflow_id == run.execution.workflow_id
    assert heir.events[0]["eventTimestamp"] == run.events[-1]["eventTimestamp"]


def test_a_continuation_takes_what_the_decision_gives() -> None:
    """§7.4: everything that flow clients pass arrives, in both events."""
    run = started()
    heir = continued(run, **EVERYTHING)
    both = {"workflowType": named("order"), **EVERYTHING}
    assert {name: run.last(CONTINUED)[name] for name in both} == both
    assert {name: heir.last(STARTED)[name] for name in both} == both


def test_a_continuation_may_change_the_version() -> None:
    """§7.4: the same name, version = workflowTypeVersion; the defaults are the new version's."""
    heir = continued(started(), workflowTypeVersion="2")
    assert heir.last(STARTED)["workflowType"] == named("order", "2")
    assert heir.last(STARTED)["taskList"] == {"name": "deciders-2"}
    assert continued(heir).last(STARTED)["workflowType"] == named("order", "2")


@pytest.mark.parametrize("timeout", ["NONE", "31536001"])
def test_a_continuation_without_end_lasts_a_year(timeout: str) -> None:
    """§6: docs allow NONE in the decision; the ceiling is a year, and the events show it."""
    run = started()
    heir = continued(run, executionStartToCloseTimeout=timeout)
    assert run.last(CONTINUED)["executionStartToCloseTimeout"] == "31536000"
    assert heir.last(STARTED)["executionStartToCloseTimeout"] == "31536000"


def test_a_continuation_starts_afresh() -> None:
    """§7.4: activities and timers are abandoned, counts stay with the old run; each run knows only the one before."""
    run = started().decide(schedule(), start_timer()).signal()
    heir = continued(run)
    assert run.describe()["openCounts"]["openTimers"] == 1
    assert heir.describe()["openCounts"]["openTimers"] == 0
    assert heir.take().result is not None
    last = continued(heir)
    assert last.last(STARTED)["continuedExecutionRunId"] == heir.execution.run_id
    assert len({run.execution.run_id, heir.execution.run_id, last.execution.run_id}) == 3


def test_a_continuation_tells_nobody() -> None:
    """§4.1, §7.4: no message to a parent, no policy for children (§12 #14), no deadline left."""
    domain = Domain()
    parent = domain.start("parent")
    domain.note(parent.decide(start_child("child")))
    domain.settle()
    child = domain.named("child")
    assert child is not None
    domain.note(child.decide(start_child("grandchild")))
    domain.settle()
    before = len(parent.events)
    domain.note(child.take().decide(continue_as_new()))
    assert child.sent == []
    assert not child.execution.unsettled()
    domain.settle()
    assert len(parent.events) == before
    grandchild = domain.named("grandchild")
    assert grandchild is not None
    assert grandchild.execution.open


def test_the_parent_hears_of_the_last_run_under_the_original_ids() -> None:
    """§7.4, point 29: the successor has the parent's link; ChildWorkflowExecutionCompleted names the last run."""
    domain = Domain()
    parent = domain.start("parent")
    domain.note(parent.decide(start_child("child")))
    domain.settle()
    first = domain.named("child")
    assert first is not None
    domain.note(first.decide(continue_as_new()))
    domain.settle()
    last = domain.named("child")
    assert last is not None
    assert last.last(STARTED)["parentWorkflowExecution"] == parent.name
    assert last.last(STARTED)["parentInitiatedEventId"] == 5
    assert last.last(STARTED)["continuedExecutionRunId"] == first.execution.run_id
    assert last.describe()["executionInfo"]["parent"] == parent.name
    assert last.execution.run_id != first.execution.run_id
    domain.note(last.decide(complete(result="r")))
    domain.settle()
    assert parent.ids("ChildWorkflowExecutionStarted") == [6]
    assert parent.last("ChildWorkflowExecutionStarted")["workflowExecution"] == first.name
    assert parent.last("ChildWorkflowExecutionCompleted") == {
        "workflowExecution": last.name,
        "workflowType": named("order"),
        "initiatedEventId": 5,
        "startedEventId": 6,
        "result": "r",
    }


def test_settings_of_a_continued_child_are_its_types() -> None:
    """§7.4: also where the parent had given others to the child."""
    domain = Domain()
    parent = domain.start("parent")
    domain.note(parent.decide(start_child("child", **without(EVERYTHING, "input"), input="i")))
    domain.settle()
    child = domain.named("child")
    assert child is not None
    heir = continued(child)
    assert {name: heir.last(STARTED).get(name) for name in EVERYTHING} == {
        **dict.fromkeys(EVERYTHING),
        **DEFAULTS,
    }


# ---- by a parent (§7.5) ----------------------------------------------------------------------------------------


def test_a_child_starts_with_what_its_parent_settled() -> None:
    """§4.1: WorkflowExecutionStarted with parentWorkflowExecution and parentInitiatedEventId, then DTS."""
    domain = Domain()
    parent = domain.start("parent")
    domain.note(parent.decide(start_child("child", workflowType=named("bare"), control="c", **EVERYTHING)))
    domain.settle()
    child = domain.named("child")
    assert child is not None
    assert child.types == [STARTED, DTS]
    assert child.last(STARTED) == {
        **EVERYTHING,
        "workflowType": named("bare"),
        "parentWorkflowExecution": parent.name,
        "parentInitiatedEventId": 5,
    }
    assert parent.last("ChildWorkflowExecutionStarted") == {
        "workflowExecution": child.name,
        "workflowType": named("bare"),
        "initiatedEventId": 5,
    }


def test_a_priority_does_not_pass_from_parent_to_child() -> None:
    """§7.9: nor to activities."""
    run = started(taskPriority="9").decide(start_child(), schedule())
    assert "taskPriority" not in run.last("StartChildWorkflowExecutionInitiated")
    assert "taskPriority" not in run.last("ActivityTaskScheduled")


@pytest.mark.parametrize("closed", [False, True])
def test_a_child_that_was_started_is_announced_again_not_started_again(closed: bool) -> None:
    """DESIGN.md §4: start_child is idempotent; also when the child has closed meanwhile."""
    domain = Domain()
    parent = domain.start("parent")
    domain.note(parent.decide(start_child("child")))
    domain.settle()
    request = domain.delivered[0]
    child = domain.find(request)
    assert child is not None
    if closed:
        child.terminate()
    length = len(child.events)
    child.receive(request)
    assert len(child.events) == length
    (announced,) = child.sent
    assert announced.request == messages.ChildStarted(5, child.execution.name, child.execution.workflow_type)
    assert announced.run_id == parent.execution.run_id


def test_a_workflow_id_that_is_taken_refuses_the_child_later() -> None:
    """§3.2: WORKFLOW_ALREADY_RUNNING after Initiated, with its id and control; the running one is left alone."""
    domain = Domain()
    running = domain.start("child")
    parent = domain.start("parent")
    domain.note(parent.decide(start_child("child", control="c")))
    assert parent.new[-1] == "StartChildWorkflowExecutionInitiated"
    domain.settle()
    assert parent.new == ["StartChildWorkflowExecutionFailed", DTS]
    assert parent.last("StartChildWorkflowExecutionFailed") == {
        "workflowId": "child",
        "workflowType": named("order"),
        "cause": "WORKFLOW_ALREADY_RUNNING",
        "initiatedEventId": 5,
        "control": "c",
        "decisionTaskCompletedEventId": 4,
    }
    assert running.types == [STARTED, DTS]
    assert parent.describe()["openCounts"]["openChildWorkflowExecutions"] == 0


def test_a_run_cannot_be_its_own_child() -> None:
    """§7.3: its workflow id is taken, by itself."""
    domain = Domain()
    run = domain.start("self")
    domain.note(run.decide(start_child("self")))
    domain.settle()
    assert run.last("StartChildWorkflowExecutionFailed")["cause"] == "WORKFLOW_ALREADY_RUNNING"


def test_a_workflow_id_that_is_free_again_will_do() -> None:
    """§7.3: a closed run of the id does not matter."""
    domain = Domain()
    domain.start("child").terminate()
    parent = domain.start("parent")
    domain.note(parent.decide(start_child("child")))
    domain.settle()
    assert parent.types[-2:] == ["ChildWorkflowExecutionStarted", DTS]


def test_a_child_is_started_though_its_parent_has_closed() -> None:
    """§3.1.4: StartChild may accompany a close; the child runs as an orphan and the parent writes nothing more."""
    domain = Domain()
    parent = domain.start("parent")
    domain.note(parent.decide(start_child("child"), complete()))
    assert parent.execution.unsettled()
    domain.settle()
    child = domain.named("child")
    assert child is not None
    assert child.execution.open
    assert parent.types[-1] == "WorkflowExecutionCompleted"
