"""The saga: whatever was begun is undone, the last first."""

from __future__ import annotations

import pytest

from examples import saga
from tests.examples.closed import closed_runs, fresh_client, scheduled, those, types_of
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
