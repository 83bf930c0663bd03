"""Replies: a queue of one's own for each requester, of a fresh name on every connection.

Law: an address outside is a name that stays; inside it stands for the queue of the day. A reply is on its way until it
is delivered, nobody is there to take it, or nobody can be waiting any more.
"""

from __future__ import annotations

import asyncio
import itertools
import logging
import secrets
from collections.abc import Callable
from typing import Final

from workflowsvc.brokers.rabbitmq import codec, topology
from workflowsvc.brokers.rabbitmq.amqp import Arrived, Channel, Connection, Unroutable
from workflowsvc.brokers.rabbitmq.frames import Frames, Item
from workflowsvc.brokers.rabbitmq.publisher import REPLIES, Publisher
from workflowsvc.messages import Reply
from workflowsvc.ports import BrokerUnavailable

_LOG: Final = logging.getLogger(__name__)

#: Seconds for which an undeliverable reply is tried again, and between two attempts.
PATIENCE_SECONDS: Final = 30.0
_RETRY_SECONDS: Final = 0.25
#: Seconds for which it is tried when the process ends: its action is acknowledged, so nobody else will send it.
LAST_SECONDS: Final = 1.0


class Box:
    def __init__(self, address: str, consumer: Callable[[Reply], None], lost: Callable[[], None]) -> None:
        self.address = address
        #: "" while there is none
        self.queue = ""
        self._consumer = consumer
        self._lost = lost
        self._channel: Channel | None = None
        self._closed = False

    async def open(self, name: str, connection: Connection) -> None:
        """Raises BrokerUnavailable."""
        queue = topology.reply_queue(f"{name}.{secrets.token_hex(4)}")
        channel = await connection.channel()
        await channel.declare(queue)
        await channel.consume(queue.name, name, self._arrived, no_ack=True)
        channel.on_cancelled(connection.give_up)
        channel.closed.add_done_callback(lambda _: self._has_closed(connection))
        self.queue = queue.name
        again, self._channel = self._channel is not None, channel
        if again:
            self._lost()

    async def close(self) -> None:
        """The queue goes with its consumer."""
        self._closed = True
        if self._channel is not None:
            await self._channel.close()

    def _has_closed(self, connection: Connection) -> None:
        """Deaf on a connection that is well, it would not be noticed by anybody."""
        if not self._closed:
            connection.give_up()

    def _arrived(self, message: Arrived) -> None:
        try:
            replies = codec.decode_replies(message.body)
        except codec.Undecodable as error:
            _LOG.error("replies that cannot be read: %s", error)
            return
        for reply in replies:
            self._consumer(reply)


class Mailbox:
    def __init__(self, name: str, publisher: Publisher) -> None:
        self._name = name
        self._publisher = publisher
        self._numbers = itertools.count(1)
        self._boxes: dict[str, Box] = {}
        self._frames: Frames[str] = Frames(self._send)

    async def open(self, connection: Connection) -> None:
        """All of them, on a new connection. Raises BrokerUnavailable."""
        for box in tuple(self._boxes.values()):
            await box.open(self._name, connection)

    def down(self) -> None:
        for box in self._boxes.values():
            box.queue = ""

    async def add(self, consumer: Callable[[Reply], None], lost: Callable[[], None], connection: Connection) -> Box:
        """Raises BrokerUnavailable."""
        box = Box(f"{self._name}.{next(self._numbers)}", consumer, lost)
        await box.open(self._name, connection)
        self._boxes[box.address] = box
        return box

    async def remove(self, box: Box) -> None:
        self._boxes.pop(box.address, None)
        await box.close()

    def queue_of(self, address: str) -> str:
        """Where replies to the address are to be sent from anywhere. Raises BrokerUnavailable while that is nowhere."""
        box = self._boxes.get(address)
        if box is None:
            return address
        if not box.queue:
            raise BrokerUnavailable("replies could not arrive now")
        return box.queue

    def reply(self, reply: Reply) -> None:
        try:
            queue = self.queue_of(reply.to)
        except BrokerUnavailable:
            return  # the requester is this very broker, and asks again
        self._frames.put(queue, [Item(codec.encode_reply(reply), codec.reply_headers(reply))])

    async def close(self) -> None:
        await self._frames.close(after=LAST_SECONDS)

    async def _send(self, queue: str, items: list[Item]) -> None:
        """It never fails: whoever replies does not wait, and could do nothing about it."""
        body = codec.frame(item.body for item in items)
        headers = items[0].headers | ({"replies": len(items)} if len(items) > 1 else {})
        give_up = asyncio.get_running_loop().time() + PATIENCE_SECONDS
        while asyncio.get_running_loop().time() < give_up:
            try:
                await self._publisher.send("", queue, body, headers, durable=False, among=REPLIES)
            except Unroutable:
                _LOG.debug("nobody waits for replies at %s any more", queue)
            except BrokerUnavailable:
                await asyncio.sleep(_RETRY_SECONDS)
                continue
            return
        _LOG.warning("%d replies to %s were given up: the broker is away", len(items), queue)
