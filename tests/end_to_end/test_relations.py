"""Stories of several executions: children, continued runs, signals and cancels between them.

Law: SWF.md §3.2, §4.1, §7.4-§7.7. That both sides tell the same story is checked for every domain afterwards.
"""

from __future__ import annotations

from typing import Any

import pytest

from tests.end_to_end import checker
from tests.end_to_end.swf import WORKFLOW, Swf, complete, decision, refused, schedule, timer, until


def child(workflow_id: str = "child", **more: Any) -> dict[str, Any]:
    """Its decision tasks go to a list of their own."""
    members = {"workflowId": workflow_id, "workflowType": WORKFLOW, "taskList": {"name": "children"}} | more
    return decision("StartChildWorkflowExecution", **members)


def begun(swf: Swf, parent: str, workflow_id: str = "w") -> dict[str, Any]:
    """The attributes of the parent's ChildWorkflowExecutionStarted."""
    return swf.await_event(parent, "ChildWorkflowExecutionStarted", workflow_id)


# ---- children


def test_a_child_begins_with_what_its_parent_gave(swf: Swf) -> None:
    """Initiated shows effective settings; the child's first event and its info name the parent."""
    parent = swf.start()
    swf.decide(child(input="in", control="c", tagList=["t"], taskPriority="2", childPolicy="ABANDON"))
    run = begun(swf, parent)["workflowExecution"]["runId"]
    initiated = swf.history(parent)[4]
    assert checker.attributes(initiated) == {
        "workflowId": "child",
        "workflowType": WORKFLOW,
        "taskList": {"name": "children"},
        "childPolicy": "ABANDON",
        "executionStartToCloseTimeout": "3600",
        "taskStartToCloseTimeout": "60",
        "input": "in",
        "control": "c",
        "tagList": ["t"],
        "taskPriority": "2",
        "decisionTaskCompletedEventId": 4,
    }
    assert checker.attributes(swf.history(run, "child")[0]) == {
        "workflowType": WORKFLOW,
        "taskList": {"name": "children"},
        "childPolicy": "ABANDON",
        "executionStartToCloseTimeout": "3600",
        "taskStartToCloseTimeout": "60",
        "input": "in",
        "tagList": ["t"],
        "taskPriority": "2",
        "parentInitiatedEventId": 5,
        "parentWorkflowExecution": {"workflowId": "w", "runId": parent},
    }
    assert swf.describe(run, "child")["executionInfo"]["parent"] == {"workflowId": "w", "runId": parent}
    assert swf.describe(parent)["openCounts"]["openChildWorkflowExecutions"] == 1


@pytest.mark.parametrize(
    ("close", "kind", "told"),
    [
        (complete(result="r"), "Completed", {"result": "r"}),
        (decision("FailWorkflowExecution", reason="r", details="d"), "Failed", {"reason": "r", "details": "d"}),
        (decision("CancelWorkflowExecution", details="d"), "Canceled", {"details": "d"}),
    ],
)
def test_a_parent_hears_how_its_child_closed(swf: Swf, close: dict[str, Any], kind: str, told: dict[str, str]) -> None:
    """The event has the child's words, and names Initiated and ChildWorkflowExecutionStarted."""
    parent = swf.start()
    swf.decide(child())
    started = begun(swf, parent)
    swf.decide(close, task_list="children")
    heard = swf.await_event(parent, f"ChildWorkflowExecution{kind}")
    assert heard == told | {
        "workflowExecution": started["workflowExecution"],
        "workflowType": WORKFLOW,
        "initiatedEventId": 5,
        "startedEventId": 6,
    }
    assert swf.describe(parent)["openCounts"]["openChildWorkflowExecutions"] == 0
    swf.decide(complete())


def test_a_parent_hears_of_a_child_that_was_terminated_or_timed_out(swf: Swf) -> None:
    """Terminated has no more to say; TimedOut says which timeout."""
    parent = swf.start()
    swf.decide(child("one"), child("two", executionStartToCloseTimeout="1"))
    until(lambda: swf.types(parent).count("ChildWorkflowExecutionStarted") == 2)
    swf.client.terminate_workflow_execution(domain=swf.domain, workflowId="one", reason="r", details="d")
    common = {"workflowExecution", "workflowType", "initiatedEventId", "startedEventId"}
    assert set(swf.await_event(parent, "ChildWorkflowExecutionTerminated")) == common
    timed_out = swf.await_event(parent, "ChildWorkflowExecutionTimedOut")
    assert set(timed_out) == common | {"timeoutType"}
    assert timed_out["timeoutType"] == "START_TO_CLOSE"


def test_a_child_whose_id_is_taken_fails_later(swf: Swf) -> None:
    """WORKFLOW_ALREADY_RUNNING comes after Initiated, with its id and the control."""
    parent = swf.start()
    swf.decide(child("w", control="c"))
    failed = swf.await_event(parent, "StartChildWorkflowExecutionFailed")
    assert failed.pop("decisionTaskCompletedEventId") in (0, 4)
    assert failed == {
        "workflowType": WORKFLOW,
        "workflowId": "w",
        "cause": "WORKFLOW_ALREADY_RUNNING",
        "initiatedEventId": 5,
        "control": "c",
    }
    assert swf.describe(parent)["openCounts"]["openChildWorkflowExecutions"] == 0


@pytest.mark.parametrize(
    ("policy", "kind", "open_"),
    [
        ("TERMINATE", "WorkflowExecutionTerminated", False),
        ("REQUEST_CANCEL", "WorkflowExecutionCancelRequested", True),
        ("ABANDON", None, True),
    ],
)
@pytest.mark.parametrize("how", ["terminated", "terminated with the policy", "timed out"])
def test_the_child_policy_applies_when_the_parent_is_cut_off(
    swf: Swf, how: str, policy: str, kind: str | None, open_: bool
) -> None:
    """By termination, whose own policy wins, or by timeout; each child hears CHILD_POLICY_APPLIED, or nothing."""
    of_run = "ABANDON" if how == "terminated with the policy" and policy != "ABANDON" else policy
    parent = swf.start(childPolicy=of_run, executionStartToCloseTimeout="1" if how == "timed out" else "60")
    swf.decide(child("a"), child("b"))
    until(lambda: swf.types(parent).count("ChildWorkflowExecutionStarted") == 2)
    runs = dict(swf.runs())
    if how != "timed out":
        override = {"childPolicy": policy} if how == "terminated with the policy" else {}
        swf.client.terminate_workflow_execution(domain=swf.domain, workflowId="w", **override)
    last = until(lambda: [e for e in swf.history(parent) if e["eventType"] in checker.CLOSES])[-1]
    assert checker.attributes(last)["childPolicy"] == policy
    for name in ("a", "b"):
        if kind is not None:
            assert swf.await_event(runs[name], kind, name)["cause"] == "CHILD_POLICY_APPLIED"
        status = swf.describe(runs[name], name)["executionInfo"]["executionStatus"]
        assert status == ("OPEN" if open_ else "CLOSED")


def test_children_outlive_a_parent_that_closes_by_itself(swf: Swf) -> None:
    """On completion the policy does not apply; the orphan keeps its parent's name, and its close writes nowhere."""
    parent = swf.start()
    swf.decide(child())
    run = begun(swf, parent)["workflowExecution"]["runId"]
    swf.decide(complete())
    assert swf.describe(parent)["openCounts"]["openChildWorkflowExecutions"] == 1
    swf.decide(complete(), task_list="children")
    info = swf.describe(run, "child")["executionInfo"]
    assert (info["closeStatus"], info["parent"]["runId"]) == ("COMPLETED", parent)
    assert swf.types(parent)[-1] == "WorkflowExecutionCompleted"


# ---- continue as new


def test_a_continued_run_takes_the_types_defaults(swf: Swf) -> None:
    """Neither the old run's settings nor its input and tags; the two runs name each other."""
    run = swf.start(input="old", tagList=["old"], taskPriority="5", executionStartToCloseTimeout="77")
    swf.decide(decision("ContinueAsNewWorkflowExecution"))
    closed = checker.attributes(swf.history(run)[-1])
    new = closed["newExecutionRunId"]
    settings = {
        "workflowType": WORKFLOW,
        "taskList": {"name": "deciders"},
        "childPolicy": "TERMINATE",
        "executionStartToCloseTimeout": "3600",
        "taskStartToCloseTimeout": "60",
    }
    assert closed == settings | {"decisionTaskCompletedEventId": 4, "newExecutionRunId": new}
    first = checker.attributes(swf.history(new)[0])
    assert first == settings | {"continuedExecutionRunId": run, "parentInitiatedEventId": 0}
    assert swf.describe(run)["executionInfo"]["closeStatus"] == "CONTINUED_AS_NEW"
    with refused("WorkflowExecutionAlreadyStartedFault"):
        swf.start()
    swf.decide(complete())


def test_a_continued_run_takes_what_the_decision_gives(swf: Swf) -> None:
    """Everything can be given anew, another version of the type too."""
    swf.client.register_workflow_type(domain=swf.domain, name="order", version="2")
    given = {
        "input": "i",
        "tagList": ["x", "y"],
        "taskPriority": "9",
        "taskList": {"name": "other"},
        "childPolicy": "ABANDON",
        "executionStartToCloseTimeout": "11",
        "taskStartToCloseTimeout": "12",
        "lambdaRole": "role",
    }
    run = swf.start()
    swf.decide(decision("ContinueAsNewWorkflowExecution", workflowTypeVersion="2", **given))
    closed = checker.attributes(swf.history(run)[-1])
    expected = given | {"workflowType": {"name": "order", "version": "2"}}
    assert closed == expected | {"decisionTaskCompletedEventId": 4, "newExecutionRunId": closed["newExecutionRunId"]}
    first = checker.attributes(swf.history(closed["newExecutionRunId"])[0])
    assert first == expected | {"continuedExecutionRunId": run, "parentInitiatedEventId": 0}
    swf.decide(complete(), task_list="other")


@pytest.mark.parametrize(
    ("version", "cause"),
    [
        ("7", "WORKFLOW_TYPE_DOES_NOT_EXIST"),
        ("old", "WORKFLOW_TYPE_DEPRECATED"),
        ("bare", "DEFAULT_EXECUTION_START_TO_CLOSE_TIMEOUT_UNDEFINED"),
    ],
)
def test_a_run_cannot_be_continued_with_a_bad_type(swf: Swf, version: str, cause: str) -> None:
    """The failure is an event, the run stays open, and one decision task follows."""
    for name in ("old", "bare"):
        swf.client.register_workflow_type(domain=swf.domain, name="order", version=name)
    swf.client.deprecate_workflow_type(domain=swf.domain, workflowType={"name": "order", "version": "old"})
    run = swf.start()
    swf.decide(decision("ContinueAsNewWorkflowExecution", workflowTypeVersion=version))
    events = swf.history(run)[4:]
    assert checker.types(events) == ["ContinueAsNewWorkflowExecutionFailed", "DecisionTaskScheduled"]
    assert checker.attributes(events[0]) == {"cause": cause, "decisionTaskCompletedEventId": 4}
    swf.decide(complete())


def test_a_continued_child_keeps_its_parent(swf: Swf) -> None:
    """The parent hears nothing of the change, and only of the last run, under the ids of the first."""
    parent = swf.start()
    swf.decide(child())
    first = begun(swf, parent)["workflowExecution"]["runId"]
    swf.decide(decision("ContinueAsNewWorkflowExecution", taskList={"name": "children"}), task_list="children")
    last = checker.attributes(swf.history(first, "child")[-1])["newExecutionRunId"]
    started = checker.attributes(swf.history(last, "child")[0])
    assert started["parentWorkflowExecution"] == {"workflowId": "w", "runId": parent}
    assert started["parentInitiatedEventId"] == 5
    assert swf.describe(parent)["openCounts"]["openChildWorkflowExecutions"] == 1
    swf.decide(complete(result="at last"), task_list="children")
    heard = swf.await_event(parent, "ChildWorkflowExecutionCompleted")
    assert heard == {
        "workflowExecution": {"workflowId": "child", "runId": last},
        "workflowType": WORKFLOW,
        "initiatedEventId": 5,
        "startedEventId": 6,
        "result": "at last",
    }
    swf.decide(complete())


def test_a_continued_run_leaves_its_work_and_children_behind(swf: Swf) -> None:
    """Timers and activities are abandoned, children go on by themselves."""
    run = swf.start()
    swf.decide(child(), timer("t", 1000), schedule("a"))
    begun(swf, run)
    swf.decide(decision("ContinueAsNewWorkflowExecution"))
    new = checker.attributes(swf.history(run)[-1])["newExecutionRunId"]
    assert set(swf.describe(new)["openCounts"].values()) == {0, 1}  # one decision task
    swf.decide(complete(), task_list="children")
    swf.decide(complete())
    assert swf.types(new)[3:] == ["DecisionTaskCompleted", "WorkflowExecutionCompleted"]
    pending = swf.client.count_pending_activity_tasks(domain=swf.domain, taskList={"name": "workers"})
    assert pending["count"] == 0


# ---- signals and cancels from execution to execution

_EXTERNAL = [
    (
        "SignalExternalWorkflowExecution",
        {"signalName": "hello"},
        "WorkflowExecutionSignaled",
        "ExternalWorkflowExecutionSignaled",
    ),
    (
        "RequestCancelExternalWorkflowExecution",
        {},
        "WorkflowExecutionCancelRequested",
        "ExternalWorkflowExecutionCancelRequested",
    ),
]


@pytest.mark.parametrize(("kind", "members", "arrival", "answer"), _EXTERNAL)
@pytest.mark.parametrize("with_run", [True, False])
def test_an_execution_reaches_another(
    swf: Swf, kind: str, members: dict[str, str], arrival: str, answer: str, with_run: bool
) -> None:
    """The target names the source and the initiated event; the source gets the target's resolved runId."""
    target = swf.start("target", taskList={"name": "targets"})
    source = swf.start()
    given = members | {"workflowId": "target"} | ({"runId": target} if with_run else {})
    swf.decide(decision(kind, control="c", **given))
    initiated = swf.history(source)[4]
    assert initiated["eventType"] == f"{kind}Initiated"
    assert checker.attributes(initiated) == given | {"control": "c", "decisionTaskCompletedEventId": 4}
    assert swf.await_event(source, answer) == {
        "workflowExecution": {"workflowId": "target", "runId": target},
        "initiatedEventId": 5,
    }
    assert swf.await_event(target, arrival, "target") == members | {
        "externalWorkflowExecution": {"workflowId": "w", "runId": source},
        "externalInitiatedEventId": 5,
    }


@pytest.mark.parametrize(("kind", "members", "arrival", "answer"), _EXTERNAL)
@pytest.mark.parametrize("run_id", ["", "never"])
def test_an_execution_that_is_not_open_is_not_reached(
    swf: Swf, kind: str, members: dict[str, str], arrival: str, answer: str, run_id: str
) -> None:
    """UNKNOWN_EXTERNAL_WORKFLOW_EXECUTION, with the runId as given, the initiated event and the control."""
    assert arrival != answer
    source = swf.start()
    where = {"workflowId": "nobody"} | ({"runId": run_id} if run_id else {})
    swf.decide(decision(kind, control="c", **members, **where))
    failed = swf.await_event(source, f"{kind}Failed")
    assert failed.pop("decisionTaskCompletedEventId") in (0, 4)
    assert failed == where | {
        "cause": "UNKNOWN_EXTERNAL_WORKFLOW_EXECUTION",
        "initiatedEventId": 5,
        "control": "c",
    }
    swf.decide(complete())


def test_an_execution_can_signal_itself(swf: Swf) -> None:
    """As any other: both events are in the one history, and one decision task brings both."""
    run = swf.start()
    swf.decide(decision("SignalExternalWorkflowExecution", workflowId="w", signalName="self"))
    swf.await_event(run, "ExternalWorkflowExecutionSignaled")
    assert swf.await_event(run, "WorkflowExecutionSignaled") == {
        "signalName": "self",
        "externalWorkflowExecution": {"workflowId": "w", "runId": run},
        "externalInitiatedEventId": 5,
    }
    until(lambda: swf.client.count_pending_decision_tasks(domain=swf.domain, taskList={"name": "deciders"})["count"])
    swf.decide(complete())


def test_a_signal_sent_with_the_close_arrives(swf: Swf) -> None:
    """Signals, cancels and children stand beside a close decision; a closed source gets no answer."""
    target = swf.start("target", taskList={"name": "targets"})
    source = swf.start()
    swf.decide(
        decision("SignalExternalWorkflowExecution", workflowId="target", signalName="bye"),
        decision("RequestCancelExternalWorkflowExecution", workflowId="target"),
        child("orphan"),
        complete(),
    )
    swf.await_event(target, "WorkflowExecutionSignaled", "target")
    swf.await_event(target, "WorkflowExecutionCancelRequested", "target")
    orphan = until(lambda: dict(swf.runs()).get("orphan"))
    assert swf.describe(orphan, "orphan")["executionInfo"]["parent"]["runId"] == source
    swf.decide(complete(), task_list="children")
    assert swf.types(source)[-1] == "WorkflowExecutionCompleted"


def test_another_domain_is_out_of_reach(swf: Swf) -> None:
    """ "No cross-domain signal": the same workflowId elsewhere hears nothing."""
    elsewhere = Swf(swf.url)
    other = elsewhere.start("target")
    source = swf.start()
    swf.decide(decision("SignalExternalWorkflowExecution", workflowId="target", runId=other, signalName="s"))
    failed = swf.await_event(source, "SignalExternalWorkflowExecutionFailed")
    assert failed["cause"] == "UNKNOWN_EXTERNAL_WORKFLOW_EXECUTION"
    assert elsewhere.types(other, "target") == ["WorkflowExecutionStarted", "DecisionTaskScheduled"]


def test_grandchildren_follow_by_their_own_parents_policy(swf: Swf) -> None:
    """Terminating the root terminates its child, which by its own policy asks the grandchild to cancel."""
    root = swf.start()
    swf.decide(child("child", childPolicy="REQUEST_CANCEL"))
    begun(swf, root)
    middle = dict(swf.runs())["child"]
    swf.decide(child("grandchild"), task_list="children")
    begun(swf, middle, "child")
    grandchild = dict(swf.runs())["grandchild"]
    swf.client.terminate_workflow_execution(domain=swf.domain, workflowId="w")
    assert swf.await_event(middle, "WorkflowExecutionTerminated", "child") == {
        "childPolicy": "REQUEST_CANCEL",
        "cause": "CHILD_POLICY_APPLIED",
    }
    asked = swf.await_event(grandchild, "WorkflowExecutionCancelRequested", "grandchild")
    assert asked["cause"] == "CHILD_POLICY_APPLIED"
