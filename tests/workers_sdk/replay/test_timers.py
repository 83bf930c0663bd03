"""Delays of workflow code are timers of the execution; asyncio's idioms work on them."""

from __future__ import annotations

import asyncio
from datetime import timedelta

from tests.workers_sdk.replay.stage import Stage
from tests.workers_sdk.replay.test_activities import charge
from workers_sdk import workflows
from workers_sdk.definitions.workflows import workflow


def test_sleep_is_a_timer_in_whole_seconds() -> None:
    @workflow("order", "1")
    async def process() -> float:
        before = workflows.now()
        await asyncio.sleep(1.2)
        await workflows.sleep(timedelta(days=30))
        return (workflows.now() - before).total_seconds()

    stage = Stage(process).turns()
    assert stage.timers == [("1", "2")]
    stage.after(2)
    assert stage.timers[1] == ("2", "2592000")
    assert stage.after(2_592_000).result == 2_592_002


def test_sleep_of_nothing_is_no_timer() -> None:
    @workflow("order", "1")
    async def process() -> None:
        await asyncio.sleep(0)

    assert "TimerStarted" not in Stage(process).turns().run.types


def test_timeout_that_is_not_needed_is_cancelled() -> None:
    @workflow("order", "1")
    async def process() -> int:
        async with asyncio.timeout(60):
            await charge(1)
        return await charge(2)

    stage = Stage(process).turns()
    assert stage.timers == [("1", "60")]
    stage.does("2", 1)
    assert stage.ids("TimerCanceled", "timerId") == ["1"]
    assert stage.does("3", 7).result == 7


def test_timeout_that_passes_cancels_the_call() -> None:
    @workflow("order", "1")
    async def process() -> str:
        try:
            await asyncio.wait_for(charge(1), timeout=30)
        except TimeoutError:
            await workflows.sleep(1)
            return "late"
        return "in time"

    stage = Stage(process).turns()
    stage.run.begin("1")
    stage.after(30)
    assert stage.ids("ActivityTaskCancelRequested", "activityId") == ["1"]
    assert stage.after(1).result == "late"


def test_timer_that_is_cancelled_in_the_same_turn_leaves_no_trace() -> None:
    @workflow("order", "1")
    async def process() -> str:
        async with asyncio.timeout(60):
            await asyncio.sleep(0)
            return "at once"

    assert "TimerStarted" not in Stage(process).turns().run.types


def test_wait_gives_lists_in_the_order_of_the_calls() -> None:
    @workflow("order", "1")
    async def process() -> list[int]:
        calls = [charge(number) for number in range(3)]
        done, pending = await workflows.wait(calls, return_when=asyncio.FIRST_COMPLETED)
        for call in pending:
            call.cancel()
        return [calls.index(call) for call in done]

    assert Stage(process).turns().does("2", 1).result == [1]


def test_as_completed_follows_the_history() -> None:
    @workflow("order", "1")
    async def process() -> list[int]:
        return [await call async for call in workflows.as_completed(charge(number) for number in range(3))]

    assert Stage(process).turns().does("3", 3).does("1", 1).does("2", 2).result == [3, 1, 2]


def test_sets_of_tasks_have_an_order_of_their_own() -> None:
    """asyncio.wait gives sets: every replay sees them in the same order, as their hashes are serial numbers."""

    @workflow("order", "1")
    async def process() -> list[str]:
        tasks = [asyncio.create_task(asyncio.sleep(0), name=str(number)) for number in range(40)]
        done, _ = await asyncio.wait(tasks)
        return [task.get_name() for task in done]

    # Two replays of one turn are compared by the stage.
    assert sorted(Stage(process).turns().result, key=int) == [str(number) for number in range(40)]


def test_task_group_ends_the_others_when_one_fails() -> None:
    @workflow("order", "1")
    async def process() -> str:
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(_call(1))
                group.create_task(_call(2))
        except ExceptionGroup as errors:
            await workflows.sleep(1)
            return type(errors.exceptions[0]).__name__
        return ""

    stage = Stage(process).turns()
    stage.run.begin("2")
    stage.fails("1")
    assert stage.ids("ActivityTaskCancelRequested", "activityId") == ["2"]
    assert stage.after(1).result == "ActivityFailed"


async def _call(number: int) -> int:
    return await charge(number)


def test_wait_until_a_condition_holds() -> None:
    @workflow("order", "1")
    async def process() -> list[bool]:
        seen: list[int] = []

        async def work() -> None:
            seen.append(await charge(1))

        task = asyncio.create_task(work())
        came = await workflows.wait_until(lambda: bool(seen), timeout=100)
        late = await workflows.wait_until(lambda: len(seen) > 1, timeout=timedelta(seconds=5))
        await task
        return [came, late]

    stage = Stage(process).turns().does("2", 1)
    assert stage.after(5).result == [True, False]


def test_thousands_of_timers_wait_their_turn() -> None:
    """SWF refuses more than 1,000 open ones."""

    @workflow("order", "1")
    async def process() -> int:
        await asyncio.gather(*(asyncio.sleep(5) for _ in range(1_200)))
        return 1

    stage = Stage(process).turns()
    assert "StartTimerFailed" not in stage.run.types
    assert stage.after(5).after(5).result == 1


def test_random_numbers_and_uuids_are_the_same_at_every_replay() -> None:
    @workflow("order", "1")
    async def process() -> list[str]:
        first = str(workflows.uuid4())
        await charge(1)
        return [first, str(workflows.uuid4()), str(workflows.random().randint(0, 10**9))]

    first, second, _ = Stage(process).turns().does("1", 1).result
    assert first != second
    assert first[14] == second[14] == "4"
