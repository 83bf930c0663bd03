"""Task lists on RabbitMQ: free polls and consumers are the same in number. Law: an onlooker on AMQP counts them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable

import aio_pika
import pytest

from tests.brokers.conftest import Brokers
from tests.brokers.inbox import ACTIVITIES, Inbox, task
from tests.brokers.rabbit import Rabbit, eventually
from workflowsvc.brokers.rabbitmq import RabbitBroker
from workflowsvc.messages import Task
from workflowsvc.ports import Delivery

Tasks = Inbox[Delivery[Task]]

QUEUE = "tasks.activity:eu/orders:main"

#: waiting messages, consumers
Depth = Callable[[], Awaitable[tuple[int, int]]]


@pytest.fixture
async def depth(amqp_url: str) -> AsyncIterator[Depth]:
    async with await aio_pika.connect(amqp_url) as connection:
        channel = await connection.channel()

        async def look() -> tuple[int, int]:
            found = (await channel.declare_queue(QUEUE, passive=True)).declaration_result
            return found.message_count or 0, found.consumer_count or 0

        yield look


async def until(depth: Depth, expected: tuple[int, int]) -> None:
    seen: list[tuple[int, int]] = []
    while not seen or seen[-1] != expected:
        seen.append(await depth())
        assert len(seen) < 5_000, seen[-1]


async def test_there_are_never_more_consumers_than_free_polls(broker: RabbitBroker, depth: Depth) -> None:
    inbox = Tasks()
    async with broker.tasks(ACTIVITIES, inbox) as wants:
        await until(depth, (0, 0))
        wants.credit(3)
        await until(depth, (0, 3))
        wants.credit(1)
        await until(depth, (0, 1))
        await broker.offer([task(name) for name in "abc"])
        await (await inbox.next()).requeue()
        await until(depth, (3, 0))
        wants.credit(2)
        one, other = await inbox.take(2)
        await until(depth, (1, 2))
        assert inbox.empty
        await one.ack()
        await other.ack()
        # Nobody polls: the task that is left stays where it is, whatever was settled.
        await until(depth, (1, 0))
        assert inbox.empty
    await until(depth, (1, 0))


async def test_a_settled_task_brings_the_next_where_somebody_polls_again(broker: RabbitBroker, depth: Depth) -> None:
    inbox = Tasks()
    await broker.offer([task(str(number)) for number in range(20)])
    async with broker.tasks(ACTIVITIES, inbox) as wants:
        for number in range(20):
            wants.credit(1)
            delivery = await inbox.next()
            assert delivery.message.run_id == str(number)
            assert (await depth())[1] <= 1
            await delivery.ack()
    await until(depth, (0, 0))


async def test_what_nobody_can_take_any_more_goes_back_to_its_place(brokers: Brokers, depth: Depth) -> None:
    """A gateway that is gone leaves its tasks to the others, in their order."""
    gone, other = await brokers("gone"), await brokers("other")
    had, has = Tasks(), Tasks()
    await other.offer([task(name) for name in "abc"])
    async with gone.tasks(ACTIVITIES, had) as wants:
        wants.credit(2)
        await had.take(2)
    await until(depth, (3, 0))
    async with other.tasks(ACTIVITIES, has) as wants:
        wants.credit(3)
        assert [one.message.run_id for one in await has.take(3)] == ["a", "b", "c"]


async def test_a_task_that_cannot_be_read_is_parked_and_the_next_one_comes(
    broker: RabbitBroker, rabbit: Rabbit
) -> None:
    await broker.offer([task("a")])
    inbox = Tasks()
    async with broker.tasks(ACTIVITIES, inbox) as wants:
        wants.credit(1)
        await (await inbox.next()).ack()
        assert rabbit.publish("", QUEUE, "nonsense")
        wants.credit(1)
        [parked] = await eventually(lambda: rabbit.messages("poison"))
        assert parked["payload"] == "nonsense"
        assert parked["properties"]["headers"]["from"] == QUEUE
        await broker.offer([task("b")])
        assert (await inbox.next()).message.run_id == "b"


async def test_many_lists_share_a_channel_and_none_takes_the_others_along(
    broker: RabbitBroker, rabbit: Rabbit, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("workflowsvc.brokers.rabbitmq.task_lists.LISTS_A_CHANNEL", 2)
    inboxes = {name: Tasks() for name in "abc"}
    lists = {name: type(ACTIVITIES)("eu/orders", ACTIVITIES.kind, name) for name in inboxes}
    async with (
        broker.tasks(lists["a"], inboxes["a"]) as one,
        broker.tasks(lists["b"], inboxes["b"]) as other,
        broker.tasks(lists["c"], inboxes["c"]) as third,
    ):
        for wants in (one, other, third):
            wants.credit(1)
        assert sorted(map(len, broker._lists._users.values())) == [1, 2]
        await broker.offer([task("before", task_list=lists["a"])])
        await (await inboxes["a"].next()).ack()
        one.credit(1)
        rabbit.delete("tasks.activity:eu/orders:a")
        for name, inbox in inboxes.items():
            await broker.offer([task(name, task_list=lists[name])])
            assert (await inbox.next()).message.run_id == name
    assert not broker._lists._users
