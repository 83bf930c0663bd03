"""Everything that is sent: on one connection of its own, confirmed, declared before its first use.

Law: a publish that is not confirmed in time is BrokerUnavailable, and what it used is not trusted any more. Task lists
and delays are declared when they are first used; what was deleted by hand comes back as unroutable, and is declared
anew.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from typing import Final
from weakref import WeakValueDictionary

from workflowsvc.brokers.errors import BrokerRefused
from workflowsvc.brokers.rabbitmq import topology
from workflowsvc.brokers.rabbitmq.amqp import Channel, Connection, Headers, Link, Missing, Unconfirmed, Unroutable
from workflowsvc.brokers.rabbitmq.topology import Exchange, Queue
from workflowsvc.jobs import Jobs
from workflowsvc.ports import BrokerUnavailable

_LOG: Final = logging.getLogger(__name__)

#: Kinds of messages that must not wait for one another's confirms.
WORK: Final = "work"
REPLIES: Final = "replies"
#: A quorum queue without a leader confirms nothing, and soon stops the channel that publishes to it.
DELAYS: Final = "delays"


class Publisher:
    def __init__(self, url: str, name: str, partitions: int) -> None:
        self._partitions = partitions
        self.link = Link(url, f"{name} publishing", self._up, self._down)
        self._channels: dict[str, Channel] = {}
        self._opening = asyncio.Lock()
        #: what was declared on this connection, and when it was last used, on the loop's clock
        self._declared: dict[Exchange | Queue, float] = {}
        #: by name: what does not answer holds up nothing else
        self._declaring: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()
        self._jobs = Jobs()

    async def _up(self, connection: Connection) -> None:
        async with connection.throwaway() as channel:
            for thing in topology.standing(self._partitions):
                await channel.declare(thing)

    def _down(self) -> None:
        self._channels.clear()
        self._declared.clear()

    async def close(self) -> None:
        await self._jobs.end()

    # ---- sending

    async def send(
        self,
        exchange: str,
        key: str,
        body: bytes,
        headers: Headers,
        *,
        priority: int = 0,
        durable: bool = True,
        among: str = WORK,
    ) -> None:
        """Returned means confirmed. Raises BrokerUnavailable, Unroutable."""
        channel = await self._channel(among)
        try:
            await channel.publish(exchange, key, body, headers, priority=priority, durable=durable)
        except Unconfirmed:
            if self._channels.get(among) is channel:
                del self._channels[among]
                self._jobs.start(channel.close())
            raise

    async def send_declared(
        self,
        things: Sequence[Exchange | Queue],
        exchange: str,
        key: str,
        body: bytes,
        headers: Headers,
        *,
        priority: int = 0,
        among: str = WORK,
    ) -> None:
        """Likewise, to what *things* are; where somebody deleted them they are made anew."""
        await self.declare(things)
        try:
            await self.send(exchange, key, body, headers, priority=priority, among=among)
        except (Unroutable, Missing):
            self.forget(*things)
            await self.declare(things)
            await self.send(exchange, key, body, headers, priority=priority, among=among)

    async def park(self, body: bytes, reason: str, origin: str, headers: Headers) -> None:
        """Raises BrokerUnavailable."""
        marked = {**headers, "reason": reason[:1000], "from": origin}
        await self.send(topology.POISON, "", body, marked)

    async def _channel(self, among: str) -> Channel:
        channel = self._channels.get(among)
        if channel is not None and channel.open:
            return channel
        async with self._opening:
            channel = self._channels.get(among)
            if channel is None or not channel.open:
                channel = self._channels[among] = await self.link.connection.channel()
        return channel

    # ---- declaring

    async def declare(self, things: Sequence[Exchange | Queue]) -> None:
        """Unless that was done on this connection. Raises BrokerUnavailable."""
        now = asyncio.get_running_loop().time()
        if all(thing in self._declared for thing in things):
            self._declared.update((thing, now) for thing in things)
            return
        async with self._lock(things[-1]):
            missing = [thing for thing in things if thing not in self._declared]
            if missing:
                await self._declare(missing, now)

    def _lock(self, thing: Exchange | Queue) -> asyncio.Lock:
        return self._declaring.setdefault(thing.name, asyncio.Lock())

    async def _declare(self, things: Sequence[Exchange | Queue], now: float) -> None:
        async with self.link.connection.throwaway() as channel:
            for thing in things:
                try:
                    await channel.declare(thing)
                except BrokerRefused as refused:
                    _LOG.error("the broker has something else by this name: %s", refused)
                    raise BrokerUnavailable(str(refused)) from refused
                self._declared[thing] = now

    def forget(self, *things: Exchange | Queue) -> None:
        """They may have gone."""
        for thing in things:
            self._declared.pop(thing, None)

    def unused(self, seconds: float) -> list[Exchange | Queue]:
        """Task lists declared here and not used for so long."""
        then = asyncio.get_running_loop().time() - seconds
        return [it for it, at in self._declared.items() if at < then and it.name.startswith(topology.TASKS)]

    async def remove_unused(self, queue: Exchange | Queue) -> bool:
        """Delete a queue that nobody consumes and that holds nothing. Raises BrokerUnavailable."""
        async with self._lock(queue), self.link.connection.throwaway() as channel:
            self._declared.pop(queue, None)
            removed = await channel.remove(queue.name)
            if not removed:
                self._declared[queue] = asyncio.get_running_loop().time()
            return removed

    # ---- whether the broker has lost what it held

    async def remembers(self) -> bool:
        async with self.link.connection.throwaway() as channel:
            return await channel.exists(topology.RECOVERED.name)

    async def recovered(self) -> None:
        async with self.link.connection.throwaway() as channel:
            await channel.declare(topology.RECOVERED)

    async def lost(self, queue: str) -> None:
        """A queue has gone, and with it what it held: no longer is all that must be in flight known to be there."""
        _LOG.warning("%s was deleted: what it held is to be sent anew", queue)
        try:
            async with self.link.connection.throwaway() as channel:
                await channel.remove_exchange(topology.RECOVERED.name)
        except BrokerUnavailable as error:
            _LOG.warning("what %s held may be missing for a while: %s", queue, error)

    async def ping(self) -> None:
        async with self.link.connection.throwaway() as channel:
            await channel.exists(topology.ACTIONS.name)
