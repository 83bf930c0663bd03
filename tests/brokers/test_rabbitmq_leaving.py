"""How a broker is left when RabbitMQ does not answer: in time, with nothing that still runs.

Law: what was not settled is not lost, so nobody waits for a wire that is dead.
"""

from __future__ import annotations

import asyncio
import time

from tests.brokers.conftest import PARTITIONS, Brokers
from tests.brokers.inbox import ACTIVITIES, PATIENCE, Inbox, action, publishing, whatever
from tests.brokers.relay import relay
from workflowsvc.brokers.rabbitmq import RabbitBroker, topology
from workflowsvc.brokers.rabbitmq.amqp import Arrived, connect
from workflowsvc.brokers.rabbitmq.partitions import LEAVE_SECONDS
from workflowsvc.clocks.system import SystemClock
from workflowsvc.messages import Action
from workflowsvc.ports import BrokerUnavailable, Delivery


async def test_an_acknowledgement_does_not_wait_for_a_writer_that_has_gone(amqp_url: str) -> None:
    """However many are given in the moment in which the connection ends, each is written or refused."""
    connection = await connect(amqp_url, "test")
    channel, arrived = await connection.channel(), Inbox[Arrived]()
    queue = topology.reply_queue("test")
    await channel.declare(queue)
    await channel.consume(queue.name, "test", arrived)
    for _ in range(30):
        await channel.publish("", queue.name, b"", {}, durable=False)
    messages = await arrived.take(30)
    closing = asyncio.create_task(connection.close())
    async with asyncio.timeout(PATIENCE):
        said = await asyncio.gather(*(channel.ack(message.tag) for message in messages), return_exceptions=True)
        await closing
    assert all(one is None or isinstance(one, BrokerUnavailable) for one in said)


async def test_a_dead_wire_is_left_in_time(amqp_url: str, brokers: Brokers) -> None:
    """What was not settled is another's as soon as RabbitMQ knows; until then it is nobody's."""
    had, has = Inbox[Delivery[Action]](), Inbox[Delivery[Action]]()
    async with relay(amqp_url) as (wire, url):
        async with (
            RabbitBroker(SystemClock(), url, PARTITIONS) as broker,
            broker.consume(had, whatever),
            broker.tasks(ACTIVITIES, whatever) as wants,
        ):
            wants.credit(1)
            await broker.publish([action("a")])
            await had.next()
            wire.die()
            leaving = time.monotonic()
        assert time.monotonic() - leaving < 4 * LEAVE_SECONDS
        assert not any("consuming" in task.get_name() for task in asyncio.all_tasks())
    other = await brokers()
    async with other.consume(has, whatever), publishing(other):
        delivery = await has.next()
        assert (delivery.message.id, delivery.redelivered) == ("a", True)
        await delivery.ack()
