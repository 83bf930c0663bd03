"""Tasks beside the main road. Law: whoever started them ends them, and whoever ends them sees the end.

A cancellation is repeated until it is obeyed: asyncio.wait_for, in which aiormq waits, may swallow one (until 3.12).
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Iterable
from typing import Any, Final, Generic, TypeVar

T = TypeVar("T")
W = TypeVar("W")

_AGAIN_SECONDS: Final = 0.1


async def outcome(task: asyncio.Task[T]) -> T:
    """What the task gives, or raises. Whoever is cancelled meanwhile leaves it to its end, and nobody hears of that.

    After asyncio.shield alone, the failure of a task that was left would be reported as one that nobody saw.
    """
    task.add_done_callback(_see)
    return await asyncio.shield(task)


def _see(task: asyncio.Task[Any]) -> None:
    if not task.cancelled():
        task.exception()


async def end(tasks: Iterable[asyncio.Task[Any]], *, after: float = 0.0) -> bool:
    """Let the tasks come to their own end for *after* seconds, then cancel them; whether none had to be."""
    pending = set(tasks)
    if pending and after > 0:
        _, pending = await asyncio.wait(pending, timeout=after)
    in_time = not pending
    while pending:
        for task in pending:
            task.cancel()
        _, pending = await asyncio.wait(pending, timeout=_AGAIN_SECONDS)
    return in_time


class Jobs:
    """Tasks that are ended together. A job that fails is reported by its event loop, as nobody waits for it."""

    def __init__(self) -> None:
        self._running: set[asyncio.Task[None]] = set()
        self._loop: asyncio.AbstractEventLoop | None = None

    def start(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        if self._loop is None:  # asking for it costs a system call each time (until Python 3.12)
            self._loop = asyncio.get_running_loop()
        task = self._loop.create_task(work)
        self._running.add(task)
        task.add_done_callback(self._running.discard)
        return task

    async def end(self, *, after: float = 0.0) -> bool:
        """Likewise, those that they start meanwhile included."""
        time = asyncio.get_running_loop().time
        until = time() + after
        in_time = True
        while self._running:
            in_time &= await end(self._running, after=until - time())
        return in_time


class Hands(Generic[W]):
    """Jobs that stay for more work, as making one costs as much as a small piece of it. Nothing waits for a hand."""

    #: That many stay.
    _STAY: Final = 64

    def __init__(self, jobs: Jobs, do: Callable[[W], Awaitable[None]]) -> None:
        self._jobs = jobs
        self._do = do
        self._idle: list[asyncio.Future[W | None]] = []
        self._dismissed = False

    def give(self, work: W) -> None:
        while self._idle:
            hand = self._idle.pop()
            if not hand.done():  # else it was cancelled as it waited
                hand.set_result(work)
                return
        self._jobs.start(self._work(work))

    def dismiss(self) -> None:
        """Let go of those that have nothing to do, and of the others when they have finished."""
        self._dismissed = True
        for hand in self._idle:
            if not hand.done():
                hand.set_result(None)
        self._idle.clear()

    async def _work(self, first: W) -> None:
        loop = asyncio.get_running_loop()
        work: W | None = first
        while work is not None:
            await self._do(work)
            if self._dismissed or len(self._idle) >= self._STAY:
                return
            idle: asyncio.Future[W | None] = loop.create_future()
            self._idle.append(idle)
            work = await idle
