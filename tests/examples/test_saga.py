"""The saga: whatever was begun is undone, the last first."""

from __future__ import annotations

import threading
from datetime import timedelta

import pytest

from examples import saga
from examples.saga import Order, process_order
from tests.examples.closed import closed_runs, fresh_client, scheduled, those, types_of
from workers_sdk import activity
from workers_sdk.errors import ExecutionFailed
from workers_sdk.testing import WorkflowEnvironment
from workflowsvc.swf.shapes import EventType

UNDONE_BY = {"ReserveStock": "ReleaseStock", "ChargeCard": "RefundCard", "BookShipping": "CancelShipping"}


async def test_saga(url: str, capsys: pytest.CaptureFixture[str]) -> None:
    client = fresh_client(url)
    await saga.main(client)
    told = capsys.readouterr().out.splitlines()
    assert "good: shipped as parcel-good" in told
    assert [line for line in told if line.startswith("bad: ")] == [
        "bad: stock is reserved",
        "bad: the card is charged",
        "bad: no carrier is booked",
        "bad: the card is refunded",
        "bad: stock is released",
    ]
    assert "unwanted: stock is released" in told
    async with client:
        histories = [await run.history() for run in await closed_runs(client, saga.process_order)]
    good, bad, unwanted = histories
    assert [types_of(events)[-1] for events in histories] == [
        "WorkflowExecutionCompleted",
        "WorkflowExecutionFailed",
        "WorkflowExecutionCanceled",
    ]
    steps = ["ReserveStock", "ChargeCard", "ChargeCard", "BookShipping"]  # the bank is busy once
    assert scheduled(good) == steps
    # Without another attempt: it is not retryable.
    assert scheduled(bad) == [*steps, "CancelShipping", "RefundCard", "ReleaseStock"]
    [requested] = those(unwanted, EventType.WORKFLOW_EXECUTION_CANCEL_REQUESTED)
    before = scheduled(unwanted[: requested.event_id])
    assert before
    assert scheduled(unwanted[requested.event_id :]) == [UNDONE_BY[step] for step in reversed(dict.fromkeys(before))]


async def test_a_step_that_runs_is_waited_for_before_it_is_undone(workflow_environment: WorkflowEnvironment) -> None:
    """Else the card might be charged after it was refunded."""
    bank = threading.Event()

    @activity("ChargeCard", "1.0", start_to_close=10)
    def charge_slowly(order: Order) -> None:
        bank.wait(15)

    steps = [saga.reserve_stock, charge_slowly, saga.release_stock, saga.refund_card]
    async with workflow_environment as env, env.worker(workflows=[process_order], activities=steps):
        handle = await process_order.start(env.client, Order("slow", "Iceland", timedelta(0)))
        await env.await_event(handle, "ActivityTaskStarted", count=2)
        await handle.request_cancel()
        await env.await_event(handle, "DecisionTaskCompleted", count=3)
        bank.set()
        with pytest.raises(ExecutionFailed) as raised:
            await handle.result(30)
        assert raised.value.status == "CANCELED"
        events = await handle.history()
    assert scheduled(events) == ["ReserveStock", "ChargeCard", "RefundCard", "ReleaseStock"]
    charged = those(events, EventType.ACTIVITY_TASK_COMPLETED)[1].event_id
    refunded = those(events, EventType.ACTIVITY_TASK_SCHEDULED)[2].event_id
    assert charged < refunded
