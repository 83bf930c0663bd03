"""Actions on their way to the coordinator.

Law: a partition is a line with one active consumer. What was delivered and came back goes before what was never
delivered, in the order of arrival. Every action holds the clock from its arrival until it is settled.
"""

from __future__ import annotations

import asyncio
import heapq
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from workflowsvc.brokers.inprocess.poison import Poison
from workflowsvc.brokers.inprocess.soon import Agenda, Soon
from workflowsvc.messages import Action
from workflowsvc.names import partition_of
from workflowsvc.ports import BrokerUnavailable, Clock, Delivery


class Receipt:
    """What a publisher waits for: that all its actions are settled."""

    __slots__ = ("_open", "confirmed")

    def __init__(self, actions: int) -> None:
        self._open = actions
        self.confirmed: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def settle(self) -> None:
        self._open -= 1
        # done already: the publisher gave up
        if self._open == 0 and not self.confirmed.done():
            self.confirmed.set_result(None)

    def fail(self) -> None:
        if not self.confirmed.done():
            self.confirmed.set_exception(BrokerUnavailable("the broker was closed"))


class ActionDelivery:
    """One attempt at an action. When it comes back another takes its place, and settling this one does nothing."""

    __slots__ = ("_partition", "arrival", "message", "receipt", "redelivered")

    def __init__(
        self, partition: Partition, arrival: int, message: Action, receipt: Receipt | None, redelivered: bool
    ) -> None:
        self._partition = partition
        self.arrival = arrival
        self.message = message
        self.receipt = receipt
        self.redelivered = redelivered

    def __lt__(self, other: ActionDelivery) -> bool:
        return self.arrival < other.arrival

    async def ack(self) -> None:
        self._partition.settle(self)

    async def requeue(self) -> None:
        self._partition.take_back(self)

    async def reject(self, reason: str) -> None:
        self._partition.park(self, reason)


class Consumer:
    """One entering of `Broker.consume`: two may share a callback."""

    def __init__(self, deliver: Callable[[Delivery[Action]], None], partition_of: Callable[[int], Partition]) -> None:
        self.deliver = deliver
        self._partition_of = partition_of

    def owns(self, lane: int) -> bool:
        return self._partition_of(lane).consumer is self


class Partition:
    def __init__(self, clock: Clock, poison: Poison, agenda: Agenda) -> None:
        self._clock = clock
        self._poison = poison
        self._arrivals = 0
        #: never delivered yet, in order of arrival: all of them younger than whatever was ever delivered
        self._fresh: deque[ActionDelivery] = deque()
        #: a heap of those that came back
        self._returned: list[ActionDelivery] = []
        self._lent: set[ActionDelivery] = set()
        self._soon = Soon(agenda, self._deliver)
        self.consumer: Consumer | None = None

    def put(self, action: Action, receipt: Receipt | None) -> None:
        self._arrivals += 1
        delivery = ActionDelivery(self, self._arrivals, action, receipt, False)
        self._clock.hold(delivery)
        self._fresh.append(delivery)
        self._soon()

    def hand_over(self, consumer: Consumer | None) -> None:
        """What the last consumer did not settle goes to this one."""
        self.consumer = consumer
        for delivery in tuple(self._lent):
            self.take_back(delivery)
        self._soon()

    def settle(self, delivery: ActionDelivery) -> None:
        if delivery in self._lent:
            self._lent.remove(delivery)
            self._clock.release(delivery)
            if delivery.receipt is not None:
                delivery.receipt.settle()

    def take_back(self, delivery: ActionDelivery) -> None:
        if delivery in self._lent:
            self._lent.remove(delivery)
            again = ActionDelivery(self, delivery.arrival, delivery.message, delivery.receipt, True)
            self._clock.hold(again)
            self._clock.release(delivery)
            heapq.heappush(self._returned, again)
            self._soon()

    def park(self, delivery: ActionDelivery, reason: str) -> None:
        if delivery in self._lent:
            self._poison.park(delivery.message, reason)
            self.settle(delivery)

    def close(self) -> None:
        for delivery in (*self._fresh, *self._returned, *self._lent):
            self._clock.release(delivery)
            if delivery.receipt is not None:
                delivery.receipt.fail()
        self._fresh.clear()
        self._returned.clear()
        self._lent.clear()

    def _deliver(self) -> None:
        try:
            while self.consumer is not None and self._waiting:
                delivery = heapq.heappop(self._returned) if self._returned else self._fresh.popleft()
                self._lent.add(delivery)
                self.consumer.deliver(delivery)
        finally:
            # The consumer raised, which it must not: the loop reports it, and the others are not held up.
            if self.consumer is not None and self._waiting:
                self._soon()

    @property
    def _waiting(self) -> bool:
        return bool(self._fresh or self._returned)


class Partitions:
    """All of them, shared out among the consumers: one that becomes free goes to whoever has the fewest."""

    def __init__(self, clock: Clock, poison: Poison, agenda: Agenda, number: int) -> None:
        self._partitions = [Partition(clock, poison, agenda) for _ in range(number)]
        self._consumers: list[Consumer] = []

    def put(self, action: Action, receipt: Receipt | None = None) -> None:
        self._of(action.lane).put(action, receipt)

    @contextmanager
    def consume(self, deliver: Callable[[Delivery[Action]], None]) -> Iterator[Consumer]:
        consumer = Consumer(deliver, self._of)
        self._consumers.append(consumer)
        self._share_out(leaving=None)
        try:
            yield consumer
        finally:
            self._consumers.remove(consumer)
            self._share_out(leaving=consumer)

    def close(self) -> None:
        for partition in self._partitions:
            partition.close()

    def _of(self, lane: int) -> Partition:
        return self._partitions[partition_of(lane, len(self._partitions))]

    def _share_out(self, leaving: Consumer | None) -> None:
        for partition in self._partitions:
            if partition.consumer is leaving:
                partition.hand_over(min(self._consumers, key=self._share, default=None))

    def _share(self, consumer: Consumer) -> int:
        return sum(partition.consumer is consumer for partition in self._partitions)
