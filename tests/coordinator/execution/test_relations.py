"""What executions say to one another: children and child policies (SWF.md §7.5), external signals (§7.6) and cancels
(§7.7), from the decision to the last answer, whatever comes twice, late or never."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from coordinator.execution.effects import outstanding
from tests.coordinator.execution.scenario import (
    Domain,
    Scenario,
    Wire,
    cancel,
    cancel_external,
    complete,
    continue_as_new,
    fail,
    named,
    schedule,
    signal_external,
    start_child,
    started,
)
from workflowsvc import messages
from workflowsvc.swf import shapes

DTS = "DecisionTaskScheduled"
SIGNALED, CANCEL_REQUESTED = "WorkflowExecutionSignaled", "WorkflowExecutionCancelRequested"
TERMINATED = "WorkflowExecutionTerminated"


def family(**child_settings: Any) -> tuple[Domain, Scenario, Scenario]:
    """A parent and its child, both waiting; 5 is Initiated, 6 is ChildWorkflowExecutionStarted."""
    domain = Domain()
    parent = domain.start("parent")
    domain.note(parent.decide(start_child("child", **child_settings)))
    domain.settle()
    child = domain.named("child")
    assert child is not None
    return domain, parent, child


# ---- a child closes --------------------------------------------------------------------------------------------

CHILD_CLOSES: list[tuple[str, Callable[[Scenario], Scenario], str, Wire]] = [
    ("completed", lambda c: c.decide(complete(result="r")), "ChildWorkflowExecutionCompleted", {"result": "r"}),
    ("completed, no result", lambda c: c.decide(complete()), "ChildWorkflowExecutionCompleted", {}),
    (
        "failed",
        lambda c: c.decide(fail(reason="r", details="d")),
        "ChildWorkflowExecutionFailed",
        {"reason": "r", "details": "d"},
    ),
    ("failed, no reason", lambda c: c.decide(fail()), "ChildWorkflowExecutionFailed", {}),
    ("canceled", lambda c: c.decide(cancel(details="d")), "ChildWorkflowExecutionCanceled", {"details": "d"}),
    (
        "terminated",
        lambda c: c.terminate(reason="r", details="d"),
        "ChildWorkflowExecutionTerminated",
        {},
    ),
    ("timed out", lambda c: c.after(3600), "ChildWorkflowExecutionTimedOut", {"timeoutType": "START_TO_CLOSE"}),
]


@pytest.mark.parametrize(
    ("close", "event", "more"), [row[1:] for row in CHILD_CLOSES], ids=[row[0] for row in CHILD_CLOSES]
)
def test_a_childs_close_reaches_its_parent(close: Callable[[Scenario], Scenario], event: str, more: Wire) -> None:
    """§4.1, point 26: startedEventId names ChildWorkflowExecutionStarted; a decision task if needed."""
    domain = Domain()
    parent = domain.start("parent", executionStartToCloseTimeout="31536000")
    domain.note(parent.decide(start_child("child")))
    domain.settle()
    child = domain.named("child")
    assert child is not None
    parent.decide()
    domain.note(close(child))
    domain.settle()
    assert parent.new == [event, DTS]
    assert parent.last(event) == {
        "workflowExecution": child.name,
        "workflowType": named("order"),
        "initiatedEventId": 5,
        "startedEventId": 6,
        **more,
    }
    assert parent.describe()["openCounts"]["openChildWorkflowExecutions"] == 0


def test_a_close_that_overtakes_its_start_brings_both() -> None:
    """§3.2: the parent has ChildWorkflowExecutionStarted before Completed, though the first message was lost."""
    domain = Domain()
    parent = domain.start("parent")
    domain.note(parent.decide(start_child("child")))
    child = domain.deliver(domain.mail.popleft())
    late = domain.mail.popleft()
    domain.note(child.decide(complete()))
    domain.settle()
    assert parent.new == ["ChildWorkflowExecutionStarted", DTS, "ChildWorkflowExecutionCompleted"]
    assert parent.last("ChildWorkflowExecutionCompleted")["startedEventId"] == 6
    assert domain.deliver(late).new == []


@pytest.mark.parametrize("status", [status for status in shapes.CloseStatus if status != "CONTINUED_AS_NEW"])
def test_a_close_of_a_child_that_nobody_has(status: shapes.CloseStatus) -> None:
    """A message about something that is not, or no more, open changes nothing."""
    run = started()
    child = shapes.WorkflowExecution(workflow_id="c", run_id="r")
    kind = shapes.WorkflowType(name="order", version="1")
    assert run.do(messages.ChildClosed(5, child, kind, status)).new == []
    assert Scenario().do(messages.ChildClosed(5, child, kind, status)).state is None


def test_a_closed_parent_gets_no_events() -> None:
    """§4.1, §7.5: an orphan's close writes nowhere; it keeps `parent` in its info."""
    domain, parent, child = family(childPolicy="ABANDON")
    domain.note(parent.decide(complete()))
    domain.note(child.decide(complete()))
    domain.settle()
    assert parent.types[-1] == "WorkflowExecutionCompleted"
    assert child.describe()["executionInfo"]["parent"] == parent.name


# ---- child policies --------------------------------------------------------------------------------------------


def _ended_by_terminate(parent: Scenario, **wire: Any) -> Scenario:
    return parent.terminate(**wire)


def _ended_by_timeout(parent: Scenario) -> Scenario:
    return parent.after(3600)


ENDS = {"terminate": _ended_by_terminate, "timeout": _ended_by_timeout}


def _parent_with(policy: str) -> tuple[Domain, Scenario, Scenario]:
    """The child has another policy and a longer life than its parent."""
    domain = Domain()
    parent = domain.start("parent", childPolicy=policy)
    settings = {"childPolicy": "ABANDON", "executionStartToCloseTimeout": "31536000"}
    domain.note(parent.decide(start_child("child", **settings)))
    domain.settle()
    child = domain.named("child")
    assert child is not None
    child.decide()
    return domain, parent, child


@pytest.mark.parametrize("end", ENDS.values(), ids=ENDS)
def test_policy_terminate(end: Callable[[Scenario], Scenario]) -> None:
    """§4.1: child WorkflowExecutionTerminated, cause CHILD_POLICY_APPLIED, with the child's own policy."""
    domain, parent, child = _parent_with("TERMINATE")
    domain.note(end(parent))
    domain.settle()
    assert child.new == [TERMINATED]
    assert child.last(TERMINATED) == {"cause": "CHILD_POLICY_APPLIED", "childPolicy": "ABANDON"}


@pytest.mark.parametrize("end", ENDS.values(), ids=ENDS)
def test_policy_request_cancel(end: Callable[[Scenario], Scenario]) -> None:
    """§4.1: child WorkflowExecutionCancelRequested, cause CHILD_POLICY_APPLIED, and a decision task."""
    domain, parent, child = _parent_with("REQUEST_CANCEL")
    domain.note(end(parent))
    domain.settle()
    assert child.new == [CANCEL_REQUESTED, DTS]
    assert child.last(CANCEL_REQUESTED) == {
        "cause": "CHILD_POLICY_APPLIED",
        "externalInitiatedEventId": 0,
        "externalWorkflowExecution": parent.name,
    }
    assert child.describe()["executionInfo"]["cancelRequested"] is True


@pytest.mark.parametrize("end", ENDS.values(), ids=ENDS)
def test_policy_abandon(end: Callable[[Scenario], Scenario]) -> None:
    """§4.1: nothing; nothing is even sent."""
    domain, parent, child = _parent_with("ABANDON")
    domain.note(end(parent))
    assert parent.sent == []
    assert not parent.execution.unsettled()
    domain.settle()
    assert child.execution.open


def test_a_timeouts_event_shows_the_policy() -> None:
    """§4: WorkflowExecutionTimedOut.childPolicy is the run's."""
    assert started(childPolicy="ABANDON").after(3600).last("WorkflowExecutionTimedOut")["childPolicy"] == "ABANDON"


@pytest.mark.parametrize(("own", "given"), [("ABANDON", "TERMINATE"), ("TERMINATE", "ABANDON")])
def test_terminates_policy_overrides_the_runs(own: str, given: str) -> None:
    """§7.5: for that call, and is what the event shows."""
    domain, parent, child = _parent_with(own)
    domain.note(parent.terminate(childPolicy=given))
    domain.settle()
    assert parent.last(TERMINATED)["childPolicy"] == given
    assert child.execution.open == (given == "ABANDON")


@pytest.mark.parametrize(
    "close", [complete(), fail(), cancel(), continue_as_new()], ids=lambda wire: wire["decisionType"]
)
def test_a_policy_applies_to_terminate_and_timeout_only(close: Wire) -> None:
    """§7.5, point 28: on every other close the children run on."""
    domain, parent, child = family()
    domain.note(parent.decide(close))
    domain.settle()
    assert not parent.execution.open
    assert child.execution.open


def test_a_termination_goes_on_to_the_grandchildren_by_the_childs_own_policy() -> None:
    """§4.1: "and on to its children by its own policy"."""
    domain, parent, child = family(childPolicy="REQUEST_CANCEL")
    domain.note(child.decide(start_child("grandchild")))
    domain.settle()
    domain.note(parent.terminate())
    domain.settle()
    assert child.types[-1] == TERMINATED
    grandchild = domain.named("grandchild")
    assert grandchild is not None
    assert grandchild.last(CANCEL_REQUESTED)["cause"] == "CHILD_POLICY_APPLIED"
    assert grandchild.execution.open


@pytest.mark.parametrize("policy", ["TERMINATE", "REQUEST_CANCEL"])
def test_a_policy_is_applied_once(policy: str) -> None:
    """DESIGN.md §4: every effect is safe to repeat."""
    domain, parent, _child = _parent_with(policy)
    domain.note(parent.terminate())
    domain.settle()
    before = domain.histories()
    domain.repeat()
    assert domain.histories() == before


def test_a_policy_reaches_the_run_that_continues_the_child() -> None:
    """§7.4: the successor has the parent's link, so the policy finds it."""
    domain, parent, child = family()
    domain.note(child.decide(continue_as_new()))
    domain.note(parent.terminate())
    domain.settle()
    heir = domain.named("child")
    assert heir is not None
    assert heir is not child
    assert heir.types[-1] == TERMINATED


def test_a_policy_does_not_reach_a_stranger_of_the_same_workflow_id() -> None:
    """§7.5: the child has closed, somebody else started the id anew: it is nobody's child."""
    domain, parent, child = family()
    domain.note(child.decide(complete()))
    stranger = domain.start("child")
    domain.note(parent.terminate())
    domain.settle()
    assert stranger.types == ["WorkflowExecutionStarted", DTS]


def test_a_child_that_has_not_started_yet_is_started_and_then_treated() -> None:
    """§7.5: the parent ends before its child began: both messages arrive, in order."""
    domain = Domain()
    parent = domain.start("parent")
    domain.note(parent.decide(start_child("child")))
    domain.note(parent.terminate())
    assert parent.execution.unsettled()
    domain.settle()
    child = domain.named("child")
    assert child is not None
    assert child.types == ["WorkflowExecutionStarted", DTS, TERMINATED]


def test_everything_may_come_twice() -> None:
    """DESIGN.md §4: the whole exchange of a family, delivered again, changes no history."""
    domain, parent, child = family()
    domain.note(child.decide(signal_external("parent", control="c"), cancel_external("parent")))
    domain.settle()
    domain.note(parent.decide(start_child("second"), signal_external("child"), signal_external("nobody")))
    domain.settle()
    domain.note(child.decide(complete()))
    domain.settle()
    before = domain.histories()
    domain.repeat()
    assert domain.histories() == before


# ---- signals and cancels between executions (§3.2) -------------------------------------------------------------

EXTERNAL = [
    (
        signal_external,
        "SignalExternalWorkflowExecution",
        SIGNALED,
        "ExternalWorkflowExecutionSignaled",
        {"signalName": "hey"},
    ),
    (
        cancel_external,
        "RequestCancelExternalWorkflowExecution",
        CANCEL_REQUESTED,
        "ExternalWorkflowExecutionCancelRequested",
        {},
    ),
]


def pair(make: Callable[..., Wire], **more: Any) -> tuple[Domain, Scenario, Scenario]:
    domain = Domain()
    target = domain.start("target")
    source = domain.start("source")
    if more.get("runId") == "the target's":
        more["runId"] = target.execution.run_id
    target.decide()
    domain.note(source.decide(make("target", **more)))
    return domain, source, target


@pytest.mark.parametrize("by_run_id", [{}, {"runId": "the target's"}])
@pytest.mark.parametrize(("make", "_asks", "arrives", "answers", "more"), EXTERNAL)
def test_what_is_asked_of_an_open_execution(
    make: Any, _asks: str, arrives: str, answers: str, more: Wire, by_run_id: Wire
) -> None:
    """§3.2: target: its event + DTS, naming the source; source: the answer with the resolved runId + DTS."""
    domain, source, target = pair(make, **by_run_id)
    domain.settle()
    assert target.new == [arrives, DTS]
    assert target.last(arrives) == {
        **more,
        "externalWorkflowExecution": source.name,
        "externalInitiatedEventId": 5,
    }
    assert source.new == [answers, DTS]
    assert source.last(answers) == {"workflowExecution": target.name, "initiatedEventId": 5}
    assert outstanding(source.execution).messages == []


def test_an_external_signal_carries_its_input() -> None:
    """§3.2: `input` arrives; `control` stays at home."""
    domain, _source, target = pair(signal_external, input="", control="c")
    domain.settle()
    assert target.last(SIGNALED)["input"] == ""
    assert "control" not in target.last(SIGNALED)


@pytest.mark.parametrize("named_run", [{}, {"runId": "the target's"}, {"runId": "no such run"}])
@pytest.mark.parametrize("control", [{}, {"control": "c"}])
@pytest.mark.parametrize(("make", "asks", "arrives", "_answers", "_more"), EXTERNAL)
def test_what_is_asked_of_no_open_execution(
    make: Any, asks: str, arrives: str, _answers: str, _more: Wire, named_run: Wire, control: Wire
) -> None:
    """§3.2, §13.2: UNKNOWN_EXTERNAL_WORKFLOW_EXECUTION later, with runId and control echoed, + DTS."""
    domain, source, target = pair(make, **named_run, **control)
    target.terminate()
    domain.settle()
    assert arrives not in target.types
    failed = f"{asks}Failed"
    assert source.new == [failed, DTS]
    run_id = {"runId": target.execution.run_id} if named_run.get("runId") == "the target's" else named_run
    assert source.last(failed) == {
        "workflowId": "target",
        "cause": "UNKNOWN_EXTERNAL_WORKFLOW_EXECUTION",
        "initiatedEventId": 5,
        "decisionTaskCompletedEventId": 4,
        **run_id,
        **control,
    }
    assert outstanding(source.execution).messages == []


@pytest.mark.parametrize(("make", "asks", "_arrives", "_answers", "_more"), EXTERNAL)
def test_what_is_asked_of_nobody(make: Any, asks: str, _arrives: str, _answers: str, _more: Wire) -> None:
    """§3.2: a workflow id that never was is as unknown as a closed one."""
    domain = Domain()
    source = domain.start("source")
    domain.note(source.decide(make("nobody")))
    domain.settle()
    assert source.new == [f"{asks}Failed", DTS]


@pytest.mark.parametrize(("make", "_asks", "arrives", "answers", "_more"), EXTERNAL)
def test_a_question_that_comes_twice_is_recorded_once_and_answered_twice(
    make: Any, _asks: str, arrives: str, answers: str, _more: Wire
) -> None:
    """DESIGN.md §4: "a second signal from the same initiated event is ignored", also after the target's close."""
    domain, source, target = pair(make)
    question = domain.mail[0]
    domain.settle()
    for _ in range(2):
        target.receive(question)
        assert target.new == []
        (answer,) = target.sent
        assert isinstance(answer.request, messages.ExternalDone)
        assert answer.request.target == target.execution.name
        assert source.receive(answer).new == []
        target = target if not target.execution.open else target.terminate()
    assert len(target.ids(arrives)) == len(source.ids(answers)) == 1


@pytest.mark.parametrize(("make", "_asks", "arrives", "answers", "_more"), EXTERNAL)
def test_two_decisions_are_two_questions(make: Any, _asks: str, arrives: str, answers: str, _more: Wire) -> None:
    """§2.2: each writes its own event; answers are found by initiatedEventId."""
    domain = Domain()
    target, source = domain.start("target"), domain.start("source")
    domain.note(source.decide(make("target"), make("target")))
    domain.settle()
    assert [event["externalInitiatedEventId"] for event in target.all(arrives)] == [5, 6]
    assert [event["initiatedEventId"] for event in source.all(answers)] == [5, 6]


@pytest.mark.parametrize(("make", "_asks", "arrives", "answers", "_more"), EXTERNAL)
def test_a_run_may_ask_itself(make: Any, _asks: str, arrives: str, answers: str, _more: Wire) -> None:
    """§3.2, §7.6: works as to any other; one decision task serves both events."""
    domain = Domain()
    run = domain.start("self")
    domain.note(run.decide(make("self")))
    domain.settle()
    assert run.types[5:] == [arrives, DTS, answers]
    assert run.last(arrives)["externalWorkflowExecution"] == run.name
    assert run.last(answers)["workflowExecution"] == run.name


@pytest.mark.parametrize(("make", "_asks", "_arrives", "answers", "_more"), EXTERNAL)
def test_an_answer_to_a_closed_source_is_dropped(
    make: Any, _asks: str, _arrives: str, answers: str, _more: Wire
) -> None:
    """§6: nothing after a close; the question was asked all the same, the target has it."""
    domain, source, target = pair(make)
    source.terminate()
    assert source.execution.unsettled()
    domain.settle()
    assert answers not in source.types
    assert target.new[-1] == DTS


def test_an_answer_to_nothing_changes_nothing() -> None:
    """An ExternalDone, ChildStarted or ChildNotStarted whose question is unknown is ignored."""
    run = started().decide(schedule())
    other = shapes.WorkflowExecution(workflow_id="o", run_id="r")
    kind = shapes.WorkflowType(name="order", version="1")
    for request in (
        messages.ExternalDone(5, other),
        messages.ExternalDone(99),
        messages.ChildStarted(5, other, kind),
        messages.ChildNotStarted(5, shapes.StartChildWorkflowExecutionFailedCause.WORKFLOW_ALREADY_RUNNING),
        messages.ApplyChildPolicy(other, 5, shapes.ChildPolicy.TERMINATE),
    ):
        assert run.do(request).new == []
        assert Scenario().do(request).state is None


def test_messages_carry_shapes_that_travel() -> None:
    """messages.py: every request between executions survives the broker's encoding."""
    domain, parent, child = family(tagList=["t"], input="i")
    domain.note(child.decide(signal_external("parent"), cancel_external("nobody", control="c")))
    domain.settle()
    domain.note(parent.terminate())
    domain.settle()
    kinds = {type(action.request) for action in domain.delivered}
    assert kinds == {
        messages.StartChild,
        messages.ChildStarted,
        messages.SignalExternal,
        messages.CancelExternal,
        messages.ExternalDone,
        messages.ApplyChildPolicy,
        messages.ChildClosed,
    }
    for action in domain.delivered:
        kind = type(action.request)
        assert msgspec.json.decode(msgspec.json.encode(action.request), type=kind) == action.request
