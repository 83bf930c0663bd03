"""Calls of activities: order, retries, cancellation, limits."""

from __future__ import annotations

import asyncio
from collections import Counter

import pytest

from tests.workers_sdk.replay.stage import Stage
from workers_sdk.definitions.activities import activity
from workers_sdk.definitions.retry import Retry
from workers_sdk.definitions.workflows import workflow
from workers_sdk.errors import ActivityFailed, ActivityTimedOut, DecisionRefused
from workers_sdk.failures import failure_of


@activity("charge", "1")
def charge(order: int, currency: str = "EUR") -> int:
    return order


@activity("refund", "1", retry=Retry(attempts=3, first=10, factor=2.0))
async def refund(order: int) -> str:
    return str(order)


def test_one_after_the_other() -> None:
    """Each call is scheduled when the one before has ended, with ids from the order of calls."""

    @workflow("order", "1")
    async def process(first: int) -> list[int]:
        return [await charge(first), await charge(first + 1, currency="USD")]

    stage = Stage(process, 1).turns()
    assert stage.scheduled == ["1"]
    assert stage.run.last("ActivityTaskScheduled")["input"] == "[1]"
    stage.does("1", 10)
    assert stage.run.last("ActivityTaskScheduled")["input"] == '[2,"USD"]'
    assert stage.does("2", 20).result == [10, 20]


def test_gather_is_ordered() -> None:
    """Results come in the order of the calls, whatever order they were done in."""

    @workflow("order", "1")
    async def process() -> list[int]:
        return await asyncio.gather(*(charge(number) for number in range(3)))

    stage = Stage(process).turns()
    assert stage.scheduled == ["1", "2", "3"]
    stage.does("3", 30).does("1", 10)
    assert stage.does("2", 20).result == [10, 20, 30]


def test_options_of_one_call_are_in_its_decision() -> None:
    """What is not said is left to the type's defaults."""

    @workflow("order", "1")
    async def process() -> int:
        return await charge.with_options(task_list="slow", start_to_close=7.5, priority=3)(1)

    scheduled = Stage(process).turns().run.last("ActivityTaskScheduled")
    assert scheduled["taskList"] == {"name": "slow"}
    assert scheduled["startToCloseTimeout"] == "8"  # whole seconds, never less
    assert scheduled["taskPriority"] == "3"
    assert scheduled["heartbeatTimeout"] == "50"  # ACTIVITY_DEFAULTS


def test_failure_is_raised_with_what_was_told() -> None:
    @workflow("order", "1")
    async def process() -> list[str]:
        try:
            await charge(1)
        except ActivityFailed as error:
            return [error.type, error.activity, error.activity_id, str(error)]
        return []

    failure = failure_of(KeyError("no such card"))
    stage = Stage(process).turns().fails("1", failure.reason or "", details=failure.details or "")
    assert stage.result == ["KeyError", "charge 1", "1", "activity charge 1 failed: KeyError: 'no such card'"]


def test_failure_of_a_foreign_worker() -> None:
    """Reason and details of whoever wrote them."""

    @workflow("order", "1")
    async def process() -> list[str | None]:
        try:
            await charge(1)
        except ActivityFailed as error:
            return [error.type, error.reason, error.details]
        return []

    assert Stage(process).turns().fails("1", "declined", details="no money").result == [
        "declined",
        "declined",
        "no money",
    ]


def test_retry_is_seen_in_the_history() -> None:
    """Attempts have ids of their own, pauses grow, and the history says what they are."""

    @workflow("order", "1")
    async def process() -> str:
        return await refund(1)

    stage = Stage(process).turns().fails("1")
    assert stage.timers == [("2", "10")]
    assert stage.run.last("TimerStarted")["control"] == "before attempt 2 of activity 1"
    stage.after(10)
    assert stage.scheduled == ["1", "1.2"]
    assert stage.run.last("ActivityTaskScheduled")["control"] == "attempt 2 of activity 1"
    stage.fails("1.2")
    assert stage.timers[-1] == ("3", "20")
    assert stage.after(20).does("1.3", "done").result == "done"


def test_retries_come_to_an_end() -> None:
    @workflow("order", "1")
    async def process() -> int:
        try:
            await refund(1)
        except ActivityFailed as error:
            return error.attempts
        return 0

    stage = Stage(process).turns().fails("1").after(10).fails("1.2").after(20).fails("1.3")
    assert stage.result == 3


def test_errors_that_no_repetition_mends() -> None:
    """By class or by base class, and whatever the activity says itself."""

    @workflow("order", "1")
    async def process() -> int:
        try:
            await refund.with_options(retry=Retry(never=(LookupError,)))(1)
        except ActivityFailed as error:
            return error.attempts
        return 0

    failure = failure_of(KeyError("card"))  # a KeyError is a LookupError
    assert Stage(process).turns().fails("1", failure.reason or "", details=failure.details or "").result == 1


def test_timeout_is_an_error_of_its_own() -> None:
    @workflow("order", "1")
    async def process() -> str:
        try:
            await charge(1)
        except ActivityTimedOut as error:
            return error.timeout_type
        return ""

    assert Stage(process).turns().after(100).result == "SCHEDULE_TO_START"  # ACTIVITY_DEFAULTS


def test_refused_decision_is_raised() -> None:
    @activity("unknown", "1")
    def unknown() -> None: ...

    @workflow("order", "1")
    async def process() -> str:
        try:
            await unknown()
        except DecisionRefused as error:
            return error.cause
        return ""

    assert Stage(process).turns().result == "ACTIVITY_TYPE_DOES_NOT_EXIST"


def test_cancelled_call_asks_the_activity_to_stop() -> None:
    """The call ends at once; the activity is asked."""

    @workflow("order", "1")
    async def process() -> str:
        call = charge(1)
        await asyncio.sleep(5)
        call.cancel()
        try:
            await call
        except asyncio.CancelledError:
            await asyncio.sleep(1)
            return "gone"
        return "there"

    stage = Stage(process).turns()
    stage.run.begin("1")
    assert stage.after(5).after(1).result == "gone"
    assert stage.ids("ActivityTaskCancelRequested", "activityId") == ["1"]


def test_cancelled_call_can_wait_for_the_activity() -> None:
    @workflow("order", "1")
    async def process() -> str:
        call = charge.with_options(wait_for_cancel=True)(1)
        await asyncio.sleep(5)
        call.cancel()
        try:
            return str(await call)
        except asyncio.CancelledError:
            return "gone"

    stage = Stage(process).turns()
    stage.run.begin("1")
    stage.after(5)
    assert stage.state.open
    stage.run.completes("1", result="7")
    assert stage.turns().result == "gone"
    stage = Stage(process).turns()
    stage.run.begin("1")
    stage.after(5)
    stage.run.cancels("1")
    assert stage.turns().result == "gone"


def test_call_taken_back_before_it_was_sent_leaves_no_trace() -> None:
    @workflow("order", "1")
    async def process() -> int:
        charge(1).cancel()
        return await charge(2)

    stage = Stage(process).turns()
    assert stage.scheduled == ["2"]


def test_no_more_than_a_thousand_are_open() -> None:
    """The rest is scheduled as others end; more than a hundred decisions are split over decision tasks."""

    @workflow("order", "1")
    async def process(count: int) -> int:
        return len(await asyncio.gather(*(charge(number) for number in range(count))))

    stage = Stage(process, 1005).turns()
    assert len(stage.scheduled) == 990
    assert "ScheduleActivityTaskFailed" not in stage.run.types
    assert (
        max(Counter(one["decisionTaskCompletedEventId"] for one in stage.run.all("ActivityTaskScheduled")).values())
        == 99
    )
    for number in range(1, 16):
        stage.does(str(number), number)
    assert len(stage.scheduled) == 1005


def test_arguments_that_the_function_does_not_take() -> None:
    """As the call itself would: the workflow fails with a TypeError."""

    @workflow("order", "1")
    async def process() -> int:
        return await charge(1, 2, 3)  # type: ignore[call-arg, arg-type]

    failed = Stage(process).turns().run.last("WorkflowExecutionFailed")
    assert failed["reason"] == "TypeError: too many positional arguments"


@pytest.mark.parametrize("attempts", [0, -1])
def test_retry_without_an_attempt_is_refused(attempts: int) -> None:
    with pytest.raises(ValueError, match="attempts"):
        Retry(attempts=attempts)
