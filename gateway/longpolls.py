"""Held polls: who waits for tasks of which list, and who gets the next.

Law: a list is consumed only while somebody polls it (and a moment longer), never with more credit than there are free
waiters. A task is given only after the coordinator committed its Started event; what nobody can take goes back. From
the moment StartTask is sent the waiter waits for its answer, deadline or not: a started task is not dropped here.
"""

from __future__ import annotations

import asyncio
import heapq
import logging
from collections.abc import Callable, Coroutine
from itertools import count
from typing import Any, Final

from gateway.calls import Calls
from workflowsvc.messages import (
    GivenActivityTask,
    GivenDecisionTask,
    Result,
    Stale,
    StartTask,
    Task,
    TaskList,
    TaskRef,
)
from workflowsvc.ports import Broker, BrokerUnavailable, Delivery, TaskConsumer
from workflowsvc.swf.errors import Fault, InternalFailure, ServiceUnavailableException
from workflowsvc.swf.faults import LimitExceededFault

_LOG: Final = logging.getLogger(__name__)

Given = GivenDecisionTask | GivenActivityTask

#: How long a list is consumed after its last poller left: pollers come back at once.
LINGER_SECONDS: Final = 1.5


async def start_task(calls: Calls, task: Task, identity: str | None = None) -> Result:
    """Have the Started event of a delivered task committed: a Given… or Stale. Raises the coordinator's fault."""
    request = StartTask(task.task_list.kind, identity)
    ref = TaskRef(task.scheduled_event_id)
    return await calls.call(task.lane, task.domain, task.workflow_id, task.run_id, request, ref)


async def settle(delivery: Delivery[Task], refusal: Fault | None) -> None:
    """A delivered task that was given, is stale, or was refused: forget it, unless it deserves another try."""
    if isinstance(refusal, ServiceUnavailableException):
        await delivery.requeue()
    elif refusal is not None and refusal.status >= 500:
        await delivery.reject(refusal.code)
    else:
        await delivery.ack()


class _Waiter:
    """One poll. *ticket* is its place in the queue, which it keeps while a task is tried on it."""

    __slots__ = ("_gone", "answer", "expired", "identity", "ticket")

    def __init__(
        self, ticket: int, identity: str | None, gone: Callable[[], bool], answer: asyncio.Future[Given | None]
    ) -> None:
        self.ticket = ticket
        self.identity = identity
        self._gone = gone
        self.answer = answer
        #: the deadline came while a task was being started for it
        self.expired = False

    @property
    def left(self) -> bool:
        return self.answer.done() or self._gone()

    def give(self, given: Given | None) -> None:
        if not self.answer.done():
            self.answer.set_result(given)

    def fail(self, fault: Fault) -> None:
        if not self.answer.done():
            self.answer.set_exception(fault)


class _Line:
    """The pollers of one task list, in the order in which they came, and the list's one consumer."""

    def __init__(self, task_list: TaskList, broker: Broker, calls: Calls, forget: Callable[[_Line], None]) -> None:
        self.task_list = task_list
        self._broker = broker
        self._calls = calls
        self._forget = forget
        self._tickets = count()
        #: every poll under way
        self._present: set[_Waiter] = set()
        #: those of them for whom no task is being started, by ticket; *_order* may hold tickets that have left
        self._free: dict[int, _Waiter] = {}
        self._order: list[int] = []
        self._jobs: set[asyncio.Task[None]] = set()
        self._consumer: TaskConsumer | None = None
        self._closing = asyncio.Event()
        self._linger: asyncio.TimerHandle | None = None
        # Asking for the loop costs a system call each time (until Python 3.12).
        self._loop = asyncio.get_running_loop()
        self._running = self._loop.create_task(self._run())

    @property
    def pollers(self) -> int:
        return len(self._present)

    async def poll(self, identity: str | None, gone: Callable[[], bool], seconds: float) -> Given | None:
        waiter = _Waiter(next(self._tickets), identity, gone, self._loop.create_future())
        if self._linger is not None:
            self._linger.cancel()
            self._linger = None
        self._present.add(waiter)
        self._queue(waiter)
        deadline = self._loop.call_later(seconds, self._expire, waiter)
        try:
            return await waiter.answer
        finally:
            deadline.cancel()
            self._present.discard(waiter)
            self._unqueue(waiter)
            if not self._present:
                self._rest()

    async def close(self) -> None:
        """Answer all polls empty, those for whom a task is being started as soon as that is decided."""
        for waiter in self._present:
            self._expire(waiter)
        self._stop()
        await asyncio.wait([self._running])

    def abandon(self) -> None:
        """Stop at once, whatever is under way."""
        for waiter in self._present:
            waiter.give(None)
        self._running.cancel()
        for job in self._jobs:
            job.cancel()

    # ---- the queue of waiters

    def _queue(self, waiter: _Waiter) -> None:
        self._free[waiter.ticket] = waiter
        heapq.heappush(self._order, waiter.ticket)
        self._credit()

    def _unqueue(self, waiter: _Waiter) -> None:
        if self._free.pop(waiter.ticket, None) is not None:
            while self._order and self._order[0] not in self._free:
                heapq.heappop(self._order)
            self._credit()

    def _take(self) -> _Waiter | None:
        """The longest-waiting poll whose client still listens."""
        while self._order:
            waiter = self._free.pop(heapq.heappop(self._order), None)
            if waiter is not None and not waiter.left:
                return waiter
        return None

    def _expire(self, waiter: _Waiter) -> None:
        waiter.expired = True
        if waiter.ticket in self._free:
            waiter.give(None)
            self._unqueue(waiter)

    def _credit(self) -> None:
        if self._consumer is not None:
            self._consumer.credit(len(self._free))

    # ---- tasks

    def _delivered(self, delivery: Delivery[Task]) -> None:
        free = len(self._free)
        waiter = self._take()
        if waiter is None:
            self._do(delivery.requeue())
        else:
            self._do(self._hand_out(delivery, waiter))
        if len(self._free) != free - 1:  # somebody had hung up: the delivery used up one credit, not more
            self._credit()

    def _do(self, work: Coroutine[Any, Any, None]) -> None:
        job = self._loop.create_task(self._logged(work))
        self._jobs.add(job)
        job.add_done_callback(self._jobs.discard)

    async def _logged(self, work: Coroutine[Any, Any, None]) -> None:
        try:
            await work
        except BrokerUnavailable:
            _LOG.warning("a task of %s was not settled: the broker is away", self.task_list)
        except Exception:
            _LOG.exception("handing out a task of %s failed", self.task_list)

    async def _hand_out(self, delivery: Delivery[Task], waiter: _Waiter) -> None:
        if waiter.left:  # since it was taken
            await delivery.requeue()
            return
        given: Result = Stale()
        refusal: Fault | None = None
        try:
            given = await start_task(self._calls, delivery.message, waiter.identity)
        except Fault as fault:
            refusal = fault
        except Exception:
            waiter.fail(InternalFailure())
            raise
        if isinstance(given, GivenDecisionTask | GivenActivityTask):
            waiter.give(given)
        elif isinstance(refusal, ServiceUnavailableException):
            waiter.fail(refusal)
        else:
            self._go_on(waiter)
        await settle(delivery, refusal)

    def _go_on(self, waiter: _Waiter) -> None:
        """It was nothing: the poll waits on in its old place, or is answered empty if its time has come."""
        if waiter.expired:
            waiter.give(None)
        elif not waiter.answer.done():
            self._queue(waiter)

    # ---- the consumer

    async def _run(self) -> None:
        try:
            async with self._broker.tasks(self.task_list, self._delivered) as consumer:
                self._consumer = consumer
                self._credit()
                await self._closing.wait()
                self._consumer = None
                consumer.credit(0)
                while self._jobs:
                    await asyncio.wait(self._jobs)
        except Exception as error:
            if not isinstance(error, BrokerUnavailable):
                _LOG.exception("consuming %s failed", self.task_list)
            for waiter in self._present:
                waiter.fail(ServiceUnavailableException())
        finally:
            self._consumer = None
            self._forget(self)

    def _rest(self) -> None:
        if not self._closing.is_set():
            self._linger = self._loop.call_later(LINGER_SECONDS, self._stop)

    def _stop(self) -> None:
        """Nobody else comes: from here on a new poll of the list finds a new line."""
        if self._linger is not None:
            self._linger.cancel()
        self._forget(self)
        self._closing.set()


class LongPolls:
    """All lists that are polled at this gateway."""

    def __init__(self, broker: Broker, calls: Calls, seconds: float, most: int = 0) -> None:
        """*most*: polls of one list at a time, or 0 for any number."""
        self._broker = broker
        self._calls = calls
        self._seconds = seconds
        self._most = most
        self._lines: dict[TaskList, _Line] = {}
        self._closed = False

    async def poll(self, task_list: TaskList, identity: str | None, gone: Callable[[], bool]) -> Given | None:
        """A started task, or None when none came in time. Raises LimitExceededFault, ServiceUnavailableException."""
        if self._closed:
            return None
        line = self._lines.get(task_list)
        if line is None:
            line = self._lines[task_list] = _Line(task_list, self._broker, self._calls, self._forget)
        elif self._most and line.pollers >= self._most:
            raise LimitExceededFault("Limit on maximum concurrent poll requests per task list reached")
        return await line.poll(identity, gone, self._seconds)

    async def close(self, seconds: float) -> None:
        """Answer all polls empty and stop consuming, within *seconds*."""
        self._closed = True
        lines = tuple(self._lines.values())
        try:
            async with asyncio.timeout(seconds):
                await asyncio.gather(*(line.close() for line in lines))
        except TimeoutError:
            for line in lines:
                line.abandon()

    def _forget(self, line: _Line) -> None:
        if self._lines.get(line.task_list) is line:
            del self._lines[line.task_list]
