"""Children, other executions and Lambda functions."""

from __future__ import annotations

import asyncio

from tests.workers_sdk.replay.stage import Stage
from tests.workers_sdk.replay.test_activities import charge
from tests.workers_sdk.replay.test_signals import Approval, approve
from workers_sdk.definitions.children import external
from workers_sdk.definitions.lambdas import lambda_function
from workers_sdk.definitions.workflows import workflow
from workers_sdk.errors import ChildFailed, ChildTerminated, ChildTimedOut, DecisionRefused, LambdaFailed


@workflow("child", "1")
async def child(number: int) -> int:
    return await charge(number)


def _child_of(stage: Stage) -> Stage:
    workflow_id = stage.run.last("StartChildWorkflowExecutionInitiated")["workflowId"]
    run = stage.domain.named(workflow_id)
    assert run is not None
    return Stage.of(child, run, stage.domain)


def test_child_gives_its_result() -> None:
    @workflow("order", "1")
    async def process() -> int:
        return await child(3) + 1

    stage = Stage(process).turns()
    begun = _child_of(stage).turns()
    assert begun.run.workflow_id == f"{stage.state.run_id}-1"
    begun.does("1", 41)
    assert stage.turns().result == 42


def test_child_by_its_handle() -> None:
    """Its ids as soon as it runs, signals, and its result."""

    @workflow("order", "1")
    async def process() -> list[str | int]:
        begun = child.with_options(workflow_id="my-child").start_child(3)
        run_id = await begun.started()
        await begun.signal(approve, Approval("ann"))
        return [begun.workflow_id, run_id, await begun]

    stage = Stage(process).turns()
    begun = _child_of(stage).turns()
    assert begun.run.last("WorkflowExecutionSignaled")["input"] == '{"by":"ann","amount":0}'
    # By its workflow id: a child that has continued as new is still the same child.
    assert "runId" not in stage.run.last("SignalExternalWorkflowExecutionInitiated")
    begun.does("1", 7)
    assert stage.turns().result == ["my-child", begun.state.run_id, 7]


def test_failures_of_children() -> None:
    @workflow("order", "1")
    async def process() -> list[str]:
        found = []
        for number in range(3):
            try:
                await child.with_options(execution_timeout=3600)(number)
            except (ChildFailed, ChildTerminated, ChildTimedOut) as error:
                found.append(f"{type(error).__name__} {bool(error.run_id)}")
        return found

    stage = Stage(process).turns()
    _child_of(stage).turns().fails("1", "broken")
    _child_of(stage.turns()).run.terminate()
    stage.domain.note(stage.domain.named(f"{stage.state.run_id}-2") or stage.run)
    last = _child_of(stage.turns())
    last.run.after(3600)
    last.domain.note(last.run)
    stage.turns()
    assert (
        stage.run.last("WorkflowExecutionCompleted")["result"]
        == '["ChildFailed True","ChildTerminated True","ChildTimedOut True"]'
    )


def test_child_that_cannot_be_started() -> None:
    @workflow("order", "1")
    async def process() -> str:
        begun = child.with_options(workflow_id="w").start_child(1)  # this execution's own id
        try:
            await begun
        except DecisionRefused as error:
            return error.cause
        return ""

    assert Stage(process).turns().result == "WORKFLOW_ALREADY_RUNNING"


def test_cancelled_child_is_asked_to_end() -> None:
    @workflow("order", "1")
    async def process() -> str:
        begun = child.with_options(wait_for_cancel=True)(1)
        await asyncio.sleep(5)
        begun.cancel()
        try:
            await begun
        except asyncio.CancelledError:
            return "gone"
        return ""

    stage = Stage(process).turns()
    begun = _child_of(stage).turns()
    stage.after(5)
    assert begun.run.last("WorkflowExecutionCancelRequested")
    begun.turns()
    assert begun.run.types[-1] == "WorkflowExecutionCanceled"
    assert stage.turns().result == "gone"


def test_external_signal_and_cancel() -> None:
    @workflow("order", "1")
    async def process() -> list[str]:
        other = external("other")
        await other.signal(approve, Approval("me", 2))
        await other.request_cancel()
        try:
            await external("nobody").signal(approve, Approval("me"))
        except DecisionRefused as error:
            return [error.cause]
        return []

    stage = Stage(process)
    other = Stage(child, 1, domain=stage.domain, workflowId="other").turns()
    assert stage.turns().result == ["UNKNOWN_EXTERNAL_WORKFLOW_EXECUTION"]
    assert other.run.last("WorkflowExecutionSignaled")["signalName"] == "approve"
    assert "WorkflowExecutionCancelRequested" in other.run.types


def test_lambda_functions() -> None:
    resize = lambda_function("resize", int, start_to_close=30)

    @workflow("order", "1")
    async def process() -> int | str:
        try:
            return await resize({"width": 3})
        except LambdaFailed as error:
            return error.type

    stage = Stage(process, lambdaRole="role").turns()
    assert stage.run.last("LambdaFunctionScheduled")["input"] == '{"width":3}'
    stage.run.invoke("1").returns("1", result="5")
    assert stage.turns().result == 5
    stage = Stage(process, lambdaRole="role").turns()
    stage.run.invoke("1").returns("1", reason="Unhandled", details="x")
    assert stage.turns().result == "Unhandled"
