"""Signals wait until they are wanted, keep their order, and have a type."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

import pytest

from tests.workers_sdk.replay.stage import Stage
from tests.workers_sdk.replay.test_activities import charge
from workers_sdk import workflows
from workers_sdk.definitions.signals import signal
from workers_sdk.definitions.workflows import workflow


@dataclass
class Approval:
    by: str
    amount: int = 0


approve = signal("approve", Approval)
stop = signal("stop")


def test_signal_is_received_with_its_type() -> None:
    @workflow("order", "1")
    async def process() -> str:
        return (await approve.receive()).by

    stage = Stage(process).turns()
    assert stage.signal("approve", {"by": "ann"}).result == "ann"


def test_signals_wait_until_somebody_wants_them() -> None:
    @workflow("order", "1")
    async def process() -> list[str]:
        await charge(1)
        first = await approve.receive()
        return [first.by, *(one.by for one in approve.received())]

    stage = Stage(process).turns()
    for by in ("ann", "bob", "cid"):
        stage.signal("approve", {"by": by})
    assert stage.does("1", 1).result == ["ann", "bob", "cid"]


def test_receiving_with_a_deadline() -> None:
    @workflow("order", "1")
    async def process() -> str:
        try:
            return (await asyncio.wait_for(approve.receive(), timeout=86_400)).by
        except TimeoutError:
            return "nobody"

    assert Stage(process).turns().after(86_400).result == "nobody"
    assert Stage(process).turns().signal("approve", {"by": "ann"}).result == "ann"


def test_handler_gets_what_waited_and_what_comes() -> None:
    @workflow("order", "1")
    async def process() -> int:
        total = 0

        def add(one: Approval) -> None:
            nonlocal total
            total += one.amount

        await charge(1)
        approve.handle(add)
        await stop.receive()
        return total

    stage = Stage(process).turns().signal("approve", {"by": "a", "amount": 1}).does("1", 1)
    assert stage.signal("approve", {"by": "b", "amount": 10}).signal("stop").result == 11


def test_handlers_may_be_async() -> None:
    @workflow("order", "1")
    async def process() -> list[int]:
        seen: list[int] = []

        async def take(one: Approval) -> None:
            seen.append(await charge(one.amount))

        approve.handle(take)
        await workflows.wait_until(lambda: len(seen) == 2)
        return seen

    stage = Stage(process).turns().signal("approve", {"by": "a", "amount": 1}).signal("approve", {"by": "b"})
    assert stage.does("2", 20).does("1", 10).result == [20, 10]


def test_handler_that_fails_fails_the_execution() -> None:
    @workflow("order", "1")
    async def process() -> None:
        def broken(one: Approval) -> None:
            raise RuntimeError(one.by)

        approve.handle(broken)
        await stop.receive()

    failed = Stage(process).turns().signal("approve", {"by": "ann"}).run.last("WorkflowExecutionFailed")
    assert failed["reason"] == "RuntimeError: ann"


def test_signal_of_another_type_is_an_error_where_it_is_received() -> None:
    @workflow("order", "1")
    async def process() -> None:
        await approve.receive()

    failed = Stage(process).turns().signal("approve", 7).run.last("WorkflowExecutionFailed")
    assert failed["reason"].startswith("PayloadError")


def test_signals_as_a_stream() -> None:
    @workflow("order", "1")
    async def process() -> list[str]:
        names: list[str] = []
        async for one in approve:
            names.append(one.by)
            if len(names) == 2:
                break
        return names

    stage = Stage(process).turns().signal("approve", {"by": "a"}).signal("approve", {"by": "b"})
    assert stage.result == ["a", "b"]


def test_completion_that_meets_a_signal_is_asked_for_again() -> None:
    """UNHANDLED_DECISION: the signal is shown first, then the execution completes."""

    @workflow("order", "1")
    async def process() -> int:
        return await charge(1)

    stage = Stage(process).turns()
    stage.run.begin("1").completes("1", result="1").take().signal("approve", input='{"by":"late"}')
    stage.turns()
    assert "CompleteWorkflowExecutionFailed" in stage.run.types
    assert stage.result == 1


def test_signal_in_the_moment_of_its_timeout_goes_to_the_next() -> None:
    """It is not lost with the receiver that gave up."""

    @workflow("order", "1")
    async def process() -> str:
        receiver = asyncio.ensure_future(approve.receive())
        await stop.receive()
        receiver.cancel()
        return (await approve.receive()).by

    stage = Stage(process).turns()
    stage.run.signal("stop").signal("approve", input='{"by":"ann"}')
    assert stage.turns().result == "ann"


def test_signal_that_meets_continue_as_new_is_seen_before_it() -> None:
    """The close is refused, and the code is run again with the signal: it may look for it before it ends."""

    @workflow("loop", "1")
    async def process(number: int) -> str:
        await charge(number)
        if not approve.received():
            process.continue_as_new(number + 1)
        return "seen"

    stage = Stage(process, 1).turns()
    stage.run.begin("1").completes("1", result="1").take().signal("approve", input='{"by":"late"}')
    stage.turns()
    assert "ContinueAsNewWorkflowExecutionFailed" in stage.run.types
    assert stage.result == "seen"


def test_cancel_that_meets_continue_as_new_cancels() -> None:
    @workflow("loop", "1")
    async def process(number: int) -> None:
        await charge(number)
        await charge(number)
        process.continue_as_new(number + 1)

    stage = Stage(process, 1).turns().does("1", 1)
    stage.run.begin("2").completes("2", result="1").take().request_cancel()
    stage.turns()
    assert stage.run.types[-1] == "WorkflowExecutionCanceled"


def test_close_with_decisions_beside_it_is_only_repeated() -> None:
    """They stand, so the code cannot be run again as if it had not been."""

    @workflow("order", "1")
    async def process() -> int:
        number = await charge(1)
        workflows.record_marker("done")
        return number

    stage = Stage(process).turns()
    stage.run.begin("1").completes("1", result="1").take().signal("approve", input='{"by":"late"}')
    assert stage.turns().result == 1
    assert stage.run.types.count("MarkerRecorded") == 1


def test_signals_that_nobody_received_are_told_at_the_end(caplog: pytest.LogCaptureFixture) -> None:
    @workflow("order", "1")
    async def process() -> int:
        return await charge(1)

    Stage(process).turns().signal("approve", {"by": "ann"}).does("1", 1)
    # Twice, as the stage decides each task twice.
    assert [record.message for record in caplog.records if "'approve': 1" in record.message] == 2 * [
        caplog.records[-1].message
    ]
