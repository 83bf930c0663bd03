"""The end of a worker: polls first, then what runs, and nothing is lost without a word."""

from __future__ import annotations

import asyncio
import os
import signal
import threading

import pytest

from tests.workers_sdk.client.stub import serving
from tests.workers_sdk.worker.conftest import Domain, started, within
from tests.workers_sdk.worker.test_activities import ended, scheduler
from workers_sdk.client import Client, Retries, ServiceUnreachable
from workers_sdk.definitions.activities import activity
from workers_sdk.worker import Worker, WorkerNotStarted, activity_context
from workers_sdk.worker.pollers import Pollers
from workflowsvc.swf.shapes import EventType


async def test_what_runs_may_go_on_within_the_grace(domain: Domain) -> None:
    begun, go = threading.Event(), threading.Event()

    @activity("work", "1")
    def work() -> str:
        begun.set()
        go.wait(10)
        return "done"

    decide = scheduler(work)
    async with Worker(domain.client, task_list="main", workflows=[decide], activities=[work]):
        execution = await domain.start(decide)
        await domain.until(execution, EventType.ACTIVITY_TASK_STARTED)
        asyncio.get_running_loop().call_later(0.2, go.set)
    assert (await ended(domain, execution)).result == '"done"'


async def test_after_it_activities_are_told_to_end(domain: Domain) -> None:
    """One that ends by that is a failure which a retry policy mends: no one cancelled it."""
    told = threading.Event()

    @activity("work", "1")
    def work() -> None:
        context = activity_context()
        assert context.wait_cancelled(10)
        told.set()
        context.heartbeat()

    decide = scheduler(work)
    async with Worker(domain.client, task_list="main", workflows=[decide], activities=[work], grace=0.1):
        execution = await domain.start(decide)
        await domain.until(execution, EventType.ACTIVITY_TASK_STARTED)
    assert told.is_set()
    assert (await ended(domain, execution)).reason.startswith("WorkerStopped: ")


async def test_a_coroutine_gets_cancelled_error(domain: Domain) -> None:
    @activity("work", "1")
    async def work() -> None:
        await asyncio.Event().wait()

    decide = scheduler(work)
    async with Worker(domain.client, task_list="main", workflows=[decide], activities=[work], grace=0.1):
        execution = await domain.start(decide)
        await domain.until(execution, EventType.ACTIVITY_TASK_STARTED)
    assert (await ended(domain, execution)).reason.startswith("WorkerStopped: ")


async def test_what_does_not_end_is_answered_for(domain: Domain, caplog: pytest.LogCaptureFixture) -> None:
    go = threading.Event()

    @activity("deaf", "1")
    def deaf() -> None:
        go.wait(20)

    decide = scheduler(deaf)
    limits = {"grace": 0.1, "cancel_grace": 0.1}
    async with Worker(domain.client, task_list="main", workflows=[decide], activities=[deaf], **limits):  # type: ignore[arg-type]
        execution = await domain.start(decide)
        await domain.until(execution, EventType.ACTIVITY_TASK_STARTED)
    go.set()
    assert (await ended(domain, execution)).reason.startswith("WorkerStopped: ")
    assert "cut off: 1 tasks that still run" in caplog.text


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_a_signal_ends_it_and_a_second_one_at_once(domain: Domain, number: signal.Signals) -> None:
    begun, go = threading.Event(), threading.Event()

    @activity("deaf", "1")
    def deaf() -> None:
        begun.set()
        go.wait(20)

    decide = scheduler(deaf)
    worker = Worker(domain.client, task_list="main", workflows=[decide], activities=[deaf], grace=60, cancel_grace=60)
    before = signal.getsignal(number)
    running = asyncio.create_task(worker.run())
    await domain.until(await started(domain, decide), EventType.ACTIVITY_TASK_STARTED)
    os.kill(os.getpid(), number)
    await within(worker._stopping.asked.wait())
    assert not running.done()
    os.kill(os.getpid(), number)
    await within(running)
    assert signal.getsignal(number) is before
    go.set()


async def test_stop_does_what_a_signal_does(domain: Domain) -> None:
    @activity("work", "1")
    def work() -> None: ...

    worker = Worker(domain.client, task_list="main", activities=[work])
    worker.stop()
    await within(worker.run())


async def test_a_signal_ends_it_while_it_registers() -> None:
    """With a service that takes requests, and answers none."""

    @activity("work", "1")
    def work() -> None: ...

    async with serving() as stub:
        stub.replies = [stub.hold]
        worker = Worker(Client(stub.url, domain="orders", credentials="none"), task_list="main", activities=[work])
        running = asyncio.create_task(worker.run())
        await within(stub.holding.wait())
        os.kill(os.getpid(), signal.SIGTERM)
        await within(running, 10)
        await within(stub.gone.wait())


async def test_a_worker_that_cannot_register_does_not_poll(domain: Domain) -> None:
    @activity("work", "1", start_to_close=1)
    def work() -> None: ...

    @activity("work", "1", start_to_close=2)
    def changed() -> None: ...

    async with Worker(domain.client, task_list="main", activities=[work]):
        pass
    threads = set(threading.enumerate())
    with pytest.raises(WorkerNotStarted):
        await Worker(domain.client, task_list="main", activities=[changed]).run()
    assert set(threading.enumerate()) <= threads


async def test_polls_that_end_by_a_mistake_end_the_worker_with_it(
    domain: Domain, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fail(self: Pollers[object, object]) -> None:
        raise RuntimeError("a mistake")

    @activity("work", "1")
    def work() -> None: ...

    monkeypatch.setattr(Pollers, "run", fail)
    with pytest.raises(ExceptionGroup, match="polls of a worker") as ended:
        await within(Worker(domain.client, task_list="main", activities=[work]).run())
    assert ended.group_contains(RuntimeError, match="a mistake")


async def test_a_service_that_is_not_there_is_said_at_once(domain: Domain, unused_tcp_port: int) -> None:
    @activity("work", "1")
    def work() -> None: ...

    client = Client(
        f"http://127.0.0.1:{unused_tcp_port}", domain="orders", credentials="none", retries=Retries(attempts=1)
    )
    with pytest.raises(ServiceUnreachable):
        await Worker(client, task_list="main", activities=[work]).run()
