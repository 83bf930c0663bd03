"""Held polls: nothing is lost, nothing is given twice, nobody waits for nothing."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest

from gateway import longpolls
from gateway.calls import Calls
from gateway.longpolls import LongPolls
from tests.brokers.inbox import PATIENCE
from tests.gateway.coordinator import ScriptedCoordinator
from workflowsvc.brokers.inprocess import InProcessBroker
from workflowsvc.clocks.manual import ManualClock
from workflowsvc.messages import (
    Action,
    GivenActivityTask,
    Refusal,
    Stale,
    StartTask,
    Task,
    TaskKind,
    TaskList,
    TaskRef,
)
from workflowsvc.ports import BrokerUnavailable, Delivery, TaskConsumer
from workflowsvc.swf import shapes
from workflowsvc.swf.errors import ServiceUnavailableException
from workflowsvc.swf.faults import LimitExceededFault

LIST = TaskList("us-east-1/shop", TaskKind.ACTIVITY, "main")


class WatchedBroker:
    """The in-process broker; notes what credit is asked for, and who still consumes tasks."""

    def __init__(self, broker: InProcessBroker) -> None:
        self._broker = broker
        self.credits: list[int] = []
        self.left = asyncio.Event()
        self.refuse = False

    def __getattr__(self, name: str) -> Any:
        return getattr(self._broker, name)

    @asynccontextmanager
    async def tasks(
        self, task_list: TaskList, consumer: Callable[[Delivery[Task]], None]
    ) -> AsyncIterator[TaskConsumer]:
        if self.refuse:
            raise BrokerUnavailable
        async with self._broker.tasks(task_list, consumer) as taker:
            yield _Watched(taker, self.credits)
        self.left.set()


class _Watched:
    def __init__(self, taker: TaskConsumer, credits: list[int]) -> None:
        self._taker = taker
        self._credits = credits

    def credit(self, wanted: int) -> None:
        self._credits.append(wanted)
        self._taker.credit(wanted)


@pytest.fixture
def watched(broker: InProcessBroker) -> WatchedBroker:
    return WatchedBroker(broker)


@pytest.fixture
async def calls(clock: ManualClock, broker: InProcessBroker) -> AsyncIterator[Calls]:
    async with Calls(clock, broker) as calls:
        yield calls


@pytest.fixture
async def polls(watched: WatchedBroker, calls: Calls, coordinator: ScriptedCoordinator) -> AsyncIterator[LongPolls]:
    polls = LongPolls(watched, calls, PATIENCE)
    yield polls
    await polls.close(PATIENCE)


def task(number: int) -> Task:
    return Task(LIST, 7, LIST.domain, "order", f"run {number}", 5)


def given(action: Action) -> GivenActivityTask:
    execution = shapes.WorkflowExecution(run_id=action.run_id, workflow_id=action.workflow_id)
    kind = shapes.ActivityType(name="pay", version="1")
    return GivenActivityTask(execution, TaskRef(5, 6), "a", kind)


def poll(polls: LongPolls, identity: str = "", gone: Callable[[], bool] = lambda: False) -> asyncio.Task[Any]:
    return asyncio.create_task(polls.poll(LIST, identity, gone))


async def give(coordinator: ScriptedCoordinator) -> Action:
    delivery = await coordinator.next()
    await coordinator.answer(delivery, given(delivery.message))
    return delivery.message


def taken(answer: Any) -> str:
    return str(answer.workflow_execution.run_id)


async def turns(number: int = 10) -> None:
    """Let the loop do all that is ready."""
    for _ in range(number):
        await asyncio.sleep(0)


# ---- giving ----------------------------------------------------------------------------------------------------


async def test_a_task_is_given_once_its_start_is_committed(
    polls: LongPolls, broker: InProcessBroker, coordinator: ScriptedCoordinator
) -> None:
    waiting = poll(polls, "worker-1")
    await broker.offer([task(1)])
    action = await give(coordinator)
    assert taken(await waiting) == "run 1"
    assert action.request == StartTask(TaskKind.ACTIVITY, "worker-1")
    assert (action.lane, action.domain, action.workflow_id) == (7, LIST.domain, "order")
    assert action.task == TaskRef(5)


async def test_a_task_that_waits_is_given_at_once(
    polls: LongPolls, broker: InProcessBroker, coordinator: ScriptedCoordinator
) -> None:
    coordinator.scripts[StartTask] = given
    await broker.offer([task(1)])
    assert taken(await poll(polls)) == "run 1"


async def test_who_waits_longest_is_served_first(
    polls: LongPolls, broker: InProcessBroker, coordinator: ScriptedCoordinator
) -> None:
    waiting = [poll(polls, f"worker-{number}") for number in range(5)]
    await turns()
    for number in range(5):
        await broker.offer([task(number)])
        action = await give(coordinator)
        assert action.request == StartTask(TaskKind.ACTIVITY, f"worker-{number}")
    assert [taken(await answer) for answer in waiting] == [f"run {number}" for number in range(5)]


async def test_lists_do_not_mix(polls: LongPolls, broker: InProcessBroker, coordinator: ScriptedCoordinator) -> None:
    coordinator.scripts[StartTask] = given
    other = TaskList(LIST.domain, TaskKind.DECISION, LIST.name)
    waiting = asyncio.create_task(polls.poll(other, None, lambda: False))
    await broker.offer([task(1)])
    assert taken(await poll(polls)) == "run 1"
    assert not waiting.done()
    await polls.close(PATIENCE)
    assert await waiting is None


async def test_polls_of_a_list_may_be_limited(
    watched: WatchedBroker, calls: Calls, coordinator: ScriptedCoordinator
) -> None:
    """SWF.md §1.3: the text; §9: "pollers per task list"."""
    polls = LongPolls(watched, calls, PATIENCE, most=2)
    waiting = [poll(polls), poll(polls)]
    await turns()
    with pytest.raises(LimitExceededFault, match="Limit on maximum concurrent poll requests per task list reached"):
        await poll(polls)
    other = asyncio.create_task(polls.poll(TaskList(LIST.domain, TaskKind.DECISION, LIST.name), None, lambda: False))
    waiting[0].cancel()
    await turns()
    waiting.append(poll(polls))
    await turns()
    assert not waiting[-1].done()
    await polls.close(PATIENCE)
    assert await asyncio.gather(other, *waiting[1:]) == [None, None, None]


# ---- what is not to be had -------------------------------------------------------------------------------------


@pytest.mark.parametrize("answer", [Stale(), Refusal("UnknownResourceFault", "Unknown execution"), None])
async def test_after_a_stale_hint_the_poll_waits_on_in_its_old_place(
    polls: LongPolls, broker: InProcessBroker, coordinator: ScriptedCoordinator, answer: Any
) -> None:
    first, second = poll(polls, "first"), poll(polls, "second")
    await turns()
    await broker.offer([task(1)])
    delivery = await coordinator.next()
    await coordinator.answer(delivery, answer)
    await turns()
    await broker.offer([task(2)])
    action = await give(coordinator)
    assert action.request == StartTask(TaskKind.ACTIVITY, "first")
    assert taken(await first) == "run 2"
    assert not second.done()
    await broker.offer([task(3)])
    await give(coordinator)
    assert taken(await second) == "run 3"


async def test_a_task_refused_for_the_moment_goes_back_and_the_poll_is_told(
    polls: LongPolls, broker: InProcessBroker, coordinator: ScriptedCoordinator
) -> None:
    waiting = poll(polls)
    await broker.offer([task(1)])
    await coordinator.answer(await coordinator.next(), Refusal("ServiceUnavailableException"))
    with pytest.raises(ServiceUnavailableException):
        await waiting
    waiting = poll(polls)
    await give(coordinator)
    assert taken(await waiting) == "run 1"


async def test_a_task_on_which_the_coordinator_fails_is_set_aside(
    polls: LongPolls, broker: InProcessBroker, coordinator: ScriptedCoordinator
) -> None:
    waiting = poll(polls)
    await broker.offer([task(1)])
    await coordinator.answer(await coordinator.next(), Refusal("InternalFailure"))
    await broker.offer([task(2)])
    await give(coordinator)
    assert taken(await waiting) == "run 2"


# ---- clients that hang up --------------------------------------------------------------------------------------


async def test_a_client_that_hung_up_is_skipped(
    polls: LongPolls, broker: InProcessBroker, coordinator: ScriptedCoordinator
) -> None:
    cancelled, gone, alive = poll(polls, "cancelled"), poll(polls, "gone", lambda: True), poll(polls, "alive")
    await turns()
    cancelled.cancel()
    await broker.offer([task(1)])
    action = await give(coordinator)
    assert action.request == StartTask(TaskKind.ACTIVITY, "alive")
    assert taken(await alive) == "run 1"
    gone.cancel()


async def test_what_nobody_is_there_to_take_waits_for_the_next(
    polls: LongPolls, broker: InProcessBroker, coordinator: ScriptedCoordinator
) -> None:
    gone = poll(polls, "gone", lambda: True)
    await turns()
    await broker.offer([task(1)])
    await turns()
    assert not coordinator.actions
    alive = poll(polls, "alive")
    await give(coordinator)
    assert taken(await alive) == "run 1"
    gone.cancel()


async def test_hanging_up_after_the_start_is_too_late(
    polls: LongPolls, broker: InProcessBroker, coordinator: ScriptedCoordinator
) -> None:
    """ "A poll writes the Started event at hand-out, whether or not the client still listens" (SWF.md §2.3)."""
    waiting = poll(polls)
    await broker.offer([task(1)])
    delivery = await coordinator.next()
    waiting.cancel()
    await coordinator.answer(delivery, given(delivery.message))
    await turns()
    assert len(coordinator.actions) == 1


@pytest.mark.parametrize("seed", range(10))
async def test_with_clients_that_come_and_go_each_task_is_started_once(
    polls: LongPolls, watched: WatchedBroker, coordinator: ScriptedCoordinator, seed: int
) -> None:
    chance = random.Random(seed)
    coordinator.scripts[StartTask] = given
    everything = {f"run {number}" for number in range(60)}

    def started() -> set[str]:
        return {action.run_id for action in coordinator.actions}

    async def client() -> None:
        while started() != everything:
            waiting = poll(polls)
            if chance.random() < 0.5:
                await turns(chance.randrange(8))
                waiting.cancel()
            await asyncio.wait([waiting])

    async with asyncio.timeout(PATIENCE):
        clients = [asyncio.create_task(client()) for _ in range(5)]
        for number in range(60):
            await watched.offer([task(number)])
            await turns(chance.randrange(5))
        await asyncio.wait(clients, return_when=asyncio.FIRST_COMPLETED)
        await polls.close(PATIENCE)
        await asyncio.gather(*clients)
    assert len(coordinator.actions) == 60
    assert max(watched.credits) <= 5


# ---- deadlines -------------------------------------------------------------------------------------------------


async def test_nothing_in_time_is_the_empty_answer_and_leaves_no_credit(
    watched: WatchedBroker, calls: Calls, coordinator: ScriptedCoordinator
) -> None:
    polls = LongPolls(watched, calls, 0.01)
    assert await poll(polls) is None
    assert watched.credits[-1] == 0
    await polls.close(PATIENCE)


@pytest.mark.parametrize("stale", [False, True])
async def test_a_deadline_during_the_start_waits_for_what_comes_of_it(
    watched: WatchedBroker, calls: Calls, coordinator: ScriptedCoordinator, stale: bool
) -> None:
    polls = LongPolls(watched, calls, 0.05)
    waiting = poll(polls)
    await watched.offer([task(1)])
    delivery = await coordinator.next()
    await asyncio.wait([waiting], timeout=0.06)  # the deadline itself
    assert not waiting.done()
    await coordinator.answer(delivery, Stale() if stale else given(delivery.message))
    answer = await waiting
    assert answer is None if stale else taken(answer) == "run 1"
    await polls.close(PATIENCE)


# ---- credit ----------------------------------------------------------------------------------------------------


async def test_the_credit_is_the_number_of_free_waiters(
    polls: LongPolls, watched: WatchedBroker, coordinator: ScriptedCoordinator
) -> None:
    waiting = [poll(polls) for _ in range(3)]
    await turns()
    assert watched.credits[-1] == 3
    waiting[0].cancel()
    await turns()
    assert watched.credits[-1] == 2
    await watched.offer([task(number) for number in range(5)])
    deliveries = await coordinator.inbox.take(2)
    await turns()
    assert coordinator.inbox.empty
    for delivery in deliveries:
        await coordinator.answer(delivery, given(delivery.message))
    assert max(watched.credits) == 3


# ---- the consumer ----------------------------------------------------------------------------------------------


async def test_a_list_that_nobody_polls_is_left_after_a_moment(
    polls: LongPolls, watched: WatchedBroker, coordinator: ScriptedCoordinator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(longpolls, "LINGER_SECONDS", 0.0)
    coordinator.scripts[StartTask] = given
    for number in range(3):
        await watched.offer([task(number)])
        assert taken(await poll(polls)) == f"run {number}"
        async with asyncio.timeout(PATIENCE):
            await watched.left.wait()
        watched.left.clear()
        assert not polls._lines


async def test_a_list_whose_poller_comes_back_is_not_left(
    polls: LongPolls, watched: WatchedBroker, coordinator: ScriptedCoordinator
) -> None:
    coordinator.scripts[StartTask] = given
    for number in range(3):
        await watched.offer([task(number)])
        assert taken(await poll(polls)) == f"run {number}"
    assert not watched.left.is_set()


async def test_a_list_that_cannot_be_consumed_is_503_now_and_tried_again_later(
    polls: LongPolls, watched: WatchedBroker, coordinator: ScriptedCoordinator
) -> None:
    watched.refuse = True
    with pytest.raises(ServiceUnavailableException):
        await poll(polls)
    watched.refuse = False
    coordinator.scripts[StartTask] = given
    await watched.offer([task(1)])
    assert taken(await poll(polls)) == "run 1"


# ---- shutdown --------------------------------------------------------------------------------------------------


async def test_shutdown_answers_every_poll_empty(
    polls: LongPolls, watched: WatchedBroker, coordinator: ScriptedCoordinator
) -> None:
    waiting = [poll(polls) for _ in range(3)]
    await turns()
    await polls.close(PATIENCE)
    assert [await answer for answer in waiting] == [None] * 3
    assert await poll(polls) is None
    assert watched.left.is_set()


async def test_shutdown_waits_for_a_task_that_is_being_started(
    polls: LongPolls, broker: InProcessBroker, coordinator: ScriptedCoordinator
) -> None:
    waiting = poll(polls)
    await broker.offer([task(1)])
    delivery = await coordinator.next()
    closing = asyncio.create_task(polls.close(PATIENCE))
    await turns()
    assert not closing.done()
    await coordinator.answer(delivery, given(delivery.message))
    await closing
    assert taken(await waiting) == "run 1"


async def test_shutdown_does_not_wait_for_ever(
    polls: LongPolls, broker: InProcessBroker, coordinator: ScriptedCoordinator
) -> None:
    waiting = poll(polls)
    await broker.offer([task(1)])
    delivery = await coordinator.next()
    await polls.close(0.01)
    assert await waiting is None
    await coordinator.answer(delivery, given(delivery.message))
