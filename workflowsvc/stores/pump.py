"""The store's end of the connection with its writer, and how a writer is come by.

Law: each work is answered exactly once, those of a kind in the order of their submission. Recorded works gather while a
group is on its way, so that many commits share one write; all of a group are answered in one turn of the loop. A waiter
that is cancelled leaves its work in its place: it is done, and nobody hears of it.

A writer that dies takes what was asked of it along, with its outcome unknown; the next is begun for whoever asks next.
"""

from __future__ import annotations

import asyncio
import logging
import socket
import subprocess
import sys
import threading
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

from workflowsvc.jobs import outcome
from workflowsvc.ports import StoreUnavailable
from workflowsvc.stores.journal import remove_journal
from workflowsvc.stores.recent import Recent
from workflowsvc.stores.works import (
    Answer,
    Aside,
    Close,
    Frames,
    Group,
    Outcome,
    Ready,
    Recorded,
    Show,
    answer_of,
    encode,
    framed,
    ready_of,
)
from workflowsvc.stores.writing import write

#: Turns of the loop that a group gathers for at least: in those whoever was just answered goes on, and asks for more.
#: Nearly twice as much goes together as after one turn, and a tenth more gets done.
_TURNS: Final = 4
#: Seconds that a writer has for bringing the last quarter of a second to the tables.
_CLOSE_SECONDS: Final = 3.0
#: Between two looks whether the last group was answered.
_PAUSE_SECONDS: Final = 0.001
_LOG: Final = logging.getLogger(__name__)
_GONE: Final = "the process that writes the database has ended"


class _Job:
    """A work, as it is sent, and who waits for what becomes of it."""

    __slots__ = ("done", "then", "wire")

    def __init__(self, wire: bytes, done: asyncio.Future[Any], then: Callable[[], None] | None) -> None:
        self.wire = wire
        self.done = done
        self.then = then

    def answer(self, what: Outcome) -> None:
        failure = what.failure()
        if failure is None and self.then is not None:
            self.then()
        if self.done.cancelled():
            return
        if failure is None:
            self.done.set_result(what.value)
        else:
            self.done.set_exception(failure)

    def fail(self, reason: str) -> None:
        if not self.done.done():
            self.done.set_exception(StoreUnavailable(reason))


class _Connection(asyncio.Protocol):
    """One writer, from its first word to its last."""

    def __init__(self, answered: Callable[[Answer], None], lost: Callable[[_Connection], None]) -> None:
        loop = asyncio.get_running_loop()
        self.ready: asyncio.Future[Ready] = loop.create_future()
        self.over: asyncio.Future[None] = loop.create_future()
        self._answered = answered
        self._lost = lost
        self._frames = Frames()

    def data_received(self, data: bytes) -> None:
        for frame in self._frames.feed(data):
            if self.ready.done():
                self._answered(answer_of(frame))
            else:
                self.ready.set_result(ready_of(frame))

    def connection_lost(self, exc: Exception | None) -> None:
        if not self.ready.done():
            self.ready.set_result(Ready(_GONE))
        self.over.set_result(None)
        self._lost(self)


class Pump:
    """*apart*: the writer is a process of its own; else a thread."""

    def __init__(self, path: Path, *, durable: bool, apart: bool) -> None:
        self._path = path
        self._durable = durable
        self._apart = apart
        self._loop = asyncio.get_running_loop()
        #: how many groups were answered, how many of them are in the tables, and what of the others may be asked for
        self._answered = 0
        self._shown = 0
        self.recent = Recent()
        #: how often the outcome of something became unknown, and how many of those doubts a new writer has ended
        self.doubts = 0
        self._cleared = 0
        #: those that were answered before this writer began, which are in the tables
        self._before = 0
        self._gathered: list[_Job] = []
        self._on_its_way: list[_Job] = []
        self._asides: deque[_Job] = deque()
        self._busy = False
        self._connection: _Connection | None = None
        self._transport: asyncio.Transport | None = None
        self._opening: asyncio.Task[None] | None = None
        self._process: subprocess.Popen[bytes] | None = None
        self._ends: set[asyncio.Task[None]] = set()

    async def open(self) -> asyncio.Transport:
        """Have a writer. Raises StoreUnavailable."""
        if self._transport is None:
            if self._opening is None:
                self._opening = asyncio.create_task(self._open())
            await outcome(self._opening)
            if self._transport is None:
                raise StoreUnavailable(_GONE)
        return self._transport

    async def close(self) -> None:
        """Returns when all that was submitted is done, and in the database. Nothing may be submitted any more."""
        try:
            async with asyncio.timeout(_CLOSE_SECONDS):
                clean = await self._finish()
            if clean:
                await asyncio.to_thread(remove_journal, self._path)
        except TimeoutError:
            _LOG.warning("whoever writes %s hangs: what was answered comes from its journal next time", self._path)
            if self._process is not None:
                self._process.kill()
                await asyncio.wait(self._ends)

    async def _finish(self) -> bool:
        """Whether all is in the tables, and the writer has ended."""
        if self._opening is not None:
            await asyncio.wait([self._opening])
        while self._busy and self._transport is not None:  # noqa: ASYNC110 - asked once, at the end
            await asyncio.sleep(_PAUSE_SECONDS)
        clean = False
        if self._transport is not None:
            with suppress(StoreUnavailable):
                await self.do_aside(Close())
                clean = True
        if self._ends:
            await asyncio.wait(self._ends)
        return clean

    async def show(self) -> None:
        """Return when all that was answered is in the tables."""
        doubts = self.doubts
        if self._shown < self._answered or self.in_doubt:
            await self.do_aside(Show())
            self._cleared = max(self._cleared, doubts)

    @property
    def in_doubt(self) -> bool:
        """Whether there may be more than was answered: a journal may hold what nobody was told of."""
        return self._cleared < self.doubts

    async def record(self, work: Recorded) -> None:
        """Raises what encoding raises where *work* cannot be stored."""
        job = _Job(encode(work), self._loop.create_future(), None)
        if self._transport is None:
            await self.open()
        self._gathered.append(job)
        if not self._busy:
            self._busy = True
            self._hand_over_after(_TURNS)
        await job.done

    async def do_aside(self, work: Aside | Close, then: Callable[[], None] | None = None) -> Any:
        """*then* is called before it returns, where the work succeeded, and even if nobody waits any more."""
        transport = self._transport or await self.open()
        job = _Job(encode(work), self._loop.create_future(), then)
        self._asides.append(job)
        transport.write(framed(job.wire))
        return await job.done

    # ---- to and fro --------------------------------------------------------------------------------------------

    def _hand_over_after(self, turns: int) -> None:
        if turns > 0:
            self._loop.call_soon(self._hand_over_after, turns - 1)
        else:
            self._hand_over()

    def _hand_over(self) -> None:
        self._busy = False
        if self._transport is not None and self._gathered:
            self._busy = True
            self._on_its_way, self._gathered = self._gathered, []
            self._transport.write(framed(encode(Group([job.wire for job in self._on_its_way]))))

    def _take(self, answer: Answer) -> None:
        self._see(self._before + answer.shown)
        self.doubts += any(what.error == StoreUnavailable.__name__ for what in answer.outcomes)
        if answer.aside:
            self._asides.popleft().answer(answer.outcomes[0])
            return
        self._answered += 1
        jobs, self._on_its_way = self._on_its_way, []
        recorded: list[bytes] = []
        for job, what in zip(jobs, answer.outcomes, strict=True):
            job.answer(what)
            if not what.error:
                recorded.append(job.wire)
        self.recent.add(self._answered, recorded)
        self._hand_over_after(_TURNS)

    def _see(self, shown: int) -> None:
        if shown > self._shown:
            self._shown = shown
            self.recent.shown(shown)

    def _lose(self, connection: _Connection) -> None:
        if connection is not self._connection:
            return
        self._transport = self._connection = None
        self.doubts += 1
        jobs: Sequence[_Job] = (*self._on_its_way, *self._gathered, *self._asides)
        self._on_its_way, self._gathered, self._busy = [], [], False
        self._asides.clear()
        for job in jobs:
            job.fail(_GONE)

    # ---- the other end -----------------------------------------------------------------------------------------

    async def _open(self) -> None:
        try:
            connection, transport = await self._connect()
            if refusal := (await connection.ready).refusal:
                transport.abort()
                raise StoreUnavailable(refusal)
            if connection.over.done():  # as soon as it was ready
                raise StoreUnavailable(_GONE)
            self._connection, self._transport = connection, transport
            self._before = self._answered  # it has begun by bringing them to the tables
            self._see(self._answered)
        finally:
            self._opening = None

    async def _connect(self) -> tuple[_Connection, asyncio.Transport]:
        ours, theirs = socket.socketpair()
        try:
            end = await asyncio.to_thread(self._begin, theirs)
        except OSError as error:
            ours.close()
            theirs.close()
            raise StoreUnavailable(f"cannot begin to write the database: {error}") from error
        connection = _Connection(self._take, self._lose)
        transport, _ = await self._loop.create_unix_connection(lambda: connection, sock=ours)
        ending = asyncio.create_task(_reaped(connection, end))
        self._ends.add(ending)
        ending.add_done_callback(self._ends.discard)
        return connection, transport

    def _begin(self, theirs: socket.socket) -> Callable[[], object]:
        """Start a writer; answers how to wait for its end."""
        if not self._apart:
            thread = threading.Thread(
                target=write, args=(theirs, self._path), kwargs={"durable": self._durable}, name="sqlite-write"
            )
            thread.daemon = True
            thread.start()
            return thread.join
        descriptor = theirs.fileno()
        # -P: nothing of the directory that this was started in
        program = [sys.executable, "-P", "-m", "workflowsvc.stores.writing", str(descriptor), str(self._path)]
        process = subprocess.Popen(  # noqa: S603 - ourselves
            program, stdin=subprocess.DEVNULL, pass_fds=[descriptor]
        )
        theirs.close()
        self._process = process
        return process.wait


async def _reaped(connection: _Connection, end: Callable[[], object]) -> None:
    await connection.over
    await asyncio.to_thread(end)
