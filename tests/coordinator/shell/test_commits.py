"""What is answered is committed, and what is committed is done once: acting, committing, answering.

Law: failures are injected at the store and the broker, never in the coordinator.
"""

from __future__ import annotations

import asyncio

import pytest
from msgspec import structs

from tests.coordinator.shell.world import (
    ACTIVITY,
    BREATH,
    DOMAIN,
    Refused,
    World,
    activity,
    child,
    complete,
    continue_as_new,
    decision,
    external_signal,
    signal_of,
    start_of,
    until,
)
from workflowsvc import names
from workflowsvc.messages import Action, SignalExternal, Stale, StartTask, TaskKind, TaskRef, Wake
from workflowsvc.ports import BrokerUnavailable, Conflict, StoreUnavailable
from workflowsvc.stores.journal import Journal
from workflowsvc.swf import shapes
from workflowsvc.swf.shapes import DecisionType


async def test_an_action_is_answered_only_after_its_commit(world: World) -> None:
    """While the store has not taken the commit there is no reply, and when it has there is one."""
    gate = world.store.stop("commit")
    reply = world.send(world.action(start_of("w"), "w"))
    await gate.reached()
    for _ in range(50):
        await asyncio.sleep(0)
    assert not reply.done()
    gate.open()
    run = await world.result(reply)
    assert await world.types(run.run_id) == ["WorkflowExecutionStarted", "DecisionTaskScheduled"]


async def test_nothing_is_offered_before_its_commit(world: World) -> None:
    """A task of an event that is not committed is on no list."""
    gate = world.store.stop("commit")
    reply = world.send(world.action(start_of("w"), "w"))
    await gate.reached()
    assert await world.waiting() == []
    assert world.broker.calls["delay"] == []
    gate.open()
    await world.result(reply)
    await world.settled()
    assert len(await world.waiting()) == 1
    assert len(world.broker.calls["delay"]) == 1


async def test_after_a_conflict_the_execution_is_loaded_anew_and_the_action_done_once(world: World) -> None:
    """A commit that somebody else preceded is forgotten; the action comes again and is committed once."""
    run_id = await world.start("w")
    world.store.watch("load")
    world.store.fail("commit", Conflict("taken"))
    await world.signal("w")
    assert len(world.store.calls["load"]) == 1
    assert (await world.types(run_id)).count("WorkflowExecutionSignaled") == 1


async def test_a_conflict_in_a_batch_brings_all_of_it_again_in_order(world: World) -> None:
    """What shared the commit that failed comes again, each once, in the order in which it was sent."""
    run_id = await world.start("w")
    world.store.fail("commit", Conflict("taken"))
    replies = [world.send(world.action(signal_of("w", str(number)), "w")) for number in range(10)]
    await asyncio.gather(*map(world.result, replies))
    signals = [e.workflow_execution_signaled_event_attributes for e in await world.history(run_id)]
    assert [signal.signal_name for signal in signals if signal] == [str(number) for number in range(10)]


async def test_while_the_store_is_away_a_request_is_refused_with_503(world: World) -> None:
    """Who waits for an answer gets one, promptly; the next request finds the store and the state as they were."""
    run_id = await world.start("w")
    world.store.fail("commit", StoreUnavailable("gone"))
    with pytest.raises(Refused) as refused:
        await world.signal("w", "lost")
    assert refused.value.code == "ServiceUnavailableException"
    await world.signal("w", "kept")
    assert [type_ for type_ in await world.types(run_id) if type_ == "WorkflowExecutionSignaled"] == [
        "WorkflowExecutionSignaled"
    ]


@pytest.mark.parametrize("method", ["load", "find_run", "types", "domain"])
async def test_while_the_store_cannot_be_read_a_request_is_refused_with_503(forgetful: World, method: str) -> None:
    """A read that fails is an answer of 503, whichever read it is; the same request works when the store is back."""
    await forgetful.start("w")
    await forgetful.start("another")
    # What is remembered of the catalogue would be answered with.
    await forgetful.ask(shapes.DeprecateActivityTypeInput(domain="orders", activity_type=ACTIVITY))
    await forgetful.settled()
    request = signal_of("w") if method in ("load", "find_run") else start_of("w2")
    forgetful.store.fail(method, StoreUnavailable("gone"))
    with pytest.raises(Refused, match="ServiceUnavailable"):
        await forgetful.ask(request, "w2" if isinstance(request, shapes.StartWorkflowExecutionInput) else "w")
    await forgetful.ask(request, "w2" if isinstance(request, shapes.StartWorkflowExecutionInput) else "w")


async def test_a_commit_whose_result_is_unknown_is_found_again(world: World) -> None:
    """The write took place, the answer of the store was lost: memory is dropped, so the state is the store's."""
    run_id = await world.start("w")
    world.store.fail_after("commit", StoreUnavailable("gone"))
    with pytest.raises(Refused, match="ServiceUnavailable"):
        await world.signal("w")
    await world.signal("w")
    assert (await world.types(run_id)).count("WorkflowExecutionSignaled") == 2


async def test_what_follows_from_a_commit_whose_result_is_unknown_follows(world: World) -> None:
    """Its client is refused and may never ask again: the tasks, the child and the successor come all the same."""
    await world.start("w")
    await world.start("continued")
    for decisions in ([activity("a"), child("c")], [continue_as_new()]):
        given = await world.poll()
        await world.settled()
        world.store.fail_after("commit", StoreUnavailable("gone"))
        with pytest.raises(Refused, match="ServiceUnavailable"):
            await world.complete(given, *decisions)
    await world.settled()
    assert len(await world.waiting(TaskKind.ACTIVITY)) == 1
    assert {task.workflow_id for task in await world.waiting()} == {"w", "c", "continued"}


async def test_what_follows_from_a_start_that_only_the_journal_knows_of_follows(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its writer failed between writing it down and saying so: who resumes the run must find it."""
    append = Journal.append

    def failing(self: Journal, number: int, body: bytes) -> None:
        append(self, number, body)
        raise StoreUnavailable("the disk")

    await world.settled()
    with monkeypatch.context() as patched:
        patched.setattr(Journal, "append", failing)
        with pytest.raises(Refused, match="ServiceUnavailable"):
            await world.start("w")
    await world.settled()
    assert [task.workflow_id for task in await world.waiting()] == ["w"]


async def test_while_the_store_is_away_what_nobody_waits_for_is_tried_again(world: World) -> None:
    """A wake-up that cannot be committed comes again until it can."""
    run_id = await world.start("w", execution_start_to_close_timeout="60")
    await world.settled()
    world.store.fail("commit", StoreUnavailable("gone"), StoreUnavailable("still gone"))
    await world.pass_time(60_000)
    assert (await world.types(run_id))[-1] == "WorkflowExecutionTimedOut"


async def test_a_close_that_cannot_look_up_its_domain_leaves_the_execution_as_it_was(world: World) -> None:
    """The store fails after the core has closed the execution in memory and before the commit: it is still open."""
    run_id = await world.start("w")
    world.store.fail("domain", StoreUnavailable("gone"))
    with pytest.raises(Refused, match="ServiceUnavailable"):
        await world.terminate("w")
    await world.terminate("w")
    assert (await world.types(run_id))[-1] == "WorkflowExecutionTerminated"


async def test_an_unknown_error_of_the_store_does_not_stop_the_lane(world: World) -> None:
    """A commit that can never be stored is answered with InternalFailure, and its lane goes on."""
    await world.start("w")
    world.store.fail("commit", ValueError("cannot be stored"))
    with pytest.raises(Refused, match="InternalFailure"):
        await world.signal("w")
    await world.signal("w")


async def test_an_unknown_error_of_the_store_does_not_harm_the_neighbours(world: World) -> None:
    """Of a batch that cannot be stored together, each action is tried by itself; one alone is to blame."""
    run_id = await world.start("w")
    error = ValueError("cannot be stored")
    world.store.fail("commit", error, error)
    replies = [world.send(world.action(signal_of("w", str(number)), "w")) for number in range(3)]
    with pytest.raises(Refused, match="InternalFailure"):
        await world.result(replies[0])
    await asyncio.gather(*map(world.result, replies[1:]))
    assert (await world.types(run_id)).count("WorkflowExecutionSignaled") == 2
    assert len(world.inprocess.poison) == 1


async def test_actions_of_one_lane_share_commits_and_stay_in_order(world: World) -> None:
    """What waits while a commit is under way goes into the next one together."""
    run_id = await world.start("w")
    world.store.watch("commit")
    gate = world.store.stop("commit")
    replies = [world.send(world.action(signal_of("w", "0"), "w"))]
    await gate.reached()
    replies += [world.send(world.action(signal_of("w", str(number)), "w")) for number in range(1, 11)]
    await until(lambda: sum(map(len, world.coordinator._lanes.values())) == 10)
    gate.open()
    await asyncio.gather(*map(world.result, replies))
    assert [len(unit) for (unit,) in world.store.calls["commit"]] == [1, 10]
    signals = [e.workflow_execution_signaled_event_attributes for e in await world.history(run_id)]
    assert [signal.signal_name for signal in signals if signal] == [str(number) for number in range(11)]


async def test_lanes_do_not_wait_for_each_other(world: World) -> None:
    """An execution whose commit hangs holds up nobody else."""
    await world.start("stuck")
    gate = world.store.stop("commit")
    hanging = world.send(world.action(signal_of("stuck"), "stuck"))
    await gate.reached()
    await world.start("free")
    assert not hanging.done()
    gate.open()
    await world.result(hanging)


async def test_a_fault_in_a_batch_does_not_harm_its_neighbours(world: World) -> None:
    """A refused action shares a batch with accepted ones; each gets its own answer."""
    run_id = await world.start("w")
    requests = [signal_of("w"), start_of("w"), signal_of("w")]
    replies = [world.send(world.action(request, "w")) for request in requests]
    await world.result(replies[0])
    with pytest.raises(Refused, match="WorkflowExecutionAlreadyStartedFault: Already Started"):
        await world.result(replies[1])
    await world.result(replies[2])
    assert (await world.types(run_id)).count("WorkflowExecutionSignaled") == 2


async def test_a_defect_is_answered_parked_and_forgotten(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the core cannot handle is an InternalFailure, is kept in poison, and leaves the execution as it was."""
    await world.start("w")

    def broken(*_: object) -> None:
        raise RuntimeError("a defect")

    with monkeypatch.context() as patch:
        patch.setattr("coordinator.service.act", broken)
        with pytest.raises(Refused, match="InternalFailure"):
            await world.signal("w")
    assert [parked.reason for parked in world.inprocess.poison] == ["RuntimeError('a defect')"]
    await world.signal("w")


# ---- once, however often it comes ------------------------------------------------------------------------------


async def test_a_redelivered_start_is_answered_with_the_run_it_made(world: World) -> None:
    """The start comes again: the same run id, no second run, its first task offered anew."""
    start = world.action(start_of("w"), "w")
    run = await world.answer(start)
    assert [reply.result for reply in await world.redeliver(start)] == [run, run]
    assert await world.types(run.run_id) == ["WorkflowExecutionStarted", "DecisionTaskScheduled"]
    assert len(await world.waiting()) == 1


async def test_an_action_that_comes_twice_at_once_is_done_once(world: World) -> None:
    """Both are ready together: the second is not judged before the first is committed."""
    run_id = await world.start("w")
    signal = world.action(signal_of("w"), "w")
    world.send(signal)
    world.send(structs.replace(signal, repeated=True))
    await world.settled()
    assert [reply.refusal for reply in world.replies if reply.action_id == signal.id] == [None, None]
    assert (await world.types(run_id)).count("WorkflowExecutionSignaled") == 1


async def test_a_redelivered_start_is_answered_the_same_while_another_run_is_open(world: World) -> None:
    """Its own run has closed and another was started since: its answer is still its own run."""
    start = world.action(start_of("w"), "w")
    first = await world.answer(start)
    await world.terminate("w")
    assert await world.start("w") != first.run_id
    assert [(reply.result, reply.refusal) for reply in await world.redeliver(start)] == [(first, None)] * 2


async def test_a_redelivered_task_is_given_again_without_a_second_event(world: World) -> None:
    """The poller's task is committed, its reply comes twice, the history has one DecisionTaskStarted."""
    run_id = await world.start("w")
    await world.settled()
    (task,) = await world.waiting()
    take = world.action(StartTask(TaskKind.DECISION), "w", run_id=run_id, task=TaskRef(task.scheduled_event_id))
    given = await world.answer(take)
    assert [reply.result for reply in await world.redeliver(take)] == [given] * 2
    assert await world.types(run_id) == ["WorkflowExecutionStarted", "DecisionTaskScheduled", "DecisionTaskStarted"]


async def test_a_redelivered_continue_as_new_sets_its_successor_going(world: World) -> None:
    """Nothing of the successor had left the process: its decision task is offered when the action comes again."""
    await world.start("w")
    given = await world.poll()
    done = world.completion(given, continue_as_new())
    world.broker.drop("offer")
    await world.answer(done)
    await world.settled()
    assert await world.waiting() == []
    await world.redeliver(done)
    assert [task.workflow_id for task in await world.waiting()] == ["w"]


async def test_a_redelivered_signal_from_outside_is_answered_again(world: World) -> None:
    """The target has it; the source, whose answer was lost, hears of it when the signal comes again."""
    source = await world.start("source")
    world.broker.drop("publish")
    await world.decide(external_signal("target"))
    target = await world.start("target")
    signal = Action(
        "again",
        names.lane_of(DOMAIN, "target"),
        DOMAIN,
        "target",
        "",
        SignalExternal(shapes.WorkflowExecution(workflow_id="source", run_id=source), 5, "s"),
        repeated=True,
    )
    for _ in range(2):
        await world.inprocess.publish([signal])
    await world.settled()
    assert (await world.types(target)).count("WorkflowExecutionSignaled") == 1
    assert (await world.types(source)).count("ExternalWorkflowExecutionSignaled") == 1


async def test_a_repeated_signal_is_not_recorded_by_the_successor_as_well(world: World) -> None:
    """The target had the signal and continued as new; the signal comes again, as its answer was lost."""
    first = await world.start("w")
    source = shapes.WorkflowExecution(workflow_id="nobody", run_id="nobody")
    lane = names.lane_of(DOMAIN, "w")
    signal = Action("once", lane, DOMAIN, "w", "", SignalExternal(source, 5, "s"))
    await world.inprocess.publish([signal])
    await world.decide(continue_as_new())
    await world.settled()
    await world.inprocess.publish([structs.replace(signal, repeated=True)])
    await world.settled()
    second = await world.sqlite.find_run(DOMAIN, "w")
    assert second not in (None, first)
    assert (await world.types(first)).count("WorkflowExecutionSignaled") == 1
    assert (await world.types(second or "")).count("WorkflowExecutionSignaled") == 0


async def test_a_task_is_stale_for_the_second_poller(world: World) -> None:
    """Another action on a task that was started is told that it is not to be had."""
    await world.start("w")
    await world.settled()
    (task,) = await world.waiting()
    assert not isinstance(await world.take(task), Stale)
    assert await world.take(task) == Stale()


async def test_a_redelivered_signal_is_recorded_once(world: World) -> None:
    """Its commit stands in the history under its id: it is answered and not recorded again."""
    run_id = await world.start("w")
    given = await world.poll()
    await world.complete(given)
    world.broker.fail("offer", BrokerUnavailable())
    await world.signal("w")
    await world.settled()
    assert (await world.types(run_id)).count("WorkflowExecutionSignaled") == 1
    assert len(await world.waiting()) == 1, "what could not be offered was offered again"


async def test_a_wakeup_that_could_not_be_armed_is_armed_later(world: World) -> None:
    """The broker was away when the deadline was to be armed: the timeout fires all the same."""
    world.broker.fail("delay", BrokerUnavailable())
    run_id = await world.start("w", execution_start_to_close_timeout="60")
    await world.settled()
    await world.pass_time(60_000)
    assert (await world.types(run_id))[-1] == "WorkflowExecutionTimedOut"


async def test_a_successor_whose_effects_could_not_be_released_goes_on(world: World) -> None:
    """Continue-as-new is committed, the broker was away: the new run's first decision task comes all the same."""
    await world.start("w")
    given = await world.poll()
    world.broker.fail("offer", BrokerUnavailable())
    await world.complete(given, continue_as_new())
    await world.settled()
    assert [task.workflow_id for task in await world.waiting()] == ["w"]


async def test_a_redelivered_terminate_does_not_reach_the_next_run(world: World) -> None:
    """Its messages could not be sent while the workflow id was started anew: the new run is none of its business."""
    first = await world.start("w")
    await world.decide(child())
    await world.settled()
    gate = world.broker.stop("publish")
    await world.terminate("w")
    await gate.reached()
    second = await world.start("w")
    gate.fail(BrokerUnavailable())
    await world.settled()
    assert (await world.types(first))[-1] == "WorkflowExecutionTerminated"
    assert (await world.types(second))[-1] == "DecisionTaskScheduled"


# ---- starts ----------------------------------------------------------------------------------------------------


async def test_of_two_starts_at_once_one_wins(world: World) -> None:
    """Two starts of one workflow id in one batch: one run, one AlreadyStarted."""
    replies = [world.send(world.action(start_of("w"), "w")) for _ in range(2)]
    run = await world.result(replies[0])
    with pytest.raises(Refused, match="WorkflowExecutionAlreadyStartedFault"):
        await world.result(replies[1])
    assert await world.sqlite.find_run(DOMAIN, "w") == run.run_id


async def test_of_two_starts_one_wins_where_the_open_run_is_not_in_memory(forgetful: World) -> None:
    """The commit finds out what the cache did not know."""
    run_id = await forgetful.start("w")
    await forgetful.start("another")
    await forgetful.settled()
    with pytest.raises(Refused, match="WorkflowExecutionAlreadyStartedFault"):
        await forgetful.start("w")
    assert await forgetful.sqlite.find_run(DOMAIN, "w") == run_id


async def test_a_workflow_id_is_free_again_after_the_close(world: World) -> None:
    """Terminate and start in one batch: two runs, one open."""
    first = await world.start("w")
    terminate = shapes.TerminateWorkflowExecutionInput(domain="orders", workflow_id="w")
    replies = [world.send(world.action(request, "w")) for request in (terminate, start_of("w"))]
    await world.result(replies[0])
    second = (await world.result(replies[1])).run_id
    assert first != second
    assert await world.sqlite.find_run(DOMAIN, "w") == second


# ---- answers and settlement ------------------------------------------------------------------------------------


async def test_a_decision_batch_is_refused_whole_and_its_token_stays_good(world: World) -> None:
    """An illegal batch is a ValidationException that changes nothing; the same task can be completed after it."""
    run_id = await world.start("w")
    given = await world.poll()
    with pytest.raises(Refused, match="ValidationException: Close must be last decision in list"):
        await world.complete(given, complete(), activity())
    await world.complete(given, complete("fine"))
    assert (await world.types(run_id))[-1] == "WorkflowExecutionCompleted"


async def test_a_wakeup_for_a_run_that_is_gone_is_dropped(world: World) -> None:
    """It is acknowledged, and nothing is made of it."""
    world.send(world.action(Wake(), "w", "no such run", reply=False))
    await world.settled()
    assert not world.inprocess.poison


async def test_a_run_is_not_settled_before_what_it_sent_earlier_is_confirmed(world: World) -> None:
    """A signal is still on its way when its sender closes: either the row says so, or the signal has arrived."""
    target = await world.start("target")
    await world.poll()
    sender = await world.start("sender")
    given = await world.poll()
    gate = world.broker.stop("publish")
    await world.complete(given, external_signal("target"))
    await gate.reached()
    await world.terminate("sender")
    await until(lambda: not world.coordinator._lanes)
    for _ in range(BREATH):
        await asyncio.sleep(0)
    unsettled = [run.run_id for run in await world.sqlite.recoverable("", 10)]
    assert sender in unsettled or "WorkflowExecutionSignaled" in await world.types(target)
    gate.open()
    await world.settled()
    assert sender not in [run.run_id for run in await world.sqlite.recoverable("", 10)]
    assert (await world.types(target)).count("WorkflowExecutionSignaled") == 1


async def test_a_close_whose_messages_failed_once_is_settled_in_the_end(world: World) -> None:
    """The message to the child could not be sent at first: it is sent again, and then the run is settled."""
    parent = await world.start("parent")
    await world.decide(child())
    await world.settled()
    world.broker.fail("publish", BrokerUnavailable())
    await world.terminate("parent")
    await world.settled()
    assert (await world.types(await world.sqlite.find_run(DOMAIN, "child")))[-1] == "WorkflowExecutionTerminated"
    assert parent not in [run.run_id for run in await world.sqlite.recoverable("", 10)]


async def test_a_marker_batch_of_a_hundred_decisions_is_one_commit(world: World) -> None:
    """Flow sends up to a hundred decisions: all their events are one commit."""
    run_id = await world.start("w")
    given = await world.poll()
    world.store.watch("commit")
    markers = [decision(DecisionType.RECORD_MARKER, marker_name=str(number)) for number in range(100)]
    await world.complete(given, *markers)
    ((unit,),) = world.store.calls["commit"]
    assert len(unit[0].events) == 101
    assert (await world.types(run_id)).count("MarkerRecorded") == 100
