"""What is in memory is what was committed: eviction, reloading, snapshots, heartbeats.

Law: with a cache of one execution everything is as with a large one, only slower.
"""

from __future__ import annotations

import asyncio

import pytest

from coordinator.commits import SNAPSHOT_EVERY
from coordinator.execution import snapshot
from tests.coordinator.shell.world import (
    DOMAIN,
    SECOND,
    Refused,
    World,
    activity,
    complete,
    continue_as_new,
    decision,
    signal_of,
    timer,
)
from workflowsvc import names
from workflowsvc.messages import TaskKind
from workflowsvc.swf import shapes
from workflowsvc.swf.shapes import DecisionType


async def test_runs_that_take_turns_in_a_cache_of_one_lose_nothing(forgetful: World) -> None:
    """Three executions are driven to their ends, each evicted by the next at every step."""
    ids = ["a", "b", "c"]
    runs = {workflow_id: await forgetful.start(workflow_id) for workflow_id in ids}
    for workflow_id in ids:
        await forgetful.signal(workflow_id)
    for _ in ids:
        await forgetful.decide(activity())
    for _ in ids:
        given = await forgetful.poll(TaskKind.ACTIVITY)
        await forgetful.of_activity(shapes.RespondActivityTaskCompletedInput, given, result="packed")
    for _ in ids:
        await forgetful.decide(complete())
    for run_id in runs.values():
        assert await forgetful.types(run_id) == [
            "WorkflowExecutionStarted",
            "DecisionTaskScheduled",
            "WorkflowExecutionSignaled",
            "DecisionTaskStarted",
            "DecisionTaskCompleted",
            "ActivityTaskScheduled",
            "ActivityTaskStarted",
            "ActivityTaskCompleted",
            "DecisionTaskScheduled",
            "DecisionTaskStarted",
            "DecisionTaskCompleted",
            "WorkflowExecutionCompleted",
        ]


async def test_a_heartbeat_survives_eviction(forgetful: World) -> None:
    """The last heartbeat's time and details are there after reloading: the timeout counts from it and reports it."""
    run_id = await forgetful.start("w")
    await forgetful.decide(activity(heartbeat_timeout="10"))
    given = await forgetful.poll(TaskKind.ACTIVITY)
    await forgetful.pass_time(8 * SECOND)
    await forgetful.of_activity(shapes.RecordActivityTaskHeartbeatInput, given, details="half")
    await forgetful.start("another")
    await forgetful.pass_time(8 * SECOND)
    assert "ActivityTaskTimedOut" not in await forgetful.types(run_id)
    await forgetful.pass_time(2 * SECOND)
    (timed_out,) = [
        event.activity_task_timed_out_event_attributes
        for event in await forgetful.history(run_id)
        if event.activity_task_timed_out_event_attributes
    ]
    assert timed_out.details == "half"
    assert timed_out.timeout_type == "HEARTBEAT"


async def test_a_state_that_is_reloaded_equals_the_one_that_was_evicted(forgetful: World) -> None:
    """Describe before and after the eviction gives the same answer."""
    run_id = await forgetful.start("w", tag_list=["red"], task_priority="3")
    await forgetful.decide(activity(), timer(1000), decision(DecisionType.RECORD_MARKER, marker_name="m"))
    before = await forgetful.describe("w", run_id)
    await forgetful.start("another")
    assert await forgetful.describe("w", run_id) == before
    assert before.open_counts.open_timers == 1


async def _grow(world: World, workflow_id: str, events: int) -> None:
    replies = [world.send(world.action(signal_of(workflow_id, str(n)), workflow_id)) for n in range(events)]
    await asyncio.gather(*map(world.result, replies))


async def test_a_long_history_is_loaded_from_its_snapshot(forgetful: World) -> None:
    """Beyond 500 events the store holds a snapshot, and what came after it is replayed."""
    run_id = await forgetful.start("w")
    await forgetful.decide(timer(5000), activity())
    await _grow(forgetful, "w", SNAPSHOT_EVERY + 50)
    await _grow(forgetful, "w", 3)
    before = await forgetful.describe("w", run_id)
    stored = await forgetful.sqlite.load(run_id)
    assert stored is not None
    assert stored.snapshot is not None
    assert stored.snapshot_at >= SNAPSHOT_EVERY
    await forgetful.start("another")
    forgetful.store.watch("history")
    assert await forgetful.describe("w", run_id) == before
    assert forgetful.store.calls["history"] == []
    await forgetful.signal("w", "last")
    assert (await forgetful.history(run_id))[
        -1
    ].event_id == before.open_counts.open_timers + SNAPSHOT_EVERY + 50 + 3 + 7


async def test_a_snapshot_of_another_version_is_ignored(forgetful: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """The state of an older program cannot be read: the whole history is folded instead, to the same state."""
    run_id = await forgetful.start("w")
    await forgetful.decide(timer(5000))
    with monkeypatch.context() as older:
        older.setattr(snapshot, "_VERSION", b"old!")
        await _grow(forgetful, "w", SNAPSHOT_EVERY + 50)
        before = await forgetful.describe("w", run_id)
    await forgetful.start("another")
    forgetful.store.watch("history")
    assert await forgetful.describe("w", run_id) == before
    assert len(forgetful.store.calls["history"]) == 1
    await forgetful.signal("w", "last")


async def test_a_decision_task_brings_its_history_while_that_is_small(world: World) -> None:
    """The reply to the poller holds every event up to its own DecisionTaskStarted, as the store has them."""
    run_id = await world.start("w")
    await world.signal("w")
    given = await world.poll()
    assert given.history == await world.sqlite.history(run_id, 1, 100, 100)
    await world.signal("w")
    await world.complete(given)
    assert (await world.poll()).history == await world.sqlite.history(run_id, 1, 100, 100)


async def test_a_decision_task_of_a_large_history_comes_without_it(world: World) -> None:
    """Beyond 16 KB the gateway reads the store."""
    await world.start("w", input="x" * 20_000)
    given = await world.poll()
    assert given.history is None


async def test_a_run_id_given_with_another_workflow_id_names_nothing(world: World) -> None:
    """SWF addresses an execution by both: one of them wrong is an unknown execution."""
    run_id = await world.start("w")
    await world.start("other")
    with pytest.raises(Refused, match="UnknownResourceFault"):
        await world.signal("other", run_id=run_id)
    assert "WorkflowExecutionSignaled" not in await world.types(run_id)


async def test_a_closed_run_is_described_and_its_successor_is_open(world: World) -> None:
    """After continue-as-new the old run says so, and the new one is what the workflow id means."""
    old = await world.start("w")
    await world.decide(continue_as_new())
    new = await world.sqlite.find_run(DOMAIN, "w")
    assert new is not None
    described = await world.describe("w", old)
    assert described.execution_info.close_status == "CONTINUED_AS_NEW"
    assert described.open_counts.open_decision_tasks == 0
    assert (await world.describe("w", new)).execution_info.execution_status == "OPEN"
    await world.signal("w")
    assert "WorkflowExecutionSignaled" in await world.types(new)


async def test_actions_on_an_old_and_an_open_run_of_one_workflow_id_share_a_lane(forgetful: World) -> None:
    """Describing the old run between two signals to the open one, in one batch and with a cache of one."""
    old = await forgetful.start("w")
    await forgetful.terminate("w")
    new = await forgetful.start("w")
    execution = shapes.WorkflowExecution(workflow_id="w", run_id=old)
    describe = shapes.DescribeWorkflowExecutionInput(domain="orders", execution=execution)
    replies = [
        forgetful.send(forgetful.action(signal_of("w"), "w")),
        forgetful.send(forgetful.action(describe, "w", old)),
        forgetful.send(forgetful.action(signal_of("w"), "w")),
    ]
    await asyncio.gather(*map(forgetful.result, replies))
    assert (await forgetful.types(new)).count("WorkflowExecutionSignaled") == 2


async def test_a_task_token_without_names_finds_its_run(world: World) -> None:
    """A token may be too short for domain and workflow id: lane and run id suffice."""
    run_id = await world.start("w")
    given = await world.poll()
    completion = world.completion(given)
    lane = names.lane_of(DOMAIN, "w")
    request = completion.request
    nameless = type(completion)(completion.id, lane, "", "", run_id, request, given.task, completion.reply_to)
    await world.answer(nameless)
    assert (await world.types(run_id))[-1] == "DecisionTaskCompleted"


async def test_a_run_is_not_read_into_memory_by_another_lane(forgetful: World) -> None:
    """Somebody names the run with a wrong workflow id while its own lane changes it: what that lane knows stands."""
    run_id = await forgetful.start("w")
    await forgetful.start("other")
    gate = forgetful.store.stop_after("load")
    wrong = forgetful.send(forgetful.action(signal_of("other"), "other", run_id))
    await gate.reached()
    await forgetful.ask(shapes.RequestCancelWorkflowExecutionInput(domain="orders", workflow_id="w"), "w")
    gate.open()
    with pytest.raises(Refused, match="UnknownResourceFault"):
        await forgetful.result(wrong)
    assert (await forgetful.describe("w", run_id)).execution_info.cancel_requested
