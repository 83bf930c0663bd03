"""Tasks beside the main road: those that are left to their end, and those that stay for more work."""

from __future__ import annotations

import asyncio
import gc
from typing import Any

import pytest

from workflowsvc.jobs import Hands, Jobs, outcome


async def fail_when(told: asyncio.Event) -> None:
    await told.wait()
    raise ValueError("nobody hears of it")


async def test_the_outcome_of_a_task_is_given_or_raised() -> None:
    assert await outcome(asyncio.create_task(asyncio.sleep(0, "result"))) == "result"
    told = asyncio.Event()
    told.set()
    with pytest.raises(ValueError, match="nobody"):
        await outcome(asyncio.create_task(fail_when(told)))


async def test_a_task_that_was_left_comes_to_its_end_and_is_not_reported() -> None:
    """As when a process stops while its store hangs, and the question then fails."""
    reported: list[dict[str, Any]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: reported.append(context))
    told = asyncio.Event()
    task = asyncio.create_task(fail_when(told))
    waiting = asyncio.create_task(outcome(task))
    await asyncio.sleep(0)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    assert not task.done()
    told.set()
    await asyncio.wait([task])
    del task
    gc.collect()
    await asyncio.sleep(0)
    assert reported == []


class Work:
    """What hands were given, who did it, and when it may end."""

    def __init__(self) -> None:
        self.jobs = Jobs()
        self.hands = Hands[str](self.jobs, self.do)
        self.by: dict[str, asyncio.Task[Any] | None] = {}
        self.holding: dict[str, asyncio.Event] = {}

    def hold(self, *works: str) -> None:
        self.holding.update({work: asyncio.Event() for work in works})

    async def do(self, work: str) -> None:
        self.by[work] = asyncio.current_task()
        if work in self.holding:
            await self.holding[work].wait()

    async def give(self, *works: str) -> None:
        for work in works:
            self.hands.give(work)
        for _ in ("they begin", "they wait for more"):
            await asyncio.sleep(0)


async def test_a_hand_that_is_free_takes_what_comes_next() -> None:
    work = Work()
    await work.give("first")
    await work.give("second")
    assert work.by["first"] is work.by["second"]


async def test_nothing_waits_for_a_hand() -> None:
    work = Work()
    work.hold("slow")
    await work.give("slow", "quick")
    await work.give("next")
    assert work.by["quick"] is work.by["next"] is not work.by["slow"]


async def test_dismissed_hands_finish_what_they_have_and_end() -> None:
    work = Work()
    work.hold("slow")
    await work.give("slow", "quick")
    work.hands.dismiss()
    ending = asyncio.create_task(work.jobs.end(after=10))
    await asyncio.wait([task for task in [work.by["quick"]] if task])
    assert not ending.done()
    work.holding["slow"].set()
    assert await ending


async def test_a_hand_that_was_cancelled_as_it_waited_is_given_nothing() -> None:
    work = Work()
    await work.give("first")
    first = work.by["first"]
    assert first is not None
    first.cancel()
    await asyncio.wait([first])
    await work.give("second")
    assert work.by["second"] is not first
