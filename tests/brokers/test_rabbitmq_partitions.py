"""Partitions on RabbitMQ: who has which, how they change hands, and what comes back again and again.

Law: consumers are told apart as an operator tells them, by their tags.
"""

from __future__ import annotations

import asyncio
import json
from collections import Counter, defaultdict
from collections.abc import Callable

import pytest

from tests.brokers.conftest import Brokers
from tests.brokers.inbox import PATIENCE, Inbox, action, publishing, whatever
from tests.brokers.rabbit import Rabbit, eventually
from workflowsvc.brokers.rabbitmq import RabbitBroker, topology
from workflowsvc.messages import Action
from workflowsvc.ports import Delivery

Actions = Inbox[Delivery[Action]]

PARTITIONS = 8


async def hold(broker: RabbitBroker, deliver: Callable[[Delivery[Action]], None]) -> asyncio.Task[None]:
    """Consumes until it is cancelled."""
    begun = asyncio.Event()

    async def consume() -> None:
        async with broker.consume(deliver, whatever):
            begun.set()
            await asyncio.Event().wait()

    consuming = asyncio.create_task(consume())
    async with asyncio.timeout(PATIENCE):
        await begun.wait()
    return consuming


async def leave(consuming: asyncio.Task[None]) -> None:
    consuming.cancel()
    await asyncio.wait([consuming])


class Who(Inbox[tuple[str, Delivery[Action]]]):
    """Which consumer gets what comes by each partition."""

    async def asked(self, broker: RabbitBroker) -> dict[int, str]:
        await broker.publish([action("who?", lane=lane) for lane in range(PARTITIONS)])
        found = {}
        while len(found) < PARTITIONS:
            name, delivery = await self.next()
            found[delivery.message.lane] = name
            await delivery.ack()
        return found

    async def shared_out(self, broker: RabbitBroker, expected: list[int]) -> dict[int, str]:
        """A consumer learns that it is the active one by what comes: until then it cannot hand over."""
        async with asyncio.timeout(PATIENCE):
            while sorted(Counter((found := await self.asked(broker)).values()).values()) != expected:  # noqa: ASYNC110
                await asyncio.sleep(0.1)
            return found


async def test_partitions_are_shared_out_evenly_and_anew_when_one_comes_or_goes(
    brokers: Brokers, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("workflowsvc.brokers.rabbitmq.partitions.REST_SECONDS", 0.1)
    who, publisher = Who(), await brokers("publisher", PARTITIONS)
    consuming = []
    for name, expected in (("one", [8]), ("two", [4, 4]), ("three", [2, 3, 3])):
        consumer = await brokers(name, PARTITIONS)
        consuming.append(await hold(consumer, lambda delivery, name=name: who((name, delivery))))  # type: ignore[misc]
        await who.shared_out(publisher, expected)
    for expected in ([4, 4], [8]):
        await leave(consuming.pop())
        await who.shared_out(publisher, expected)
    await leave(consuming.pop())


async def test_a_partition_changes_hands_in_order_with_what_was_not_settled_first(brokers: Brokers) -> None:
    """What was begun is finished where it is: the newcomer gets the rest, as redelivered, before what is new."""
    old, new = await brokers("old", PARTITIONS), await brokers("new", PARTITIONS)
    had, has = Actions(), Actions()
    consuming = [await hold(old, had)]
    for number in range(4):
        await old.publish([action(f"{lane}.{number}", lane=lane) for lane in range(PARTITIONS)])
    for delivery in await had.take(4 * PARTITIONS):
        if delivery.message.id.endswith(".0"):
            await delivery.ack()
    consuming.append(await hold(new, has))
    # Half of them move. The last action of each lane comes by the hands that it is in by then.
    came = defaultdict(list)
    for delivery in await has.take(3 * PARTITIONS // 2):
        came[delivery.message.lane].append(delivery)
    async with publishing(new, *(action(f"{lane}.4", lane=lane) for lane in came)):
        for delivery in await has.take(PARTITIONS // 2):
            came[delivery.message.lane].append(delivery)
    for lane, deliveries in came.items():
        assert [one.message.id for one in deliveries] == [f"{lane}.{number}" for number in (1, 2, 3, 4)]
        assert [one.redelivered for one in deliveries] == [True, True, True, False]
    for consumer in consuming:
        await leave(consumer)


async def test_whoever_loses_a_partition_is_told_before_it_gets_more_of_it(broker: RabbitBroker) -> None:
    told: list[object] = []
    arrived = Inbox[None]()

    def deliver(delivery: Delivery[Action]) -> None:
        told.append(delivery.message.id)
        arrived(None)

    async with broker.consume(deliver, told.append):
        await broker.publish([action("a", lane=2)])
        await arrived.next()
        tenure = broker._consumptions[0]._partitions[2]._tenure
        assert tenure is not None
        await tenure.channel.close()
        await arrived.next()
    assert told[:3] == ["a", 2, "a"]


# ---- what comes back again and again -------------------------------------------------------------------------


class Mortal:
    """A consumer that dies of one action: all that it has is lost with it, and it begins anew."""

    def __init__(self, broker: RabbitBroker, deadly: str) -> None:
        self._broker = broker
        self._deadly = deadly
        self.alive = True
        self.deaths = 0
        self.done = Counter[str]()
        self.settled = asyncio.Event()

    def lost(self, partition: int) -> None:
        self.alive = True

    def deliver(self, delivery: Delivery[Action]) -> None:
        if self.alive and delivery.message.id == self._deadly:
            self.alive = False
            self.deaths += 1
            tenure = self._broker._consumptions[0]._partitions[0]._tenure
            assert tenure is not None
            self._broker._consumptions[0].spawn(tenure.channel.close())
        self._broker._consumptions[0].spawn(self._settle(delivery))

    async def _settle(self, delivery: Delivery[Action]) -> None:
        await asyncio.sleep(0)
        if self.alive:
            await delivery.ack()
            self.done[delivery.message.id] += 1
            self.settled.set()


@pytest.mark.parametrize("together", [True, False], ids=["in one message", "in messages of their own"])
async def test_what_its_consumer_dies_of_is_parked_after_20_times_and_nothing_beside_it(
    broker: RabbitBroker, rabbit: Rabbit, monkeypatch: pytest.MonkeyPatch, together: bool
) -> None:
    monkeypatch.setattr("workflowsvc.brokers.rabbitmq.suspects.GATHER_SECONDS", 0.1)
    innocents = [f"before {number}" for number in range(10)] + [f"after {number}" for number in range(10)]
    sent = [action(name, lane=0) for name in (*innocents[:10], "deadly", *innocents[10:])]
    for several in [sent] if together else [[one] for one in sent]:
        await broker.publish(several)
    mortal = Mortal(broker, "deadly")
    async with broker.consume(mortal.deliver, mortal.lost):
        [parked] = await eventually(lambda: rabbit.messages("poison"), seconds=30)
        await broker.publish([action("later", lane=0)])
        async with asyncio.timeout(PATIENCE):
            while mortal.done["later"] == 0:
                mortal.settled.clear()
                await mortal.settled.wait()
    assert [one["id"] for one in json.loads(parked["payload"])] == ["deadly"]
    assert parked["properties"]["headers"]["from"] == "actions.p00"
    assert "20 times" in parked["properties"]["headers"]["reason"]
    assert mortal.deaths >= topology.REDELIVERIES
    assert set(mortal.done) == {*innocents, "later"}


@pytest.mark.parametrize("body", ["", "nonsense", '[{"action":"Dance"}]'])
async def test_what_cannot_be_read_is_parked_at_once_as_it_is(broker: RabbitBroker, rabbit: Rabbit, body: str) -> None:
    inbox = Actions()
    async with broker.consume(inbox, whatever):
        assert rabbit.publish("actions", "p00", body)
        [parked] = await eventually(lambda: rabbit.messages("poison"))
        assert parked["payload"] == body
        async with publishing(broker, action("next", lane=0)):
            await (await inbox.next()).ack()


async def test_a_rejected_action_is_parked_with_the_reason_and_without_its_neighbours(
    broker: RabbitBroker, rabbit: Rabbit
) -> None:
    inbox = Actions()
    async with broker.consume(inbox, whatever):
        await broker.publish([action("good", lane=1), action("bad", lane=1)])
        good, bad = await inbox.take(2)
        await bad.reject("it makes no sense")
        await good.ack()
        [parked] = await eventually(lambda: rabbit.messages("poison"))
    assert [one["id"] for one in json.loads(parked["payload"])] == ["bad"]
    assert parked["properties"]["headers"]["reason"] == "it makes no sense"


async def test_the_same_message_twice_is_two_deliveries(broker: RabbitBroker, rabbit: Rabbit) -> None:
    """Neither settles the other."""
    copies = rabbit.listen("actions", "p00")
    inbox = Actions()
    async with broker.consume(inbox, whatever):
        await broker.publish([action("a", lane=0)])
        [message] = rabbit.messages(copies)
        assert rabbit.publish("actions", "p00", message["payload"])
        one, other = await inbox.take(2)
        await one.ack()
        await one.ack()
        await other.requeue()
        again = await inbox.next()
        assert (again.message, again.redelivered) == (other.message, True)
        await again.ack()
