"""A thread that does whatever waits in one go: group commit, without a word about what is committed.

Law: each job is answered exactly once, in the order of submission, and all jobs of a group with one wake-up of the
loop. A waiter that is cancelled leaves its job in its place: it is done, and nobody hears of it.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Sequence
from queue import Empty, SimpleQueue
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
    def __init__(self, name: str, work: Callable[[Sequence[Job[W]]], None]) -> None:
        self._loop = asyncio.get_running_loop()
        self._work = work
        self._jobs: SimpleQueue[Job[W] | None] = SimpleQueue()
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._thread.start()

    def submit(self, work: W, then: Callable[[], None] | None = None) -> asyncio.Future[object]:
        """*then* is called on the loop's thread, before the future is set, where the work succeeded."""
        job = Job(work, self._loop.create_future(), then)
        self._jobs.put(job)
        return job.done

    def close(self) -> None:
        """Wait, off the loop's thread, until all that was submitted is done."""
        self._jobs.put(None)
        self._thread.join()

    def _run(self) -> None:
        ending = False
        while not ending:
            group, ending = self._next_group()
            if group:
                self._work(group)
                self._answer(group)

    def _next_group(self) -> tuple[list[Job[W]], bool]:
        """Wait for a job; take it and all others that are there; True where it is the end."""
        group: list[Job[W]] = []
        job = self._jobs.get()
        try:
            while job is not None:
                group.append(job)
                job = self._jobs.get_nowait()
        except Empty:
            return group, False
        return group, True

    def _answer(self, group: Sequence[Job[W]]) -> None:
        def answer() -> None:
            for job in group:
                job.answer()

        if not self._loop.is_closed():
            self._loop.call_soon_threadsafe(answer)
