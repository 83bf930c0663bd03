"""Long polls: held, answered at once, given up, many at a time.

Law: SWF.md §1.4, §2.3 and the sixth and seventh promise of a poll: who hangs up leaves the task for the next.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest

from tests.end_to_end.service import Service
from tests.end_to_end.swf import WORKFLOW, Swf, complete, schedule
from tests.end_to_end.wire import Wire, hang_up_on, poll_arguments, within

#: What an answer may take once there is work.
PROMPT_SECONDS = 0.1


@pytest.fixture
async def wire(url: str) -> AsyncIterator[Wire]:
    async with Wire(url) as wire:
        yield wire


def start_arguments(swf: Swf, workflow_id: str) -> dict[str, Any]:
    return {"domain": swf.domain, "workflowId": workflow_id, "workflowType": WORKFLOW}


async def test_point_01_an_empty_poll_has_no_token(private: Callable[..., Service]) -> None:
    """Held for the set time; ids of 0, and neither token nor events nor activityId: "" would break Flow."""
    service = private("--poll-seconds", "0.5")
    swf = Swf(service.url)
    async with Wire(service.url) as wire:
        for operation, empty in (
            ("PollForDecisionTask", {"previousStartedEventId": 0, "startedEventId": 0}),
            ("PollForActivityTask", {"startedEventId": 0}),
        ):
            since = time.monotonic()
            assert await wire.good(operation, **poll_arguments(swf)) == empty
            assert 0.5 <= time.monotonic() - since < 1.5
    # ... and as boto3 reads it
    assert "taskToken" not in swf.client.poll_for_decision_task(domain=swf.domain, taskList={"name": "l"})


async def test_point_02_a_poll_is_held_and_answered_when_work_appears(swf: Swf, wire: Wire) -> None:
    """Within a tenth of a second, decision and activity tasks alike (the median of many, for a busy machine)."""
    delays = []
    for n in range(15):
        deciding = asyncio.create_task(wire.good("PollForDecisionTask", **poll_arguments(swf)))
        working = asyncio.create_task(wire.good("PollForActivityTask", **poll_arguments(swf, "workers")))
        await asyncio.sleep(0.02)  # the polls are on their way; were they late, the delay would only be smaller
        since = time.monotonic()
        await wire.good("StartWorkflowExecution", **start_arguments(swf, f"w{n}"))
        task = await within(deciding)
        delays.append(time.monotonic() - since)
        since = time.monotonic()
        await wire.good("RespondDecisionTaskCompleted", taskToken=task["taskToken"], decisions=[schedule("a")])
        assert (await within(working))["activityId"] == "a"
        delays.append(time.monotonic() - since)
    assert sorted(delays)[len(delays) // 2] < PROMPT_SECONDS, delays


@pytest.mark.parametrize("kind", ["Decision", "Activity"])
async def test_hanging_up_loses_nothing(swf: Swf, wire: Wire, kind: str) -> None:
    """A client that closed its socket while polling is given nothing; the next poller gets the task. Fifty rounds."""
    task_list = "deciders" if kind == "Decision" else "workers"
    for n in range(50):
        gone = await hang_up_on(wire.url, f"PollFor{kind}Task", **poll_arguments(swf, task_list))
        await asyncio.sleep(random.choice([0.0, 0.001, 0.005, 0.02]))  # the race is the point
        gone.close()
        await gone.wait_closed()
        # What was closed before the next request was sent, the service has heard of before.
        await wire.good("StartWorkflowExecution", **start_arguments(swf, f"w{n}"))
        if kind == "Activity":
            task = await within(wire.good("PollForDecisionTask", **poll_arguments(swf)))
            await wire.good("RespondDecisionTaskCompleted", taskToken=task["taskToken"], decisions=[schedule(f"a{n}")])
        task = await within(wire.good(f"PollFor{kind}Task", **poll_arguments(swf, task_list)))
        assert task["workflowExecution"]["workflowId"] == f"w{n}"
    count = await wire.good(f"CountPending{kind}Tasks", **poll_arguments(swf, task_list))
    assert count["count"] == 0


async def test_two_hundred_polls_wait_at_a_time(swf: Swf, wire: Wire) -> None:
    """Each gets one of two hundred tasks; no task is given twice; other calls are served meanwhile."""
    polls = [asyncio.create_task(wire.good("PollForDecisionTask", **poll_arguments(swf))) for _ in range(200)]
    since = time.monotonic()
    await wire.good("CountPendingDecisionTasks", **poll_arguments(swf))
    assert time.monotonic() - since < 5
    names = [f"w{n}" for n in range(200)]
    await asyncio.gather(*(wire.good("StartWorkflowExecution", **start_arguments(swf, name)) for name in names))
    tasks = await within(asyncio.gather(*polls), 20)
    assert sorted(task["workflowExecution"]["workflowId"] for task in tasks) == sorted(names)
    await asyncio.gather(
        *(
            wire.good("RespondDecisionTaskCompleted", taskToken=task["taskToken"], decisions=[complete()])
            for task in tasks
        )
    )
    assert (
        swf.client.count_closed_workflow_executions(domain=swf.domain, startTimeFilter={"oldestDate": 0})["count"]
        == 200
    )


async def test_waiting_polls_are_answered_in_their_order(swf: Swf, wire: Wire) -> None:
    """The longest-waiting poll gets the next task."""
    polls = []
    for n in range(10):
        arguments = poll_arguments(swf) | {"identity": f"decider {n}"}
        polls.append(asyncio.create_task(wire.good("PollForDecisionTask", **arguments)))
        # They are sent over ten connections: let each arrive before the next.
        await asyncio.sleep(0.02)
        await wire.good("CountPendingDecisionTasks", **poll_arguments(swf))
    for n in range(10):
        await wire.good("StartWorkflowExecution", **start_arguments(swf, f"w{n}"))
        done, _ = await asyncio.wait(polls, timeout=10, return_when=asyncio.FIRST_COMPLETED)
        assert done == {polls[0]}
        assert polls.pop(0).result()["workflowExecution"]["workflowId"] == f"w{n}"


async def test_a_task_of_a_closed_execution_is_never_handed_out(swf: Swf, wire: Wire) -> None:
    """Started and terminated before anybody polled: the poller gets the task of the living one."""
    for n in range(20):
        await wire.good("StartWorkflowExecution", **start_arguments(swf, f"dead{n}"))
        await wire.good("TerminateWorkflowExecution", domain=swf.domain, workflowId=f"dead{n}")
    await wire.good("StartWorkflowExecution", **start_arguments(swf, "alive"))
    task = await within(wire.good("PollForDecisionTask", **poll_arguments(swf)))
    assert task["workflowExecution"]["workflowId"] == "alive"
