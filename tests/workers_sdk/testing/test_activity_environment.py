"""An activity without a service: what it returns, says of itself, and does when it is told to end."""

from __future__ import annotations

import asyncio
import threading
from contextvars import ContextVar

import pytest

from workers_sdk.definitions.activities import Activity, activity
from workers_sdk.payloads import PayloadError
from workers_sdk.testing import ActivityEnvironment
from workers_sdk.worker import ActivityCancelled, ActivityInfo, activity_context

_SETTING: ContextVar[str] = ContextVar("setting", default="default")


@activity("copy", "2.0")
def copy(parts: int, by: int = 1) -> int:
    """Beats before each part."""
    for part in range(parts):
        activity_context().heartbeat({"part": part})
    return parts * by


@activity("copy async", "1.0")
async def copy_async(parts: int) -> int:
    for part in range(parts):
        activity_context().heartbeat(part)
        await asyncio.sleep(0)
    return parts


@activity("told", "1.0")
def told() -> ActivityInfo:
    return activity_context().info


@activity("wait", "1.0")
def wait() -> bool:
    return activity_context().wait_cancelled(10)


@activity("wait async", "1.0")
async def wait_async() -> None:
    try:
        await asyncio.Event().wait()
    except asyncio.CancelledError:
        raise asyncio.CancelledError({"copied": 5}) from None


def test_a_function_runs_and_its_heartbeats_are_kept() -> None:
    env = ActivityEnvironment()
    assert env.run(copy, 3, by=2) == 6
    assert env.heartbeats == [{"part": 0}, {"part": 1}, {"part": 2}]


def test_an_async_function_runs_from_a_plain_test() -> None:
    env = ActivityEnvironment()
    assert env.run(copy_async, 2) == 2
    assert env.heartbeats == [0, 1]


@pytest.mark.parametrize("which", [copy, copy_async], ids=str)
async def test_both_run_from_an_async_test(which: Activity[[int], int]) -> None:
    env = ActivityEnvironment()
    assert await env.run_async(which, 2) == 2
    assert env.run(which, 2) == 2
    assert len(env.heartbeats) == 4


def test_methods_run_on_their_instance() -> None:
    class Payments:
        fee = 5

        @activity("charge", "1.0")
        def charge(self, amount: int) -> int:
            return amount + self.fee

    assert ActivityEnvironment().run(Payments().charge, 10) == 15


def test_a_function_runs_in_a_thread_and_an_async_one_on_the_loop_of_its_caller() -> None:
    @activity("thread", "1.0")
    def thread() -> int:
        return threading.get_ident()

    @activity("loop", "1.0")
    async def loop() -> int:
        return id(asyncio.get_running_loop())

    async def scenario() -> None:
        env = ActivityEnvironment()
        assert await env.run_async(thread) != threading.get_ident()
        assert await env.run_async(loop) == id(asyncio.get_running_loop())

    asyncio.run(scenario())


def test_it_finds_its_info() -> None:
    info = ActivityEnvironment(attempt=3, workflow_id="order-1").run(told)
    assert (info.name, info.version) == ("told", "1.0")
    assert (info.attempt, info.workflow_id, info.domain) == (3, "order-1", "tests")


def test_outside_of_the_environment_there_is_no_context() -> None:
    ActivityEnvironment().run(told)
    with pytest.raises(LookupError, match="no activity runs here"):
        activity_context()


def test_it_sees_the_context_variables_of_the_test() -> None:
    @activity("setting", "1.0")
    def setting() -> str:
        return _SETTING.get()

    token = _SETTING.set("of the test")
    try:
        assert ActivityEnvironment().run(setting) == "of the test"
    finally:
        _SETTING.reset(token)


def test_what_it_raises_comes_out() -> None:
    @activity("fail", "1.0")
    def fail() -> None:
        raise ZeroDivisionError("by two")

    with pytest.raises(ZeroDivisionError, match="by two"):
        ActivityEnvironment().run(fail)


# ---- cancellation


@pytest.mark.parametrize("which", [copy, copy_async], ids=str)
def test_it_is_cancelled_at_the_heartbeat_that_was_said(which: Activity[[int], int]) -> None:
    env = ActivityEnvironment(cancel_at=2)
    with pytest.raises(ActivityCancelled):
        env.run(which, 5)
    assert len(env.heartbeats) == 2


def test_a_function_that_waits_is_woken_by_cancel() -> None:
    env = ActivityEnvironment()
    timer = threading.Timer(0.02, env.cancel)
    timer.start()
    assert env.run(wait) is True
    timer.join()


async def test_an_async_function_is_cancelled_where_it_waits() -> None:
    """Its details come out with it."""
    env = ActivityEnvironment()
    running = asyncio.create_task(env.run_async(wait_async))
    await asyncio.sleep(0)
    env.cancel()
    with pytest.raises(ActivityCancelled) as raised:
        await running
    assert raised.value.args == ({"copied": 5},)


async def test_what_was_cancelled_before_is_cancelled_when_it_runs() -> None:
    env = ActivityEnvironment()
    env.cancel()
    assert env.run(wait) is True
    with pytest.raises(ActivityCancelled):
        await env.run_async(wait_async)


async def test_who_cancels_the_test_gets_its_own_cancellation() -> None:
    running = asyncio.create_task(ActivityEnvironment().run_async(wait_async))
    await asyncio.sleep(0)
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running


def test_an_activity_may_go_on_in_spite_of_it() -> None:
    @activity("stubborn", "1.0")
    def stubborn() -> str:
        try:
            activity_context().heartbeat()
        except ActivityCancelled:
            return "done all the same"
        return "not cancelled"

    assert ActivityEnvironment(cancel_at=1).run(stubborn) == "done all the same"


def test_details_that_cannot_be_written_are_refused_as_by_a_worker() -> None:
    @activity("unwritable", "1.0")
    def unwritable() -> None:
        activity_context().heartbeat(object())

    env = ActivityEnvironment()
    with pytest.raises(PayloadError):
        env.run(unwritable)
    assert env.heartbeats == []
