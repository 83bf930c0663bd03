"""Tasks that wait for a poller: each free poll is one consumer of the list's queue, with room for one task.

Law: never more room than there are free polls. AMQP gives a consumer its next message when the last one is settled,
so settling waits, for a moment, until somebody polls again: then it brings the next task without another word to the
broker. If nobody does, the consumer is cancelled first and the task settled after.
"""

from __future__ import annotations

import asyncio
import itertools
import logging
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import Final, NamedTuple

from workflowsvc.brokers.rabbitmq import codec, topology
from workflowsvc.brokers.rabbitmq.amqp import Arrived, Channel, Connection, Link
from workflowsvc.brokers.rabbitmq.publisher import Publisher
from workflowsvc.jobs import Jobs
from workflowsvc.messages import Task, TaskList
from workflowsvc.ports import BrokerUnavailable, Delivery

_LOG: Final = logging.getLogger(__name__)

#: Seconds that a settled task waits for the next poll: workers come back at once.
HOLD_SECONDS: Final = 0.5
_RETRY_SECONDS: Final = 0.5
#: A connection has room for 2,047 channels.
LISTS_A_CHANNEL: Final = 32
#: Seconds after which a queue that nobody used here is offered for removal.
COLLECT_SECONDS: Final = 600.0

_tags: Final = itertools.count(1)


class TaskDelivery:
    __slots__ = ("_settled", "_taker", "consumer", "message", "redelivered", "tag")

    def __init__(self, taker: Taker, consumer: str, tag: int, message: Task, redelivered: bool) -> None:
        self._taker = taker
        self._settled = False
        self.consumer = consumer
        self.tag = tag
        self.message = message
        self.redelivered = redelivered

    def _settle(self) -> bool:
        """Whether it was still to be settled."""
        first, self._settled = not self._settled, True
        return first

    async def ack(self) -> None:
        if self._settle():
            self._taker.hold(self)

    async def requeue(self) -> None:
        if self._settle():
            await self._taker.give_back(self)

    async def reject(self, reason: str) -> None:
        if self._settle():
            await self._taker.park(codec.encode_task(self.message), reason)
            self._taker.hold(self)


class _Held(NamedTuple):
    consumer: str
    tag: int
    since: float


class Taker:
    """ports.TaskConsumer of one list. After a lost channel it begins anew, with the credit that it had."""

    def __init__(self, task_list: TaskList, deliver: Callable[[Delivery[Task]], None], lists: TaskLists) -> None:
        self.queue = topology.task_queue(task_list)
        self._deliver = deliver
        self._lists = lists
        self._loop = asyncio.get_running_loop()
        self._wanted = 0
        self._changed = asyncio.Event()
        self._channel: Channel | None = None
        #: the queue was deleted
        self._gone = False
        self._leaving = False
        #: consumers that wait for a task
        self._idle: list[str] = []
        self._lent: dict[int, TaskDelivery] = {}
        #: settled, and not yet said so to the broker
        self._held: deque[_Held] = deque()
        self._worker: asyncio.Task[None]

    def credit(self, wanted: int) -> None:
        self._wanted = wanted
        self._changed.set()

    # ---- lifetime

    async def begin(self) -> None:
        """Raises BrokerUnavailable."""
        self._channel = await self._lists.channel(self)
        self._worker = self._lists.spawn(self._work())
        self._worker.set_name(f"consuming {self.queue.name}")

    async def leave(self) -> None:
        """Whoever cannot wait for it may be cancelled: the worker goes on, and ends with the lists."""
        self._leaving = True
        self._changed.set()
        await asyncio.wait([self._worker])

    async def _work(self) -> None:
        while not self._leaving:
            try:
                if self._channel is None:
                    self._channel = await self._lists.channel(self)
                await self._serve(self._channel)
            except BrokerUnavailable as error:
                # Of a lost connection the link has told already, once for all lists.
                _LOG.log(logging.WARNING if self._lists.up else logging.DEBUG, "%s: %s", self.queue.name, error)
            await self._end()
            if not self._leaving:
                await asyncio.sleep(_RETRY_SECONDS)

    async def _serve(self, channel: Channel) -> None:
        self._gone = False
        channel.closed.add_done_callback(self._has_closed)
        try:
            while channel.open and not self._gone and not self._leaving:
                self._changed.clear()
                await self._adjust(channel)
                await self._wait(HOLD_SECONDS if self._held else None)
        finally:
            channel.closed.remove_done_callback(self._has_closed)

    def _has_closed(self, _: object) -> None:
        self._changed.set()

    async def _end(self) -> None:
        """Cancel first, then settle: so nothing comes any more. What comes of lent tasks is told to nobody."""
        channel, self._channel = self._channel, None
        lent, held, idle = tuple(self._lent.values()), tuple(self._held), tuple(self._idle)
        self._lent.clear()
        self._held.clear()
        self._idle.clear()
        if channel is None:
            return
        with suppress(BrokerUnavailable):
            busy = [delivery.consumer for delivery in lent] + [done.consumer for done in held]
            for consumer in (*idle, *busy):
                await channel.cancel(consumer)
            for done in held:
                await channel.ack(done.tag)
            for delivery in lent:
                await channel.give_back(delivery.tag)
        await self._lists.release(channel, self)

    async def _wait(self, seconds: float | None) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._changed.wait()

    async def _adjust(self, channel: Channel) -> None:
        while self._wanted > len(self._idle):
            if self._held:
                held = self._held.popleft()
                self._idle.append(held.consumer)
                await channel.ack(held.tag)
            else:
                consumer = f"{self._lists.name} {next(_tags)}"
                self._idle.append(consumer)
                await channel.consume(self.queue.name, consumer, partial(self._arrived, consumer))
        while self._wanted < len(self._idle):
            await channel.cancel(self._idle.pop())
        long_ago = self._loop.time() - HOLD_SECONDS
        while self._held and self._held[0].since <= long_ago:
            held = self._held.popleft()
            await channel.cancel(held.consumer)
            await channel.ack(held.tag)

    def cancelled(self, consumer: str) -> None:
        """The broker cancelled it: the queue has gone. All begin anew, and declare it first."""
        lent = (delivery.consumer for delivery in self._lent.values())
        if consumer in {*self._idle, *lent, *(held.consumer for held in self._held)}:
            self._lists.spawn(self._lists.publisher.lost(self.queue.name))
            self._gone = True
            self._changed.set()

    # ---- tasks

    def _arrived(self, consumer: str, message: Arrived) -> None:
        channel = self._channel
        if channel is None:
            return
        if consumer not in self._idle or self._wanted <= 0:
            # It was cancelled, or is about to be, while this was on its way.
            self._lists.spawn(self._refuse(channel, consumer, message.tag))
            return
        self._idle.remove(consumer)
        try:
            task = codec.decode_task(message.body)
        except codec.Undecodable as error:
            self._lists.spawn(self._set_aside(consumer, message, f"it cannot be read: {error}"))
            return
        self._wanted -= 1
        delivery = self._lent[message.tag] = TaskDelivery(self, consumer, message.tag, task, message.redelivered)
        self._deliver(delivery)

    async def _refuse(self, channel: Channel, consumer: str, tag: int) -> None:
        with suppress(BrokerUnavailable, ValueError):
            if consumer in self._idle:
                self._idle.remove(consumer)
                await channel.cancel(consumer)
            await channel.give_back(tag)
        self._changed.set()

    async def _set_aside(self, consumer: str, message: Arrived, reason: str) -> None:
        await self.park(message.body, reason)
        self._held.append(_Held(consumer, message.tag, 0.0))
        self._changed.set()

    def hold(self, delivery: TaskDelivery) -> None:
        if self._lent.pop(delivery.tag, None) is delivery:
            self._held.append(_Held(delivery.consumer, delivery.tag, self._loop.time()))
            self._changed.set()

    async def give_back(self, delivery: TaskDelivery) -> None:
        channel = self._channel
        if channel is not None and self._lent.pop(delivery.tag, None) is delivery:
            with suppress(BrokerUnavailable):
                await channel.cancel(delivery.consumer)
                await channel.give_back(delivery.tag)

    async def park(self, body: bytes, reason: str) -> None:
        _LOG.error("poison: a task of %s: %s", self.queue.name, reason)
        with suppress(BrokerUnavailable):
            await self._lists.publisher.park(body, reason, self.queue.name, {})


class TaskLists:
    """The lists that are consumed here, on the channels of the consuming connection."""

    def __init__(self, name: str, link: Link, publisher: Publisher) -> None:
        self.name = name
        self.publisher = publisher
        self._link = link
        self._users: dict[Channel, set[Taker]] = {}
        self._opening = asyncio.Lock()
        self._jobs = Jobs()
        self.spawn = self._jobs.start

    @property
    def up(self) -> bool:
        return self._link.up and self.publisher.link.up

    async def channel(self, taker: Taker) -> Channel:
        """A channel with room for another list. The list's queue is there. Raises BrokerUnavailable."""
        # Another process may have removed it since: idle and empty ones are. Consuming what is not there closes the
        # channel, on all its lists.
        self.publisher.forget(taker.queue)
        await self.publisher.declare([taker.queue])
        async with self._opening:
            for channel, users in self._users.items():
                if channel.open and len(users) < LISTS_A_CHANNEL:
                    users.add(taker)
                    return channel
            channel = await self._open(self._link.connection)
            self._users[channel] = {taker}
            return channel

    async def _open(self, connection: Connection) -> Channel:
        channel = await connection.channel()
        await channel.prefetch(1)
        channel.on_cancelled(lambda consumer: self._cancelled(channel, consumer))
        return channel

    def _cancelled(self, channel: Channel, consumer: str) -> None:
        for taker in tuple(self._users.get(channel, ())):
            taker.cancelled(consumer)

    async def release(self, channel: Channel, taker: Taker) -> None:
        users = self._users.get(channel, set())
        users.discard(taker)
        if not users or not channel.open:
            self._users.pop(channel, None)
            await channel.close()

    async def close(self) -> None:
        await self._jobs.end()

    # ---- lists that nobody uses

    async def collect_for_ever(self) -> None:
        """Queues that nobody has used for a while, at this process, go if they are empty and nobody consumes them."""
        while True:
            await asyncio.sleep(COLLECT_SECONDS)
            for queue in self.publisher.unused(COLLECT_SECONDS):
                with suppress(BrokerUnavailable):
                    await self.publisher.remove_unused(queue)
