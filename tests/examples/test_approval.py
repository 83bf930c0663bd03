"""The approval: its days in no time. This is also how a workflow of one's own is tested."""

from __future__ import annotations

import time
from datetime import timedelta

import pytest

from examples import approval
from examples.approval import Expense, State, Verdict, approve, send_mail, verdict
from tests.examples.closed import fresh_client
from workers_sdk import Worker
from workers_sdk.testing import WorkflowEnvironment

TAXI = Expense("taxi", 30, "ann")
DAY = 86_400


def worker(env: WorkflowEnvironment) -> Worker:
    return env.worker(workflows=[approve], activities=[send_mail])


async def test_five_days_without_an_answer(
    workflow_environment: WorkflowEnvironment, capsys: pytest.CaptureFixture[str]
) -> None:
    begin = time.monotonic()
    async with workflow_environment as env, worker(env):
        handle = await approve.start(env.client, TAXI)
        assert await handle.result(30) == State("expired")
        assert await handle.state(State) == State("expired")
        events = await handle.history()
    assert capsys.readouterr().out.splitlines() == [
        "mail to ann: please approve taxi: 30 euros",
        "mail to ann: taxi still waits for you",
    ]
    assert events[-1].event_timestamp - events[0].event_timestamp == pytest.approx(5 * DAY, abs=60)
    assert time.monotonic() - begin < 10


@pytest.mark.parametrize(("approved", "step"), [(True, "approved"), (False, "rejected")])
async def test_an_answer_after_the_reminder(
    workflow_environment: WorkflowEnvironment, approved: bool, step: str
) -> None:
    async with workflow_environment as env, worker(env), env.time_locked():
        handle = await approve.start(env.client, TAXI)
        await env.await_event(handle, "TimerStarted", count=2)
        assert await handle.state(State) == State("waiting")
        await env.advance(timedelta(days=3))
        await env.await_event(handle, "ActivityTaskCompleted", count=2)
        assert await handle.state(State) == State("reminded")
        await handle.signal(verdict, Verdict("ann", approved))
        end = await handle.result(30)
        assert (end.step, end.by) == (step, "ann")


async def test_an_answer_in_time_spares_the_reminder(
    workflow_environment: WorkflowEnvironment, capsys: pytest.CaptureFixture[str]
) -> None:
    async with workflow_environment as env, worker(env), env.time_locked():
        handle = await approve.start(env.client, TAXI)
        await handle.signal(verdict, Verdict("ann", approved=True))
        assert await handle.result(30) == State("approved", "ann")
    assert len(capsys.readouterr().out.splitlines()) == 1


async def test_approval(url: str, capsys: pytest.CaptureFixture[str]) -> None:
    await approval.main(fresh_client(url))
    told = capsys.readouterr().out.splitlines()
    assert "taxi: State(step='approved', by='ann')" in told
    assert "mail to bob: yacht still waits for you" in told
    assert told[-1] == "yacht: State(step='expired', by=None)"
