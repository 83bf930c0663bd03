"""A fault leaves the execution exactly as it was: every request that can be refused, with every input that it refuses.

`Scenario.refusing` compares the frozen state before and after. What is refused by shape alone (lengths, patterns,
missing members) never reaches the core: tests/gateway.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from coordinator.execution.act import _REQUESTS
from tests.coordinator.execution.scenario import (
    Domain,
    Scenario,
    complete,
    marker,
    named,
    schedule,
    schedule_lambda,
    start_child,
    start_timer,
    started,
)
from tests.coordinator.execution.test_turn import full
from workflowsvc import messages
from workflowsvc.messages import TaskRef
from workflowsvc.swf import faults, shapes
from workflowsvc.swf.errors import Fault, ValidationException

UNKNOWN = faults.UnknownResourceFault
EXECUTION = shapes.WorkflowExecution(workflow_id="w", run_id="r")
ORDER = shapes.WorkflowType(name="order", version="1")

TOKEN = "t"  # noqa: S105 - SWF's word for it
RESPONSES: list[Any] = [
    shapes.RespondActivityTaskCompletedInput(task_token=TOKEN),
    shapes.RespondActivityTaskFailedInput(task_token=TOKEN),
    shapes.RespondActivityTaskCanceledInput(task_token=TOKEN),
    shapes.RecordActivityTaskHeartbeatInput(task_token=TOKEN),
]
DECIDED = shapes.RespondDecisionTaskCompletedInput(task_token=TOKEN)
CLIENTS: list[Any] = [
    shapes.SignalWorkflowExecutionInput(domain="shop", workflow_id="w", signal_name="s"),
    shapes.RequestCancelWorkflowExecutionInput(domain="shop", workflow_id="w"),
    shapes.TerminateWorkflowExecutionInput(domain="shop", workflow_id="w"),
]
DESCRIBE = shapes.DescribeWorkflowExecutionInput(domain="shop", execution=EXECUTION)
#: tokens that fit no task of `full()`: unknown, of an unstarted task, of another event
BAD_TOKENS = [TaskRef(), TaskRef(99, 100), TaskRef(2, 3), TaskRef(6, 0), TaskRef(6, 11), TaskRef(5, 12)]

# ---- what is sent to an open run and refused --------------------------------------------------------------------


@pytest.mark.parametrize("request_", RESPONSES, ids=lambda r: type(r).__name__)
@pytest.mark.parametrize("token", BAD_TOKENS, ids=str)
def test_a_token_that_fits_no_started_activity(request_: Any, token: TaskRef) -> None:
    """§1.3: Unknown activity, scheduledEventId = N."""
    run = full()
    message = f"Unknown activity, scheduledEventId = {token.scheduled_event_id}"
    with run.refusing(UNKNOWN, message):
        run.do(request_, task=token)


@pytest.mark.parametrize("token", BAD_TOKENS, ids=str)
def test_a_token_that_fits_no_started_decision_task(token: TaskRef) -> None:
    """§1.3: Unknown decision task, scheduledEventId = N."""
    run = full()
    with run.refusing(UNKNOWN, f"Unknown decision task, scheduledEventId = {token.scheduled_event_id}"):
        run.do(DECIDED, task=token)


BATCHES: list[tuple[Any, ...]] = [
    (marker(), complete(), marker()),
    (complete(), complete()),
    (schedule("new"), complete()),
    (start_timer("new"), complete()),
    (start_child("new"), schedule_lambda(), complete()),
    (marker(), start_child("new"), schedule_lambda(startToCloseTimeout="901")),
]


@pytest.mark.parametrize("batch", BATCHES)
def test_a_batch_that_is_refused_leaves_no_trace(batch: tuple[Any, ...]) -> None:
    """§3.1.1: nothing applied, and the token stays good."""
    run = full()
    token = run.decision_token
    with run.refusing(ValidationException):
        run.respond(token, *batch)
    assert run.respond(token, marker()).new == ["DecisionTaskCompleted", "MarkerRecorded"]


def test_a_bad_batch_comes_before_a_bad_token() -> None:
    """§2: ValidationException is checked first."""
    run = full()
    with run.refusing(ValidationException):
        run.respond(TaskRef(99, 100), complete(), marker())


@pytest.mark.parametrize(
    ("wire", "fault"),
    [
        ({"executionStartToCloseTimeout": "NONE"}, ValidationException),
        ({"workflowType": named("nobody")}, UNKNOWN),
        ({"workflowType": named("old")}, faults.TypeDeprecatedFault),
        ({"workflowType": named("bare")}, faults.DefaultUndefinedFault),
        ({}, faults.WorkflowExecutionAlreadyStartedFault),
    ],
)
def test_a_start_that_is_refused_leaves_the_running_one_alone(wire: Any, fault: type[Fault]) -> None:
    """§2.2."""
    run = full()
    with run.refusing(fault):
        run.start(**wire)


# ---- what is sent to a closed run, or to nobody -----------------------------------------------------------------


@pytest.mark.parametrize("request_", [*RESPONSES, DECIDED, *CLIENTS], ids=lambda r: type(r).__name__)
@pytest.mark.parametrize("make", [lambda: full().terminate(), Scenario], ids=["closed", "nobody"])
def test_a_closed_or_unknown_run_refuses_everything(request_: Any, make: Callable[[], Scenario]) -> None:
    """§1.3: UR with the runId that was given, or that the token names."""
    run = make()
    run_id = run.execution.run_id if run.state else "r"
    with run.refusing(UNKNOWN, f"Unknown execution: WorkflowExecution=[workflowId=w, runId={run_id}]"):
        run.do(request_, task=TaskRef(5, 11), run_id=run_id)


def test_a_token_too_short_to_name_its_workflow() -> None:
    """messages.Action: workflow_id "" where only the run is known: the fault names the closed run all the same."""
    run = full().terminate()
    run_id = run.execution.run_id
    action = messages.Action("x", 0, "", "", run_id, DECIDED, TaskRef(2, 3))
    with run.refusing(UNKNOWN, f"Unknown execution: WorkflowExecution=[workflowId=w, runId={run_id}]"):
        run.receive(action)


def test_describe_is_refused_for_nobody_only() -> None:
    """§2.2."""
    run = Scenario()
    with run.refusing(UNKNOWN):
        run.do(DESCRIBE, run_id="r")
    closed = full().terminate()
    assert closed.do(DESCRIBE).result is not None


# ---- what is never refused --------------------------------------------------------------------------------------

#: What the service says to itself: late, repeated or senseless, it is answered and changes nothing.
SERVICE: list[Any] = [
    messages.StartTask(messages.TaskKind.DECISION),
    messages.StartTask(messages.TaskKind.ACTIVITY),
    messages.StartTask(messages.TaskKind.LAMBDA),
    messages.Wake(),
    messages.Resume(),
    messages.ChildNotStarted(99, shapes.StartChildWorkflowExecutionFailedCause.WORKFLOW_ALREADY_RUNNING),
    messages.ChildClosed(99, EXECUTION, ORDER, shapes.CloseStatus.COMPLETED),
    messages.ApplyChildPolicy(EXECUTION, 99, shapes.ChildPolicy.TERMINATE),
    messages.ExternalDone(99, EXECUTION),
    messages.ExternalDone(99),
    messages.FinishLambda(result="r"),
]


@pytest.mark.parametrize("request_", SERVICE, ids=lambda r: type(r).__name__)
@pytest.mark.parametrize("make", [full, lambda: full().terminate(), Scenario], ids=["open", "closed", "nobody"])
def test_the_services_own_requests_are_not_refused(request_: Any, make: Callable[[], Scenario]) -> None:
    """relations.py, tasks.py: what is not meant for this state writes nothing and sends nothing."""
    run = make()
    run.do(request_, task=TaskRef(99, 100), run_id="r")
    assert (run.new, run.sent) == ([], [])


def test_a_child_that_nobody_waits_for_is_revoked() -> None:
    """relations.py: its start was refused and a repeat of it came through, or it has closed and this is nothing."""
    run = full()
    run.do(messages.ChildStarted(99, EXECUTION, ORDER), task=TaskRef(99, 100), run_id="r")
    assert run.new == []
    assert [type(message.request) for message in run.sent] == [messages.ApplyChildPolicy]


@pytest.mark.parametrize(
    "request_", [messages.SignalExternal(EXECUTION, 5, "s"), messages.CancelExternal(EXECUTION, 5)]
)
@pytest.mark.parametrize("make", [lambda: full().terminate(), Scenario], ids=["closed", "nobody"])
def test_a_question_to_nobody_is_answered(request_: Any, make: Callable[[], Scenario]) -> None:
    """§3.2: the source hears that no such execution is open."""
    run = make().do(request_, run_id="")
    (answer,) = run.sent
    assert run.new == []
    assert answer.request == messages.ExternalDone(5, None)
    assert (answer.workflow_id, answer.run_id) == ("w", "r")


def test_every_request_is_tried_here() -> None:
    """messages.ExecutionRequest: all of them, beside the children's start: test_starts.py."""
    tried = {type(request) for request in (*RESPONSES, DECIDED, *CLIENTS, DESCRIBE, *SERVICE)}
    tried |= {shapes.StartWorkflowExecutionInput, messages.SignalExternal, messages.CancelExternal}
    tried.add(messages.ChildStarted)
    assert set(_REQUESTS) - tried == {messages.StartChild}
    assert set(_REQUESTS) == set(messages.ExecutionRequest.__args__)


def test_a_child_that_cannot_start_leaves_the_running_one_alone() -> None:
    """§3.2: WORKFLOW_ALREADY_RUNNING is an answer, not a fault."""
    domain = Domain()
    running = domain.start("child")
    before = running.execution.last_event_id
    domain.note(domain.start("parent").decide(start_child("child")))
    domain.deliver(domain.mail.popleft())
    assert running.execution.last_event_id == before
    assert [type(action.request) for action in running.sent] == [messages.ChildNotStarted]
    assert started().execution.open
