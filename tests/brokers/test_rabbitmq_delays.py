"""Delays on RabbitMQ: how many messages they take, what those carry, when they end.

Law: queues of seconds and of pairs of seconds stand in for those of seconds and of minutes, so that nobody has to wait.
"""

from __future__ import annotations

import asyncio

import pytest

from tests.brokers.inbox import Inbox, action, whatever
from tests.brokers.rabbit import Rabbit, eventually
from workflowsvc.brokers.rabbitmq import RabbitBroker, codec, topology
from workflowsvc.clocks.system import SystemClock
from workflowsvc.messages import Action
from workflowsvc.ports import BrokerUnavailable, Clock, Delivery

Actions = Inbox[Delivery[Action]]


@pytest.fixture
def clock() -> Clock:
    return SystemClock()


async def test_delays_are_never_early_and_not_late_by_more_than_a_second(broker: RabbitBroker, clock: Clock) -> None:
    inbox, due = Actions(), {}
    async with broker.consume(inbox, whatever):
        for number in range(60):
            due[str(number)] = clock.now() + 40 * number
            await broker.delay(action(str(number), lane=number), due[str(number)])
        for _ in range(60):
            delivery = await inbox.next()
            assert due[delivery.message.id] <= clock.now() <= due[delivery.message.id] + 1000
            await delivery.ack()


async def test_a_delay_takes_a_message_for_each_digit_and_none_carries_headers_of_the_broker(
    broker: RabbitBroker, rabbit: Rabbit, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A message that has its death in its headers is dropped when it comes by the same queue again."""
    monkeypatch.setattr(topology, "_BASE", 2)
    monkeypatch.setattr(topology, "HORIZON", 3000)
    inbox = Actions()
    async with broker.consume(inbox, whatever):
        for seconds in (1, 2):  # so that copies can be had before the first message
            await broker.delay(action("a"), clock.now() + seconds * 1000 + 500)
        copies = [rabbit.listen(topology.delay_exchange(seconds).name) for seconds in (1, 2)]
        at = clock.now() + 3_500
        await broker.delay(action("late"), at)
        while (await inbox.next()).message.id != "late":
            pass
        assert at <= clock.now() <= at + 1000
    for copy in copies:
        [message] = rabbit.messages(copy)
        assert not [name for name in message["properties"]["headers"] if name.startswith("x-")]


async def test_a_timer_that_is_armed_again_and_again_goes_round_and_round(broker: RabbitBroker, clock: Clock) -> None:
    """Five times by the same queue."""
    inbox = Actions()
    async with broker.consume(inbox, whatever):
        for _ in range(5):
            await broker.delay(action("a"), clock.now() + 1_050)
            delivery = await inbox.next()
            await delivery.ack()


async def test_33_delays_to_nowhere_stop_nobody(broker: RabbitBroker, rabbit: Rabbit, clock: Clock) -> None:
    """More than the broker's worker holds on to at a time. They are kept where an operator looks for them."""
    inbox = Actions()
    async with broker.consume(inbox, whatever):
        await broker.delay(action("first"), clock.now() + 1_500)
        await inbox.next()
        for number in range(40):
            body = codec.frame([codec.encode_action(action(f"stray {number}"), "")]).decode()
            assert rabbit.publish("delay.0001s", "p99", body)
        at = clock.now() + 1_900
        await broker.delay(action("in time"), at)
        assert (await inbox.next()).message.id == "in time"
        assert clock.now() <= at + 1000
    await eventually(lambda: len(rabbit.messages("unrouted")) == 40)


async def test_a_delay_that_the_broker_does_not_take_is_unavailable(
    broker: RabbitBroker, rabbit: Rabbit, clock: Clock
) -> None:
    """And the channel is good for others: nothing was amiss with it."""
    rabbit.policy("full", r"^delay\.0030s$", **{"max-length": 1})

    async def fill() -> None:
        # The limit is not exact: the queue tells its publishers a little later.
        for _ in range(1000):
            await broker.delay(action("a"), clock.now() + 30_500)

    with pytest.raises(BrokerUnavailable):
        await fill()
    # It is passed over from then on: what is left is for the next hop.
    await broker.delay(action("b"), clock.now() + 30_500)
    assert "delay.0029s" in rabbit.names()


async def test_where_no_delay_queue_takes_it_the_last_second_is_held_by_the_consumer(
    broker: RabbitBroker, clock: Clock
) -> None:
    """And does not go round and round meanwhile."""
    inbox = Actions()
    async with broker.consume(inbox, whatever):
        broker._sick[1] = asyncio.get_running_loop().time() + 60
        at = clock.now() + 1_600
        await broker.delay(action("a"), at)
        delivery = await inbox.next()
        assert at <= clock.now() <= at + 1000
        assert not delivery.redelivered
        await delivery.ack()
