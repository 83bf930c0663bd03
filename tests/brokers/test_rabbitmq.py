"""What an operator sees of the service in RabbitMQ, and what becomes of what he deletes there.

Law: what the port promises is asked in tests/ports. Here is what is this adapter's own, seen from outside.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from tests.brokers.conftest import PARTITIONS, Brokers
from tests.brokers.inbox import ACTIVITIES, DECISIONS, PATIENCE, Inbox, action, publishing, task, whatever
from tests.brokers.rabbit import Rabbit, eventually
from workflowsvc.brokers.errors import BrokerRefused
from workflowsvc.brokers.rabbitmq import RabbitBroker, publisher, topology
from workflowsvc.brokers.rabbitmq.amqp import Channel, Connection
from workflowsvc.clocks.system import SystemClock
from workflowsvc.messages import Action, Reply, Task, TaskKind, TaskList
from workflowsvc.ports import BrokerUnavailable, Delivery

Actions = Inbox[Delivery[Action]]
Tasks = Inbox[Delivery[Task]]

ACTIVITY_QUEUE = "tasks.activity:eu/orders:main"


# ---- what is to be seen --------------------------------------------------------------------------------------


async def test_queues_are_named_after_what_they_are_for(broker: RabbitBroker, rabbit: Rabbit) -> None:
    async with broker.replies(whatever, whatever), broker.consume(whatever, whatever):
        await broker.offer([task("a", task_list=ACTIVITIES), task("b", task_list=DECISIONS)])
        await broker.delay(action("late"), SystemClock().now() + 100_000)
        names = rabbit.names()
    standing = {"poison", "unrouted", *(f"actions.p{number:02}" for number in range(PARTITIONS))}
    assert standing < names
    # 99 seconds and something begin with 64.
    assert {ACTIVITY_QUEUE, "tasks.decision:eu/orders:main", "delay.0064s"} < names
    assert sorted(name.partition(".")[0] for name in names - standing) == [
        "coordinators",
        "delay",
        "replies",
        "tasks",
        "tasks",
    ]


async def test_exclusive_queues_go_with_their_process(amqp_url: str, rabbit: Rabbit) -> None:
    async with (
        RabbitBroker(SystemClock(), amqp_url, PARTITIONS, "gateway") as broker,
        broker.replies(whatever, whatever),
    ):
        [reply_queue] = [name for name in rabbit.names() if name.startswith("replies.gateway.")]
    await eventually(lambda: reply_queue not in rabbit.names())


async def test_an_action_can_be_read_by_a_person(broker: RabbitBroker, rabbit: Rabbit) -> None:
    # RabbitMQ lets nobody look into a queue with a single active consumer.
    copies = rabbit.listen("actions", "p02")
    await broker.publish([action("a", lane=2, run_id="run"), action("b", lane=2)])
    [message] = rabbit.messages(copies)
    assert [one["id"] for one in json.loads(message["payload"])] == ["a", "b"]
    headers = {"action": "Wake", "domain": "eu/orders", "workflowId": "order-1", "runId": "run", "actions": 2}
    assert message["properties"]["headers"].items() >= headers.items()
    assert message["properties"]["delivery_mode"] == 2
    assert message["properties"]["content_type"] == "application/json"


async def test_a_task_can_be_read_by_a_person(broker: RabbitBroker, rabbit: Rabbit) -> None:
    await broker.offer([task("run", priority=7)])
    [message] = rabbit.messages(ACTIVITY_QUEUE)
    assert json.loads(message["payload"])["scheduled_event_id"] == 5
    assert message["properties"]["headers"].items() >= {"task": "activity", "runId": "run"}.items()
    assert message["properties"]["priority"] == 2
    assert message["properties"]["delivery_mode"] == 2


# ---- what is there already, and otherwise --------------------------------------------------------------------


PARTITION = topology.partition_queue(1)
[POISON] = [one for one in topology.standing(1) if isinstance(one, topology.Queue) and one.name == "poison"]


@pytest.mark.parametrize(
    ("queue", "argument"),
    [(queue, name) for queue in (PARTITION, POISON) for name, _ in queue.arguments if name != "x-queue-type"],
    ids=lambda value: value if isinstance(value, str) else value.name,
)
async def test_it_refuses_to_start_on_another_object_of_the_name_and_says_what_differs(
    amqp_url: str, rabbit: Rabbit, queue: topology.Queue, argument: str
) -> None:
    rabbit.declare(queue.name, {name: value for name, value in queue.arguments if name != argument})
    with pytest.raises(BrokerRefused, match=f"{queue.name}: .*{argument}"):
        await RabbitBroker(SystemClock(), amqp_url, PARTITIONS).__aenter__()


async def test_it_refuses_to_start_on_a_queue_of_another_type(amqp_url: str, rabbit: Rabbit) -> None:
    """Which of its arguments RabbitMQ complains of first is its own business."""
    same = {name: value for name, value in PARTITION.arguments if name != "x-delivery-limit"}
    rabbit.declare(PARTITION.name, same | {"x-queue-type": "classic"})
    with pytest.raises(BrokerRefused, match=f"{PARTITION.name}: .*x-(queue-type|delivery-limit)"):
        await RabbitBroker(SystemClock(), amqp_url, PARTITIONS).__aenter__()


async def test_a_delay_queue_of_other_arguments_is_named_and_stops_nothing_else(
    broker: RabbitBroker, rabbit: Rabbit, caplog: pytest.LogCaptureFixture
) -> None:
    rabbit.declare("delay.0005s", dict(topology.delay_queue(5).arguments) | {"x-message-ttl": 6000})
    now = SystemClock().now()
    with caplog.at_level(logging.ERROR), pytest.raises(BrokerUnavailable, match="x-message-ttl"):
        await broker.delay(action("a"), now + 5_900)
    assert "delay.0005s" in caplog.text
    await broker.delay(action("b"), now + 8_000)


# ---- what somebody deletes -----------------------------------------------------------------------------------


async def test_a_task_list_that_was_deleted_is_there_again_for_the_next_task(
    broker: RabbitBroker, rabbit: Rabbit
) -> None:
    await broker.offer([task("lost")])
    rabbit.delete(ACTIVITY_QUEUE)
    await broker.offer([task("a")])
    assert [one["properties"]["headers"]["runId"] for one in rabbit.messages(ACTIVITY_QUEUE)] == ["a"]


async def test_a_delay_whose_exchange_or_queue_was_deleted_is_there_again(broker: RabbitBroker, rabbit: Rabbit) -> None:
    at = SystemClock().now() + 50_900
    for kind in ("queues", "exchanges"):
        await broker.delay(action("a"), at)
        [delay] = [name for name in rabbit.names() if name.startswith("delay.")]
        rabbit.delete(delay, kind)
    await broker.delay(action("a"), at)
    assert delay in rabbit.names()


async def test_a_list_that_is_deleted_while_it_is_polled_goes_on_and_what_it_held_is_to_be_sent_anew(
    broker: RabbitBroker, rabbit: Rabbit
) -> None:
    await broker.recovered()
    inbox = Tasks()
    async with broker.tasks(ACTIVITIES, inbox) as wants:
        wants.credit(1)
        await eventually(lambda: rabbit.consumers(ACTIVITY_QUEUE))
        rabbit.delete(ACTIVITY_QUEUE)
        await eventually(lambda: "recovered" not in rabbit.names("exchanges"))
        assert not await broker.remembers()
        await broker.offer([task("a")])
        assert (await inbox.next()).message.run_id == "a"


async def test_a_list_that_was_deleted_while_nobody_polled_can_be_polled(broker: RabbitBroker, rabbit: Rabbit) -> None:
    await broker.offer([task("lost")])
    rabbit.delete(ACTIVITY_QUEUE)
    inbox = Tasks()
    async with broker.tasks(ACTIVITIES, inbox) as wants:
        wants.credit(1)
        await broker.offer([task("a")])
        assert (await inbox.next()).message.run_id == "a"


async def test_a_partition_that_was_deleted_is_there_again_and_what_it_held_is_to_be_sent_anew(
    broker: RabbitBroker, rabbit: Rabbit
) -> None:
    await broker.recovered()
    inbox = Actions()
    async with broker.consume(inbox, whatever):
        connection = broker._link.connection
        rabbit.delete("actions.p00")
        await eventually(lambda: rabbit.consumers("actions.p00"))
        async with publishing(broker, action("a", lane=0)):
            await (await inbox.next()).ack()
        await eventually(lambda: "recovered" not in rabbit.names("exchanges"))
        assert broker._link.connection is connection, "its channel is closed at once, and nothing else is touched"


async def test_replies_find_their_way_when_their_channel_has_closed(broker: RabbitBroker, rabbit: Rabbit) -> None:
    """On a connection that is well. The requester is told that some may be lost, and its address stays."""
    inbox, lost = Inbox[Reply](), Inbox[None]()
    async with broker.replies(inbox, lambda: lost(None)) as address:
        [queue] = [name for name in rabbit.names() if name.startswith("replies.")]
        channel = broker._mailbox._boxes[address]._channel
        assert channel is not None
        await channel.close()
        await lost.next()
        await broker.reply(Reply(address, "a"))
        assert (await inbox.next()).action_id == "a"
        assert queue not in rabbit.names()


async def test_a_partition_that_is_not_there_is_the_publishers_business(broker: RabbitBroker, rabbit: Rabbit) -> None:
    rabbit.delete("actions.p03")
    with pytest.raises(BrokerUnavailable):
        await broker.publish([action("a", lane=3)])
    await broker.publish([action("b", lane=2)])


# ---- lists that nobody uses ----------------------------------------------------------------------------------


async def test_idle_empty_lists_are_removed_and_no_others(
    brokers: Brokers, rabbit: Rabbit, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("workflowsvc.brokers.rabbitmq.task_lists.COLLECT_SECONDS", 0.2)
    broker, inbox = await brokers(), Tasks()
    async with broker.tasks(DECISIONS, inbox) as wants:
        wants.credit(1)
        await broker.offer([task("waits", task_list=ACTIVITIES)])
        other = topology.task_queue(TaskList("eu/orders", TaskKind.ACTIVITY, "idle"))
        await broker._publisher.declare([other])
        await eventually(lambda: other.name not in rabbit.names())
        assert {"tasks.decision:eu/orders:main", ACTIVITY_QUEUE} <= rabbit.names()
    # Refused once it is looked at again: it is unused now.
    await eventually(lambda: "tasks.decision:eu/orders:main" not in rabbit.names())
    async with broker.tasks(ACTIVITIES, inbox) as wants:
        wants.credit(1)
        await (await inbox.next()).ack()
    await eventually(lambda: ACTIVITY_QUEUE not in rabbit.names())


async def test_tasks_that_are_offered_together_lie_in_their_order(
    broker: RabbitBroker, rabbit: Rabbit, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Though the list and the channel are made first, and that is soon done: nobody who waited is overtaken."""
    connection = broker._publisher.link.connection
    made = [await connection.channel() for _ in range(2)]

    async def soon(_: Connection) -> Channel:
        await asyncio.sleep(0)
        return made.pop()

    monkeypatch.setattr(Connection, "channel", soon)
    names = [str(number) for number in range(20)]
    await broker.offer([task(name) for name in names])
    assert [one["properties"]["headers"]["runId"] for one in rabbit.messages(ACTIVITY_QUEUE)] == names


# ---- connections ---------------------------------------------------------------------------------------------


async def test_everything_goes_on_over_new_connections(broker: RabbitBroker, rabbit: Rabbit) -> None:
    actions, tasks, replies = Actions(), Tasks(), Inbox[Reply]()
    lost = Inbox[None]()
    async with (
        broker.consume(actions, whatever),
        broker.tasks(ACTIVITIES, tasks) as wants,
        broker.replies(replies, lambda: lost(None)) as address,
    ):
        wants.credit(1)
        await eventually(lambda: len(rabbit.connections("test.")) == 2)
        rabbit.cut("test.")
        await lost.next()
        # What is sent while there is no connection is refused, not kept.
        await sent_in_the_end(lambda: broker.publish([action("a")]))
        await sent_in_the_end(lambda: broker.offer([task("run")]))
        await broker.reply(Reply(address, "a"))
        assert (await actions.next()).message.id == "a"
        assert (await tasks.next()).message.run_id == "run"
        assert (await replies.next()).action_id == "a"


async def sent_in_the_end(send: Callable[[], Awaitable[None]]) -> None:
    async with asyncio.timeout(PATIENCE):
        while True:
            try:
                return await send()
            except BrokerUnavailable:
                await asyncio.sleep(0.02)


async def test_what_is_not_confirmed_in_time_is_sent_on_another_channel_the_next_time(
    broker: RabbitBroker, monkeypatch: pytest.MonkeyPatch
) -> None:
    inbox = Actions()
    async with broker.consume(inbox, whatever):
        await broker.publish([action("a")])
        used = broker._publisher._channels[publisher.WORK]
        publish = used._channel.basic_publish

        async def unheard(*args: Any, **kwargs: Any) -> None:
            await publish(*args, **kwargs)
            raise TimeoutError

        monkeypatch.setattr(used._channel, "basic_publish", unheard)
        with pytest.raises(BrokerUnavailable):
            await broker.publish([action("b")])
        async with asyncio.timeout(PATIENCE):
            await used.closed
        await broker.publish([action("b")])
        deliveries = await inbox.take(3)
    # The broker had it all the same. That it is one action is told by its id.
    assert [delivery.message.id for delivery in deliveries] == ["a", "b", "b"]


async def test_a_queue_that_does_not_answer_holds_up_no_other(
    broker: RabbitBroker, rabbit: Rabbit, monkeypatch: pytest.MonkeyPatch
) -> None:
    declare, asked = Channel.declare, asyncio.Event()

    async def unheard(self: Channel, thing: topology.Exchange | topology.Queue) -> None:
        if thing.name.startswith("delay."):
            asked.set()
            await asyncio.Event().wait()
        await declare(self, thing)

    monkeypatch.setattr(Channel, "declare", unheard)
    delaying = asyncio.create_task(broker.delay(action("late"), SystemClock().now() + 5_500))
    async with asyncio.timeout(PATIENCE):
        await asked.wait()
        await broker.offer([task("a")])
    assert rabbit.messages(ACTIVITY_QUEUE)
    delaying.cancel()
