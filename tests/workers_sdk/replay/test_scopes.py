"""Cancellation stays where it belongs: in its scope, with the one who waits, and out of what others wait for."""

from __future__ import annotations

import asyncio
import logging
import sys

import pytest

from tests.workers_sdk.replay.stage import Stage
from tests.workers_sdk.replay.test_activities import charge
from workers_sdk import workflows
from workers_sdk.definitions.signals import signal
from workers_sdk.definitions.workflows import workflow

go = signal("go", int)
wake = signal("wake")


def test_scope_that_is_cancelled_from_within_is_left_behind() -> None:
    """Nothing was awaited in it any more: the request is not heard behind it."""

    @workflow("order", "1")
    async def process() -> str:
        async with workflows.CancelScope() as scope:
            scope.cancel()
        await asyncio.sleep(1)
        return "behind"

    assert Stage(process).turns().after(1).result == "behind"


def test_scope_works_in_the_cleaning_up_after_a_cancel_request() -> None:
    @workflow("order", "1")
    async def process() -> str:
        try:
            await asyncio.sleep(100)
        finally:
            async with workflows.CancelScope() as scope:
                scope.cancel()
                await asyncio.sleep(1)
            workflows.record_marker("cleaned")
        return "never"

    stage = Stage(process).turns().cancel()
    assert stage.run.last("MarkerRecorded")["markerName"] == "cleaned"
    assert stage.run.types[-1] == "WorkflowExecutionCanceled"


def test_cancel_request_that_meets_a_cancelled_scope_is_heard() -> None:
    @workflow("order", "1")
    async def process() -> str:
        task = asyncio.current_task()
        assert task is not None
        async with workflows.CancelScope() as scope:
            scope.cancel()
            task.cancel()
        return "swallowed"

    stage = Stage(process).turns()
    assert stage.run.last("WorkflowExecutionFailed")["reason"] == "CancelledError"


def test_exception_that_leaves_a_cancelled_scope_is_the_codes_own() -> None:
    @workflow("order", "1")
    async def process() -> str:
        try:
            async with workflows.CancelScope() as scope:
                scope.cancel()
                raise ValueError
        except ValueError:
            await asyncio.sleep(1)
            return "caught"
        return "never"

    assert Stage(process).turns().after(1).result == "caught"


def test_whoever_no_longer_waits_for_the_start_of_a_child_leaves_it_to_others() -> None:
    @workflow("child", "1")
    async def child() -> None:
        await asyncio.sleep(100)

    @workflow("order", "1")
    async def process() -> str:
        one = child.start_child()
        try:
            async with asyncio.timeout(0):
                await one.started()
        except TimeoutError:
            return await one.started()
        return "never"

    stage = Stage(process).turns()
    assert stage.result == stage.run.last("ChildWorkflowExecutionStarted")["workflowExecution"]["runId"]


def test_signal_that_came_too_late_for_its_receiver_goes_to_the_handler() -> None:
    """Told before the receiver's turn, it is given back when that is cancelled, and there is a handler by then."""

    @workflow("order", "1")
    async def process() -> list[int]:
        handled: list[int] = []
        receiver: asyncio.Task[int] | None = None

        async def watch() -> None:
            await wake.receive()
            assert receiver is not None
            go.handle(handled.append)
            receiver.cancel()

        watching = asyncio.create_task(watch())
        await asyncio.sleep(0)
        receiver = asyncio.create_task(go.receive())
        await watching
        await charge(1)
        return handled

    stage = Stage(process).turns()
    stage.run.signal("wake")
    stage.run.signal("go", input="7")
    assert stage.turns().does("1", 0).result == [7]


def test_one_of_those_who_wait_for_a_condition_goes_on_at_a_time() -> None:
    """Who goes on finds that it holds: a counter is as good as a semaphore."""

    @workflow("order", "1")
    async def process() -> list[int]:
        free, least = 1, 1

        async def work(number: int) -> None:
            nonlocal free, least
            await workflows.wait_until(lambda: free > 0)
            free -= 1
            least = min(least, free)
            await charge(number)
            free += 1

        await asyncio.gather(*(work(number) for number in range(3)))
        return [free, least]

    assert Stage(process).turns().does("1", 0).does("2", 0).does("3", 0).result == [1, 0]


def test_longest_timer_is_as_good_as_none() -> None:
    """DurationInSeconds has eight digits; an execution is open for a year at most."""

    @workflow("order", "1")
    async def process() -> int:
        async with asyncio.timeout(float("inf")):
            return await charge(1)

    stage = Stage(process).turns()
    assert stage.timers == [("1", "99999999")]
    assert stage.does(stage.scheduled[0], 5).result == 5


def test_execution_that_leaves_the_memory_says_nothing(caplog: pytest.LogCaptureFixture) -> None:
    @workflow("order", "1")
    async def process() -> None:
        try:
            await asyncio.sleep(100)
        finally:
            workflows.logger.info("cleaned")

    caplog.set_level(logging.INFO)
    Stage(process).turns().evict()
    assert not caplog.messages


def test_cleaning_up_of_what_leaves_the_memory_is_not_heard(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever waits or fails in a `finally`: nothing is left for the interpreter to complain of."""
    heard: list[str] = []
    monkeypatch.setattr(sys, "unraisablehook", lambda unraisable: heard.append(str(unraisable.exc_value)))

    async def inner() -> None:
        try:
            await asyncio.sleep(100)
        finally:
            try:
                await asyncio.sleep(1)
            finally:
                await charge(1)

    @workflow("order", "1")
    async def process() -> None:
        await inner()

    Stage(process).turns().evict()
    assert not heard
