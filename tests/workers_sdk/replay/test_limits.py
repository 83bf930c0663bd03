"""What one answer to a decision task may hold, and code that does not come to rest."""

from __future__ import annotations

import asyncio

import msgspec
import pytest

from tests.workers_sdk.replay.stage import Stage
from tests.workers_sdk.replay.test_activities import charge
from workers_sdk import workflows
from workers_sdk.definitions.workflows import workflow
from workers_sdk.errors import WorkflowStuck
from workers_sdk.replay import loop
from workers_sdk.replay.commands import decision_of
from workers_sdk.replay.limits import MORE, fitting
from workflowsvc.swf import shapes
from workflowsvc.swf.shapes import DecisionType


def _markers(count: int, size: int = 0) -> list[shapes.Decision]:
    return [
        decision_of(
            DecisionType.RECORD_MARKER,
            shapes.RecordMarkerDecisionAttributes(marker_name=str(number), details="x" * size),
        )
        for number in range(count)
    ]


def test_what_fits_is_left_alone() -> None:
    assert fitting(_markers(100)) == _markers(100)


def test_more_than_a_hundred() -> None:
    """99, and a timer that brings the next task at once, as the Flow Framework does it."""
    fit = fitting(_markers(101))
    assert fit[:-1] == _markers(101)[:99]
    timer = fit[-1].start_timer_decision_attributes
    assert timer is not None
    assert (timer.timer_id, timer.start_to_fire_timeout) == (MORE, "0")


def test_more_than_a_megabyte() -> None:
    """A request is at most 1 MB."""
    fit = fitting(_markers(60, 32_000))
    assert 2 <= len(fit) < 60
    assert len(msgspec.json.encode(fit)) < 1_000_000


def test_rest_comes_with_the_next_task() -> None:
    """In order, and nothing twice."""

    @workflow("order", "1")
    async def process() -> int:
        for number in range(250):
            workflows.record_marker(f"m{number}")
        return await charge(1)

    stage = Stage(process).turns()
    assert [one["markerName"] for one in stage.run.all("MarkerRecorded")] == [f"m{number}" for number in range(250)]
    assert [one["timerId"] for one in stage.run.all("TimerStarted")] == [MORE, MORE]
    assert stage.does("1", 5).result == 5


def test_code_that_runs_in_a_circle(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loop, "STEPS", 1_000)

    @workflow("order", "1")
    async def process() -> None:
        while True:  # noqa: ASYNC110  a circle is what is wanted
            await asyncio.sleep(0)

    stage = Stage(process)
    stage.run.take()
    with pytest.raises(WorkflowStuck, match="without waiting"):
        stage.kept.decide(stage.events, 3)


def test_events_that_end_too_early() -> None:
    @workflow("order", "1")
    async def process() -> None: ...

    stage = Stage(process)
    with pytest.raises(ValueError, match="decision task 3"):
        stage.kept.decide(stage.events, 3)
