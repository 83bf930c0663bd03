"""Decision tasks that cannot be decided, against the service: seen, and tried again."""

from __future__ import annotations

import time

import pytest

from tests.workers_sdk.worker.conftest import Domain, types_of
from workers_sdk.deciders import History, decider
from workers_sdk.definitions.activities import activity
from workers_sdk.definitions.workflows import workflow
from workers_sdk.failures import failure_from
from workers_sdk.worker import Worker
from workflowsvc.swf import shapes
from workflowsvc.swf.shapes import Decision, EventType


@activity("ship", "1")
def ship() -> None: ...


async def failure(domain: Domain, execution: shapes.WorkflowExecution) -> str:
    """What the marker of the failed decision says."""
    events = await domain.until(execution, EventType.MARKER_RECORDED)
    (marker,) = [event.marker_recorded_event_attributes for event in events if event.marker_recorded_event_attributes]
    assert EventType.TIMER_STARTED in {event.event_type for event in await domain.events(execution)}
    told = failure_from(None, marker.details).told
    assert told is not None
    return f"{told.type}: {told.message}"


async def test_forbidden_code_is_a_marker_and_a_timer(domain: Domain, caplog: pytest.LogCaptureFixture) -> None:
    @workflow("sleeping", "1")
    async def sleeping() -> None:
        time.sleep(0.1)  # noqa: ASYNC251

    async with Worker(domain.client, task_list="main", workflows=[sleeping]):
        execution = await domain.start(sleeping)
        assert (await failure(domain, execution)).startswith("ForbiddenInWorkflow: ")
    assert f"of sleeping 1 ({execution.workflow_id}) cannot be decided" in caplog.text


async def test_what_the_service_refuses_is_a_marker_and_a_timer(domain: Domain) -> None:
    """A name with a colon is a ValidationException for the whole answer."""

    @workflow("odd", "1")
    async def odd() -> None:
        await ship.with_options(task_list="a:b")()

    async with Worker(domain.client, task_list="main", workflows=[odd], activities=[ship]):
        assert (await failure(domain, await domain.start(odd))).startswith("ValidationException: ")


async def test_a_result_that_is_too_long_is_a_marker_and_a_timer(domain: Domain) -> None:
    @workflow("long", "1")
    async def long() -> str:
        return "x" * 32_768

    async with Worker(domain.client, task_list="main", workflows=[long]):
        assert "32,768" in await failure(domain, await domain.start(long))


async def test_an_input_that_does_not_fit_fails_the_execution(domain: Domain) -> None:
    @workflow("counting", "1")
    async def counting(number: int) -> int:
        return number

    async with Worker(domain.client, task_list="main", workflows=[counting]):
        closed = await domain.end(await domain.start(counting, '["many"]'))
    failed = closed.workflow_execution_failed_event_attributes
    assert failed is not None
    assert (failed.reason or "").startswith("PayloadError: ")


async def test_a_workflow_type_that_the_worker_does_not_know_is_left_to_another(
    domain: Domain, caplog: pytest.LogCaptureFixture
) -> None:
    @workflow("order", "1")
    async def order() -> str:
        return "first"

    @workflow("order", "2", task_timeout=1)
    async def newer() -> str:
        return "second"

    async with Worker(domain.client, task_list="main", workflows=[newer]):
        pass
    async with Worker(domain.client, task_list="main", workflows=[order]):
        execution = await domain.start(newer)
        await domain.until(execution, EventType.DECISION_TASK_TIMED_OUT)
    async with Worker(domain.client, task_list="main", workflows=[newer]):
        assert await domain.result(execution) == '"second"'
    assert f"of order 2 ({execution.workflow_id}): this worker does not know its type" in caplog.text


async def test_a_decider_that_raises_leaves_the_task_to_time_out(
    domain: Domain, caplog: pytest.LogCaptureFixture
) -> None:
    """A raw decider's history is its own: nothing is written into it."""

    @decider("broken", "1", task_timeout=1)
    def broken(history: History) -> list[Decision]:
        raise RuntimeError("a mistake")

    async with Worker(domain.client, task_list="main", workflows=[broken]):
        execution = await domain.start(broken)
        events = await domain.until(execution, EventType.DECISION_TASK_TIMED_OUT)
    assert "DecisionTaskCompleted" not in types_of(events)
    assert "RuntimeError: a mistake" in caplog.text
