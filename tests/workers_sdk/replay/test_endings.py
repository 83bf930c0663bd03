"""How an execution ends: completed, failed, canceled, continued; and what it shows of itself until then."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from tests.workers_sdk.replay.stage import CONVERTER, Stage
from tests.workers_sdk.replay.test_activities import charge, refund
from workers_sdk import workflows
from workers_sdk.definitions.context import current
from workers_sdk.definitions.workflows import workflow
from workers_sdk.errors import NotInWorkflow
from workers_sdk.failures import failure_from


@workflow("loop", "1", execution_timeout=60)
async def loop(number: int) -> int:
    await charge(number)
    if number < 3:
        loop.continue_as_new(number + 1)
    return number


def test_result_of_nothing_is_no_result() -> None:
    @workflow("order", "1")
    async def process() -> None:
        return None

    assert "result" not in Stage(process).turns().run.last("WorkflowExecutionCompleted")


def test_exception_fails_the_execution_with_its_story() -> None:
    @workflow("order", "1")
    async def process() -> None:
        try:
            raise KeyError("inner")
        except KeyError as error:
            raise RuntimeError("outer") from error

    failed = Stage(process).turns().run.last("WorkflowExecutionFailed")
    told = failure_from(failed["reason"], failed["details"]).told
    assert failed["reason"] == "RuntimeError: outer"
    assert told is not None
    assert told.cause is not None
    assert told.cause.type == "KeyError"
    assert any("raise RuntimeError" in frame for frame in told.trace)


def test_exception_of_any_size_fits() -> None:
    """reason 256, details 32,768 characters."""

    @workflow("order", "1")
    async def process() -> None:
        raise RuntimeError("x" * 100_000)

    failed = Stage(process).turns().run.last("WorkflowExecutionFailed")
    assert len(failed["reason"]) == 256
    assert len(failed["details"]) <= 32_768


def test_input_that_does_not_fit_fails_the_execution() -> None:
    @workflow("order", "1")
    async def process(number: int) -> int:
        return number

    failed = Stage(process, "three").turns().run.last("WorkflowExecutionFailed")
    assert failed["reason"].startswith("PayloadError")


def test_cancel_request_cancels_the_code_which_cleans_up() -> None:
    """asyncio's semantics: CancelledError where it waits; activities of the clean-up are scheduled and awaited."""

    @workflow("order", "1")
    async def process() -> int:
        try:
            return await charge(1)
        except asyncio.CancelledError:
            await refund(1)
            raise

    stage = Stage(process).turns()
    stage.run.begin("1")
    stage.cancel()
    assert stage.ids("ActivityTaskCancelRequested", "activityId") == ["1"]
    assert stage.scheduled == ["1", "2"]
    stage.does("2", "ok")
    assert stage.run.types[-1] == "WorkflowExecutionCanceled"


def test_second_cancel_request_does_not_cut_the_cleaning_short() -> None:
    @workflow("order", "1")
    async def process() -> str:
        try:
            await charge(1)
        finally:
            await refund(1)
        return ""

    stage = Stage(process).turns().cancel().cancel()
    stage.does("2", "ok")
    assert stage.run.types[-1] == "WorkflowExecutionCanceled"
    assert stage.run.types.count("ActivityTaskCompleted") == 1


def test_cancel_request_that_is_swallowed_does_not_cancel() -> None:
    @workflow("order", "1")
    async def process() -> str:
        try:
            await charge(1)
        except asyncio.CancelledError:
            return "done all the same"
        return ""

    assert Stage(process).turns().cancel().result == "done all the same"


def test_shield_keeps_a_call_from_a_cancel_request() -> None:
    @workflow("order", "1")
    async def process() -> int:
        call = charge(1)
        try:
            return await asyncio.shield(call)
        except asyncio.CancelledError:
            return await call

    stage = Stage(process).turns()
    stage.run.begin("1")
    stage.cancel()
    assert "ActivityTaskCancelRequested" not in stage.run.types
    stage.run.completes("1", result="7")
    assert stage.turns().result == 7


def test_scope_is_cancelled_by_itself() -> None:
    """What is awaited in it ends, what stands behind it goes on; a request to cancel the whole still does."""

    @workflow("order", "1")
    async def process() -> list[Any]:
        scope = workflows.CancelScope()

        async def cancel_later() -> None:
            await workflows.sleep(5)
            scope.cancel()

        task = asyncio.create_task(cancel_later())
        async with scope:
            await charge(1)
        await task
        return [scope.cancelled, await charge(2)]

    stage = Stage(process).turns()
    stage.run.begin("1")
    stage.after(5)
    assert stage.ids("ActivityTaskCancelRequested", "activityId") == ["1"]
    assert stage.does("3", 2).result == [True, 2]
    stage = Stage(process).turns()
    assert stage.cancel().run.types[-1] == "WorkflowExecutionCanceled"


def test_continue_as_new_goes_on_with_all_that_was_said() -> None:
    """Tags, lists and timeouts of this run are the next one's: SWF itself would take the type's defaults."""
    stage = Stage(loop, 1, tagList=["red"], executionStartToCloseTimeout="500", taskList={"name": "own"}).turns()
    stage.does("1", 1)
    continued = stage.run.last("WorkflowExecutionContinuedAsNew")
    assert continued["input"] == "[2]"
    assert continued["tagList"] == ["red"]
    assert continued["executionStartToCloseTimeout"] == "500"
    assert continued["taskList"] == {"name": "own"}
    second = stage.run.successor
    assert second is not None
    next_ = Stage.of(loop, second, stage.domain).turns().does("1", 1)
    third = next_.run.successor
    assert third is not None
    assert Stage.of(loop, third, stage.domain).turns().does("1", 1).result == 3


def test_continue_as_new_can_say_otherwise() -> None:
    @workflow("loop", "1")
    async def process() -> None:
        loop.with_options(execution_timeout=9, tags=("blue",), task_list="other").continue_as_new(1)

    continued = Stage(process).turns().run.last("WorkflowExecutionContinuedAsNew")
    assert continued["executionStartToCloseTimeout"] == "9"
    assert continued["tagList"] == ["blue"]
    assert continued["taskList"] == {"name": "other"}


def test_continue_as_new_is_not_caught_by_mistake() -> None:
    @workflow("loop", "1")
    async def process(number: int) -> None:
        try:
            loop.continue_as_new(number)
        except Exception as error:
            raise AssertionError from error

    assert Stage(process, 1).turns().run.types[-1] == "WorkflowExecutionContinuedAsNew"


def test_state_is_sent_when_it_changes() -> None:
    @workflow("order", "1")
    async def process() -> None:
        workflows.set_state({"step": 1})
        await charge(1)
        await charge(2)
        workflows.set_state({"step": 3})

    stage = Stage(process).turns()
    assert stage.run.last("DecisionTaskCompleted")["executionContext"] == '{"step":1}'
    stage.does("1", 1)
    assert "executionContext" not in stage.run.last("DecisionTaskCompleted")
    stage.does("2", 1)
    assert stage.run.describe()["latestExecutionContext"] == '{"step":3}'


def test_info_tells_what_the_history_says() -> None:
    @workflow("order", "1")
    async def process() -> list[Any]:
        info = workflows.info()
        return [info.workflow_id, info.name, info.version, list(info.tags), info.history_length, info.task_list]

    assert Stage(process, tagList=["a", "b"]).turns().result == ["w", "order", "1", ["a", "b"], 3, "deciders"]


def test_workflow_must_be_async() -> None:
    with pytest.raises(TypeError, match="async def"):

        @workflow("order", "1")  # type: ignore[arg-type]
        def process() -> None: ...


def test_calls_are_refused_outside_of_workflows() -> None:
    with pytest.raises(NotInWorkflow, match="charge"):
        charge(1)
    with pytest.raises(NotInWorkflow, match="now"):
        workflows.now()
    with pytest.raises(NotInWorkflow, match="x is for"):
        current("x")
    assert charge.fn(3) == 3


def test_logger_says_each_thing_once(caplog: pytest.LogCaptureFixture) -> None:
    @workflow("order", "1")
    async def process() -> None:
        workflows.logger.warning("begun")
        await charge(1)
        workflows.logger.warning("done")

    stage = Stage(process).turns()
    caplog.clear()
    stage.does("1", 1)
    anew = stage.fresh()
    anew.catch_up(stage.events)
    # Twice by the stage, which decides each task twice; not by replays.
    assert [record.message for record in caplog.records] == ["done", "done"]
    assert caplog.records[0].workflow_id == "w"  # type: ignore[attr-defined]


def test_converter_of_the_stage_is_the_usual_one() -> None:
    assert CONVERTER.to_text([1]) == "[1]"
