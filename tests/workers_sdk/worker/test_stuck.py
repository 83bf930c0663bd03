"""Workflow code that loops: it is said, ended, told in the history, and in nobody's way."""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from contextlib import suppress
from queue import Queue

import pytest

from tests.workers_sdk.worker.conftest import PATIENCE, Domain, types_of, within
from tests.workers_sdk.worker.test_activities import ended, scheduler
from workers_sdk.deciders import History, decider
from workers_sdk.definitions.activities import activity
from workers_sdk.definitions.workflows import workflow
from workers_sdk.errors import WorkflowStuck
from workers_sdk.worker import Worker, watchdog
from workers_sdk.worker.stuck import Replaying
from workers_sdk.worker.threads import Threads
from workflowsvc.swf.shapes import Decision, EventType

#: More than there are threads that replay.
MANY = 6


@workflow("looping", "1", task_timeout=2)
async def looping() -> None:
    while True:
        pass


@workflow("quick", "1")
async def quick() -> str:
    return "done"


async def test_a_loop_is_said_and_told_and_others_go_on(domain: Domain, caplog: pytest.LogCaptureFixture) -> None:
    async with Worker(domain.client, task_list="main", workflows=[looping, quick]):
        stuck = [await domain.start(looping, task_start_to_close_timeout="60") for _ in range(MANY)]
        for one in stuck:
            await domain.until(one, EventType.MARKER_RECORDED)
        assert await domain.result(await domain.start(quick)) == '"done"'
        events = await domain.events(stuck[0])
    (marker,) = [found for event in events if (found := event.marker_recorded_event_attributes)]
    assert '"type":"WorkflowStuck"' in (marker.details or "")
    assert "in looping" in (marker.details or "")
    assert types_of(events).count("DecisionTaskTimedOut") == 0


@pytest.fixture
def threads() -> Threads:
    return Threads("few", 1)


async def test_where_it_stands_is_said_before_it_is_ended(threads: Threads, caplog: pytest.LogCaptureFixture) -> None:
    replaying = Replaying(threads, say=0.05, look=0.01)

    def circling() -> None:
        while True:
            pass

    with pytest.raises(WorkflowStuck, match=r"within 0.3 s, and was ended"):
        await within(replaying.run(circling, "decision task 3", 0.3))
    (said,) = [record.getMessage() for record in caplog.records if record.levelno == logging.WARNING]
    assert said.startswith("decision task 3 has not come to rest for 0.")
    assert "in circling" in said
    assert await within(replaying.run(lambda: threading.current_thread().name, "next")) == "few-1"
    replaying.close()


async def test_what_catches_everything_is_no_answer(threads: Threads) -> None:
    replaying = Replaying(threads, look=0.01)

    def stubborn() -> str:
        try:
            while True:
                pass
        except BaseException:
            return "decided otherwise"

    with pytest.raises(WorkflowStuck):
        await within(replaying.run(stubborn, "stubborn", 0.1))
    replaying.close()


async def test_a_thread_that_cannot_be_ended_is_replaced(threads: Threads, caplog: pytest.LogCaptureFixture) -> None:
    replaying = Replaying(threads, look=0.01, leave=0.1)
    go = threading.Event()
    with pytest.raises(WorkflowStuck, match="does not let itself be ended"):
        await within(replaying.run(lambda: go.wait(PATIENCE), "blocked", 0.1))
    assert await within(replaying.run(lambda: "goes on", "next")) == "goes on"
    # Said before the thread was replaced, and after its caller was told.
    assert "blocked does not let itself be ended: its thread is left behind" in caplog.text
    go.set()
    replaying.close()


async def test_a_result_at_the_very_moment_of_the_end_is_whole(threads: Threads) -> None:
    """Ended or not, never both, and the thread is fit for what comes next."""
    replaying = Replaying(threads, look=0.0001)

    def spin() -> int:
        end = time.monotonic() + 0.002
        while time.monotonic() < end:
            pass
        return 1

    for _ in range(300):
        with suppress(WorkflowStuck):
            assert await within(replaying.run(spin, "spin", 0.002)) == 1
    assert {await replaying.run(lambda: threading.current_thread().name, "next") for _ in range(5)} == {"few-1"}
    replaying.close()


async def test_activities_that_block_their_loop_do_not_stop_deciders(
    domain: Domain, caplog: pytest.LogCaptureFixture
) -> None:
    go = threading.Event()

    @activity("hog", "1")
    async def hog() -> None:
        go.wait(PATIENCE)

    @decider("other", "1")
    def other(history: History) -> list[Decision]:
        return []

    decide = scheduler(hog)
    async with Worker(domain.client, task_list="main", workflows=[decide, other], activities=[hog]):
        hogged = await domain.start(decide)
        await domain.until(hogged, EventType.ACTIVITY_TASK_STARTED)
        await domain.until(await domain.start(other), EventType.DECISION_TASK_COMPLETED)
        go.set()
        await ended(domain, hogged)


async def test_a_decider_that_loops_is_said(domain: Domain, monkeypatch: pytest.MonkeyPatch) -> None:
    go, said = threading.Event(), Queue[str]()
    monkeypatch.setattr(watchdog.log, "warning", lambda form, text: said.put(text))

    @decider("stuck", "1")
    def stuck(history: History) -> list[Decision]:
        go.wait(PATIENCE)
        return []

    async with Worker(domain.client, task_list="main", workflows=[stuck]):
        execution = await domain.start(stuck)
        await domain.until(execution, EventType.DECISION_TASK_STARTED)
        text = await asyncio.to_thread(said.get, timeout=PATIENCE)
        go.set()
        await domain.until(execution, EventType.DECISION_TASK_COMPLETED)
    assert f"of stuck 1 ({execution.workflow_id}) has held up all deciders for more than" in text
    assert "go.wait" in text
