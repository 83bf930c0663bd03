"""The promises of ports.Broker, over every adapter. Law: asserts what the port says, and no more."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

import pytest

from tests.brokers.inbox import ACTIVITIES, DECISIONS, PATIENCE, Inbox, action, publishing, task, whatever
from workflowsvc.brokers.inprocess import InProcessBroker
from workflowsvc.brokers.rabbitmq import RabbitBroker
from workflowsvc.clocks.system import SystemClock
from workflowsvc.messages import Action, Reply, Task
from workflowsvc.ports import Broker, Clock, Delivery

Actions = Inbox[Delivery[Action]]
Tasks = Inbox[Delivery[Task]]


@pytest.fixture
def clock() -> Clock:
    return SystemClock()


@pytest.fixture(params=["inprocess", "rabbitmq"])
async def broker(request: pytest.FixtureRequest, clock: Clock) -> AsyncIterator[Broker]:
    adapters = {
        "inprocess": lambda: InProcessBroker(clock, partitions=4),
        "rabbitmq": lambda: RabbitBroker(clock, request.getfixturevalue("amqp_url"), partitions=4),
    }
    async with adapters[request.param]() as adapter:
        yield adapter


def ids(deliveries: list[Delivery[Action]]) -> list[str]:
    return [delivery.message.id for delivery in deliveries]


def runs(deliveries: list[Delivery[Task]]) -> list[str]:
    return [delivery.message.run_id for delivery in deliveries]


# ---- actions -------------------------------------------------------------------------------------------------


async def test_actions_of_one_lane_arrive_in_the_order_in_which_they_were_published(broker: Broker) -> None:
    inbox = Actions()
    sent = [action(f"{number:02}", lane=number % 7) for number in range(42)]
    async with broker.consume(inbox, whatever), publishing(broker, *sent[:21]), publishing(broker, *sent[21:]):
        arrived = defaultdict(list)
        for delivery in await inbox.take(len(sent)):
            arrived[delivery.message.lane].append(delivery.message.id)
            await delivery.ack()
    assert len(arrived) == 7
    assert all(of_lane == sorted(of_lane) for of_lane in arrived.values())


async def test_an_action_arrives_as_it_was_sent(broker: Broker) -> None:
    inbox = Actions()
    async with broker.consume(inbox, whatever), publishing(broker, sent := action("a", lane=2**32 - 1)):
        delivery = await inbox.next()
        await delivery.ack()
    assert delivery.message == sent


async def test_publishing_nothing_is_confirmed(broker: Broker) -> None:
    async with asyncio.timeout(PATIENCE):
        await broker.publish([])


async def test_a_request_is_handed_over_without_waiting_for_its_consumer(broker: Broker) -> None:
    inbox = Actions()
    async with asyncio.timeout(PATIENCE):
        await broker.request(sent := action("a"))
    async with broker.consume(inbox, whatever):
        delivery = await inbox.next()
        await delivery.ack()
    assert delivery.message == sent


async def test_actions_wait_for_a_consumer(broker: Broker) -> None:
    inbox = Actions()
    async with publishing(broker, action("a"), action("b")), broker.consume(inbox, whatever):
        deliveries = await inbox.take(2)
        for delivery in deliveries:
            await delivery.ack()
    assert ids(deliveries) == ["a", "b"]


async def test_an_acknowledged_action_does_not_come_again(broker: Broker) -> None:
    first, second = Actions(), Actions()
    async with broker.consume(first, whatever), publishing(broker, action("a")):
        await (await first.next()).ack()
    async with broker.consume(second, whatever), publishing(broker, action("b")):
        delivery = await second.next()
        assert delivery.message.id == "b"
        await delivery.ack()


async def test_a_requeued_action_comes_again_and_says_so(broker: Broker) -> None:
    inbox = Actions()
    async with broker.consume(inbox, whatever), publishing(broker, action("a")):
        await (await inbox.next()).requeue()
        again = await inbox.next()
        assert (again.message.id, again.redelivered) == ("a", True)
        await again.requeue()
        once_more = await inbox.next()
        assert (once_more.message.id, once_more.redelivered) == ("a", True)
        await once_more.ack()


async def test_what_a_consumer_leaves_unsettled_goes_to_the_next_in_order_before_what_is_newer(broker: Broker) -> None:
    gone, successor = Actions(), Actions()
    async with AsyncExitStack() as stack:
        async with broker.consume(gone, whatever):
            await stack.enter_async_context(publishing(broker, *map(action, "abcd")))
            deliveries = await gone.take(4)
            await deliveries[1].ack()
        await stack.enter_async_context(publishing(broker, action("e")))
        await stack.enter_async_context(broker.consume(successor, whatever))
        deliveries = []
        while "e" not in ids(deliveries):
            deliveries.append(await successor.next())
            await deliveries[-1].ack()
        # "b" may come along again with what it travelled with.
        assert [name for name in ids(deliveries) if name != "b"] == ["a", "c", "d", "e"]
        assert all(delivery.redelivered for delivery in deliveries[:-1])


async def test_a_partition_has_one_active_consumer(broker: Broker) -> None:
    inbox = Inbox[tuple[str, Delivery[Action]]]()
    async with (
        broker.consume(lambda delivery: inbox(("one", delivery)), whatever),
        broker.consume(lambda delivery: inbox(("other", delivery)), whatever),
    ):
        before: dict[int, str] = {}
        for turn in range(50):
            now: dict[int, str] = {}
            async with publishing(broker, *(action(f"{turn}.{lane}", lane=lane) for lane in range(8))):
                while len(now) < 8:
                    consumer, delivery = await inbox.next()
                    now[delivery.message.lane] = consumer
                    await delivery.ack()
            if now == before:
                break
            before = now
        # Partitions may move while they are shared out; when that is over each stays where it is.
        assert now == before


async def test_who_stands_by_takes_over_when_the_active_consumer_leaves(broker: Broker) -> None:
    active, standby = Actions(), Actions()
    async with AsyncExitStack() as stack:
        active_lives = await stack.enter_async_context(AsyncExitStack())
        await active_lives.enter_async_context(broker.consume(active, whatever))
        await stack.enter_async_context(publishing(broker, action("a"), action("b")))
        await active.take(2)
        await stack.enter_async_context(broker.consume(standby, whatever))
        await active_lives.aclose()
        deliveries = await standby.take(2)
        assert ids(deliveries) == ["a", "b"]
        assert all(delivery.redelivered for delivery in deliveries)
        for delivery in deliveries:
            await delivery.ack()


async def test_a_consumer_that_is_cancelled_leaves_what_it_had_to_the_next(broker: Broker) -> None:
    cancelled, successor = Actions(), Actions()

    async def consume() -> None:
        async with broker.consume(cancelled, whatever):
            await asyncio.Event().wait()

    consuming = asyncio.create_task(consume())
    async with publishing(broker, action("a")):
        await cancelled.next()
        consuming.cancel()
        await asyncio.wait([consuming])
        async with broker.consume(successor, whatever):
            delivery = await successor.next()
            assert (delivery.message.id, delivery.redelivered) == ("a", True)
            await delivery.ack()


async def test_a_rejected_action_is_confirmed_and_does_not_come_again(broker: Broker) -> None:
    inbox = Actions()
    async with broker.consume(inbox, whatever):
        async with publishing(broker, action("bad")):
            await (await inbox.next()).reject("it makes no sense")
        async with publishing(broker, action("good")):
            delivery = await inbox.next()
            assert delivery.message.id == "good"
            await delivery.ack()


async def test_a_publisher_that_is_cancelled_hurts_nobody(broker: Broker) -> None:
    inbox = Actions()
    async with broker.consume(inbox, whatever):
        given_up = asyncio.create_task(broker.publish([action("a")]))
        delivery = await inbox.next()
        given_up.cancel()
        await asyncio.wait([given_up])
        await delivery.ack()
        async with publishing(broker, action("b")):
            delivery = await inbox.next()
            assert delivery.message.id == "b"
            await delivery.ack()


# ---- replies -------------------------------------------------------------------------------------------------


async def test_a_reply_goes_to_its_address_alone(broker: Broker) -> None:
    one, other = Inbox[Reply](), Inbox[Reply]()
    async with broker.replies(one, whatever) as address, broker.replies(other, whatever) as other_address:
        assert address != other_address
        await broker.reply(Reply(address, "a"))
        await broker.reply(Reply(other_address, "b"))
        assert (await one.next()).action_id == "a"
        assert (await other.next()).action_id == "b"
    assert one.empty
    assert other.empty


async def test_a_reply_to_a_requester_that_has_gone_is_no_error(broker: Broker) -> None:
    gone, successor = Inbox[Reply](), Inbox[Reply]()
    async with broker.replies(gone, whatever) as address:
        pass
    async with broker.replies(successor, whatever) as fresh:
        assert fresh != address
        await broker.reply(Reply(address, "late"))
        await broker.reply(Reply("nobody was ever here", "lost"))
        await broker.reply(Reply(fresh, "a"))
        assert (await successor.next()).action_id == "a"
    assert gone.empty


# ---- tasks ---------------------------------------------------------------------------------------------------


async def test_a_consumer_takes_as_many_tasks_as_its_credit_goes(broker: Broker) -> None:
    one, other = Tasks(), Tasks()
    await broker.offer([task(run_id) for run_id in "abcd"])
    async with broker.tasks(ACTIVITIES, one) as wants, broker.tasks(ACTIVITIES, other) as other_wants:
        wants.credit(2)
        assert runs(await one.take(2)) == ["a", "b"]
        other_wants.credit(1)
        assert runs(await other.take(1)) == ["c"]
        assert one.empty
        wants.credit(1)
        assert runs(await one.take(1)) == ["d"]
        assert other.empty


async def test_no_credit_stops_and_a_later_one_sets_anew(broker: Broker) -> None:
    one, other = Tasks(), Tasks()
    async with broker.tasks(ACTIVITIES, one) as wants, broker.tasks(ACTIVITIES, other) as other_wants:
        wants.credit(5)
        await broker.offer([task("a")])
        await (await one.next()).ack()
        wants.credit(0)
        other_wants.credit(1)
        await broker.offer([task("b")])
        assert runs(await other.take(1)) == ["b"]
        wants.credit(1)
        await broker.offer([task("c")])
        assert runs(await one.take(1)) == ["c"]


async def test_the_higher_priority_goes_first_then_the_longest_waiting(broker: Broker) -> None:
    inbox = Tasks()
    offered = [task("low", -1), task("first", 0), task("high", 1), task("second", 0), task("high too", 1)]
    await broker.offer(offered)
    async with broker.tasks(ACTIVITIES, inbox) as wants:
        for expected in ("high", "high too", "first", "second", "low"):
            wants.credit(1)
            delivery = await inbox.next()
            assert delivery.message.run_id == expected
            await delivery.ack()


async def test_a_withdrawn_task_hurts_nobody(broker: Broker) -> None:
    """Where the broker can it does not come; what is beside it does."""
    inbox = Tasks()
    await broker.offer([task("gone"), task("stays")])
    await broker.withdraw([task("gone"), task("never offered")])
    async with broker.tasks(task("x").task_list, inbox) as consumer:
        consumer.credit(2)
        seen = []
        while "stays" not in seen:
            delivery = await inbox.next()
            seen.append(delivery.message.run_id)
            await delivery.ack()
    assert set(seen) <= {"gone", "stays"}


async def test_lists_of_one_name_are_two_for_decisions_and_activities(broker: Broker) -> None:
    deciders, workers = Tasks(), Tasks()
    async with broker.tasks(DECISIONS, deciders) as decide, broker.tasks(ACTIVITIES, workers) as work:
        decide.credit(2)
        work.credit(2)
        await broker.offer([task("a", task_list=ACTIVITIES), task("d", task_list=DECISIONS)])
        assert runs(await workers.take(1)) == ["a"]
        assert runs(await deciders.take(1)) == ["d"]
    assert workers.empty
    assert deciders.empty


async def test_a_requeued_task_comes_again_and_says_so(broker: Broker) -> None:
    inbox = Tasks()
    await broker.offer([sent := task("a")])
    async with broker.tasks(ACTIVITIES, inbox) as wants:
        wants.credit(1)
        await (await inbox.next()).requeue()
        wants.credit(1)
        again = await inbox.next()
        assert (again.message, again.redelivered) == (sent, True)
        await again.ack()


async def test_tasks_go_back_when_their_consumer_leaves(broker: Broker) -> None:
    gone, successor = Tasks(), Tasks()
    await broker.offer([task(run_id) for run_id in "abc"])
    async with broker.tasks(ACTIVITIES, gone) as wants:
        wants.credit(2)
        await (await gone.next()).ack()
        assert runs(await gone.take(1)) == ["b"]
    async with broker.tasks(ACTIVITIES, successor) as wants:
        wants.credit(2)
        deliveries = await successor.take(2)
    assert set(runs(deliveries)) == {"b", "c"}
    assert all(delivery.redelivered for delivery in deliveries if delivery.message.run_id == "b")


async def test_a_rejected_task_does_not_come_again(broker: Broker) -> None:
    inbox = Tasks()
    await broker.offer([task("bad"), task("good")])
    async with broker.tasks(ACTIVITIES, inbox) as wants:
        wants.credit(1)
        await (await inbox.next()).reject("it makes no sense")
        wants.credit(1)
        assert runs(await inbox.take(1)) == ["good"]


# ---- delays --------------------------------------------------------------------------------------------------


async def test_a_delayed_action_comes_at_its_time_and_not_before(broker: Broker, clock: Clock) -> None:
    inbox = Actions()
    async with broker.consume(inbox, whatever):
        at = clock.now() + 200
        await broker.delay(action("a"), at)
        delivery = await inbox.next()
        assert at <= clock.now() <= at + 1_000
        assert delivery.message.id == "a"
        await delivery.ack()


async def test_an_earlier_delay_does_not_wait_for_a_later_one(broker: Broker, clock: Clock) -> None:
    inbox = Actions()
    async with broker.consume(inbox, whatever):
        start = clock.now()
        await broker.delay(action("late"), start + 3_600_000)
        await broker.delay(action("past"), start - 5_000)
        await broker.delay(action("early"), start + 50)
        assert set(ids(await inbox.take(2))) == {"past", "early"}


async def test_the_newest_delay_of_a_run_stands(broker: Broker, clock: Clock) -> None:
    inbox = Actions()
    async with broker.consume(inbox, whatever):
        start = clock.now()
        await broker.delay(action("old", run_id="r"), start + 50)
        await broker.delay(action("new", run_id="r"), start + 250)
        await broker.delay(action("other", run_id="s"), start + 300)
        arrived: list[str] = []
        while not {"new", "other"} <= set(arrived):
            delivery = await inbox.next()
            arrived.append(delivery.message.id)
            if delivery.message.id == "new":
                assert clock.now() >= start + 250
            await delivery.ack()
    # a broker that cannot replace it delivers the old one too, once
    assert sorted(set(arrived)) == sorted(arrived)


async def test_an_undelayed_action_comes_at_most_at_its_time(broker: Broker, clock: Clock) -> None:
    inbox = Actions()
    async with broker.consume(inbox, whatever):
        start = clock.now()
        await broker.delay(action("undelayed", run_id="r"), start + 100)
        await broker.undelay("r")
        await broker.undelay("never delayed")
        await broker.delay(action("other", run_id="s"), start + 200)
        arrived: list[str] = []
        while "other" not in arrived:
            delivery = await inbox.next()
            assert clock.now() >= start + 100
            arrived.append(delivery.message.id)
            await delivery.ack()
    assert arrived.count("undelayed") <= 1


# ---- the broker itself ---------------------------------------------------------------------------------------


async def test_it_answers(broker: Broker) -> None:
    await broker.ping()
