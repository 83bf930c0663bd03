"""From what an action did to what the store keeps of it.

Law: no I/O; the event's wire form is made here once and goes to the store, the cache and the poller alike.
"""

from __future__ import annotations

import msgspec

from coordinator.cache import Cached
from coordinator.execution import snapshot
from coordinator.execution.history import encode
from coordinator.execution.outcome import Outcome
from coordinator.execution.state import Execution
from coordinator.execution.view import info
from coordinator.wakes import Wakes
from workflowsvc import names
from workflowsvc.records import Commit, ExecutionRow
from workflowsvc.swf import shapes

#: A history grows by this many events between two snapshots of its state.
SNAPSHOT_EVERY = 500

_encode = msgspec.json.Encoder().encode


def commit_of(outcome: Outcome, cached: Cached, action_id: str, retention: int | None, wakes: Wakes) -> Commit | None:
    """The commit of an outcome, or None where there is nothing to keep. The cached history grows with it."""
    execution = cached.execution
    changes_row = _changes_row(outcome, execution)
    wake_at = wakes.look_at(cached, written_anyway=changes_row)
    if not outcome.events and outcome.heartbeat is None and wake_at is None:
        return None
    events = [encode(event) for event in outcome.events]
    cached.append(events)
    frozen = None
    if execution.open and execution.last_event_id - cached.snapshot_at >= SNAPSHOT_EVERY:
        frozen, cached.snapshot_at = snapshot.freeze(execution), execution.last_event_id
    cached.look_at = wake_at or cached.look_at
    return Commit(
        run_id=execution.run_id,
        domain=execution.domain,
        workflow_id=execution.workflow_id,
        action_id=action_id,
        first=outcome.events[0].id if outcome.events else execution.last_event_id + 1,
        events=events,
        heartbeat=outcome.heartbeat,
        row=_row(execution, action_id, retention) if changes_row else None,
        scheduled=outcome.scheduled,
        unscheduled=outcome.unscheduled,
        snapshot=frozen,
        wake_at=wake_at,
    )


def _changes_row(outcome: Outcome, execution: Execution) -> bool:
    if not outcome.events:
        return False
    return (
        outcome.events[0].id == 1
        or not execution.open
        or any(
            type(event.attributes) is shapes.WorkflowExecutionCancelRequestedEventAttributes for event in outcome.events
        )
    )


def _row(execution: Execution, action_id: str, retention: int | None) -> ExecutionRow:
    row = ExecutionRow(
        run_id=execution.run_id,
        lane=names.lane_of(execution.domain, execution.workflow_id),
        domain=execution.domain,
        workflow_id=execution.workflow_id,
        type_name=execution.workflow_type.name,
        type_version=execution.workflow_type.version,
        tags=execution.tags or [],
        started_at=execution.started_at,
        started_by=execution.started_by,
        info=_encode(info(execution)),
    )
    if execution.open:
        return row
    return msgspec.structs.replace(
        row,
        closed_at=execution.closed_at,
        closed_by=action_id,
        close_status=execution.close_status,
        expires_at=execution.closed_at + (retention or 0),
        unsettled=execution.unsettled(),
    )
