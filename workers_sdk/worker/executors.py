"""Where activities run: `async def` on a loop of its own, `def` in threads. (processes.py: in processes.)

Law: whatever the function does, and be it SystemExit, comes back as an Ended.
"""

from __future__ import annotations

import asyncio
from typing import Protocol

from workers_sdk.worker.attempts import Attempt, Ended, ended_by
from workers_sdk.worker.context import CURRENT, ActivityContext
from workers_sdk.worker.threads import LoopThread, Threads


class Executor(Protocol):
    async def run(self, attempt: Attempt) -> Ended: ...
    def close(self) -> None:
        """Nothing new; what runs is not waited for."""


class AsyncExecutor:
    """*thread* is started and stopped by its owner."""

    def __init__(self, thread: LoopThread) -> None:
        self._thread = thread

    async def run(self, attempt: Attempt) -> Ended:
        return await self._thread.run(self._supervise(attempt))

    def close(self) -> None:
        pass

    async def _supervise(self, attempt: Attempt) -> Ended:
        task = asyncio.create_task(_call_async(attempt), name=str(attempt.info))
        loop = asyncio.get_running_loop()
        attempt.cancellation.tell(lambda: loop.call_soon_threadsafe(task.cancel))
        try:
            return await task
        except asyncio.CancelledError as error:
            # Before its first step, so that it could not say so itself.
            if not task.cancelled():
                raise
            return ended_by(error)


class ThreadExecutor:
    def __init__(self, limit: int) -> None:
        self._threads = Threads("activity", limit)

    async def run(self, attempt: Attempt) -> Ended:
        return await self._threads.run(lambda: _call(attempt))

    def close(self) -> None:
        self._threads.close()


def _call(attempt: Attempt) -> Ended:
    CURRENT.set(_context(attempt))
    try:
        return Ended(attempt.activity.fn(*attempt.args, **attempt.kwargs))
    except BaseException as error:
        return ended_by(error)


async def _call_async(attempt: Attempt) -> Ended:
    CURRENT.set(_context(attempt))
    try:
        return Ended(await attempt.activity.fn(*attempt.args, **attempt.kwargs))
    except BaseException as error:
        return ended_by(error)


def _context(attempt: Attempt) -> ActivityContext:
    return ActivityContext(attempt.info, attempt.beat, attempt.cancellation.flag)
