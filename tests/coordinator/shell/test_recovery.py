"""After a crash: the store is all there is, and everything goes on.

Law: a crash is a coordinator whose effects were dropped after the commit, followed by a new one with a broker that
knows nothing.
"""

from __future__ import annotations

import asyncio

import pytest

from tests.coordinator.shell.world import (
    BREATH,
    DOMAIN,
    SECOND,
    World,
    activity,
    child,
    complete,
    continue_as_new,
    external_signal,
    signal_of,
    start_of,
    timer,
    until,
)
from workflowsvc.messages import Resume, TaskKind
from workflowsvc.ports import BrokerUnavailable, StoreUnavailable
from workflowsvc.stores.sqlite import SqliteStore
from workflowsvc.swf import shapes


@pytest.fixture
def crashing(store: SqliteStore) -> World:
    return World(store)


async def test_tasks_that_were_never_offered_are_offered_after_a_restart(crashing: World) -> None:
    """Decision and activity tasks whose offers were lost come to the pollers of the next process."""
    async with crashing.running():
        await crashing.register()
        await crashing.start("w")
        await crashing.decide(activity())
        await crashing.start("x")
        await crashing.settled()
    async with crashing.running(offer=0):
        given = await crashing.poll(TaskKind.ACTIVITY)
        assert given.activity_id == "a"
        assert (await crashing.poll()).workflow_execution.workflow_id == "x"


async def test_a_timer_that_was_never_armed_fires_after_a_restart(crashing: World) -> None:
    """Its deadline came while no process was there: it fires at once, when one is."""
    async with crashing.running():
        await crashing.register()
        run_id = await crashing.start("w")
        given = await crashing.poll()
        crashing.broker.drop("delay", 5)
        await crashing.complete(given, timer(30))
        await crashing.settled()
    crashing.clock.advance(60 * SECOND)
    async with crashing.running():
        await crashing.settled()
        assert "TimerFired" in await crashing.types(run_id)


async def test_a_child_that_was_never_asked_for_is_started_after_a_restart(crashing: World) -> None:
    """StartChild was committed and lost: the parent is resumed, the child starts, once."""
    async with crashing.running():
        await crashing.register()
        parent = await crashing.start("parent")
        given = await crashing.poll()
        crashing.broker.drop("publish", 5)
        await crashing.complete(given, child())
        await crashing.settled()
        assert await crashing.sqlite.find_run(DOMAIN, "child") is None
    async with crashing.running():
        await crashing.settled()
        assert (await crashing.types(parent)).count("ChildWorkflowExecutionStarted") == 1
        assert await crashing.sqlite.find_run(DOMAIN, "child") is not None


async def test_a_child_whose_start_was_not_told_is_told_after_a_restart(crashing: World) -> None:
    """ChildStarted was lost: the parent asks again and finds the child that it has."""
    async with crashing.running():
        await crashing.register()
        parent = await crashing.start("parent")
        given = await crashing.poll()
        first = crashing.broker.stop("publish")
        crashing.broker.drop("publish", 5)
        await crashing.complete(given, child())
        await first.reached()
        first.open()
        await crashing.settled()
        assert "ChildWorkflowExecutionStarted" not in await crashing.types(parent)
        run_id = await crashing.sqlite.find_run(DOMAIN, "child")
    async with crashing.running():
        await crashing.settled()
        assert (await crashing.types(parent)).count("ChildWorkflowExecutionStarted") == 1
        assert await crashing.sqlite.find_run(DOMAIN, "child") == run_id


async def test_a_close_that_was_not_told_is_told_after_a_restart(crashing: World) -> None:
    """The child closed and nobody heard: it is unsettled, and the parent hears it from the next process."""
    async with crashing.running():
        await crashing.register()
        parent = await crashing.start("parent")
        await crashing.decide(child(task_list=shapes.TaskList(name="children")))
        await crashing.settled()
        given = await crashing.poll(TaskKind.DECISION, "children")
        crashing.broker.fail("publish", *[BrokerUnavailable()] * 3)
        crashing.store.watch("settle")
        gate = crashing.broker.stop("publish")
        await crashing.complete(given, complete("fine"))
        await gate.reached()
        gate.fail(asyncio.CancelledError())
        await until(lambda: not crashing.coordinator._lanes)
    async with crashing.running():
        await crashing.settled()
        assert (await crashing.types(parent)).count("ChildWorkflowExecutionCompleted") == 1
        assert [run.run_id for run in await crashing.sqlite.recoverable("", 10)] == [parent]


async def test_a_signal_that_was_lost_is_sent_after_a_restart(crashing: World) -> None:
    """The request stands in the history of its source: it is sent again until it is answered."""
    async with crashing.running():
        await crashing.register()
        target = await crashing.start("target", task_list=shapes.TaskList(name="elsewhere"))
        source = await crashing.start("source")
        given = await crashing.poll()
        crashing.broker.drop("publish", 5)
        await crashing.complete(given, external_signal("target"))
        await crashing.settled()
    async with crashing.running():
        await crashing.settled()
        assert (await crashing.types(target)).count("WorkflowExecutionSignaled") == 1
        assert (await crashing.types(source)).count("ExternalWorkflowExecutionSignaled") == 1


async def test_a_signal_whose_answer_was_lost_is_not_recorded_by_the_successor(crashing: World) -> None:
    """The target had it and continued as new; sent again after a restart, it is answered and not recorded."""
    async with crashing.running():
        await crashing.register()
        source = await crashing.start("source")
        given = await crashing.poll()
        first = await crashing.start("target")
        # Of the two messages, the signal and its answer, the second is lost.
        crashing.broker.pass_on("publish")
        crashing.broker.drop("publish")
        await crashing.complete(given, external_signal("target"))
        await until(lambda: len(crashing.broker.calls["publish"]) == 2)
        await crashing.decide(continue_as_new())
    async with crashing.running():
        await crashing.settled()
        second = await crashing.sqlite.find_run(DOMAIN, "target")
        assert second not in (None, first)
        assert (await crashing.types(first)).count("WorkflowExecutionSignaled") == 1
        assert (await crashing.types(second or "")).count("WorkflowExecutionSignaled") == 0
        assert (await crashing.types(source)).count("ExternalWorkflowExecutionSignaled") == 1


async def test_a_coordinator_that_leaves_does_not_begin_anything(crashing: World) -> None:
    """What waited in its lanes goes back to the broker, and is done by the next one alone."""
    async with crashing.running():
        await crashing.register()
        run_id = await crashing.start("w")
        gate = crashing.store.stop("commit")
        for name in ("first", "second"):
            crashing.send(crashing.action(signal_of("w", name), "w"))
            if name == "first":
                await gate.reached()
        asyncio.get_running_loop().call_soon(gate.open)
    async with crashing.running():
        await crashing.settled()
        assert (await crashing.types(run_id)).count("WorkflowExecutionSignaled") == 1


async def test_a_successor_that_was_never_offered_goes_on_after_a_restart(crashing: World) -> None:
    """Continue-as-new was committed and the first decision task of the new run was lost."""
    async with crashing.running():
        await crashing.register()
        await crashing.start("w")
        given = await crashing.poll()
        crashing.broker.drop("offer", 5)
        await crashing.complete(given, continue_as_new())
        await crashing.settled()
    async with crashing.running():
        new = await crashing.poll()
        assert new.workflow_execution.run_id != given.workflow_execution.run_id


async def test_a_task_that_is_worked_on_survives_a_restart(crashing: World) -> None:
    """A token given out by one process is good in the next."""
    async with crashing.running():
        await crashing.register()
        run_id = await crashing.start("w")
        given = await crashing.poll()
    async with crashing.running():
        await crashing.complete(given, complete())
        assert (await crashing.types(run_id))[-1] == "WorkflowExecutionCompleted"


async def test_a_restart_records_nothing_by_itself(crashing: World) -> None:
    """Resuming what is in flight changes no history."""
    async with crashing.running():
        await crashing.register()
        runs = [await crashing.start(str(number)) for number in range(20)]
        await crashing.decide(timer(100), activity())
        await crashing.settled()
        before = [await crashing.types(run_id) for run_id in runs]
    async with crashing.running():
        await crashing.settled()
        assert [await crashing.types(run_id) for run_id in runs] == before
        assert len(await crashing.waiting()) == 19


async def test_every_run_is_resumed_however_many_there_are(crashing: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """More runs than fit on a page: all pages are read."""
    monkeypatch.setattr("coordinator.recovery.PAGE", 3)
    async with crashing.running():
        await crashing.register()
        for number in range(10):
            await crashing.start(str(number))
        await crashing.settled()
    async with crashing.running():
        await crashing.settled()
        assert len(await crashing.waiting()) == 10


async def test_recovery_waits_for_the_store(crashing: World) -> None:
    """The store is away when the coordinator starts: what was in flight is resumed when it is back."""
    async with crashing.running():
        await crashing.register()
        await crashing.start("w")
        await crashing.settled()
    crashing.store.fail("recoverable", StoreUnavailable("gone"))
    async with crashing.running():
        await crashing.settled()
        for _ in range(BREATH):
            await asyncio.sleep(0)
        assert len(await crashing.waiting()) == 1


async def test_a_coordinator_that_leaves_finishes_what_it_began(crashing: World) -> None:
    """A commit is under way when it is told to stop: it is finished, and leaving waits for it."""
    async with crashing.running():
        await crashing.register()
        gate = crashing.store.stop("commit")
        reply = crashing.send(crashing.action(start_of("w"), "w"))
        await gate.reached()
        asyncio.get_running_loop().call_soon(gate.open)
    run = (await reply).result
    assert await crashing.types(run.run_id) == ["WorkflowExecutionStarted", "DecisionTaskScheduled"]


async def test_a_coordinator_leaves_while_its_messages_are_on_their_way(crashing: World) -> None:
    """A child is being started when the process is told to stop: it stops, and the next one starts the child."""
    async with asyncio.timeout(2), crashing.running():
        await crashing.register()
        await crashing.start("parent")
        await crashing.decide(child())
    async with crashing.running():
        await crashing.settled()
        assert await crashing.sqlite.find_run(DOMAIN, "child") is not None


async def test_a_run_that_was_continued_is_resumed_with_the_next_one(world: World) -> None:
    """One commit closed it and began the next: whoever is told of the first sees to what the second set going."""
    run_id = await world.start("w")
    await world.decide(continue_as_new())
    async with world.hints(TaskKind.DECISION) as arrived:
        await (await arrived.get()).ack()  # and nobody takes it
    await world.settled()
    assert not await world.waiting()
    world.send(world.action(Resume(), "w", run_id, reply=False))
    await world.settled()
    [task] = await world.waiting()
    assert task.run_id != run_id
