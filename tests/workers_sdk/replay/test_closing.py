"""The decision that closes: whatever ends the code, it is the last of its batch, and a refusal is not the end."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest

from tests.coordinator.execution.scenario import ACTIVITY_DEFAULTS, Domain, activity_type, knowing, workflow_type
from tests.workers_sdk.replay.stage import _RUN_DEFAULTS, Stage
from tests.workers_sdk.replay.test_activities import charge
from tests.workers_sdk.replay.test_endings import loop
from workers_sdk import workflows
from workers_sdk.definitions.signals import signal
from workers_sdk.definitions.workflows import workflow
from workers_sdk.errors import DecisionImpossible
from workers_sdk.failures import failure_from
from workers_sdk.replay.failing import failed_decision

go = signal("go", int)


def test_close_that_waits_for_room_stays_the_last() -> None:
    """SWF refuses a batch in which anything is scheduled beside the close (Specified decision is incompatible)."""

    @workflow("order", "1")
    async def process() -> str:
        async def handler(number: int) -> None:
            await charge(number)

        go.handle(handler)
        for number in range(120):
            workflows.record_marker(f"marker {number}")
        return "all"

    stage = Stage(process).turn()
    stage.run.signal("go", input="1")
    assert stage.turns().result == "all"
    assert len(stage.run.all("MarkerRecorded")) == 120
    assert not stage.scheduled


@workflow("order", "1")
async def _again(how: str) -> str:
    if how == "group":
        async with asyncio.TaskGroup() as group:
            group.create_task(asyncio.sleep(100))
            _again.continue_as_new("end")
    if how == "task":
        async with asyncio.TaskGroup() as group:
            group.create_task(_continue())
    if how == "handler":
        go.handle(lambda _: _again.continue_as_new("end"))
        await asyncio.sleep(100)
    return how


async def _continue() -> None:
    await asyncio.sleep(0)
    _again.continue_as_new("end")


@pytest.mark.parametrize("how", ["group", "task", "handler"])
def test_continue_as_new_ends_the_run_from_wherever_it_is_asked_for(how: str) -> None:
    stage = Stage(_again, how).turns()
    if how == "handler":
        stage.signal("go", 1)
    assert stage.run.last("WorkflowExecutionContinuedAsNew")["input"] == '["end"]'


def test_continue_as_another_type_is_an_error() -> None:
    """SWF's decision has a version and no name: it would begin the same type again."""

    @workflow("order", "1")
    async def process() -> None:
        loop.continue_as_new(1)

    failed = Stage(process).turns().run.last("WorkflowExecutionFailed")
    assert failed["reason"] == (
        "ValueError: an execution of order cannot continue as loop: SWF lets it change its version"
    )


class Stop(BaseException):
    """No Exception."""


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (lambda: Stop("now"), "Stop: now"),
        (lambda: SystemExit(3), "SystemExit: 3"),
        (lambda: BaseExceptionGroup("some", [Stop(), Stop()]), "BaseExceptionGroup: some (2 sub-exceptions)"),
    ],
)
def test_whatever_is_raised_fails_the_execution(error: Callable[[], BaseException], reason: str) -> None:
    @workflow("order", "1")
    async def process() -> None:
        await asyncio.sleep(0)
        raise error()

    assert Stage(process).turns().run.last("WorkflowExecutionFailed")["reason"] == reason


def test_failure_of_a_group_tells_its_first_exception() -> None:
    async def fail() -> None:
        raise ValueError("what happened")

    @workflow("order", "1")
    async def process() -> None:
        async with asyncio.TaskGroup() as group:
            group.create_task(fail())

    failed = Stage(process).turns().run.last("WorkflowExecutionFailed")
    told = failure_from(failed["reason"], failed["details"]).told
    assert told is not None
    assert told.cause is not None
    assert (told.cause.type, told.cause.message) == ("ValueError", "what happened")


def test_refused_close_is_seen_and_comes_again() -> None:
    """ContinueAsNewWorkflowExecutionFailed: the type is registered later, and then the execution goes on."""
    types = (workflow_type("order", **_RUN_DEFAULTS), activity_type("charge", **ACTIVITY_DEFAULTS))

    @workflow("order", "2")
    async def successor() -> None: ...

    @workflow("order", "1")
    async def process() -> None:
        successor.continue_as_new()

    stage = Stage(process, domain=Domain(knowing(*types))).turn()
    assert stage.run.last("ContinueAsNewWorkflowExecutionFailed")["cause"] == "WORKFLOW_TYPE_DOES_NOT_EXIST"
    waits = []
    for _ in range(3):
        stage.run.take()
        with pytest.raises(DecisionImpossible, match="WORKFLOW_TYPE_DOES_NOT_EXIST") as caught:
            stage.kept.decide(stage.events, stage.run.decision_token.started_event_id)
        stage.run.decide(*stage.wire(failed_decision(caught.value, stage.events)))
        waits.append(int(stage.run.last("TimerStarted")["startToFireTimeout"]))
        stage.evict().run.after(waits[-1])
        stage.turn()
    assert waits == [10, 20, 40]
    stage.run.known = knowing(*types, workflow_type("order", "2", **_RUN_DEFAULTS))
    stage.run.take()
    with pytest.raises(DecisionImpossible) as caught:
        stage.kept.decide(stage.events, stage.run.decision_token.started_event_id)
    stage.run.decide(*stage.wire(failed_decision(caught.value, stage.events)))
    stage.evict().run.after(80)
    stage.turn()
    assert stage.run.types[-1] == "WorkflowExecutionContinuedAsNew"
    last = stage.fresh()
    last.catch_up(stage.events)
    last.close()
