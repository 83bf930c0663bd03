"""What the in-process broker does beyond the port: exact order, confirm is acknowledgement, nothing left behind."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

import pytest

from tests.brokers.inbox import ACTIVITIES, PATIENCE, Inbox, action, never, publishing, task
from workflowsvc.brokers.inprocess import InProcessBroker
from workflowsvc.brokers.inprocess.delays import Delays
from workflowsvc.brokers.inprocess.poison import Parked
from workflowsvc.brokers.inprocess.soon import Agenda
from workflowsvc.clocks.manual import ManualClock
from workflowsvc.clocks.skipping import SkippingClock
from workflowsvc.messages import Action, Reply, Task
from workflowsvc.ports import BrokerUnavailable, Delivery

START = 1_700_000_000_000
HOUR = 3_600_000
pytestmark = pytest.mark.timeout(PATIENCE)

Actions = Inbox[Delivery[Action]]
Tasks = Inbox[Delivery[Task]]


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(START)


@pytest.fixture
async def broker(clock: ManualClock) -> AsyncIterator[InProcessBroker]:
    async with InProcessBroker(clock, partitions=4) as broker:
        yield broker


# ---- actions -------------------------------------------------------------------------------------------------


async def test_confirmed_is_what_was_acknowledged_down_to_the_last(broker: InProcessBroker) -> None:
    inbox = Actions()
    async with broker.consume(inbox, never), publishing(broker, action("a"), action("b", lane=1)) as confirmed:
        one, other = await inbox.take(2)
        assert not one.redelivered
        await one.ack()
        await other.requeue()
        again = await inbox.next()
        assert not confirmed.done()
        await again.ack()
        await confirmed


async def test_a_rejected_action_is_parked_with_its_reason(broker: InProcessBroker) -> None:
    inbox = Actions()
    async with broker.consume(inbox, never), publishing(broker, bad := action("bad")):
        await (await inbox.next()).reject("it makes no sense")
    assert list(broker.poison) == [Parked(bad, "it makes no sense")]


async def test_poison_is_bounded_and_the_newest_stays(broker: InProcessBroker) -> None:
    inbox = Actions()
    async with broker.consume(inbox, never), publishing(broker, *(action(str(number)) for number in range(1_001))):
        for delivery in await inbox.take(1_001):
            await delivery.reject("no")
    assert len(broker.poison) == 1_000
    assert broker.poison[-1].message.run_id == "run of 1000"


async def test_what_came_back_goes_before_what_was_never_delivered_in_its_old_order(broker: InProcessBroker) -> None:
    inbox = Actions()
    async with broker.consume(inbox, never), AsyncExitStack() as stack:
        await stack.enter_async_context(publishing(broker, *map(action, "abc")))
        a, b, c = await inbox.take(3)
        await stack.enter_async_context(publishing(broker, action("d")))
        await c.requeue()
        await a.requeue()
        deliveries = await inbox.take(3)
        assert [(d.message.id, d.redelivered) for d in deliveries] == [("a", True), ("c", True), ("d", False)]
        for delivery in (b, *deliveries):
            await delivery.ack()


async def test_settling_what_is_with_another_consumer_does_nothing(broker: InProcessBroker) -> None:
    gone, successor = Actions(), Actions()
    async with AsyncExitStack() as stack:
        async with broker.consume(gone, never):
            confirmed = await stack.enter_async_context(publishing(broker, action("a")))
            late = await gone.next()
        await stack.enter_async_context(broker.consume(successor, never))
        delivery = await successor.next()
        await late.ack()
        await late.requeue()
        await late.reject("too late")
        assert not confirmed.done()
        assert not broker.poison
        await delivery.ack()
        await confirmed
    assert successor.empty


async def test_partitions_that_become_free_are_shared_out(broker: InProcessBroker) -> None:
    inbox = Inbox[tuple[str, Delivery[Action]]]()
    async with AsyncExitStack() as stack:
        async with broker.consume(Actions(), never):
            await stack.enter_async_context(broker.consume(lambda delivery: inbox(("one", delivery)), never))
            await stack.enter_async_context(broker.consume(lambda delivery: inbox(("other", delivery)), never))
        await stack.enter_async_context(publishing(broker, *(action(str(lane), lane=lane) for lane in range(4))))
        taken = await inbox.take(4)
        for _, delivery in taken:
            await delivery.ack()
    assert Counter(name for name, _ in taken) == {"one": 2, "other": 2}


async def test_a_consumer_that_raises_holds_nobody_up(broker: InProcessBroker) -> None:
    inbox, reported = Actions(), Inbox[object]()
    asyncio.get_running_loop().set_exception_handler(lambda _, context: reported(context["exception"]))

    def consumer(delivery: Delivery[Action]) -> None:
        if delivery.message.id == "bad":
            raise LookupError(delivery.message.id)
        inbox(delivery)

    async with AsyncExitStack() as stack:
        await stack.enter_async_context(publishing(broker, action("bad"), action("good")))
        async with broker.consume(consumer, never):
            await (await inbox.next()).ack()
            assert isinstance(await reported.next(), LookupError)
        await stack.enter_async_context(broker.consume(inbox, never))
        delivery = await inbox.next()
        assert (delivery.message.id, delivery.redelivered) == ("bad", True)
        await delivery.ack()


async def test_a_requester_that_raises_does_not_hit_the_replier(broker: InProcessBroker) -> None:
    reported = Inbox[object]()
    asyncio.get_running_loop().set_exception_handler(lambda _, context: reported(context["exception"]))

    def requester(reply: Reply) -> None:
        raise LookupError(reply.action_id)

    async with broker.replies(requester, never) as address:
        await broker.reply(Reply(address, "a"))
        assert isinstance(await reported.next(), LookupError)


# ---- tasks ---------------------------------------------------------------------------------------------------


async def test_priorities_are_exact_and_a_task_that_comes_back_takes_its_old_place(broker: InProcessBroker) -> None:
    inbox = Tasks()
    priorities = {"a": 5, "b": -(2**31), "c": 6, "d": 5, "e": 2**31 - 1}
    await broker.offer([task(run_id, priority) for run_id, priority in priorities.items()])
    async with broker.tasks(ACTIVITIES, inbox) as wants:
        wants.credit(3)
        e, c, a = await inbox.take(3)
        assert [d.message.run_id for d in (e, c, a)] == ["e", "c", "a"]
        await a.requeue()
        await e.requeue()
        wants.credit(4)
        deliveries = await inbox.take(4)
    returned = [(delivery.message.run_id, delivery.redelivered) for delivery in deliveries]
    assert returned == [("e", True), ("a", True), ("d", False), ("b", False)]


async def test_consumers_of_one_list_take_turns(broker: InProcessBroker) -> None:
    one, other = Tasks(), Tasks()
    async with broker.tasks(ACTIVITIES, one) as wants, broker.tasks(ACTIVITIES, other) as other_wants:
        wants.credit(10)
        other_wants.credit(10)
        await broker.offer([task(run_id) for run_id in "abcd"])
        assert [d.message.run_id for d in await one.take(2)] == ["a", "c"]
        assert [d.message.run_id for d in await other.take(2)] == ["b", "d"]


async def test_a_task_that_is_offered_again_while_it_waits_is_kept_once_in_its_old_place(
    broker: InProcessBroker,
) -> None:
    inbox = Tasks()
    await broker.offer([task("a"), task("b"), task("a")])
    async with broker.tasks(ACTIVITIES, inbox) as wants:
        wants.credit(1)
        lent = await inbox.next()
        # lent is not waiting: this one may be meant
        await broker.offer([task("a")])
        await lent.requeue()
        await broker.offer([task("c")])
        wants.credit(9)
        assert [d.message.run_id for d in await inbox.take(3)] == ["a", "b", "c"]
    assert inbox.empty


async def test_credit_of_a_consumer_that_has_left_is_none(broker: InProcessBroker) -> None:
    left, stays = Tasks(), Tasks()
    async with broker.tasks(ACTIVITIES, stays) as wants:
        async with broker.tasks(ACTIVITIES, left) as gone:
            pass
        gone.credit(5)
        wants.credit(5)
        await broker.offer([task("a")])
        assert (await stays.next()).message.run_id == "a"
    assert left.empty


async def test_idle_lists_leave_nothing_behind(broker: InProcessBroker) -> None:
    inbox = Tasks()
    async with broker.tasks(ACTIVITIES, inbox):
        pass
    assert len(broker._task_lists) == 0
    await broker.offer([task("a")])
    async with broker.tasks(ACTIVITIES, inbox) as wants:
        wants.credit(1)
        await (await inbox.next()).ack()
    assert len(broker._task_lists) == 0


# ---- delays --------------------------------------------------------------------------------------------------


async def test_a_delay_is_exact_replaced_and_forgotten(broker: InProcessBroker, clock: ManualClock) -> None:
    inbox = Actions()
    async with broker.consume(inbox, never):
        await broker.delay(action("old", run_id="r"), START + 1)
        await broker.delay(action("new", run_id="r"), START + 10)
        await broker.delay(action("forgotten", run_id="s"), START + 5)
        await broker.undelay("s")
        await broker.delay(action("fence", run_id="t"), START + 9)
        await turns()
        clock.advance(9)
        assert (await inbox.next()).message.id == "fence"
        clock.advance(1)
        assert (await inbox.next()).message.id == "new"
    assert inbox.empty


async def test_delays_come_in_the_order_of_their_times(broker: InProcessBroker, clock: ManualClock) -> None:
    inbox = Actions()
    async with broker.consume(inbox, never):
        for after in (30, 10, 20):
            await broker.delay(action(str(after)), START + after)
        await turns()
        clock.advance(30)
        assert [d.message.id for d in await inbox.take(3)] == ["10", "20", "30"]


async def test_any_number_of_delays_waits_once() -> None:
    class CountingClock(ManualClock):
        waits = 0

        async def wait_until(self, at: int) -> None:
            self.waits += 1
            await super().wait_until(at)

    clock, published = CountingClock(START), Inbox[Action]()
    delays = Delays(clock, Agenda(), published)
    for number in range(100_000):
        delays.put(action(str(number), run_id=str(number)), START + 100 + number)
    await turns()
    for number in range(1, 100_000):
        delays.forget(str(number))
        delays.put(action("short", run_id="short lived"), START + HOUR)
        delays.forget("short lived")
    await turns()
    assert (len(delays), clock.waits) == (1, 1)
    clock.advance(100)
    assert (await published.next()).id == "0"
    await delays.close()


# ---- the clock -----------------------------------------------------------------------------------------------


async def test_time_does_not_run_on_while_an_action_is_not_settled() -> None:
    clock, inbox = SkippingClock(lambda: START * 1_000_000), Actions()
    async with InProcessBroker(clock, partitions=4) as broker, AsyncExitStack() as stack:
        await broker.delay(action("wake"), START + HOUR)
        await stack.enter_async_context(publishing(broker, action("a")))
        async with broker.consume(inbox, never):
            await (await inbox.next()).requeue()
            await inbox.next()
            await turns()
        await turns()
        assert clock.now() == START
        await stack.enter_async_context(broker.consume(inbox, never))
        await (await inbox.next()).ack()
        wake = await inbox.next()
        assert (wake.message.id, clock.now()) == ("wake", START + HOUR)


async def test_time_runs_on_while_a_task_waits_but_not_while_it_is_lent() -> None:
    clock, tasks, actions = SkippingClock(lambda: START * 1_000_000), Tasks(), Actions()
    async with InProcessBroker(clock, partitions=4) as broker, broker.consume(actions, never):
        await broker.offer([task("a")])
        await broker.delay(action("first"), START + HOUR)
        wake = await actions.next()
        async with broker.tasks(ACTIVITIES, tasks) as wants:
            wants.credit(1)
            lent = await tasks.next()
            await wake.ack()
            await broker.delay(action("second"), START + 2 * HOUR)
            await turns()
            assert clock.now() == START + HOUR
            await lent.ack()
            assert (await actions.next()).message.id == "second"


async def test_time_does_not_run_to_a_delay_that_was_forgotten() -> None:
    clock = SkippingClock(lambda: START * 1_000_000)
    clock.lock()
    async with InProcessBroker(clock, partitions=4) as broker:
        await broker.delay(action("a", run_id="r"), START + HOUR)
        await turns()
        await broker.undelay("r")
        clock.unlock()
        await turns()
        assert clock.now() == START


# ---- closing -------------------------------------------------------------------------------------------------


async def test_closing_fails_what_is_not_confirmed_and_lets_go_of_the_clock() -> None:
    clock, actions, tasks = SkippingClock(lambda: START * 1_000_000), Actions(), Tasks()
    async with AsyncExitStack() as stack, asyncio.timeout(PATIENCE):
        async with InProcessBroker(clock, partitions=4) as broker:
            await stack.enter_async_context(broker.consume(actions, never))
            wants = await stack.enter_async_context(broker.tasks(ACTIVITIES, tasks))
            await stack.enter_async_context(broker.replies(Inbox[Reply](), never))
            wants.credit(5)
            await broker.offer([task("a")])
            await broker.delay(action("later"), START + HOUR)
            pending = asyncio.create_task(broker.publish([action("a"), action("b", lane=1)]))
            action_lent, task_lent = await actions.next(), await tasks.next()
        with pytest.raises(BrokerUnavailable):
            await pending
        await action_lent.ack()
        await task_lent.requeue()
        # Nothing is held any more, or time would not move.
        await clock.wait_until(START + 2 * HOUR)
    assert tasks.empty


async def test_a_closed_broker_takes_no_responsibility(clock: ManualClock) -> None:
    broker = InProcessBroker(clock, partitions=4)
    for _ in range(2):
        for refused in (
            broker.publish([action("a")]),
            broker.offer([task("a")]),
            broker.delay(action("a"), START),
            broker.ping(),
            broker.consume(Actions(), never).__aenter__(),
            broker.replies(Inbox[Reply](), never).__aenter__(),
            broker.tasks(ACTIVITIES, Tasks()).__aenter__(),
        ):
            with pytest.raises(BrokerUnavailable):
                await refused
        await broker.undelay("r")
        await broker.reply(Reply("gone", "a"))
        async with broker:
            await broker.ping()


async def turns(number: int = 100) -> None:
    """Turns of the event loop: far more than anything here takes that happens without the clock."""
    for _ in range(number):
        await asyncio.sleep(0)


async def test_a_list_whose_tasks_are_withdrawn_leaves_nothing() -> None:
    """Tasks of closed runs on a list that nobody polls would otherwise stay for ever."""
    async with InProcessBroker(ManualClock(START), partitions=1) as broker:
        tasks = [task(str(number)) for number in range(100)]
        await broker.offer(tasks)
        await broker.withdraw(tasks[1:])
        assert len(broker._task_lists) == 1
        await broker.withdraw(tasks[:1])
        assert len(broker._task_lists) == 0
