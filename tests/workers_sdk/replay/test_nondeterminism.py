"""Code that no longer fits its history says so, once and precisely; the worker records it and tries again later."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from tests.workers_sdk.replay.stage import Stage
from tests.workers_sdk.replay.test_activities import charge, refund
from workers_sdk import workflows
from workers_sdk.definitions.children import external
from workers_sdk.definitions.workflows import Workflow, workflow
from workers_sdk.errors import NonDeterminismError
from workers_sdk.failures import failure_from
from workers_sdk.replay.failing import failed_decision
from workers_sdk.replay.limits import FAILED, RETRY

Code = Callable[[], Coroutine[Any, Any, Any]]


def of(code: Code) -> Workflow[[], Any]:
    return workflow("order", "1")(code)


async def _two_charges() -> None:
    await charge(1)
    await charge(2)


async def _refund_second() -> None:
    await charge(1)
    await refund(2)


async def _timer_second() -> None:
    await charge(1)
    await asyncio.sleep(1)


async def _one_charge() -> None:
    await charge(1)


async def _charge_and_more() -> None:
    await charge(1)
    await asyncio.gather(charge(2), charge(3))


async def _other_version() -> None:
    await charge(1)
    other = type(charge)(charge.fn, "charge", "2", charge.options)
    await other(2)


async def _failing() -> None:
    await charge(1)
    raise RuntimeError


@pytest.mark.parametrize(
    ("code", "event_id", "expected", "got"),
    [
        (_refund_second, 11, "ScheduleActivityTask #2 charge 1", "ScheduleActivityTask #2 refund 1"),
        (_timer_second, 11, "ScheduleActivityTask #2 charge 1", "StartTimer #2"),
        (_one_charge, 11, "ScheduleActivityTask #2 charge 1", "CompleteWorkflowExecution"),
        (_failing, 11, "ScheduleActivityTask #2 charge 1", "FailWorkflowExecution RuntimeError"),
        (_other_version, 11, "ScheduleActivityTask #2 charge 1", "ScheduleActivityTask #2 charge 2"),
        (_charge_and_more, 10, "nothing more for this decision task", "ScheduleActivityTask #3 charge 1"),
    ],
)
def test_change_of_code_is_found_where_it_begins(code: Code, event_id: int, expected: str, got: str) -> None:
    """Event 11 is the second ActivityTaskScheduled, event 10 the DecisionTaskCompleted before it."""
    stage = Stage(of(_two_charges)).turns().does("1", 1)
    stage.becomes(of(code))
    with pytest.raises(NonDeterminismError) as caught:
        stage.fresh().catch_up(stage.events)
    error = caught.value
    assert (error.event_id, error.expected, error.got) == (event_id, expected, got)
    assert stage.run.events[event_id - 1]["eventId"] == event_id


def test_line_of_the_code_is_named() -> None:
    stage = Stage(of(_two_charges)).turns().does("1", 1)
    stage.becomes(of(_refund_second))
    with pytest.raises(NonDeterminismError) as caught:
        stage.fresh().catch_up(stage.events)
    line = _refund_second.__code__.co_firstlineno + 2
    assert caught.value.line == f"{__file__}:{line} in _refund_second"
    assert f"{__file__}:{line}" in str(caught.value)


def test_code_that_asks_for_less_than_the_history_has() -> None:
    async def signal_other() -> None:
        await external("other").request_cancel()

    async def nothing() -> None:
        await asyncio.Event().wait()

    stage = Stage(of(signal_other)).turns()
    stage.becomes(of(nothing))
    with pytest.raises(NonDeterminismError, match="nothing more"):
        stage.fresh().catch_up(stage.events)


def test_side_effect_that_is_new_is_found() -> None:
    async def with_lot() -> None:
        workflows.side_effect("lot", lambda: 1, int)
        await _two_charges()

    stage = Stage(of(_two_charges)).turns()
    stage.becomes(of(with_lot))
    with pytest.raises(NonDeterminismError, match="RecordMarker"):
        stage.fresh().catch_up(stage.events)


def _fail(stage: Stage) -> NonDeterminismError:
    """As a worker does it."""
    stage.run.take()
    with pytest.raises(NonDeterminismError) as caught:
        stage.fresh().decide(stage.events, stage.run.decision_token.started_event_id)
    stage.run.decide(*stage.wire(failed_decision(caught.value, stage.events)))
    return caught.value


def test_failure_is_seen_in_the_history_and_comes_again_ever_later() -> None:
    """A marker says why; a timer brings the next attempt after 10, 20, 40 ... seconds, at most an hour."""
    stage = Stage(of(_two_charges)).turns()
    stage.run.begin("1").completes("1", result="1")
    stage.becomes(of(_refund_second))
    stage.turns()
    stage.becomes(of(_timer_second))
    stage.run.begin("2").completes("2", result='""')
    pauses = []
    for _ in range(12):
        error = _fail(stage)
        marker = stage.run.last("MarkerRecorded")
        assert marker["markerName"] == FAILED
        told = failure_from(None, marker["details"]).told
        assert told is not None
        assert (told.type, told.message) == ("NonDeterminismError", str(error))
        timer = stage.run.last("TimerStarted")
        assert timer["timerId"] == RETRY
        pauses.append(int(timer["startToFireTimeout"]))
        stage.run.after(pauses[-1])
    assert pauses == [10, 20, 40, 80, 160, 320, 640, 1280, 2560, 3600, 3600, 3600]


def test_code_that_is_mended_goes_on() -> None:
    """What the failed decision tasks left in the history is nobody's: replay passes over it."""
    stage = Stage(of(_two_charges)).turns()
    stage.run.begin("1").completes("1", result="1")
    stage.becomes(of(_refund_second))
    stage.turns()
    stage.becomes(of(_two_charges))
    stage.run.begin("2").completes("2", result='""')
    _fail(stage)
    stage.run.after(10)
    _fail(stage)
    stage.becomes(of(_refund_second))
    stage.run.after(20)
    stage.turns()
    assert stage.run.types[-1] == "WorkflowExecutionCompleted"


def test_one_retry_is_open_at_a_time() -> None:
    """A signal brings a decision task too, and SWF refuses a second timer of one id."""
    stage = Stage(of(_two_charges)).turns()
    stage.run.begin("1").completes("1", result="1")
    stage.becomes(of(_refund_second))
    stage.turns()
    stage.becomes(of(_two_charges))
    stage.run.signal("hello")
    _fail(stage)
    stage.run.signal("hello")
    _fail(stage)
    assert len(stage.run.ids("TimerStarted")) == 1
    assert "StartTimerFailed" not in stage.run.types
