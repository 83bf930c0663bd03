"""Side effects happen once, patches divide executions into those before and those after."""

from __future__ import annotations

import itertools

from tests.workers_sdk.replay.stage import Stage
from tests.workers_sdk.replay.test_activities import charge, refund
from workers_sdk import workflows
from workers_sdk.definitions.workflows import Workflow, workflow


def test_side_effect_happens_once() -> None:
    counter = itertools.count(1)

    @workflow("order", "1")
    async def process() -> list[int]:
        lot = workflows.side_effect("lot", lambda: next(counter), int)
        await charge(1)
        return [lot, workflows.side_effect("lot", lambda: next(counter), int)]

    stage = Stage(process)
    stage.run.take()
    stage.run.decide(*stage.wire(stage.kept.decide(stage.events, 3).decisions))
    for _ in range(3):
        stage.fresh().catch_up(stage.events)
    assert next(counter) == 2
    marker = stage.run.last("MarkerRecorded")
    assert marker["markerName"] == "workers_sdk.side_effect"
    assert marker["details"] == '{"id":"1","name":"lot","value":"1"}'


def test_marker_is_a_note() -> None:
    @workflow("order", "1")
    async def process() -> None:
        workflows.record_marker("seen", {"by": "me"})

    marker = Stage(process).turns().run.last("MarkerRecorded")
    assert (marker["markerName"], marker["details"]) == ("seen", '{"by":"me"}')


def _before() -> Workflow[[], int]:
    @workflow("order", "1")
    async def process() -> int:
        return await charge(1) + await charge(2)

    return process


def _patched() -> Workflow[[], int]:
    @workflow("order", "1")
    async def process() -> int:
        if workflows.patched("refund-first"):
            await refund(1)
        return await charge(1) + await charge(2)

    return process


def _after() -> Workflow[[], int]:
    """Once no execution of before is open."""

    @workflow("order", "1")
    async def process() -> int:
        await refund(1)
        return await charge(1) + await charge(2)

    return process


def test_executions_of_before_keep_to_the_old_way() -> None:
    stage = Stage(_before()).turns().does("1", 1)
    stage.becomes(_patched())
    assert stage.does("2", 2).result == 3
    assert "MarkerRecorded" not in stage.run.types


def test_executions_of_after_go_the_new_way() -> None:
    stage = Stage(_patched()).turns()
    assert stage.run.last("MarkerRecorded") == {
        "markerName": "workers_sdk.patch",
        "details": "refund-first",
        "decisionTaskCompletedEventId": 4,
    }
    assert stage.does("1", "").does("2", 1).does("3", 2).result == 3


def test_patch_can_be_removed_when_none_of_before_is_left() -> None:
    """Its markers are passed over."""
    stage = Stage(_patched()).turns().does("1", "")
    stage.becomes(_after())
    assert stage.does("2", 1).does("3", 2).result == 3


def test_patch_asks_once_for_all() -> None:
    """What an execution was told it is told again, also in a loop that began before the patch."""
    answers: list[bool] = []

    @workflow("order", "1")
    async def before() -> None:
        for number in range(3):
            await charge(number)

    @workflow("order", "1")
    async def after() -> None:
        for number in range(3):
            answers.append(workflows.patched("p"))
            await charge(number)

    stage = Stage(before).turns().does("1", 1)
    stage.becomes(after)
    stage.does("2", 1).does("3", 1)
    assert stage.run.types[-1] == "WorkflowExecutionCompleted"
    assert set(answers) == {False}


def test_patch_that_comes_after_more_than_fits_is_known_to_the_next_worker() -> None:
    """Its marker goes first: the rest of the turn, which waits for the next task, was decided by it."""

    @workflow("order", "1")
    async def process() -> bool:
        for number in range(120):
            workflows.record_marker(f"marker {number}")
        return workflows.patched("new")

    assert Stage(process).turns().result is True
