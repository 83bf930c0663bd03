"""What an activity is told, and what it can say."""

from __future__ import annotations

import threading

import pytest

from workers_sdk.worker import ActivityCancelled, ActivityContext, ActivityInfo, activity_context
from workers_sdk.worker.context import attempt_of

INFO = ActivityInfo(
    domain="orders",
    activity_id="3.2",
    name="charge",
    version="1",
    workflow_id="order-1",
    run_id="run",
    task_token="token",  # noqa: S106
    attempt=2,
)


@pytest.mark.parametrize(
    ("activity_id", "attempt"),
    [("3", 1), ("3.2", 2), ("3.12", 12), ("charge", 1), ("v1.0", 1), ("3.1", 1), ("3.02", 1)],
)
def test_the_attempt_is_the_number_behind_the_last_point(activity_id: str, attempt: int) -> None:
    assert attempt_of(activity_id) == attempt


def test_a_heartbeat_hands_over_its_details() -> None:
    beats = list[object]()
    context = ActivityContext(INFO, beats.append, threading.Event())
    context.heartbeat({"copied": 5})
    context.heartbeat()
    assert beats == [{"copied": 5}, None]


def test_a_cancelled_def_hears_it_from_its_heartbeat() -> None:
    cancelled = threading.Event()
    context = ActivityContext(INFO, lambda details: None, cancelled)
    assert not context.cancel_requested
    assert not context.wait_cancelled(0)
    cancelled.set()
    assert context.cancel_requested
    assert context.wait_cancelled()
    with pytest.raises(ActivityCancelled):
        context.heartbeat()
    assert not issubclass(ActivityCancelled, Exception)


async def test_a_coroutine_hears_it_as_cancelled_error_only() -> None:
    cancelled = threading.Event()
    cancelled.set()
    ActivityContext(INFO, lambda details: None, cancelled).heartbeat()


def test_outside_of_an_activity_there_is_no_context() -> None:
    with pytest.raises(LookupError, match="no activity runs here"):
        activity_context()
