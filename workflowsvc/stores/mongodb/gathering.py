"""What is ready together goes together: commits into groups, questions by key into one question.

Law: nothing here knows what is written or asked. A waiter that is cancelled leaves its work in its place: it is done,
and nobody hears of it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Hashable, Iterable, Mapping, Sequence
from typing import Any, Final, Generic, TypeVar

from workflowsvc.jobs import outcome

W = TypeVar("W")
K = TypeVar("K", bound=Hashable)
V = TypeVar("V")

#: Units that one group has at most.
_LARGEST: Final = 500
#: What costs a group a command of its own goes with every so many of them, where there is other work.
_RARELY: Final = 3


class Job(Generic[W]):
    """A piece of work and what becomes of it: *error* is set where it failed."""

    __slots__ = ("apart", "done", "error", "keys", "work")

    def __init__(self, work: W, keys: frozenset[Hashable], apart: bool, done: asyncio.Future[None]) -> None:
        self.work = work
        self.keys = keys
        self.apart = apart
        self.done = done
        self.error: Exception | None = None

    def answer(self) -> None:
        if self.done.cancelled():
            return
        if self.error is None:
            self.done.set_result(None)
        else:
            self.done.set_exception(self.error)


class Groups(Generic[W]):
    """Jobs gather while a group is being written. Jobs that share a key never share a moment.

    They are written in the order of their submission, one group at a time, and answered when their group is through;
    but what costs a command of its own may let two groups go first.
    """

    def __init__(self, write: Callable[[Sequence[Job[W]]], Awaitable[None]]) -> None:
        self._write = write
        self._free = True
        self._gathered: list[Job[W]] = []
        self._writing: set[asyncio.Task[None]] = set()
        self._called = False
        #: groups since the last that had work which costs a command of its own
        self._without = 0

    def submit(self, work: W, keys: Iterable[Hashable], *, apart: bool = False) -> asyncio.Future[None]:
        """*apart*: it costs a group a command of its own."""
        job = Job(work, frozenset(keys), apart, asyncio.get_running_loop().create_future())
        self._gathered.append(job)
        self._call()
        return job.done

    async def finish(self) -> None:
        """Wait until all that was submitted is done."""
        while self._gathered or self._writing:
            self._begin()
            await asyncio.wait(self._writing)

    def _call(self) -> None:
        """Begin in the next turn of the loop: what else becomes ready in this one goes along."""
        if not self._called:
            self._called = True
            asyncio.get_running_loop().call_soon(self._begin)

    def _begin(self) -> None:
        self._called = False
        if not self._free or not self._gathered:
            return
        self._free = False
        task = asyncio.create_task(self._work(self._next()))
        self._writing.add(task)
        task.add_done_callback(self._writing.discard)

    def _next(self) -> list[Job[W]]:
        self._without += 1
        group = self._pick(all_kinds=self._without >= _RARELY) or self._pick(all_kinds=True)
        if any(job.apart for job in group):
            self._without = 0
        return group

    def _pick(self, *, all_kinds: bool) -> list[Job[W]]:
        group: list[Job[W]] = []
        waiting: list[Job[W]] = []
        taken: set[Hashable] = set()
        for job in self._gathered:
            fits = len(group) < _LARGEST and taken.isdisjoint(job.keys) and (all_kinds or not job.apart)
            (group if fits else waiting).append(job)
            taken |= job.keys
        self._gathered = waiting
        return group

    async def _work(self, group: Sequence[Job[W]]) -> None:
        try:
            await self._write(group)
        except Exception as error:
            for job in group:
                job.error = job.error or error
        for job in group:
            job.answer()
        self._free = True
        # Those who were answered come first: what they submit now goes with what has gathered.
        self._call()


class Together(Generic[K, V]):
    """Questions by key: those that are ready in one turn of the loop are asked as one."""

    def __init__(self, ask: Callable[[Sequence[K]], Awaitable[Mapping[K, V]]]) -> None:
        self._ask = ask
        self._wanted: set[K] = set()
        self._answer: asyncio.Task[Mapping[K, V]] | None = None

    async def get(self, keys: Sequence[K]) -> dict[K, V]:
        """Those of the keys that there is an answer to."""
        self._wanted.update(keys)
        if self._answer is None:
            self._answer = asyncio.create_task(self._soon())
        answer = await outcome(self._answer)
        return {key: answer[key] for key in keys if key in answer}

    async def _soon(self) -> Mapping[K, V]:
        await asyncio.sleep(0)
        wanted, self._wanted, self._answer = list(self._wanted), set(), None
        return await self._ask(wanted)


class Turns:
    """One piece of work after the other, each to its end."""

    def __init__(self) -> None:
        self._turn = asyncio.Lock()

    async def take(self, work: Coroutine[Any, Any, None]) -> None:
        await outcome(asyncio.create_task(self._do(work)))

    async def _do(self, work: Coroutine[Any, Any, None]) -> None:
        async with self._turn:
            await work
