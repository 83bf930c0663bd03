"""Failures 1-3 and 6-11: a gateway or a coordinator ends, or its client does, at the worst instant.

Law: processes are real, and kill themselves with SIGKILL where `dying` says; another takes over.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from tests.brokers.rabbit import Rabbit
from tests.end_to_end import checker
from tests.end_to_end.swf import WORKFLOW, Swf, client, complete, decision, schedule, timer, until
from tests.end_to_end.wire import hang_up_on, poll_arguments
from tests.failures.cluster import Cluster, Member
from tests.failures.conftest import Clusters
from tests.failures.trial import cut
from workflowsvc import names

CHILD = {"workflowType": WORKFLOW, "workflowId": "child"}


@pytest.fixture
def pool() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor() as pool:
        yield pool


# ---- a coordinator is killed between two steps ---------------------------------------------------------------


def tell(swf: Swf) -> list[str]:
    """Work until the parent `w` has closed; the ids of the activities that were done."""
    done = []
    while swf.client.count_open_workflow_executions(domain=swf.domain, startTimeFilter={"oldestDate": 0})["count"]:
        work = swf.client.poll_for_activity_task(domain=swf.domain, taskList={"name": "workers"}) if not done else {}
        if "taskToken" in work:
            done.append(work["activityId"])
            swf.client.respond_activity_task_completed(taskToken=work["taskToken"])
        task = swf.client.poll_for_decision_task(domain=swf.domain, taskList={"name": "deciders"})
        if "taskToken" in task:
            kinds = set(checker.types(task["events"]))
            heard = {"ActivityTaskCompleted", "TimerFired", "ChildWorkflowExecutionCompleted"} <= kinds
            is_child = task["workflowExecution"]["workflowId"] == "child"
            swf.respond(task, *([complete()] if heard or is_child else []))
    return done


def killed_at(point: str, cluster: Cluster, pool: ThreadPoolExecutor) -> None:
    """A coordinator dies there while it handles a decision that starts a bit of everything; another goes on."""
    dying = cluster.coordinator(DIE_AT=point)
    cluster.gateway()
    swf = Swf(cluster.url)
    run = swf.start()
    task = swf.poll()
    cluster.arm()
    answer = pool.submit(
        swf.respond, task, schedule("a"), timer("t", 1), decision("StartChildWorkflowExecution", **CHILD)
    )
    cluster.died(dying)
    cluster.coordinator()
    answer.result(timeout=30)
    assert tell(swf) == ["a"]
    types = swf.types(run)
    for once in ("DecisionTaskStarted", "ActivityTaskScheduled", "ActivityTaskStarted", "TimerStarted", "TimerFired"):
        assert types.count(once) == (types.count("DecisionTaskCompleted") if once == "DecisionTaskStarted" else 1)
    assert types.count("ChildWorkflowExecutionStarted") == types.count("ChildWorkflowExecutionCompleted") == 1
    assert types[-1] == "WorkflowExecutionCompleted"
    swf.check_histories()


@pytest.mark.parametrize("point", ["commit:after", "offer:before", "delay:before", "publish:before"])
def test_failure_01_coordinator_killed_after_commit_before_publish(
    clusters: Clusters, pool: ThreadPoolExecutor, point: str
) -> None:
    killed_at(point, clusters(0, 0), pool)


@pytest.mark.parametrize("point", ["reply:after", "delay:after", "publish:after"])
def test_failure_02_coordinator_killed_after_publish_before_acknowledging(
    clusters: Clusters, pool: ThreadPoolExecutor, point: str
) -> None:
    killed_at(point, clusters(0, 0), pool)


def test_failure_03_coordinator_killed_before_commit(clusters: Clusters, pool: ThreadPoolExecutor) -> None:
    killed_at("commit:before", clusters(0, 0), pool)


# ---- a gateway is killed, or its client goes -----------------------------------------------------------------


def poll_at(member: Member, swf: Swf, kind: str = "decision", name: str = "deciders") -> dict[str, Any]:
    """Polls until a task comes."""
    poll = getattr(client(member.url), f"poll_for_{kind}_task")
    until = time.monotonic() + 20
    while "taskToken" not in (task := poll(domain=swf.domain, taskList={"name": name})):
        assert time.monotonic() < until
    return dict(task)


async def test_failure_06_gateway_killed_while_polls_wait(clusters: Clusters, rabbit: Rabbit) -> None:
    """Nothing hangs on it: who polls elsewhere has the task at once, not after a timeout."""
    cluster = clusters(gateways=2)
    doomed, other = cluster.gateways
    swf = Swf(other.url)
    writers = [await hang_up_on(doomed.url, "PollForDecisionTask", **poll_arguments(swf)) for _ in range(5)]
    queue = f"tasks.decision:us-east-1/{swf.domain}:deciders"
    async with asyncio.timeout(20):
        while queue not in rabbit.names():  # noqa: ASYNC110
            await asyncio.sleep(0.02)
    cluster.kill(doomed)
    run = swf.start()
    since = time.monotonic()
    task = await asyncio.to_thread(poll_at, other, swf)
    assert task["workflowExecution"]["runId"] == run
    assert time.monotonic() - since < 5
    for writer in writers:
        writer.close()
    swf.check_histories()


@pytest.mark.parametrize("kind", ["decision", "activity"])
def test_failure_07_gateway_killed_holding_a_hint(clusters: Clusters, pool: ThreadPoolExecutor, kind: str) -> None:
    """Before it asked for the task: that is offered again, and started once."""
    cluster = clusters()
    dying = cluster.gateway(DIE_AT="request:before", DIE_ON="StartTask")
    swf, run, name = _with_task(cluster, kind)
    before = swf.types(run)
    cluster.arm()
    lost = pool.submit(poll_at, dying, swf, kind, name)
    cluster.died(dying)
    assert lost.exception(timeout=20) is not None
    assert poll_at(cluster.gateways[0], swf, kind, name)["workflowExecution"]["runId"] == run
    assert swf.types(run) == [*before, f"{kind.capitalize()}TaskStarted"]
    swf.check_histories()


@pytest.mark.parametrize("kind", ["decision", "activity"])
def test_failure_08_gateway_killed_after_started(clusters: Clusters, pool: ThreadPoolExecutor, kind: str) -> None:
    """The task is in nobody's hands: it times out as SWF says, and a decision task is scheduled again."""
    cluster = clusters()
    dying = cluster.gateway(DIE_AT="replied", DIE_ON="GivenDecisionTask" if kind == "decision" else "GivenActivityTask")
    swf, run, name = _with_task(cluster, kind)
    cluster.arm()
    lost = pool.submit(poll_at, dying, swf, kind, name)
    cluster.died(dying)
    assert lost.exception(timeout=20) is not None
    timed_out = swf.await_event(run, f"{kind.capitalize()}TaskTimedOut")
    assert timed_out["timeoutType"] == "START_TO_CLOSE"
    assert timed_out["startedEventId"]
    task = poll_at(cluster.gateways[0], swf)
    assert task["previousStartedEventId"] == (0 if kind == "decision" else 3)
    swf.check_histories()


def _with_task(cluster: Cluster, kind: str) -> tuple[Swf, str, str]:
    """A run with a task of this kind, and the name of its list. Its timeouts are short."""
    swf = Swf(cluster.gateways[0].url)
    run = swf.start(taskStartToCloseTimeout="2")
    if kind == "decision":
        return swf, run, "deciders"
    swf.respond(swf.poll(), schedule("a", startToCloseTimeout="2"))
    return swf, run, "workers"


async def test_failure_09_client_hangs_up_in_a_poll(cluster: Cluster, swf: Swf) -> None:
    writers = [await hang_up_on(cluster.url, "PollForDecisionTask", **poll_arguments(swf)) for _ in range(3)]
    for writer in writers:
        writer.close()
        await writer.wait_closed()
    run = await asyncio.to_thread(swf.start, taskStartToCloseTimeout="60")
    task = await asyncio.to_thread(poll_at, cluster.gateways[0], swf)
    assert (task["workflowExecution"]["runId"], task["startedEventId"]) == (run, 3)


# ---- the way of the answer is lost ---------------------------------------------------------------------------


async def test_failure_10_reply_queue_gone(cluster: Cluster, swf: Swf, rabbit: Rabbit) -> None:
    """A gateway dies with a request under way: its answer comes back to the coordinator, which drops it."""
    [coordinator] = cluster.coordinators
    doomed = cluster.gateway()
    requests = [
        ("StartWorkflowExecution", {"workflowType": WORKFLOW}),
        ("SignalWorkflowExecution", {"signalName": "after"}),
    ]
    with coordinator.frozen():
        copies = rabbit.listen("actions", f"p{_partition(swf):02}")
        writers = []
        for number, (operation, members) in enumerate(requests, start=1):
            writers.append(await hang_up_on(doomed.url, operation, domain=swf.domain, workflowId="w", **members))
            async with asyncio.timeout(20):
                while len(rabbit.messages(copies)) < number:  # noqa: ASYNC110
                    await asyncio.sleep(0.02)
        cluster.kill(doomed)
    for writer in writers:
        writer.close()
    # Committed all the same, and the coordinator is well.
    [(_, run)] = await asyncio.to_thread(lambda: until(swf.runs))
    await asyncio.to_thread(swf.await_event, run, "WorkflowExecutionSignaled")
    await asyncio.to_thread(swf.signal, "another")


def _partition(swf: Swf) -> int:
    return names.partition_of(names.lane_of(names.scoped("us-east-1", swf.domain), "w"), 4)


async def test_failure_11_gateway_asks_again_for_what_was_not_answered(
    cluster: Cluster, swf: Swf, rabbit: Rabbit
) -> None:
    """The same action twice: one event, and the answer of the first time."""
    [coordinator], [gateway] = cluster.coordinators, cluster.gateways
    copies = rabbit.listen("actions", f"p{_partition(swf):02}")
    with coordinator.frozen():
        starting = asyncio.create_task(asyncio.to_thread(swf.start))
        async with asyncio.timeout(20):
            while not rabbit.messages(copies):  # noqa: ASYNC110
                await asyncio.sleep(0.02)
        await cut(rabbit, gateway)
        async with asyncio.timeout(20):
            while len(rabbit.messages(copies)) < 2:  # noqa: ASYNC110
                await asyncio.sleep(0.02)
    run = await starting
    await asyncio.to_thread(swf.await_event, run, "DecisionTaskScheduled")
    assert await asyncio.to_thread(swf.types, run) == ["WorkflowExecutionStarted", "DecisionTaskScheduled"]
    assert await asyncio.to_thread(swf.runs) == [("w", run)]
