"""A thread that does whatever waits in one go: group commit, without a word about what is committed.

Law: each job is answered exactly once, in the order of submission, and all jobs of a group with one wake-up of the
loop. A waiter that is cancelled leaves its job in its place: it is done, and nobody hears of it.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Sequence
from queue import SimpleQueue
from typing import Generic, TypeVar

W = TypeVar("W")


class Job(Generic[W]):
    """A piece of work and what becomes of it: the worker sets *value* or *error*."""

    __slots__ = ("done", "error", "then", "value", "work")

    def __init__(self, work: W, done: asyncio.Future[object], then: Callable[[], None] | None) -> None:
        self.work = work
        self.done = done
        self.then = then
        self.value: object = None
        self.error: Exception | None = None

    def answer(self) -> None:
        if self.error is None and self.then is not None:
            self.then()
        if self.done.cancelled():
            return
        if self.error is None:
            self.done.set_result(self.value)
        else:
            self.done.set_exception(self.error)


class GroupThread(Generic[W]):
    """Jobs gather on the loop's side while the thread is busy, so that it is woken, and wakes, once a group."""

    def __init__(self, name: str, work: Callable[[Sequence[Job[W]]], None]) -> None:
        self._loop = asyncio.get_running_loop()
        self._work = work
        self._gathered: list[Job[W]] = []
        self._busy = False
        self._groups: SimpleQueue[list[Job[W]] | None] = SimpleQueue()
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._thread.start()

    def submit(self, work: W, then: Callable[[], None] | None = None) -> asyncio.Future[object]:
        """*then* is called on the loop's thread, before the future is set, where the work succeeded."""
        job = Job(work, self._loop.create_future(), then)
        self._gathered.append(job)
        if not self._busy:
            self._busy = True
            # In the next turn of the loop: what else becomes ready in this one goes along.
            self._loop.call_soon(self._hand_over)
        return job.done

    def close(self) -> None:
        """Wait, off the loop's thread, until all that was submitted is done. Nothing may be submitted any more."""
        self._loop.call_soon_threadsafe(self._end)
        self._thread.join()

    def _hand_over(self) -> None:
        self._busy = bool(self._gathered)
        if self._busy:
            group, self._gathered = self._gathered, []
            self._groups.put(group)
            # The thread wants the interpreter now. Asking for it takes it several times as long as being given it.
            time.sleep(0)

    def _end(self) -> None:
        self._groups.put(self._gathered)
        self._gathered = []
        self._groups.put(None)

    def _run(self) -> None:
        while (group := self._groups.get()) is not None:
            if group:
                self._work(group)
                self._loop.call_soon_threadsafe(self._answer, group)

    def _answer(self, group: Sequence[Job[W]]) -> None:
        for job in group:
            job.answer()
        # Those who were answered come first: what they submit now goes with what has gathered.
        self._loop.call_soon(self._hand_over)
