"""Broker within one process. Law: it puts the parts together, and says no when it is closed.

Whatever it holds dies with the process, so it confirms an action only when the consumer has acknowledged it, and what
waits here is made anew from the store at the next start.
"""

from __future__ import annotations

import itertools
from collections import deque
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from types import TracebackType

from workflowsvc.brokers.inprocess.delays import Delays
from workflowsvc.brokers.inprocess.partitions import Partitions, Receipt
from workflowsvc.brokers.inprocess.poison import Poison
from workflowsvc.brokers.inprocess.soon import Agenda, Soon
from workflowsvc.brokers.inprocess.task_lists import TaskLists
from workflowsvc.messages import Action, Reply, Task, TaskList
from workflowsvc.ports import BrokerUnavailable, Clock, Delivery, Ownership, TaskConsumer


class InProcessBroker:
    #: a delay may be of any length
    horizon = None
    confirms_handling = True

    def __init__(self, clock: Clock, partitions: int) -> None:
        #: what was rejected, to be looked at
        self.poison = Poison()
        self._open = False
        self._recovered = False
        agenda = Agenda()
        self._partitions = Partitions(clock, self.poison, agenda, partitions)
        self._task_lists = TaskLists(clock, self.poison, agenda)
        self._delays = Delays(clock, agenda, self._partitions.put)
        self._requesters: dict[str, Callable[[Reply], None]] = {}
        self._addresses = itertools.count(1)
        self._replied: deque[Reply] = deque()
        self._soon = Soon(agenda, self._hand_over)

    async def __aenter__(self) -> InProcessBroker:
        self._open = True
        return self

    async def __aexit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._open = False
        self._requesters.clear()
        self._partitions.close()
        self._task_lists.close()
        await self._delays.close()

    async def publish(self, actions: Sequence[Action]) -> None:
        self._require_open()
        if not actions:
            return
        receipt = Receipt(len(actions))
        for action in actions:
            self._partitions.put(action, receipt)
        await receipt.confirmed

    async def request(self, action: Action) -> None:
        self._require_open()
        self._partitions.put(action)

    async def reply(self, reply: Reply) -> None:
        # In the next turn of the loop: what a requester raises is none of the replier's business.
        self._replied.append(reply)
        self._soon()

    async def offer(self, tasks: Sequence[Task]) -> None:
        self._require_open()
        for task in tasks:
            self._task_lists.offer(task)

    async def withdraw(self, tasks: Sequence[Task]) -> None:
        for task in tasks:
            self._task_lists.withdraw(task)

    async def delay(self, action: Action, at: int) -> None:
        self._require_open()
        self._delays.put(action, at)

    async def undelay(self, run_id: str) -> None:
        self._delays.forget(run_id)

    async def remembers(self) -> bool:
        self._require_open()
        return self._recovered

    async def recovered(self) -> None:
        self._recovered = True

    @asynccontextmanager
    async def consume(
        self, consumer: Callable[[Delivery[Action]], None], lost: Callable[[int], None]
    ) -> AsyncIterator[Ownership]:
        """No partition is lost to a consumer that stays."""
        self._require_open()
        with self._partitions.consume(consumer) as ownership:
            yield ownership

    @asynccontextmanager
    async def replies(self, consumer: Callable[[Reply], None], lost: Callable[[], None]) -> AsyncIterator[str]:
        """No reply is lost."""
        self._require_open()
        address = f"replies.{next(self._addresses)}"
        self._requesters[address] = consumer
        try:
            yield address
        finally:
            self._requesters.pop(address, None)

    @asynccontextmanager
    async def tasks(
        self, task_list: TaskList, consumer: Callable[[Delivery[Task]], None]
    ) -> AsyncIterator[TaskConsumer]:
        self._require_open()
        with self._task_lists.take(task_list, consumer) as taker:
            yield taker

    async def ping(self) -> None:
        self._require_open()

    def _hand_over(self) -> None:
        try:
            while self._replied:
                reply = self._replied.popleft()
                requester = self._requesters.get(reply.to)
                if requester is not None:
                    requester(reply)
        finally:
            # One raised, which the loop reports; the others are not held up.
            if self._replied:
                self._soon()

    def _require_open(self) -> None:
        if not self._open:
            raise BrokerUnavailable("the broker is closed")
