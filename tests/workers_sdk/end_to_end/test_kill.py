"""kill -9 of workers in the midst of activities and decisions: nothing is lost, nothing comes out differently.

Law: real processes. What a killed worker had is known by its timeouts, which are short here.
"""

from __future__ import annotations

import asyncio
import random
import sys
from collections import Counter

import pytest

from tests.workers_sdk.end_to_end import flows
from workers_sdk import Client, Handle
from workflowsvc.swf import shapes
from workflowsvc.swf.faults import UnknownResourceFault
from workflowsvc.swf.shapes import EventType

EXECUTIONS = 12
KILLS = 6
#: tasks between two kills
STARTED = 5


async def _worker(url: str, domain: str) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(sys.executable, "-m", "tests.workers_sdk.end_to_end", url, domain)


async def _histories(handles: list[Handle[int]]) -> list[shapes.HistoryEvent]:
    histories = await asyncio.gather(*(handle.history() for handle in handles))
    return [event for history in histories for event in history]


async def _work_goes_on(handles: list[Handle[int]]) -> None:
    """Until some tasks more were started, or there is nothing left to do."""
    wanted = {EventType.ACTIVITY_TASK_STARTED, EventType.DECISION_TASK_STARTED}
    target = None
    while True:
        counts = Counter(event.event_type for event in await _histories(handles))
        started = sum(counts[kind] for kind in wanted)
        target = target or started + STARTED
        if started >= target or counts[EventType.WORKFLOW_EXECUTION_COMPLETED] == len(handles):
            return
        await asyncio.sleep(0.05)


@pytest.mark.timeout(180)
async def test_killed_workers_lose_nothing(client: Client, url: str) -> None:
    workers = [await _worker(url, client.domain) for _ in range(2)]
    try:
        handles = [await _start(client, number) for number in range(EXECUTIONS)]
        for _ in range(KILLS):
            await _work_goes_on(handles)
            victim = workers.pop(random.randrange(len(workers)))
            victim.kill()
            await victim.wait()
            workers.append(await _worker(url, client.domain))
        results = await asyncio.gather(*(handle.result(timeout=120) for handle in handles))
    finally:
        for worker in workers:
            worker.kill()
            await worker.wait()
    assert results == [flows.expected_sum(number) for number in range(EXECUTIONS)]
    counts = Counter(event.event_type for event in await _histories(handles))
    assert counts[EventType.WORKFLOW_EXECUTION_COMPLETED] == EXECUTIONS
    lost = counts[EventType.ACTIVITY_TASK_TIMED_OUT] + counts[EventType.DECISION_TASK_TIMED_OUT]
    assert lost > 0, "no worker was killed while it had anything"


async def _start(client: Client, number: int) -> Handle[int]:
    """As soon as a worker has registered the type."""
    while True:
        try:
            return await flows.sum_of.with_options(workflow_id=f"sum-{number}").start(client, number)
        except UnknownResourceFault:
            await asyncio.sleep(0.05)
