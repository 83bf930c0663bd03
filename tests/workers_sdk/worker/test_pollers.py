"""Polls: as many as the load asks for, never more than there are free places, and nothing ends them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from tests.workers_sdk.worker.conftest import within
from workers_sdk.client import ServiceUnreachable
from workers_sdk.worker import pollers as module
from workers_sdk.worker.pollers import Pollers, change
from workers_sdk.worker.slots import Reservation, Slots
from workers_sdk.worker.work import Work

MOST = 4


class List:
    """A task list: polls wait until a test gives them something."""

    def __init__(self) -> None:
        self.waiting: list[asyncio.Future[str | None]] = []
        self.changed = asyncio.Condition()
        self.handled: list[str] = []
        self.let_go = asyncio.Event()

    async def poll(self) -> str | None:
        future = asyncio.get_running_loop().create_future()
        self.waiting.append(future)
        async with self.changed:
            self.changed.notify_all()
        try:
            return await future
        finally:
            self.waiting.remove(future)

    async def handle(self, task: str, reservation: Reservation[str]) -> None:
        self.handled.append(task)
        async with self.changed:
            self.changed.notify_all()
        await self.let_go.wait()

    async def polled(self, count: int) -> None:
        async with self.changed:
            await within(self.changed.wait_for(lambda: len(self.waiting) >= count))

    async def give(self, task: str | None) -> None:
        self.waiting[0].set_result(task)
        await asyncio.sleep(0)

    async def fail(self, error: Exception) -> None:
        self.waiting[0].set_exception(error)
        await asyncio.sleep(0)


@asynccontextmanager
async def polling(tasks: List, places: int = 100) -> AsyncIterator[Pollers[str, str]]:
    work = Work()
    pollers = Pollers("for tests", tasks.poll, tasks.handle, Slots({"one": places}), work, MOST)
    running = asyncio.create_task(pollers.run())
    try:
        yield pollers
    finally:
        tasks.let_go.set()
        pollers.leave()
        await within(running)
        assert await work.drain(5)


async def test_full_polls_bring_more_polls_and_empty_ones_fewer() -> None:
    tasks = List()
    async with polling(tasks) as pollers:
        await tasks.polled(1)
        for number in range(MOST + 1):
            await tasks.give(str(number))
            await tasks.polled(min(number + 2, MOST))
        assert pollers.count == MOST
        for _ in range(MOST):
            await tasks.give(None)
        await tasks.polled(1)
        assert pollers.count == 1


@pytest.mark.parametrize(
    ("count", "waited", "found", "more"),
    [
        (1, 0.1, True, 1),
        (MOST, 0.1, True, 0),
        (2, 5.0, True, 0),
        (2, 11.0, True, -1),
        (2, 0.1, False, -1),
        (1, 60.0, False, 0),
        (1, 11.0, True, 0),
    ],
)
def test_quick_answers_add_a_poll_and_slow_or_empty_ones_take_one(
    count: int, waited: float, found: bool, more: int
) -> None:
    assert change(count, MOST, waited, found=found) == more


async def test_there_are_never_more_polls_than_free_places() -> None:
    tasks = List()
    async with polling(tasks, places=2):
        await tasks.polled(1)
        await tasks.give("first")
        await tasks.polled(1)
        await tasks.give("second")
        for _ in range(10):
            await asyncio.sleep(0)
        assert (tasks.handled, tasks.waiting) == (["first", "second"], [])
        tasks.let_go.set()
        await tasks.polled(1)


async def test_a_failing_poll_is_tried_again(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    class NoPause(module.Backoff):
        def next(self) -> float:
            return 0

    monkeypatch.setattr(module, "Backoff", NoPause)
    tasks = List()
    async with polling(tasks):
        await tasks.polled(1)
        await tasks.fail(ServiceUnreachable("nobody there"))
        await tasks.polled(1)
        await tasks.give("after all")
        await tasks.polled(1)
    assert tasks.handled == ["after all"]
    assert "nobody there" in caplog.text


async def test_a_mistake_in_the_work_on_a_task_is_logged_and_gives_its_place_back(
    caplog: pytest.LogCaptureFixture,
) -> None:
    tasks = List()

    async def handle(task: str, reservation: Reservation[str]) -> None:
        raise RuntimeError("a mistake")

    tasks.handle = handle  # type: ignore[method-assign]
    async with polling(tasks, places=1):
        await tasks.polled(1)
        await tasks.give("task")
        await tasks.polled(1)
    assert "a mistake" in caplog.text


async def test_a_young_poll_is_waited_for_and_its_task_is_worked_on() -> None:
    """The service may just be handing it one."""
    tasks = List()
    async with polling(tasks) as pollers:
        await tasks.polled(1)
        pollers.leave()
        await tasks.give("the last one")
    assert tasks.handled == ["the last one"]


async def test_an_old_poll_is_cancelled(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "LAST_CALL", 0)
    tasks = List()
    async with polling(tasks) as pollers:
        await tasks.polled(1)
        pollers.leave()
        (poll,) = tasks.waiting
        with pytest.raises(asyncio.CancelledError):
            await within(poll)
    assert tasks.handled == []
