"""Which coordinators live, and so which partitions each is to have.

Law: an opinion and nothing more. Two coordinators may differ for a while; who handles a partition is decided by the
broker, who may write by the store.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine
from contextlib import suppress
from typing import Any, Final

import msgspec

from workflowsvc.brokers.rabbitmq import topology
from workflowsvc.brokers.rabbitmq.amqp import Arrived, Connection
from workflowsvc.brokers.rabbitmq.publisher import REPLIES, Publisher
from workflowsvc.ports import BrokerUnavailable

_LOG: Final = logging.getLogger(__name__)

#: Seconds between two signs of life, and after which one that gave none is gone.
BEAT_SECONDS: Final = 1.0
GONE_SECONDS: Final = 3.5
#: Seconds that a farewell may take. Without one the others find out.
FAREWELL_SECONDS: Final = 1.0


class _Beat(msgspec.Struct, frozen=True):
    name: str
    leaving: bool = False


_encode: Final = msgspec.json.Encoder().encode
_decode: Final = msgspec.json.Decoder(_Beat).decode


class Presence:
    """*changed* is called when partitions are to be shared out anew."""

    def __init__(
        self,
        name: str,
        partitions: int,
        publisher: Publisher,
        changed: Callable[[], None],
        spawn: Callable[[Coroutine[Any, Any, None]], object],
    ) -> None:
        self._name = name
        self._partitions = partitions
        self._publisher = publisher
        self._changed = changed
        self._spawn = spawn
        #: when the others were last heard, on the loop's clock
        self._heard: dict[str, float] = {}
        self._owners: list[str] = []
        self._share_out()

    def is_mine(self, partition: int) -> bool:
        return self._owners[partition] == self._name

    async def open(self, connection: Connection) -> None:
        """Listen on a new connection. Raises BrokerUnavailable."""
        queue = topology.presence_queue(self._name)
        channel = await connection.channel()
        await channel.declare(queue)
        await channel.consume(queue.name, self._name, self._arrived, no_ack=True)
        channel.on_cancelled(connection.give_up)

    async def beat_for_ever(self) -> None:
        while True:
            await self._say()
            await asyncio.sleep(BEAT_SECONDS)
            now = asyncio.get_running_loop().time()
            self._keep({name: at for name, at in self._heard.items() if at > now - GONE_SECONDS})

    async def leave(self) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(FAREWELL_SECONDS):
                await self._say(leaving=True)

    def _arrived(self, message: Arrived) -> None:
        try:
            beat = _decode(message.body)
        except msgspec.DecodeError as error:
            _LOG.warning("a sign of life that makes no sense: %s", error)
            return
        if beat.name == self._name:
            return
        if beat.leaving:
            self._keep({name: at for name, at in self._heard.items() if name != beat.name})
            return
        stranger = beat.name not in self._heard
        self._keep({**self._heard, beat.name: asyncio.get_running_loop().time()})
        if stranger:
            # It has just begun and knows nobody: it need not wait for the next beat.
            self._spawn(self._say())

    def _keep(self, heard: dict[str, float]) -> None:
        same = heard.keys() == self._heard.keys()
        self._heard = heard
        if not same:
            self._share_out()
            self._changed()

    def _share_out(self) -> None:
        self._owners = topology.owners(self._partitions, {self._name, *self._heard})

    async def _say(self, *, leaving: bool = False) -> None:
        body = _encode(_Beat(self._name, leaving))
        try:
            await self._publisher.send(topology.COORDINATORS.name, "", body, {}, durable=False, among=REPLIES)
        except BrokerUnavailable as error:
            _LOG.debug("a sign of life was not given: %s", error)
