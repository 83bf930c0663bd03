"""Waking runs where the broker has a horizon: what is armed, what the store is told, what the sweeper finds."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from coordinator.wakes import GRACE, NEAR
from tests.coordinator.shell.horizon import NearBroker
from tests.coordinator.shell.world import DAY, SECOND, START, World, activity, complete, timer, until
from workflowsvc import names
from workflowsvc.messages import Action, TaskKind, Wake
from workflowsvc.stores.sqlite import SqliteStore
from workflowsvc.swf import shapes

FAR = "86400"


@pytest.fixture
async def near(store: SqliteStore, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[World]:
    """A sweeper that never rests, and writes down what stands at once."""
    monkeypatch.setattr("coordinator.sweeper.EVERY_SECONDS", 0)
    monkeypatch.setattr("coordinator.wakes.WRITE_AFTER_SECONDS", 0)
    made = World(store, broker=NearBroker)
    async with made.running():
        await made.register()
        yield made


def armed(world: World, run_id: str) -> list[int]:
    assert isinstance(world.inprocess, NearBroker)
    return [at for run, at in world.inprocess.armed if run == run_id]


async def looked_at(store: SqliteStore, run_id: str) -> int | None:
    found = {due.run.run_id: due.wake_at for due in await store.due(START * 2, None, 100)}
    return found.get(run_id)


async def wake(world: World, workflow_id: str, run_id: str) -> None:
    await world.inprocess.publish([world.action(Wake(), workflow_id, run_id, reply=False)])


# ---- what is armed, and what the store is told


async def test_a_near_deadline_is_armed_and_looked_at_soon_after(near: World, store: SqliteStore) -> None:
    run_id = await near.start("w", execution_start_to_close_timeout="60")
    await near.settled()
    assert armed(near, run_id) == [START + 60 * SECOND]
    assert await looked_at(store, run_id) == START + 60 * SECOND + GRACE


async def test_a_far_deadline_is_not_armed_until_it_comes_near(near: World, store: SqliteStore) -> None:
    run_id = await near.start("w", execution_start_to_close_timeout=FAR)
    await near.settled()
    deadline = START + DAY
    assert armed(near, run_id) == []
    assert await looked_at(store, run_id) == deadline - NEAR // 2
    near.clock.advance(DAY - NEAR // 2)
    await until(lambda: armed(near, run_id) == [deadline])
    await near.settled()
    assert await looked_at(store, run_id) == deadline + GRACE


async def test_a_far_timer_goes_to_the_store_with_its_commit(store: SqliteStore) -> None:
    """A sweeper that has not looked yet is not needed for that: the commit itself says it."""
    world = World(store, broker=NearBroker)
    world.store.watch("commit")
    async with world.running():
        await world.register()
        run_id = await world.start("w", execution_start_to_close_timeout="31536000")
        await world.decide(timer(86_400))
        await world.settled()
        wakes = [commit.wake_at for (unit,) in world.store.calls["commit"] for commit in unit]
    assert wakes[-1] == START + DAY - NEAR // 2
    assert await looked_at(store, run_id) == wakes[-1]


async def test_only_an_earlier_deadline_is_armed_anew(near: World) -> None:
    run_id = await near.start("w", execution_start_to_close_timeout="200", task_start_to_close_timeout="30")
    given = await near.poll()
    await near.complete(given, timer(100))
    await near.settled()
    assert armed(near, run_id) == [START + 200 * SECOND, START + 30 * SECOND]


@pytest.mark.parametrize("lasting", ["60", "250", "86400"])
async def test_an_execution_whose_deadlines_never_come_costs_three_messages_at_most(near: World, lasting: str) -> None:
    """Start, decide, work with heartbeats, decide: every deadline has a timeout, and none is reached.

    A delay of up to 63 s is one message, a longer one two (brokers/rabbitmq/topology.py).
    """
    run_id = await near.start("w", execution_start_to_close_timeout=lasting, task_start_to_close_timeout="30")
    limits = {"start_to_close_timeout": "40", "heartbeat_timeout": "35", "schedule_to_start_timeout": "50"}
    await near.complete(await near.poll(), activity(**limits, schedule_to_close_timeout="55"))
    given = await near.poll(TaskKind.ACTIVITY)
    for _ in range(5):
        await near.pass_time(SECOND)
        await near.of_activity(shapes.RecordActivityTaskHeartbeatInput, given)
    await near.of_activity(shapes.RespondActivityTaskCompletedInput, given)
    await near.complete(await near.poll(), complete())
    await near.settled()
    assert (await near.types(run_id))[-1] == "WorkflowExecutionCompleted"
    messages = [1 if at - START < 64 * SECOND else 2 for at in armed(near, run_id)]
    assert 1 <= sum(messages) <= 3


async def test_what_stands_for_a_while_is_written_down(near: World, store: SqliteStore) -> None:
    run_id = await near.start("w", execution_start_to_close_timeout="200", task_start_to_close_timeout="30")
    await near.poll()

    async def written() -> bool:
        return await looked_at(store, run_id) == START + 30 * SECOND + GRACE

    while not await written():
        pass  # the store is asked again: that is the wait


async def test_what_no_longer_stands_is_not(near: World, store: SqliteStore, monkeypatch: pytest.MonkeyPatch) -> None:
    """The decision task is done before its time to look is written: the execution's own is there from its start."""
    run_id = await near.start("w", execution_start_to_close_timeout=FAR, task_start_to_close_timeout="30")
    monkeypatch.setattr("coordinator.wakes.WRITE_AFTER_SECONDS", 3600)
    near.store.watch("commit")
    await near.decide()
    await near.settled()
    assert near.coordinator._wakes._unwritten
    monkeypatch.setattr("coordinator.wakes.WRITE_AFTER_SECONDS", 0)
    await until(lambda: not near.coordinator._wakes._unwritten)
    assert all(commit.events for (unit,) in near.store.calls["commit"] for commit in unit)
    assert await looked_at(store, run_id) == START + DAY - NEAR // 2


# ---- what the sweeper finds


async def test_a_wake_up_that_the_broker_lost_is_made_good(near: World) -> None:
    run_id = await near.start("w", execution_start_to_close_timeout="60")
    await near.settled()
    near.clock.advance(60 * SECOND + GRACE)
    await until(lambda: any(isinstance(each.request, Wake) for each in near.inprocess.published))  # type: ignore[attr-defined]
    await near.settled()
    assert (await near.types(run_id))[-1] == "WorkflowExecutionTimedOut"


async def test_a_wake_up_that_was_armed_a_moment_ago_and_lost_is_made_good(
    store: SqliteStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before its time to look is written down, who armed it watches it."""
    monkeypatch.setattr("coordinator.sweeper.EVERY_SECONDS", 0)
    world = World(store, broker=NearBroker)
    async with world.running():
        await world.register()
        run_id = await world.start("w", execution_start_to_close_timeout=FAR, task_start_to_close_timeout="2")
        await world.poll()
        world.clock.advance(2 * SECOND + GRACE)
        await until(lambda: any(isinstance(each.request, Wake) for each in world.inprocess.published))  # type: ignore[attr-defined]
        await world.settled()
        assert (await world.types(run_id))[-2:] == ["DecisionTaskTimedOut", "DecisionTaskScheduled"]


async def test_a_run_that_has_closed_is_not_read_to_find_nothing_to_do(near: World) -> None:
    run_id = await near.start("w", execution_start_to_close_timeout="60")
    await near.terminate("w")
    await near.settled()
    near.store.watch("load", "row")
    near.store.calls.clear()
    await wake(near, "w", run_id)
    assert near.store.calls["load"] == near.store.calls["row"] == []


# ---- partitions that go


async def test_what_is_remembered_of_a_lost_partition_is_forgotten(world: World) -> None:
    run_id = await world.start("w")
    await world.settled()
    world.store.watch("load")
    await world.describe("w", run_id)
    assert world.store.calls["load"] == []
    lane = names.lane_of(world.action(Wake(), "w").domain, "w")
    for partition in range(world.settings.partitions):
        if partition != names.partition_of(lane, world.settings.partitions):
            world.coordinator._lose(partition)
    await world.describe("w", run_id)
    assert world.store.calls["load"] == []
    world.coordinator._lose(names.partition_of(lane, world.settings.partitions))
    await world.describe("w", run_id)
    assert world.store.calls["load"] == [(run_id,)]


async def test_a_batch_in_which_its_partition_was_lost_leaves_nothing_in_memory(world: World) -> None:
    run_id = await world.start("w")
    await world.settled()
    gate = world.store.stop("commit")
    signalled = world.send(
        world.action(shapes.SignalWorkflowExecutionInput(domain="", workflow_id="w", signal_name="s"), "w")
    )
    await gate.reached()
    for partition in range(world.settings.partitions):
        world.coordinator._lose(partition)
    gate.open()
    await world.result(signalled)
    await world.settled()
    world.store.watch("load")
    await world.describe("w", run_id)
    assert world.store.calls["load"] == [(run_id,)]


# ---- a request that its gateway sends once more


async def test_a_request_that_is_repeated_is_done_once_and_answered_twice(world: World) -> None:
    run_id = await world.start("w")
    request = shapes.SignalWorkflowExecutionInput(domain="", workflow_id="w", signal_name="s")
    action = world.action(request, "w")
    await world.answer(action)
    await world.answer(repeated(action))
    assert (await world.types(run_id)).count("WorkflowExecutionSignaled") == 1


def repeated(action: Action) -> Action:
    return Action(
        action.id, action.lane, action.domain, action.workflow_id, action.run_id, action.request, action.task,
        action.reply_to, repeated=True,
    )  # fmt: skip
