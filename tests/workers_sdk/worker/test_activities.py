"""Activity tasks against the service: results, failures, cancellation, and what is not for this worker."""

from __future__ import annotations

import asyncio
import sys
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest

from tests.workers_sdk.worker.conftest import PATIENCE, Domain, within
from workers_sdk.deciders import Decider, History, decider, decisions
from workers_sdk.definitions.activities import Activity, activity
from workers_sdk.failures import failure_from
from workers_sdk.payloads import Payloads
from workers_sdk.worker import ActivityCancelled, Worker, activity_context
from workers_sdk.worker.cancellation import Cancellation, Why
from workflowsvc.swf import shapes
from workflowsvc.swf.shapes import Decision, EventType

ID = "it"

ENDED = (
    EventType.ACTIVITY_TASK_COMPLETED,
    EventType.ACTIVITY_TASK_FAILED,
    EventType.ACTIVITY_TASK_CANCELED,
    EventType.ACTIVITY_TASK_TIMED_OUT,
)


def scheduler(type_: Activity[..., Any] | tuple[str, str], input: str | None = None, **members: Any) -> Decider:
    """Schedules one activity, asks for its cancellation when a signal comes, and completes when it ended."""

    @decider("scheduling", "1")
    def decide(history: History) -> list[Decision]:
        work = history.activity(ID)
        if work is None:
            kind = type_ if isinstance(type_, tuple) else (type_.name, type_.version)
            return [decisions.schedule_activity_task(activity=kind, activity_id=ID, input=input, **members)]
        if work.closed:
            return [decisions.complete_workflow_execution()]
        if history.signals and not work.cancel_requested:
            return [decisions.request_cancel_activity_task(activity_id=ID)]
        return []

    return decide


@asynccontextmanager
async def running(
    domain: Domain, *activities: object, input: str | None = None, type_: Any = None, **options: Any
) -> AsyncIterator[shapes.WorkflowExecution]:
    """One activity, scheduled by a workflow."""
    members = options.pop("members", {})
    decide = scheduler(type_ or activities[0], input, **members)
    async with Worker(domain.client, task_list="main", workflows=[decide], activities=activities, **options):
        yield await domain.start(decide)


async def ended(domain: Domain, execution: shapes.WorkflowExecution) -> Any:
    """The attributes of the event that ended the activity."""
    events = await domain.until(execution, *ENDED)
    (event,) = [event for event in events if event.event_type in ENDED]
    return (
        event.activity_task_completed_event_attributes
        or event.activity_task_failed_event_attributes
        or event.activity_task_canceled_event_attributes
        or event.activity_task_timed_out_event_attributes
    )


async def cancel(domain: Domain, execution: shapes.WorkflowExecution) -> None:
    await domain.client.signal_workflow_execution(workflow_id=execution.workflow_id, signal_name="cancel")


# ---- results and failures --------------------------------------------------------------------------------------


async def test_no_result_is_no_result(domain: Domain) -> None:
    @activity("nothing", "1")
    def nothing() -> None: ...

    async with running(domain, nothing) as execution:
        assert (await ended(domain, execution)).result is None


async def test_an_exception_fails_the_activity_with_its_trace(domain: Domain) -> None:
    class CardRefused(Exception): ...

    @activity("charge", "1")
    async def charge() -> None:
        raise CardRefused("expired")

    async with running(domain, charge) as execution:
        failed = await ended(domain, execution)
    assert failed.reason == "CardRefused: expired"
    told = failure_from(failed.reason, failed.details).told
    assert told is not None
    assert "in charge" in told.trace[-1]


@pytest.mark.parametrize("leave", [lambda: sys.exit(3), lambda: (_ for _ in ()).throw(KeyboardInterrupt)])
async def test_an_activity_cannot_end_the_worker(domain: Domain, leave: Callable[[], object]) -> None:
    @activity("leave", "1")
    async def leave_async() -> None:
        leave()

    @activity("leave", "2")
    def leave_sync() -> None:
        leave()

    async with running(domain, leave_async) as execution:
        assert (await ended(domain, execution)).reason.partition(":")[0] in {"SystemExit", "KeyboardInterrupt"}
    async with running(domain, leave_sync) as execution:
        assert (await ended(domain, execution)).reason.partition(":")[0] in {"SystemExit", "KeyboardInterrupt"}


async def test_an_input_that_does_not_fit_fails_the_activity(domain: Domain) -> None:
    @activity("charge", "1")
    def charge(amount: int) -> int:
        raise AssertionError("it is never called")

    async with running(domain, charge, input='["a lot"]') as execution:
        failed = await ended(domain, execution)
    assert failed.reason.startswith("PayloadError: charge(amount: ")


async def test_a_result_that_cannot_be_written_fails_the_activity(domain: Domain) -> None:
    @activity("odd", "1")
    def odd() -> object:
        return object()

    async with running(domain, odd) as execution:
        assert (await ended(domain, execution)).reason.startswith("PayloadError: ")


async def test_a_result_that_is_too_long_fails_the_activity(domain: Domain) -> None:
    """ "result: Maximum length of 32768" (RespondActivityTaskCompleted)."""

    @activity("long", "1")
    def long() -> str:
        return "x" * 32_768  # and two quotes

    async with running(domain, long) as execution:
        assert (await ended(domain, execution)).reason.startswith("PayloadTooLarge: ")


async def test_a_type_that_the_worker_does_not_know_is_left_to_time_out(
    domain: Domain, caplog: pytest.LogCaptureFixture
) -> None:
    """Another version of the worker may know it: nothing is answered."""

    @activity("known", "1")
    def known() -> None: ...

    await domain.client.register_activity_type(
        name="unknown",
        version="7",
        default_task_list=shapes.TaskList(name="main"),
        default_task_start_to_close_timeout="1",
        default_task_schedule_to_start_timeout="NONE",
        default_task_schedule_to_close_timeout="NONE",
        default_task_heartbeat_timeout="NONE",
    )
    async with running(domain, known, type_=("unknown", "7")) as execution:
        assert (await ended(domain, execution)).timeout_type == "START_TO_CLOSE"
    assert f"activity unknown 7 (it of {execution.workflow_id}): this worker does not know its type" in caplog.text


# ---- cancellation ----------------------------------------------------------------------------------------------


async def test_a_coroutine_is_cancelled_and_says_how_far_it_was(domain: Domain) -> None:
    begun = threading.Event()

    @activity("copy", "1", heartbeat=1)
    async def copy() -> None:
        begun.set()
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            raise ActivityCancelled({"copied": 5}) from None

    async with running(domain, copy) as execution:
        await domain.until(execution, EventType.ACTIVITY_TASK_STARTED)
        await cancel(domain, execution)
        canceled = await ended(domain, execution)
    assert begun.is_set()
    assert isinstance(canceled, shapes.ActivityTaskCanceledEventAttributes)
    assert canceled.details == '{"copied":5}'


async def test_a_def_hears_of_it_by_its_heartbeat(domain: Domain) -> None:
    @activity("copy", "1", heartbeat=1)
    def copy() -> None:
        context = activity_context()
        while True:
            context.heartbeat()
            context.wait_cancelled(0.1)

    async with running(domain, copy) as execution:
        await domain.until(execution, EventType.ACTIVITY_TASK_STARTED)
        await cancel(domain, execution)
        canceled = await ended(domain, execution)
    assert isinstance(canceled, shapes.ActivityTaskCanceledEventAttributes)


async def test_what_completes_in_spite_of_it_is_completed(domain: Domain) -> None:
    @activity("copy", "1", heartbeat=1)
    def copy() -> str:
        assert activity_context().wait_cancelled(10)
        return "done all the same"

    async with running(domain, copy) as execution:
        await domain.until(execution, EventType.ACTIVITY_TASK_STARTED)
        await cancel(domain, execution)
        assert (await ended(domain, execution)).result == '"done all the same"'


async def test_a_cancellation_that_nobody_asked_for_is_a_failure(domain: Domain) -> None:
    @activity("give up", "1")
    async def give_up() -> None:
        raise asyncio.CancelledError

    async with running(domain, give_up) as execution:
        assert (await ended(domain, execution)).reason == "CancelledError"


async def test_an_activity_whose_execution_is_closed_is_told_to_end(
    domain: Domain, caplog: pytest.LogCaptureFixture
) -> None:
    told = asyncio.Event()
    loop = asyncio.get_running_loop()

    @activity("copy", "1", heartbeat=1)
    def copy() -> None:
        activity_context().wait_cancelled(10)
        loop.call_soon_threadsafe(told.set)

    async with running(domain, copy) as execution:
        await domain.until(execution, EventType.ACTIVITY_TASK_STARTED)
        await domain.client.terminate_workflow_execution(workflow_id=execution.workflow_id)
        await within(told.wait())
    assert "it timed out, or its execution closed; what it did is not told" in caplog.text


# ---- heartbeats ------------------------------------------------------------------------------------------------


async def test_automatic_heartbeats_keep_a_silent_activity_alive(domain: Domain) -> None:
    @activity("silent", "1", heartbeat=1)
    def silent() -> str:
        threading.Event().wait(2.5)
        return "alive"

    async with running(domain, silent) as execution:
        assert (await ended(domain, execution)).result == '"alive"'


async def test_without_them_a_silent_activity_times_out_with_its_own_last_details(domain: Domain) -> None:
    @activity("silent", "1", heartbeat=1)
    def silent() -> None:
        activity_context().heartbeat("half")
        activity_context().wait_cancelled(2.5)

    async with running(domain, silent, auto_heartbeat=False) as execution:
        timed_out = await ended(domain, execution)
    assert (timed_out.timeout_type, timed_out.details) == ("HEARTBEAT", '"half"')


async def test_a_coroutine_that_blocks_its_loop_is_named(domain: Domain, caplog: pytest.LogCaptureFixture) -> None:
    @activity("hog", "1", heartbeat=1)
    async def hog() -> str:
        threading.Event().wait(2.5)
        return "and its heartbeats go on"

    async with running(domain, hog) as execution:
        assert (await ended(domain, execution)).result == '"and its heartbeats go on"'
    assert f"activity hog 1 (it of {execution.workflow_id}) has held up all `async def` activities" in caplog.text
    assert "threading.Event().wait(2.5)" in caplog.text


# ---- places ----------------------------------------------------------------------------------------------------


async def test_no_more_are_taken_than_can_run(domain: Domain) -> None:
    """The others stay in the list, where another worker can have them."""
    go = threading.Event()

    @activity("wait", "1")
    def wait() -> None:
        go.wait(10)

    @decider("many", "1")
    def many(history: History) -> list[Decision]:
        if not history.activities:
            return [decisions.schedule_activity_task(activity=wait, activity_id=str(n)) for n in range(5)]
        return [] if history.activities.open else [decisions.complete_workflow_execution()]

    async with Worker(domain.client, task_list="main", workflows=[many], activities=[wait], max_threads=2):
        execution = await domain.start(many)
        await domain.until(execution, EventType.ACTIVITY_TASK_STARTED, count=2)
        pending = await domain.client.count_pending_activity_tasks(task_list=shapes.TaskList(name="main"))
        assert pending.count == 3
        go.set()
        await domain.result(execution)


class KeyService:
    """A codec of somebody's, which asks another service."""

    name = "keyed"

    def __init__(self) -> None:
        self.there = asyncio.Event()
        self.there.set()

    async def encode(self, text: str, limit: int) -> str | None:
        if "secret" in text:
            raise KeyError("no key")
        return text

    async def decode(self, body: str) -> str:
        await self.there.wait()
        return body


@activity("tell", "1")
def tell() -> str:
    return "a secret"


async def test_whatever_a_codec_raises_the_task_is_answered(domain: Domain) -> None:
    payloads = Payloads(codecs=[KeyService()])
    async with running(domain, tell, payloads=payloads) as execution:
        assert (await ended(domain, execution)).reason == "KeyError: 'no key'"


async def test_what_timed_out_before_its_input_came_is_not_begun(
    domain: Domain, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Somebody else may be at it by now."""
    told, begun = threading.Event(), threading.Event()
    request = Cancellation.request

    def request_and_tell(cancellation: Cancellation, why: Why) -> None:
        request(cancellation, why)
        told.set()

    monkeypatch.setattr(Cancellation, "request", request_and_tell)

    @activity("late", "1", start_to_close=1, heartbeat=1)
    def late(text: str) -> None:
        begun.set()

    keys = KeyService()
    keys.there.clear()
    async with running(domain, late, input='["x"]', payloads=Payloads(codecs=[keys])):
        assert await asyncio.to_thread(told.wait, PATIENCE)
        keys.there.set()
    assert not begun.is_set()
    assert "what it did is not told" in caplog.text
