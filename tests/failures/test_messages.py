"""Failures 14-20: messages that are lost, early, late, doubled, unroutable, refused, poisonous.

Law: an operator's hands do it, through the management API; the service is driven over HTTP.
"""

from __future__ import annotations

import asyncio
import json
import time
from typing import Any

import aio_pika
import pytest

from tests.brokers.rabbit import Rabbit, eventually
from tests.end_to_end.checker import millis
from tests.end_to_end.swf import Swf, schedule, timer, until
from tests.failures.cluster import Cluster
from tests.failures.conftest import Clusters
from tests.failures.trial import trial
from workflowsvc import names
from workflowsvc.brokers.rabbitmq import topology

#: A wake-up is taken for lost 5 s after it was due, by who looks every 5 s; and it is noted 5 s after it was armed.
SWEPT_SECONDS = 16.0


def decisions(swf: Swf) -> str:
    return f"tasks.decision:us-east-1/{swf.domain}:deciders"


def fired(swf: Swf, run: str, seconds: float) -> float:
    """Seconds from TimerStarted to TimerFired, once, within so many."""
    swf.await_event(run, "TimerFired", seconds=seconds)
    events = {event["eventType"]: millis(event["eventTimestamp"]) for event in swf.history(run)}
    assert swf.types(run).count("TimerFired") == 1
    return (events["TimerFired"] - events["TimerStarted"]) / 1000


# ---- tasks ---------------------------------------------------------------------------------------------------


def test_failure_14_task_list_deleted(cluster: Cluster, swf: Swf, rabbit: Rabbit) -> None:
    """With what it held: the next task makes it anew, and what was lost comes when it is said that some was lost."""
    swf.start("lost")
    until(lambda: rabbit.messages(decisions(swf)))
    rabbit.delete(decisions(swf))
    kept = swf.start("kept")
    assert swf.poll()["workflowExecution"]["runId"] == kept
    # Nobody polled, so RabbitMQ told nobody. An operator who deletes queues says so by deleting this as well.
    rabbit.delete("recovered", "exchanges")
    task = until(lambda: _polled(swf))
    assert task["workflowExecution"]["workflowId"] == "lost"


def _polled(swf: Swf) -> dict[str, Any] | None:
    task: dict[str, Any] = swf.client.poll_for_decision_task(**_ask(swf))
    return task if "taskToken" in task else None


async def test_failure_14_task_list_deleted_under_a_poll(
    cluster: Cluster, swf: Swf, rabbit: Rabbit, amqp_url: str
) -> None:
    """RabbitMQ tells the poller's gateway: the poll goes on, and what must be in flight is sent anew by itself."""
    await eventually(lambda: "recovered" in rabbit.names("exchanges"))
    polling = asyncio.create_task(asyncio.to_thread(until, lambda: _polled(swf)))
    await eventually(lambda: decisions(swf) in rabbit.names())
    async with await aio_pika.connect(amqp_url) as connection, asyncio.timeout(15):
        channel = await connection.channel()
        while not (await channel.declare_queue(decisions(swf), passive=True)).declaration_result.consumer_count:  # noqa: ASYNC110 - the broker tells nobody
            await asyncio.sleep(0.01)
    await asyncio.to_thread(rabbit.delete, decisions(swf))
    await eventually(lambda: "recovered" not in rabbit.names("exchanges"))
    await eventually(lambda: "recovered" in rabbit.names("exchanges"))
    run = await asyncio.to_thread(swf.start)
    assert (await polling)["workflowExecution"]["runId"] == run


@pytest.mark.timeout(180)
async def test_failure_14_partition_deleted_under_load(clusters: Clusters, rabbit: Rabbit) -> None:
    """Messages between executions were in it, confirmed: they are sent anew, as are timers that found none."""
    cluster = clusters(coordinators=2)
    async with trial(cluster, rabbit, unrouted=True) as tried:
        for partition in range(3):
            await tried.breathe()
            with tried.outage():
                await asyncio.to_thread(rabbit.delete, topology.partition_queue(partition).name)
                await tried.progress()


def _ask(swf: Swf) -> dict[str, Any]:
    return {"domain": swf.domain, "taskList": {"name": "deciders"}}


def test_failure_15_duplicate_task_hints(cluster: Cluster, swf: Swf, rabbit: Rabbit) -> None:
    """Three for one task: who polls after it was started gets nothing, and nothing of them stays."""
    run = swf.start()
    [hint] = until(lambda: rabbit.messages(decisions(swf)))
    for _ in range(2):
        assert rabbit.publish("", decisions(swf), hint["payload"])
    assert swf.poll()["startedEventId"] == 3
    assert "taskToken" not in swf.client.poll_for_decision_task(**_ask(swf))
    assert swf.types(run) == ["WorkflowExecutionStarted", "DecisionTaskScheduled", "DecisionTaskStarted"]
    assert not rabbit.messages(decisions(swf))


# ---- timers --------------------------------------------------------------------------------------------------


def test_failure_16_timer_message_lost(cluster: Cluster, swf: Swf, rabbit: Rabbit) -> None:
    run = swf.start()
    swf.respond(swf.poll(), timer("t", 3))
    delays = until(lambda: {"delay.0002s", "delay.0003s"} & rabbit.names())
    for delay in delays:
        until(lambda delay=delay: rabbit.messages(delay))
        rabbit.purge(delay)
    assert 3 <= fired(swf, run, 3 + SWEPT_SECONDS) <= 3 + SWEPT_SECONDS


def test_failure_17_timer_message_early_and_twice(cluster: Cluster, swf: Swf, rabbit: Rabbit) -> None:
    run = swf.start()
    swf.respond(swf.poll(), timer("t", 2))
    lane = names.lane_of(names.scoped("us-east-1", swf.domain), "w")
    key = topology.partition_key(names.partition_of(lane, 4))
    wake = {"lane": lane, "domain": f"us-east-1/{swf.domain}", "workflowId": "w", "runId": run, "request": {}}
    early = [{"action": "Wake", "id": f"early {number}", **wake} for number in range(3)]
    assert rabbit.publish("actions", key, early)
    assert 2 <= fired(swf, run, 15) < 3.5
    assert rabbit.publish("actions", key, early[:2])
    swf.signal()
    swf.await_event(run, "WorkflowExecutionSignaled")
    assert swf.types(run).count("TimerFired") == 1


def test_failure_17_timer_message_late(cluster: Cluster, swf: Swf) -> None:
    """Nobody was there when it came due."""
    run = swf.start()
    swf.respond(swf.poll(), timer("t", 1))
    [coordinator] = cluster.coordinators
    swf.await_event(run, "TimerStarted")
    with coordinator.frozen():
        due = time.monotonic() + 2
        until(lambda: time.monotonic() > due)
    assert 1 <= fired(swf, run, 15) < 5


def test_failure_18_unroutable_timers(cluster: Cluster, swf: Swf, rabbit: Rabbit) -> None:
    """More of them than RabbitMQ holds on to at a time, as with another number of partitions."""
    run = swf.start()
    task = swf.poll()
    swf.respond(task, timer("before", 2))
    swf.await_event(run, "TimerFired")
    for number in range(40):
        assert rabbit.publish("delay.0001s", "p99", [{"stray": number}])
    swf.respond(swf.poll(), timer("t", 2))
    until(lambda: swf.types(run).count("TimerFired") == 2)
    [started, ended] = [millis(e["eventTimestamp"]) for e in swf.history(run) if "Timer" in e["eventType"]][-2:]
    assert 2000 <= ended - started < 3500
    until(lambda: len(rabbit.messages("unrouted")) == 40)


def _fill_delays(rabbit: Rabbit) -> None:
    """A limit of 0 lets one message in."""
    rabbit.policy("full", "^delay", **{"max-length": 0})
    for seconds in range(1, 4):
        queue = topology.delay_queue(seconds)
        rabbit.declare(queue.name, dict(queue.arguments))
        assert rabbit.publish("", queue.name, "stray")


def test_failure_19_delay_queue_full(cluster: Cluster, swf: Swf, rabbit: Rabbit) -> None:
    """Its coordinator insists, and holds the last second itself; meanwhile it does everything else."""
    run = swf.start()
    task = swf.poll()
    _fill_delays(rabbit)
    swf.respond(task, timer("t", 4), schedule("a"))
    assert swf.client.poll_for_activity_task(domain=swf.domain, taskList={"name": "workers"})["activityId"] == "a"
    assert [message["payload"] for message in rabbit.messages("delay.0003s")] == ["stray"]
    assert swf.describe(run)["openCounts"]["openTimers"] == 1
    assert 4 <= fired(swf, run, 4 + SWEPT_SECONDS) < 5.5


def test_failure_19_delay_queue_full_when_its_coordinator_is_killed(cluster: Cluster, swf: Swf, rabbit: Rabbit) -> None:
    """Nobody insists any more: the action comes back, and the next coordinator arms the timer."""
    run = swf.start()
    task = swf.poll()
    _fill_delays(rabbit)
    swf.respond(task, timer("t", 4))
    cluster.kill(cluster.coordinators[0])
    cluster.coordinator()
    assert 4 <= fired(swf, run, 4 + SWEPT_SECONDS) <= 4 + SWEPT_SECONDS


# ---- poison --------------------------------------------------------------------------------------------------


@pytest.mark.long
@pytest.mark.timeout(180)
def test_failure_20_poison_action(clusters: Clusters, rabbit: Rabbit) -> None:
    """Every coordinator dies of it, 20 times. Then it is parked, and all that was beside it has been done."""
    mortal = {"DIE_AT": "delivered", "DIE_ON": "deadly"}
    cluster = clusters(1, 0)
    cluster.expected.append("poison: an action of actions.p")
    first = cluster.coordinator()
    swf = Swf(cluster.url)
    runs = {name: swf.start(name) for name in ("w", "x", "y", "z")}
    cluster.terminate(first)
    # Nobody is there: they wait for the next, all together.
    for name, run in runs.items():
        _tell(rabbit, swf, name, run, "innocent")
    _tell(rabbit, swf, "w", runs["w"], "deadly")
    deaths = 0
    while not rabbit.messages("poison"):
        member = cluster.spawn("coordinator", **mortal)
        if (
            until(lambda member=member: member.process.popen.poll() is not None or rabbit.messages("poison"), 20)
            is True
        ):
            cluster.died(member)
            deaths += 1
    [parked] = rabbit.messages("poison")
    [action] = json.loads(parked["payload"])
    assert action["request"]["signalName"] == "deadly"
    assert deaths >= topology.REDELIVERIES
    for name, run in runs.items():
        swf.await_event(run, "WorkflowExecutionSignaled", name)
        assert swf.types(run, name).count("WorkflowExecutionSignaled") == 1
    swf.check_histories()


def _tell(rabbit: Rabbit, swf: Swf, name: str, run: str, signal: str) -> None:
    lane = names.lane_of(names.scoped("us-east-1", swf.domain), name)
    action = {
        "action": "SignalWorkflowExecution",
        "id": f"{signal} of {name}",
        "lane": lane,
        "domain": f"us-east-1/{swf.domain}",
        "workflowId": name,
        "runId": run,
        "request": {"domain": swf.domain, "workflowId": name, "runId": run, "signalName": signal},
    }
    assert rabbit.publish("actions", topology.partition_key(names.partition_of(lane, 4)), [action])
