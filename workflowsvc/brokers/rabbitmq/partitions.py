"""Actions on their way to the coordinator: one channel a partition, of which the broker feeds one among all processes.

Law: a partition is given up by closing its channel, never by cancelling its consumer: only so does the broker hand on
what was not settled, in order and before what is newer. A message is acknowledged when every action in it is settled;
an action that comes back meanwhile is delivered again from here.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine
from typing import Any, Final

from workflowsvc import names
from workflowsvc.brokers.errors import BrokerRefused
from workflowsvc.brokers.rabbitmq import codec, topology
from workflowsvc.brokers.rabbitmq.amqp import Arrived, Channel, Connection
from workflowsvc.brokers.rabbitmq.presence import Presence
from workflowsvc.brokers.rabbitmq.publisher import Publisher
from workflowsvc.brokers.rabbitmq.suspects import RETURNS, Suspects
from workflowsvc.jobs import Jobs, end
from workflowsvc.messages import Action
from workflowsvc.ports import BrokerUnavailable, Clock, Delivery

_LOG: Final = logging.getLogger(__name__)

#: Messages of a partition that are here unsettled at most. Each second's wake-ups are among them, a moment early.
PREFETCH: Final = 512
#: Seconds that what was begun is given before a partition is handed over, and between two hand-overs of one.
DRAIN_SECONDS: Final = 1.0
REST_SECONDS: Final = 1.0
#: Seconds that leaving takes at most. What is not given back by then goes with the connection.
LEAVE_SECONDS: Final = 3.0
_RETRY_SECONDS: Final = 0.5
#: Until what travelled together and was sent anew may be handled.
APART_MILLISECONDS: Final = 500

#: Sends an action to a partition again, later.
Later = Callable[[Action, int], Coroutine[Any, Any, None]]


class Frame:
    """A message of the broker and how many of its actions are still to be settled."""

    __slots__ = ("_tag", "open", "tenure")

    def __init__(self, tenure: Tenure, tag: int, actions: int) -> None:
        self.tenure = tenure
        self._tag = tag
        self.open = actions

    async def settle_one(self) -> None:
        self.open -= 1
        if self.open == 0:
            await self.tenure.acknowledge(self._tag)


class Suspect(Frame):
    __slots__ = ("settled",)

    def __init__(self, tenure: Tenure, tag: int) -> None:
        super().__init__(tenure, tag, 1)
        self.settled: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    async def settle_one(self) -> None:
        self.settled.set_result(None)
        await super().settle_one()


class ActionDelivery:
    """One attempt at an action. When it comes back another takes its place, and settling this one does nothing."""

    __slots__ = ("_frame", "_settled", "message", "redelivered")

    def __init__(self, frame: Frame, message: Action, redelivered: bool) -> None:
        self._frame = frame
        self._settled = False
        self.message = message
        self.redelivered = redelivered

    async def ack(self) -> None:
        if not self._settled:
            self._settled = True
            await self._frame.settle_one()

    async def requeue(self) -> None:
        if not self._settled:
            self._settled = True
            self._frame.tenure.deliver_again(ActionDelivery(self._frame, self.message, True))

    async def reject(self, reason: str) -> None:
        if not self._settled:
            self._settled = True
            await self._frame.tenure.park(codec.frame([codec.encode_action(self.message, "")]), reason)
            await self._frame.settle_one()


class Tenure:
    """A partition's channel from its opening to its end: what came by it is settled by it, or by nobody."""

    def __init__(self, partition: Partition, channel: Channel) -> None:
        self._partition = partition
        self.channel = channel
        #: something came: the broker has made this the active consumer
        self.active = False
        #: nothing is taken any more
        self.closing = False
        self._unsettled: set[int] = set()
        self._drained = asyncio.Event()
        self._drained.set()

    # -- arriving

    def arrived(self, message: Arrived) -> None:
        if self.closing:
            return
        self.active = True
        self._unsettled.add(message.tag)
        self._drained.clear()
        try:
            sent = codec.decode_actions(message.body)
        except codec.Undecodable as error:
            self._partition.spawn(self._set_aside(message, f"it cannot be read: {error}"))
            return
        returns = int(message.headers.get("x-delivery-count") or 0)
        if returns >= topology.REDELIVERIES:
            self._partition.spawn(self._set_aside(message, f"it came back {returns} times"))
            return
        now = self._partition.clock.now()
        if returns >= RETURNS and all(due <= now for _, due in sent):
            doubt = self._try_alone(message.tag, sent[0].action) if len(sent) == 1 else self._part(message.tag, sent)
            self._partition.spawn(doubt)
            return
        frame = Frame(self, message.tag, len(sent))
        for action, due in sent:
            delivery = ActionDelivery(frame, action, message.redelivered)
            if due <= now:
                self._partition.deliver(delivery)
            else:
                self._partition.spawn(self._when_due(delivery, due))
        if not sent:
            self._partition.spawn(self.acknowledge(message.tag))
        self._partition.consider()

    async def _when_due(self, delivery: ActionDelivery, due: int) -> None:
        """On to the next hop, or, for the last part of a second, wait here."""
        clock = self._partition.clock
        while topology.delay_seconds(due - clock.now()) and not self.closing:
            try:
                await self._partition.later(delivery.message, due)
            except BrokerUnavailable as error:
                _LOG.info("a delayed action waits here: %s", error)
                await asyncio.sleep(_RETRY_SECONDS)
            else:
                await delivery.ack()
                return
        await clock.wait_until(due)
        if not self.closing:
            self._partition.deliver(delivery)

    async def _try_alone(self, tag: int, action: Action) -> None:
        suspect = Suspect(self, tag)
        delivery = ActionDelivery(suspect, action, True)
        await self._partition.suspects.try_alone(
            lambda: self._partition.deliver(delivery), suspect.settled, self.channel.closed
        )

    async def _part(self, tag: int, sent: list[codec.Sent]) -> None:
        """What travelled together is sent anew, one by one, and begins to be counted anew."""
        while self.channel.open:
            # A moment later: when the guilty one of them strikes again, these are no more here together.
            due = self._partition.clock.now() + APART_MILLISECONDS
            try:
                await asyncio.gather(*(self._partition.send(action, due) for action, _ in sent))
            except BrokerUnavailable:
                await asyncio.sleep(_RETRY_SECONDS)
            else:
                await self.acknowledge(tag)
                return

    def deliver_again(self, delivery: ActionDelivery) -> None:
        if not self.closing and self.channel.open:
            # In the next turn: whoever gave it back may still be at it.
            asyncio.get_running_loop().call_soon(self._partition.deliver, delivery)

    async def _set_aside(self, message: Arrived, reason: str) -> None:
        await self.park(message.body, reason)
        await self.acknowledge(message.tag)

    async def park(self, body: bytes, reason: str) -> None:
        """Tried until it is done: what is poisonous must not come again, and must not be lost."""
        _LOG.error("poison: an action of %s: %s", self._partition.queue, reason)
        while self.channel.open:
            try:
                await self._partition.publisher.park(body, reason, self._partition.queue, {})
            except BrokerUnavailable:
                await asyncio.sleep(_RETRY_SECONDS)
            else:
                return

    # -- settling

    async def acknowledge(self, tag: int) -> None:
        self._unsettled.discard(tag)
        if not self._unsettled:
            self._drained.set()
        try:
            await self.channel.ack(tag)
        except BrokerUnavailable as error:
            _LOG.debug("an acknowledgement came too late: %s", error)

    async def drain(self) -> None:
        """Take nothing more, and let what was begun come to its end."""
        self.closing = True
        try:
            async with asyncio.timeout(DRAIN_SECONDS):
                await self._drained.wait()
        except TimeoutError:
            _LOG.info("%s is handed over with %d messages unsettled", self._partition.queue, len(self._unsettled))
        await self.channel.close()


class Partition:
    """One partition: a standing application to be its consumer, renewed whenever its channel ends."""

    def __init__(self, number: int, consumption: Consumption) -> None:
        self.number = number
        self.queue = topology.partition_queue(number).name
        self.clock = consumption.clock
        self.publisher = consumption.publisher
        self.later = consumption.later
        self.deliver = consumption.deliver
        self.spawn = consumption.spawn
        self.suspects = consumption.suspects
        self._consumption = consumption
        self._tenure: Tenure | None = None
        self._handing_over = False
        self._handed_over_at = 0.0

    async def open(self, connection: Connection) -> None:
        """Raises BrokerUnavailable."""
        channel = await connection.channel()
        if self._consumption.leaving:
            await channel.close()
            return
        # It begins before the consumer does: the first delivery may come before the answer, and find us leaving.
        tenure = self._tenure = Tenure(self, channel)
        channel.on_cancelled(lambda _: self.spawn(self._deleted(channel)))
        try:
            await channel.prefetch(PREFETCH)
            await channel.declare(topology.partition_queue(self.number))
            await channel.consume(self.queue, self._consumption.name, tenure.arrived)
        except BaseException:
            self._ended(tenure)
            await channel.close()
            raise
        channel.closed.add_done_callback(lambda _: self._closed(tenure, connection))

    async def _deleted(self, channel: Channel) -> None:
        await channel.close()
        await self.publisher.lost(self.queue)

    def _closed(self, tenure: Tenure, connection: Connection) -> None:
        if self._ended(tenure) and connection.open and not self._consumption.leaving:
            self.spawn(self._reopen(connection))

    def _ended(self, tenure: Tenure) -> bool:
        """Whether it was the one that counts: after a lost connection there is another by now."""
        tenure.closing = True
        if tenure.active:
            self._consumption.lost(self.number)
        current = self._tenure is tenure
        if current:
            self._tenure = None
        return current

    async def _reopen(self, connection: Connection) -> None:
        while connection.open and not self._consumption.leaving:
            try:
                await self.open(connection)
            except (BrokerUnavailable, BrokerRefused) as error:
                _LOG.warning("%s is not consumed: %s", self.queue, error)
                await asyncio.sleep(_RETRY_SECONDS)
            else:
                return

    async def send(self, action: Action, due: int) -> None:
        """Put an action into the partition once more. Raises BrokerUnavailable."""
        body = codec.frame([codec.encode_action(action, action.reply_to, due)])
        key = topology.partition_key(self.number)
        await self.publisher.send(topology.ACTIONS.name, key, body, codec.action_headers(action))

    def consider(self) -> None:
        """Hand over what is here and is to be elsewhere: by leaving the line of those who wait, and joining it last."""
        tenure = self._tenure
        if tenure is None or not tenure.active or self._handing_over:
            return
        if self._consumption.presence.is_mine(self.number) or self._consumption.leaving:
            return
        if asyncio.get_running_loop().time() - self._handed_over_at < REST_SECONDS:
            return
        self._handing_over = True
        self.spawn(self._hand_over(tenure))

    async def _hand_over(self, tenure: Tenure) -> None:
        try:
            await tenure.drain()
        finally:
            self._handing_over = False
            self._handed_over_at = asyncio.get_running_loop().time()

    async def leave(self) -> None:
        if self._tenure is not None:
            await self._tenure.drain()


class Consumption:
    """All partitions, for one consumer."""

    def __init__(
        self,
        name: str,
        partitions: int,
        clock: Clock,
        publisher: Publisher,
        later: Later,
        deliver: Callable[[Delivery[Action]], None],
        lost: Callable[[int], None],
    ) -> None:
        self.name = name
        self.clock = clock
        self.publisher = publisher
        self.later = later
        self.deliver = deliver
        self.lost = lost
        self.leaving = False
        self._jobs = Jobs()
        self.spawn = self._jobs.start
        self.suspects = Suspects()
        self.presence = Presence(name, partitions, publisher, self._consider, self.spawn)
        self._partitions = [Partition(number, self) for number in range(partitions)]
        self.spawn(self.presence.beat_for_ever())
        self.spawn(self._consider_for_ever())

    def owns(self, lane: int) -> bool:
        return self.presence.is_mine(names.partition_of(lane, len(self._partitions)))

    async def open(self, connection: Connection) -> None:
        """Raises BrokerUnavailable."""
        await self.presence.open(connection)
        for partition in self._partitions:
            await partition.open(connection)

    async def leave(self) -> None:
        self.leaving = True
        await end([asyncio.create_task(self._leave())], after=LEAVE_SECONDS)
        await self._jobs.end()

    async def _leave(self) -> None:
        await self.presence.leave()
        await asyncio.gather(*(partition.leave() for partition in self._partitions))

    def _consider(self) -> None:
        for partition in self._partitions:
            partition.consider()

    async def _consider_for_ever(self) -> None:
        """A partition that may not yet be handed over again is looked at later."""
        while True:
            await asyncio.sleep(REST_SECONDS)
            self._consider()
