"""Deadlines through the broker and the clock: armed once, at the earliest; never early, never lost.

Law: time moves by hand. What was armed is read off the broker's calls.
"""

from __future__ import annotations

from tests.coordinator.shell.world import SECOND, START, World, activity, complete, timer
from workflowsvc.messages import Resume, TaskKind
from workflowsvc.ports import Conflict
from workflowsvc.swf import shapes


def armed(world: World) -> list[int]:
    return [(at - START) // SECOND for _, at in world.broker.calls["delay"]]


async def test_only_the_earliest_deadline_is_armed(world: World) -> None:
    """A thousand timers arm one wake-up; a later deadline arms none."""
    await world.start("w")
    await world.settled()
    assert armed(world) == [86_400]
    await world.decide(*[timer(1000 + number, str(number)) for number in range(100)])
    await world.settled()
    assert armed(world) == [86_400, 1000]
    await world.signal("w")
    await world.decide(timer(2000, "later"))
    await world.settled()
    assert armed(world) == [86_400, 1000]


async def test_a_heartbeat_arms_nothing(world: World) -> None:
    """A deadline that moves later is found when the earlier wake-up comes."""
    run_id = await world.start("w")
    await world.decide(activity(heartbeat_timeout="10"))
    given = await world.poll(TaskKind.ACTIVITY)
    await world.settled()
    assert armed(world) == [86_400, 10]
    for _ in range(4):
        await world.pass_time(5 * SECOND)
        before = armed(world)
        await world.of_activity(shapes.RecordActivityTaskHeartbeatInput, given)
        await world.settled()
        assert armed(world) == before
    await world.pass_time(9999)
    assert "ActivityTaskTimedOut" not in await world.types(run_id)
    await world.pass_time(1)
    assert "ActivityTaskTimedOut" in await world.types(run_id)


async def test_a_timer_fires_when_it_is_due_and_not_before(world: World) -> None:
    """One millisecond before nothing happens; then TimerFired with its decision task, timed at its deadline."""
    run_id = await world.start("w")
    await world.decide(timer(30))
    await world.pass_time(30 * SECOND - 1)
    assert (await world.types(run_id))[-1] == "TimerStarted"
    await world.pass_time(1)
    history = await world.history(run_id)
    assert [str(event.event_type) for event in history[-2:]] == ["TimerFired", "DecisionTaskScheduled"]
    assert round(history[-2].event_timestamp * 1000) == START + 30 * SECOND


async def test_a_timer_of_no_time_fires_at_once(world: World) -> None:
    """Flow starts timers of 0 seconds to be called again."""
    run_id = await world.start("w")
    await world.decide(timer(0))
    await world.settled()
    await world.decide(timer(0, "again"))
    await world.settled()
    assert (await world.types(run_id)).count("TimerFired") == 2


async def test_timers_fire_in_the_order_of_their_deadlines(world: World) -> None:
    """Time that jumps over several deadlines fires them all, the earliest first."""
    run_id = await world.start("w")
    await world.decide(timer(30, "c"), timer(10, "a"), timer(20, "b"))
    await world.pass_time(60 * SECOND)
    fired = [event.timer_fired_event_attributes for event in await world.history(run_id)]
    assert [attributes.timer_id for attributes in fired if attributes] == ["a", "b", "c"]


async def test_after_each_wakeup_the_next_deadline_is_armed(world: World) -> None:
    """One wake-up leads to the next until the last deadline of the run, its own timeout."""
    run_id = await world.start("w", execution_start_to_close_timeout="100")
    await world.decide(timer(10, "a"), timer(20, "b"))
    await world.pass_time(10 * SECOND)
    await world.pass_time(10 * SECOND)
    await world.pass_time(80 * SECOND)
    assert armed(world) == [100, 10, 20, 100]
    assert (await world.types(run_id))[-1] == "WorkflowExecutionTimedOut"


async def test_a_close_forgets_the_wakeup(world: World) -> None:
    """What is armed for a closed run is taken back, and time passes over it."""
    run_id = await world.start("w")
    await world.decide(timer(10))
    await world.signal("w")
    await world.decide(complete())
    await world.settled()
    assert (run_id,) in world.broker.calls["undelay"]
    before = await world.types(run_id)
    await world.pass_time(100_000 * SECOND)
    assert await world.types(run_id) == before


async def test_every_timeout_of_an_activity_fires(world: World) -> None:
    """Unstarted, started, silent, too long in all: each in its own execution, each by its name."""
    timeouts = {
        "SCHEDULE_TO_START": ({"schedule_to_start_timeout": "10"}, False),
        "SCHEDULE_TO_CLOSE": ({"schedule_to_close_timeout": "10"}, True),
        "START_TO_CLOSE": ({"start_to_close_timeout": "10"}, True),
        "HEARTBEAT": ({"heartbeat_timeout": "10"}, True),
    }
    runs = {}
    for kind, (given, taken) in timeouts.items():
        runs[kind] = await world.start(kind)
        await world.decide(activity(**given, task_list=shapes.TaskList(name=kind)))
        if taken:
            await world.poll(TaskKind.ACTIVITY, kind)
    await world.pass_time(10 * SECOND)
    for kind, run_id in runs.items():
        (timed_out,) = [
            event.activity_task_timed_out_event_attributes
            for event in await world.history(run_id)
            if event.activity_task_timed_out_event_attributes
        ]
        assert timed_out.timeout_type == kind
        assert bool(timed_out.started_event_id) == timeouts[kind][1]


async def test_a_decision_task_that_takes_too_long_comes_again(world: World) -> None:
    """DecisionTaskTimedOut, and the next one is there for the next poller."""
    run_id = await world.start("w", task_start_to_close_timeout="10")
    first = await world.poll()
    await world.pass_time(10 * SECOND)
    second = await world.poll()
    assert second.task != first.task
    assert second.previous_started_event_id == 0
    assert (await world.types(run_id))[2:5] == ["DecisionTaskStarted", "DecisionTaskTimedOut", "DecisionTaskScheduled"]


async def test_a_wakeup_that_comes_early_arms_the_deadline_again(world: World) -> None:
    """The broker woke the run too soon: nothing fires, and the true deadline is armed."""
    run_id = await world.start("w")
    await world.decide(timer(30))
    await world.settled()
    wake, _ = world.broker.calls["delay"][-1]
    world.send(wake)
    await world.settled()
    assert "TimerFired" not in await world.types(run_id)
    assert armed(world)[-1] == 30
    await world.pass_time(30 * SECOND)
    assert "TimerFired" in await world.types(run_id)


async def test_resuming_a_run_arms_its_deadline_again(world: World) -> None:
    """The broker may have lost what it was asked for, though the run is in memory: it is asked again."""
    run_id = await world.start("w")
    await world.settled()
    await world.inprocess.undelay(run_id)
    world.send(world.action(Resume(), "w", run_id, reply=False))
    await world.settled()
    assert armed(world) == [86_400, 86_400]
    await world.pass_time(86_400 * SECOND)
    assert (await world.types(run_id))[-1] == "WorkflowExecutionTimedOut"


async def test_two_wakeups_of_one_millisecond_are_two(world: World) -> None:
    """The second comes again after a conflict, and is not taken for the first, which was committed."""
    run_id = await world.start("w")
    await world.decide(timer(0, "first"))
    await world.settled()
    given = await world.poll()
    gate = world.store.stop("commit")
    completing = world.send(world.completion(given, timer(0, "second")))
    await gate.reached()
    world.store.fail("commit", Conflict("taken"))
    gate.open()
    await world.result(completing)
    await world.settled()
    assert (await world.types(run_id)).count("TimerFired") == 2
