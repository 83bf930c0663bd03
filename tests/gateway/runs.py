"""Runs in the store, as a coordinator would have written them.

Law: real structures of the generated types, in wire form.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from workflowsvc import names
from workflowsvc.ports import Store
from workflowsvc.records import Commit, ExecutionRow, PendingTask
from workflowsvc.swf import shapes

SHOP = "us-east-1/shop"
START = 1_700_000_000_000


def run_id(number: int) -> str:
    return f"22{number:032x}="


def event(number: int) -> bytes:
    return msgspec.json.encode(
        shapes.HistoryEvent(
            event_id=number,
            event_timestamp=START / 1000 + number,
            event_type=shapes.EventType.MARKER_RECORDED,
            marker_recorded_event_attributes=shapes.MarkerRecordedEventAttributes(
                decision_task_completed_event_id=1, marker_name=f"marker {number}"
            ),
        )
    )


def events(first: int, last: int) -> list[bytes]:
    return [event(number) for number in range(first, last + 1)]


async def add_run(
    store: Store,
    number: int,
    *,
    domain: str = SHOP,
    workflow_id: str = "",
    type_name: str = "order",
    type_version: str = "1",
    tags: Sequence[str] = (),
    started_at: int = START,
    closed_at: int | None = None,
    close_status: shapes.CloseStatus | None = None,
    history: int = 1,
    pending: Sequence[PendingTask] = (),
) -> shapes.WorkflowExecution:
    """The execution, with *history* events."""
    execution = shapes.WorkflowExecution(run_id=run_id(number), workflow_id=workflow_id or f"order-{number}")
    info = shapes.WorkflowExecutionInfo(
        cancel_requested=False,
        close_status=close_status,
        close_timestamp=None if closed_at is None else closed_at / 1000,
        execution=execution,
        execution_status=shapes.ExecutionStatus.OPEN if closed_at is None else shapes.ExecutionStatus.CLOSED,
        start_timestamp=started_at / 1000,
        tag_list=list(tags) or None,
        workflow_type=shapes.WorkflowType(name=type_name, version=type_version),
    )
    action = f"{number:032x}"
    row = ExecutionRow(
        run_id=execution.run_id,
        lane=names.lane_of(domain, execution.workflow_id),
        domain=domain,
        workflow_id=execution.workflow_id,
        type_name=type_name,
        type_version=type_version,
        tags=list(tags),
        started_at=started_at,
        started_by=action,
        info=msgspec.json.encode(info),
        closed_at=closed_at,
        closed_by=None if closed_at is None else action,
        close_status=close_status,
        expires_at=None if closed_at is None else closed_at + 30 * 24 * 3600 * 1000,
    )
    commit = Commit(
        run_id=execution.run_id,
        domain=domain,
        workflow_id=execution.workflow_id,
        action_id=action,
        first=1,
        events=events(1, history),
        row=row,
        scheduled=pending,
    )
    await store.commit([commit])
    return execution


def wire(execution: shapes.WorkflowExecution) -> Any:
    return msgspec.to_builtins(execution)
