"""Tasks that wait for a poller.

Law: of one list, the highest priority goes first, then the longest waiting, also after coming back. A task holds the
clock while it is lent, not while it waits. Of a task that is offered again while it waits, one stays.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from workflowsvc.brokers.inprocess.keyed_heap import KeyedHeap, Rank
from workflowsvc.brokers.inprocess.poison import Poison
from workflowsvc.brokers.inprocess.soon import Agenda, Soon
from workflowsvc.messages import Task, TaskList
from workflowsvc.ports import Clock, Delivery

#: run id and scheduled event id
TaskKey = tuple[str, int]


def _key(task: Task) -> TaskKey:
    return task.run_id, task.scheduled_event_id


class TaskDelivery:
    """One attempt at a task. When it comes back another takes its place, and settling this one does nothing."""

    __slots__ = ("_taker", "message", "rank", "redelivered")

    def __init__(self, taker: Taker, rank: Rank, message: Task, redelivered: bool) -> None:
        self._taker = taker
        self.rank = rank
        self.message = message
        self.redelivered = redelivered

    async def ack(self) -> None:
        self._taker.settle(self)

    async def requeue(self) -> None:
        self._taker.give_back(self)

    async def reject(self, reason: str) -> None:
        self._taker.park(self, reason)


class Taker:
    """A consumer of one list, with what it has been lent."""

    def __init__(self, line: Line, deliver: Callable[[Delivery[Task]], None], clock: Clock, poison: Poison) -> None:
        self._line = line
        self._deliver = deliver
        self._clock = clock
        self._poison = poison
        self._credit = 0
        self._lent: set[TaskDelivery] = set()

    def credit(self, wanted: int) -> None:
        self._credit = wanted
        self._line.wants(self, wanted > 0)

    def lend(self, rank: Rank, task: Task, redelivered: bool) -> None:
        delivery = TaskDelivery(self, rank, task, redelivered)
        self._lent.add(delivery)
        self._clock.hold(delivery)
        self._credit -= 1
        if not self._credit:
            self._line.wants(self, False)
        self._deliver(delivery)

    def settle(self, delivery: TaskDelivery) -> bool:
        """Whether it was still to be settled."""
        if delivery not in self._lent:
            return False
        self._lent.remove(delivery)
        self._clock.release(delivery)
        return True

    def give_back(self, delivery: TaskDelivery) -> None:
        if self.settle(delivery):
            self._line.put(delivery.rank, delivery.message, redelivered=True)

    def park(self, delivery: TaskDelivery, reason: str) -> None:
        if self.settle(delivery):
            self._poison.park(delivery.message, reason)

    def leave(self) -> None:
        self._line.wants(self, False)
        for delivery in tuple(self._lent):
            self.give_back(delivery)

    def close(self) -> None:
        self.credit(0)
        for delivery in tuple(self._lent):
            self.settle(delivery)


class Line:
    """The tasks of one list, and those who want them."""

    def __init__(self, agenda: Agenda) -> None:
        #: each with whether it was lent before
        self._waiting: KeyedHeap[TaskKey, tuple[Task, bool]] = KeyedHeap()
        self.takers: set[Taker] = set()
        #: takers with credit, the one whose turn it is first
        self._ready: OrderedDict[Taker, None] = OrderedDict()
        self._soon = Soon(agenda, self._deliver)

    @property
    def idle(self) -> bool:
        return not self.takers and not self._waiting

    def put(self, rank: Rank, task: Task, *, redelivered: bool) -> None:
        key = _key(task)
        queued = self._waiting.rank(key)
        if queued is None or rank < queued:
            self._waiting.put(key, rank, (task, redelivered))
            self._soon()

    def withdraw(self, task: Task) -> None:
        self._waiting.remove(_key(task))

    def wants(self, taker: Taker, more: bool) -> None:
        # A poller that ends may still set the credit of a taker that has left.
        if more and taker in self.takers:
            self._ready[taker] = None
            self._soon()
        else:
            self._ready.pop(taker, None)

    def close(self) -> None:
        self._waiting.clear()
        for taker in self.takers:
            taker.close()

    def _deliver(self) -> None:
        try:
            while self._ready and self._waiting:
                taker = next(iter(self._ready))
                self._ready.move_to_end(taker)
                rank, (task, redelivered) = self._waiting.pop()
                taker.lend(rank, task, redelivered)
        finally:
            # The consumer raised, which it must not: the loop reports it, and the others are not held up.
            if self._ready and self._waiting:
                self._soon()


class TaskLists:
    def __init__(self, clock: Clock, poison: Poison, agenda: Agenda) -> None:
        self._clock = clock
        self._agenda = agenda
        self._poison = poison
        self._arrivals = 0
        #: only those that have tasks or takers
        self._lines: dict[TaskList, Line] = {}

    def __len__(self) -> int:
        return len(self._lines)

    def offer(self, task: Task) -> None:
        self._arrivals += 1
        self._line(task.task_list).put((-task.priority, self._arrivals), task, redelivered=False)

    def withdraw(self, task: Task) -> None:
        line = self._lines.get(task.task_list)
        if line is not None:
            line.withdraw(task)
            if line.idle:
                del self._lines[task.task_list]

    @contextmanager
    def take(self, task_list: TaskList, deliver: Callable[[Delivery[Task]], None]) -> Iterator[Taker]:
        line = self._line(task_list)
        taker = Taker(line, deliver, self._clock, self._poison)
        line.takers.add(taker)
        try:
            yield taker
        finally:
            line.takers.remove(taker)
            taker.leave()
            if line.idle:
                self._lines.pop(task_list, None)

    def close(self) -> None:
        for line in self._lines.values():
            line.close()

    def _line(self, task_list: TaskList) -> Line:
        line = self._lines.get(task_list)
        if line is None:
            line = self._lines[task_list] = Line(self._agenda)
        return line
