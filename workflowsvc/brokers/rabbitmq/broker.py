"""Broker on RabbitMQ.

Law: here the parts are put together and the port's methods find theirs. What stands in the broker is in topology.py,
how it is spoken to in amqp.py, what messages look like in codec.py.
"""

from __future__ import annotations

import asyncio
import os
import secrets
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from types import TracebackType
from typing import Final, Self

from workflowsvc import names
from workflowsvc.brokers.rabbitmq import codec, topology
from workflowsvc.brokers.rabbitmq.amqp import Connection, Link
from workflowsvc.brokers.rabbitmq.frames import Frames, Item
from workflowsvc.brokers.rabbitmq.mailbox import Mailbox
from workflowsvc.brokers.rabbitmq.partitions import Consumption
from workflowsvc.brokers.rabbitmq.publisher import DELAYS, Publisher
from workflowsvc.brokers.rabbitmq.task_lists import Taker, TaskLists
from workflowsvc.messages import Action, Reply, Task, TaskList
from workflowsvc.ports import BrokerUnavailable, Clock, Delivery, Ownership, TaskConsumer

#: Exchange and key of a frame of actions; the exchange of a delay stands with its time to live.
_Way = tuple[int, str]
_AT_ONCE: Final = 0

#: Seconds for which a delay queue that did not take a message is passed over.
SICK_SECONDS: Final = 60.0


async def _all(sent: Iterable[Awaitable[None]]) -> None:
    """Each to its end, side by side. Raises the first failure."""
    work = tuple(sent)
    if len(work) == 1:  # as mostly, and then not worth a task
        await work[0]
        return
    for failure in await asyncio.gather(*work, return_exceptions=True):
        if failure is not None:
            raise failure


class RabbitBroker:
    """ports.Broker in the virtual host of *url*. Entering raises BrokerRefused."""

    #: a delay goes at most two hops
    horizon = topology.HORIZON
    #: it has them, on the disks of most of its nodes, and that is all that it can tell
    confirms_handling = False

    def __init__(self, clock: Clock, url: str, partitions: int, role: str = "") -> None:
        self._clock = clock
        self._partitions = partitions
        #: in the management UI it tells whose connections, consumers and queues these are
        self._name = ".".join(filter(None, (role, socket.gethostname(), str(os.getpid()), secrets.token_hex(2))))
        self._publisher = Publisher(url, self._name, partitions)
        self._link = Link(url, f"{self._name} consuming", self._up, self._down)
        self._mailbox = Mailbox(self._name, self._publisher)
        self._lists = TaskLists(self._name, self._link, self._publisher)
        self._consumptions: list[Consumption] = []
        #: delay queues that are passed over, and until when, on the loop's clock
        self._sick: dict[int, float] = {}
        self._frames: Frames[_Way] = Frames(self._send)
        self._stack = AsyncExitStack()

    async def __aenter__(self) -> Self:
        async with AsyncExitStack() as stack:
            await stack.enter_async_context(self._publisher.link)
            stack.push_async_callback(self._publisher.close)
            await stack.enter_async_context(self._link)
            stack.push_async_callback(self._mailbox.close)
            stack.push_async_callback(self._frames.close)
            stack.push_async_callback(self._lists.close)
            self._lists.spawn(self._lists.collect_for_ever())
            self._stack = stack.pop_all()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._stack.aclose()

    async def _up(self, connection: Connection) -> None:
        await self._mailbox.open(connection)
        for consumption in self._consumptions:
            await consumption.open(connection)

    def _down(self) -> None:
        self._mailbox.down()

    # ---- actions

    async def publish(self, actions: Sequence[Action]) -> None:
        ways: dict[_Way, list[Item]] = {}
        for action in actions:
            ways.setdefault(self._way(action, _AT_ONCE), []).append(self._item(action, _AT_ONCE))
        await _all(self._frames.put(way, items) for way, items in ways.items())

    async def request(self, action: Action) -> None:
        await self._frames.put(self._way(action, _AT_ONCE), [self._item(action, _AT_ONCE)])

    async def delay(self, action: Action, at: int) -> None:
        seconds = self._delay_seconds(max(at - self._clock.now(), 0))
        try:
            await self._frames.put(self._way(action, seconds), [self._item(action, at)])
        except BrokerUnavailable:
            if seconds and self._publisher.link.up:
                self._sick[seconds] = asyncio.get_running_loop().time() + SICK_SECONDS
            raise

    async def _on(self, action: Action, at: int) -> None:
        """Another hop. Raises BrokerUnavailable, also where it would only come back at once."""
        if self._delay_seconds(at - self._clock.now()) == _AT_ONCE:
            raise BrokerUnavailable("no delay queue takes it")
        await self.delay(action, at)

    def _delay_seconds(self, milliseconds: int) -> int:
        """The longest delay queue that *milliseconds* fill and that takes messages."""
        seconds = topology.delay_seconds(milliseconds)
        while seconds and self._sick.get(seconds, 0.0) > asyncio.get_running_loop().time():
            seconds = topology.delay_seconds(seconds * 1000 - 1)
        return seconds

    async def undelay(self, run_id: str) -> None:
        """What is on its way cannot be taken back."""

    def _way(self, action: Action, seconds: int) -> _Way:
        return seconds, topology.partition_key(names.partition_of(action.lane, self._partitions))

    def _item(self, action: Action, due: int) -> Item:
        reply_to = action.reply_to and self._mailbox.queue_of(action.reply_to)
        return Item(codec.encode_action(action, reply_to, due), codec.action_headers(action))

    async def _send(self, way: _Way, items: list[Item]) -> None:
        seconds, key = way
        body = codec.frame(item.body for item in items)
        headers = items[0].headers | ({"actions": len(items)} if len(items) > 1 else {})
        if seconds == _AT_ONCE:
            await self._publisher.send(topology.ACTIONS.name, key, body, headers)
        else:
            exchange = topology.delay_exchange(seconds)
            things: list[topology.Exchange | topology.Queue] = [exchange, topology.delay_queue(seconds)]
            await self._publisher.send_declared(things, exchange.name, key, body, headers, among=DELAYS)

    @asynccontextmanager
    async def consume(
        self, consumer: Callable[[Delivery[Action]], None], lost: Callable[[int], None]
    ) -> AsyncIterator[Ownership]:
        # Two consumers of one broker are two coordinators.
        name = f"{self._name}.{len(self._consumptions) + 1}"
        connection = self._link.connection
        consumption = Consumption(name, self._partitions, self._clock, self._publisher, self._on, consumer, lost)
        self._consumptions.append(consumption)
        try:
            await consumption.open(connection)
            yield consumption
        finally:
            self._consumptions.remove(consumption)
            await consumption.leave()

    # ---- replies

    async def reply(self, reply: Reply) -> None:
        self._mailbox.reply(reply)

    @asynccontextmanager
    async def replies(self, consumer: Callable[[Reply], None], lost: Callable[[], None]) -> AsyncIterator[str]:
        box = await self._mailbox.add(consumer, lost, self._link.connection)
        try:
            yield box.address
        finally:
            await self._mailbox.remove(box)

    # ---- tasks

    async def offer(self, tasks: Sequence[Task]) -> None:
        lists: dict[topology.Queue, list[Task]] = {}
        for task in tasks:
            lists.setdefault(topology.task_queue(task.task_list), []).append(task)
        await _all(self._offer(queue, waiting) for queue, waiting in lists.items())

    async def _offer(self, queue: topology.Queue, tasks: Sequence[Task]) -> None:
        # At first, and once: of tasks that wait for it the later ones could overtake the others.
        await self._publisher.declare([queue])
        await _all(self._put(queue, task) for task in tasks)

    async def _put(self, queue: topology.Queue, task: Task) -> None:
        headers = codec.task_headers(task)
        priority = topology.priority(task.priority)
        await self._publisher.send_declared(
            [queue], "", queue.name, codec.encode_task(task), headers, priority=priority
        )

    async def withdraw(self, tasks: Sequence[Task]) -> None:
        """What waits in a queue cannot be taken out of its middle."""

    @asynccontextmanager
    async def tasks(
        self, task_list: TaskList, consumer: Callable[[Delivery[Task]], None]
    ) -> AsyncIterator[TaskConsumer]:
        taker = Taker(task_list, consumer, self._lists)
        await taker.begin()
        try:
            yield taker
        finally:
            await taker.leave()

    # ---- the broker itself

    async def remembers(self) -> bool:
        return await self._publisher.remembers()

    async def recovered(self) -> None:
        await self._publisher.recovered()

    async def ping(self) -> None:
        self._link.connection  # noqa: B018  raises BrokerUnavailable
        await self._publisher.ping()
