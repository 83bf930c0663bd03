"""Workflows, activities, worker and client together, over HTTP, on the service in either form."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from tests.workers_sdk.end_to_end import flows
from tests.workers_sdk.end_to_end.flows import Order
from workers_sdk import Client, Worker, find_handle, handle_of
from workers_sdk.errors import ExecutionFailed
from workflowsvc.swf.faults import UnknownResourceFault


@pytest_asyncio.fixture(params=["sticky", "plain"])
async def worker(client: Client, request: pytest.FixtureRequest) -> AsyncIterator[Worker]:
    worker = Worker(
        client,
        task_list="main",
        workflows=flows.WORKFLOWS,
        activities=flows.ACTIVITIES,
        sticky=request.param == "sticky",
        grace=2,
    )
    async with worker:
        yield worker


@pytest.mark.usefixtures("worker")
async def test_sequence_fan_out_timer_and_side_effect(client: Client) -> None:
    handle = await flows.sum_of.start(client, 5)
    assert await handle.result(timeout=30) == flows.expected_sum(5)


@pytest.mark.usefixtures("worker")
async def test_signal_is_awaited_and_state_is_seen(client: Client) -> None:
    handle = await flows.approval.start(client, Order("book"))
    waits = await handle.wait_for_state(lambda state: "waits" in state, dict[str, str], timeout=30)
    assert waits == {"waits": "book"}
    await handle.signal(flows.approve, Order("book", 3))
    assert await handle.result(timeout=30) == "book x 3"
    assert await handle.state(dict[str, str]) == {"approved": "book"}


@pytest.mark.usefixtures("worker")
async def test_child_gives_its_result(client: Client) -> None:
    handle = await flows.parent.start(client, 2)
    assert await handle.result(timeout=30) == [flows.expected_sum(2), 2]


@pytest.mark.usefixtures("worker")
async def test_result_is_followed_through_continue_as_new(client: Client) -> None:
    handle = await flows.loop.with_options(tags=("red",)).start(client, 0)
    first = handle.run_id
    assert await handle.result(timeout=30) == 3
    assert handle.run_id != first
    assert (await handle.describe()).execution_info.tag_list == ["red"]


@pytest.mark.usefixtures("worker")
async def test_handle_follows_the_execution_to_its_last_run(client: Client) -> None:
    """State and description are the last run's; a signal goes to the open one."""
    handle = await flows.rounds.start(client, 0)
    first = handle.run_id
    state = await handle.wait_for_state(lambda state: state["round"] == 2, dict[str, int], timeout=30)
    assert state == {"round": 2}
    assert handle.run_id != first
    await handle.signal(flows.stop)
    assert await handle.result(timeout=30) == 2


@pytest.mark.usefixtures("worker")
async def test_handle_never_speaks_to_another_execution(client: Client) -> None:
    """Of one workflow id, but started after the handle's own was closed."""
    first = await flows.approval.with_options(workflow_id="same").start(client, Order("x"))
    await first.terminate()
    second = await flows.approval.with_options(workflow_id="same").start(client, Order("y"))
    for act in (first.terminate, first.request_cancel, lambda: first.signal(flows.approve, Order("z"))):
        with pytest.raises(UnknownResourceFault):
            await act()
    await second.signal(flows.approve, Order("y", 2))
    assert await second.result(timeout=30) == "y x 2"


@pytest.mark.usefixtures("worker")
async def test_execution_is_found_by_its_workflow_id(client: Client) -> None:
    """The open one, else the last."""
    with pytest.raises(UnknownResourceFault, match="lost"):
        await find_handle(client, "lost")
    first = await flows.approval.with_options(workflow_id="lost").start(client, Order("x"))
    assert (await find_handle(client, "lost")).run_id == first.run_id
    await first.signal(flows.approve, Order("x", 1))
    await first.result(timeout=30)
    assert await (await find_handle(client, "lost", flows.approval)).result(timeout=30) == "x x 1"


@pytest.mark.usefixtures("worker")
async def test_waiting_for_the_state_of_an_execution_that_ends(client: Client) -> None:
    handle = await flows.failing.start(client, Order("book"))
    with pytest.raises(ExecutionFailed, match="COMPLETED"):
        await handle.wait_for_state(lambda state: True, timeout=30)


@pytest.mark.usefixtures("worker")
async def test_run_is_start_and_result(client: Client) -> None:
    assert await flows.retrying.run(client, uuid.uuid4().hex) == 3


@pytest.mark.usefixtures("worker")
async def test_failure_of_an_activity_is_told(client: Client) -> None:
    handle = await flows.failing.start(client, Order("book"))
    assert await handle.result(timeout=30) == "LookupError: activity Refuse 1.0 failed: LookupError: book"


@pytest.mark.usefixtures("worker")
async def test_retries_are_in_the_history(client: Client) -> None:
    handle = await flows.retrying.start(client, uuid.uuid4().hex)
    assert await handle.result(timeout=30) == 3
    scheduled = [event.activity_task_scheduled_event_attributes for event in await handle.history()]
    assert [one.activity_id for one in scheduled if one] == ["1", "1.2", "1.3"]


@pytest.mark.usefixtures("worker")
async def test_cancel_request_cleans_up(client: Client) -> None:
    handle = await flows.cleaning.start(client)
    while (await handle.describe()).open_counts.open_timers == 0:  # noqa: ASYNC110  likewise
        await asyncio.sleep(0.02)
    await handle.request_cancel()
    with pytest.raises(ExecutionFailed) as caught:
        await handle.result(timeout=30)
    assert caught.value.status == "CANCELED"
    assert await handle.state(dict[str, int]) == {"cleaned": 42}


@pytest.mark.usefixtures("worker")
async def test_execution_signals_another(client: Client) -> None:
    waiting = await flows.approval.with_options(workflow_id="waiting").start(client, Order("x"))
    handle = await flows.waker.start(client, "waiting")
    assert await handle.result(timeout=30) is True
    assert await waiting.result(timeout=30) == "from another x 7"


@pytest.mark.usefixtures("worker")
async def test_termination_is_told(client: Client) -> None:
    handle = await flows.approval.start(client, Order("x"))
    await handle_of(client, handle.workflow_id, handle.run_id).terminate("enough", "really")
    with pytest.raises(ExecutionFailed) as caught:
        await handle.result(timeout=30)
    assert (caught.value.status, caught.value.reason, caught.value.details) == ("TERMINATED", "enough", "really")


async def test_execution_that_is_open_has_no_result(client: Client, worker: Worker) -> None:
    handle = await flows.approval.start(client, Order("x"))
    with pytest.raises(TimeoutError):
        await handle.result(timeout=0.2)
