"""The environment: days pass in no time, by themselves or by hand, and nothing is left for the next test."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta

import pytest

from tests.workers_sdk.testing.workflows import (
    ACTIVITIES,
    ALL,
    DAY,
    approve,
    beating,
    endless,
    hanging,
    month,
    silent,
    sleeper,
    waiting,
    whichever,
)
from workers_sdk.errors import ExecutionFailed
from workers_sdk.testing import TimeIsReal, WorkflowEnvironment, WorkflowService
from workers_sdk.worker import Worker
from workflowsvc.swf.shapes import ChildPolicy, TaskList, WorkflowExecution, WorkflowType

#: Seconds in which thirty days pass: "in about a second", on a machine that others use too.
MOMENT = 10.0


def worker(env: WorkflowEnvironment) -> Worker:
    return env.worker(workflows=ALL, activities=ACTIVITIES)


# ---- time that passes by itself


async def test_thirty_days_pass_at_once(workflow_environment: WorkflowEnvironment) -> None:
    begin = time.monotonic()
    async with workflow_environment as env, worker(env):
        before = await env.now()
        handle = await sleeper.start(env.client, 30)
        assert await handle.result(MOMENT) == "hello sleeper"
        assert await env.now() - before >= timedelta(days=30)
    assert time.monotonic() - begin < MOMENT


async def test_an_execution_that_waits_for_nothing_runs_into_its_own_timeout(
    workflow_environment: WorkflowEnvironment,
) -> None:
    async with workflow_environment as env, worker(env):
        handle = await waiting.start(env.client)
        with pytest.raises(ExecutionFailed) as raised:
            await handle.result(MOMENT)
        assert raised.value.status == "TIMED_OUT"
        events = await handle.history()
        assert events[-1].event_timestamp - events[0].event_timestamp == pytest.approx(30 * DAY, abs=60)


async def test_time_that_is_locked_does_not_jump(workflow_environment: WorkflowEnvironment) -> None:
    """Without the lock the hour would be over before the signal is there."""
    async with workflow_environment as env, worker(env), env.time_locked():
        handle = await whichever.start(env.client)
        await env.await_event(handle, "TimerStarted")
        await handle.signal(approve, "somebody")
        assert await handle.result(MOMENT) == "somebody"


async def test_a_lock_ends_with_its_block(workflow_environment: WorkflowEnvironment) -> None:
    async with workflow_environment as env, worker(env):
        with pytest.raises(ZeroDivisionError):
            async with env.time_locked():
                raise ZeroDivisionError
        handle = await whichever.start(env.client)
        assert await handle.result(MOMENT) == "nobody"


# ---- time that is moved by hand: timeouts of tasks


async def test_heartbeat_timeout_of_an_activity_that_hangs(workflow_environment: WorkflowEnvironment) -> None:
    """Automatic heartbeats keep to real time: they do not come while time is moved."""
    async with workflow_environment as env, worker(env):
        handle = await hanging.start(env.client)
        await env.await_event(handle, "ActivityTaskStarted")
        await env.advance(61)
        assert await handle.result(MOMENT) == "HEARTBEAT"


async def test_heartbeat_timeout_comes_a_heartbeat_timeout_after_the_last_heartbeat(
    workflow_environment: WorkflowEnvironment,
) -> None:
    async with workflow_environment as env, worker(env):
        handle = await beating.start(env.client)
        await env.await_event(handle, "ActivityTaskStarted")
        await env.advance(timedelta(hours=1))
        assert (await handle.result(MOMENT))[0] == "HEARTBEAT"
        [started] = [e for e in await handle.history() if e.event_type.value == "ActivityTaskStarted"]
        timed_out = await env.await_event(handle, "ActivityTaskTimedOut")
        assert timed_out.event_timestamp - started.event_timestamp == pytest.approx(60, abs=5)


async def test_start_to_close_timeout_of_an_activity(workflow_environment: WorkflowEnvironment) -> None:
    async with workflow_environment as env, worker(env):
        handle = await silent.start(env.client)
        await env.await_event(handle, "ActivityTaskStarted")
        await env.advance(3601)
        assert await handle.result(MOMENT) == "START_TO_CLOSE"


async def test_execution_timeout_while_an_activity_is_worked_on(workflow_environment: WorkflowEnvironment) -> None:
    async with workflow_environment as env, worker(env):
        handle = await endless.start(env.client)
        await env.await_event(handle, "ActivityTaskStarted")
        await env.advance(timedelta(days=7, seconds=1))
        with pytest.raises(ExecutionFailed) as raised:
            await handle.result(MOMENT)
        assert raised.value.status == "TIMED_OUT"


async def test_thirty_days_with_all_timeouts_pass_at_once(workflow_environment: WorkflowEnvironment) -> None:
    """Heartbeat, activity and execution timeout."""
    begin = time.monotonic()
    async with workflow_environment as env, worker(env):
        handle = await month.start(env.client)
        await env.await_event(handle, "ActivityTaskStarted")
        await env.advance(timedelta(minutes=2))
        await env.await_event(handle, "ActivityTaskStarted", count=2)
        await env.advance(timedelta(hours=2))
        with pytest.raises(ExecutionFailed) as raised:
            await handle.result(MOMENT)
        assert raised.value.status == "TIMED_OUT"
        timed_out = [
            attributes.timeout_type.value
            for event in await handle.history()
            if (attributes := event.activity_task_timed_out_event_attributes)
        ]
        assert timed_out == ["HEARTBEAT", "START_TO_CLOSE"]
    assert time.monotonic() - begin < MOMENT


async def test_time_does_not_run_backwards(workflow_environment: WorkflowEnvironment) -> None:
    async with workflow_environment as env:
        with pytest.raises(ValueError, match="seconds"):
            await env.advance(-1)


async def test_advance_tells_the_time_after_it(workflow_environment: WorkflowEnvironment) -> None:
    async with workflow_environment as env:
        before = await env.now()
        after = await env.advance(timedelta(days=400))
        assert timedelta(days=400) <= after - before < timedelta(days=400, seconds=MOMENT)
        assert after.tzinfo is UTC


async def test_an_event_that_does_not_come_is_not_waited_for_forever(
    workflow_environment: WorkflowEnvironment,
) -> None:
    async with workflow_environment as env, worker(env), env.time_locked():
        handle = await waiting.start(env.client)
        with pytest.raises(TimeoutError):
            await env.await_event(handle, "TimerStarted", timeout=0.05)


# ---- one test and the next


async def test_what_is_still_open_is_terminated_at_the_end(workflow_service: WorkflowService) -> None:
    """Its decision task, which nobody takes, would hold up the clock."""
    async with WorkflowEnvironment.connect(workflow_service.url) as env:
        type_ = WorkflowType(name="nobody", version="1.0")
        await env.client.register_workflow_type(name=type_.name, version=type_.version)
        run = await env.client.start_workflow_execution(
            workflow_id="w",
            workflow_type=type_,
            task_list=TaskList(name="nobody"),
            execution_start_to_close_timeout="3600",
            task_start_to_close_timeout="60",
            child_policy=ChildPolicy.TERMINATE,
        )
    assert run.run_id is not None
    async with WorkflowEnvironment.connect(workflow_service.url) as after, worker(after):
        execution = WorkflowExecution(workflow_id="w", run_id=run.run_id)
        detail = await after.client.describe_workflow_execution(domain=env.domain, execution=execution)
        assert detail.execution_info.close_status == "TERMINATED"
        handle = await sleeper.start(after.client, 30)
        assert await handle.result(MOMENT) == "hello sleeper"


async def test_each_environment_has_a_domain_of_its_own(workflow_environment: WorkflowEnvironment) -> None:
    async with workflow_environment as one, WorkflowEnvironment.connect(one.client.endpoint) as other:
        assert one.domain != other.domain
        days = (await other.client.describe_domain(name=other.domain)).configuration
        assert days.workflow_execution_retention_period_in_days == "90"


# ---- which service


async def test_a_service_of_its_own_ends_with_it() -> None:
    async with WorkflowEnvironment.start() as env, worker(env):
        url = env.client.endpoint
        handle = await sleeper.start(env.client, 1)
        assert await handle.result(MOMENT) == "hello sleeper"
    with pytest.raises(ConnectionError):
        async with WorkflowEnvironment.connect(url):
            pass


async def test_a_service_whose_time_is_real_is_refused(url: str) -> None:
    with pytest.raises(TimeIsReal, match="--time-skipping"):
        async with WorkflowEnvironment.connect(url):
            pass


async def test_the_clock_starts_at_the_present() -> None:
    """docs/time-skipping.md, rule 5."""
    async with WorkflowEnvironment.start() as env:
        assert abs(await env.now() - datetime.now(UTC)) < timedelta(seconds=MOMENT)
