"""What the store keeps and is asked for: runs, their visibility rows, the catalogue of domains and types.

Law: data only. Times are integer milliseconds since the epoch; domains are scoped keys (workflowsvc.names).
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from typing import Annotated

from msgspec import Meta, Struct

from workflowsvc.messages import TaskList
from workflowsvc.swf import shapes

#: What a column of a database holds.
Int64 = Annotated[int, Meta(ge=-(2**63), le=2**63 - 1)]


class ExecutionRow(Struct, frozen=True):
    """What the visibility operations know of a run. Written whole whenever any of it changes."""

    run_id: str
    lane: Int64
    domain: str
    workflow_id: str
    type_name: str
    type_version: str
    tags: Sequence[str | None]
    started_at: Int64
    #: the id of the action that started it: orders runs that started in one millisecond
    started_by: str
    #: WorkflowExecutionInfo in wire form
    info: bytes
    closed_at: Int64 | None = None
    closed_by: str | None = None
    close_status: shapes.CloseStatus | None = None
    #: when a closed run disappears from every read (its domain's retention)
    expires_at: Int64 | None = None
    #: closed, and its messages to other runs are not yet confirmed
    unsettled: bool = False


class PendingTask(Struct, frozen=True):
    """A scheduled task that nobody has started; its run is open."""

    task_list: TaskList
    scheduled_event_id: Int64


class Heartbeat(Struct, frozen=True):
    """The last sign of life of a started activity task. No event; kept beside the history."""

    scheduled_event_id: Int64
    at: Int64
    details: str | None = None


class Commit(Struct, frozen=True, kw_only=True):
    """All that one action did to one run. *events* in wire form, with ids from *first* on without a hole.

    There need not be any: a heartbeat or a new `wake_at` is committed with *first* as the next event's id.
    """

    run_id: str
    domain: str
    workflow_id: str
    action_id: str
    first: int
    events: list[bytes]
    heartbeat: Heartbeat | None = None
    #: the new visibility row, where it changed; always with the run's first commit
    row: ExecutionRow | None = None
    #: tasks that became pending, and tasks that ceased to be: all that still were, where the run closes
    scheduled: Sequence[PendingTask] = ()
    unscheduled: Sequence[PendingTask] = ()
    #: the state after the last of *events*, opaque here; replaces an older one
    snapshot: bytes | None = None
    #: by when the run is to be looked at, where that changed; a closed run has none
    wake_at: Int64 | None = None


class StoredRun(Struct, frozen=True):
    """A run as it is stored: *snapshot*, if any, is the state after event *snapshot_at*; *events* are those after."""

    row: ExecutionRow
    events: list[bytes]
    snapshot: bytes | None = None
    snapshot_at: int = 0
    #: the latest heartbeat of each activity task that ever sent one
    heartbeats: Sequence[Heartbeat] = ()
    #: the last that a commit brought; None for a closed run
    wake_at: int | None = None


class RunRef(Struct, frozen=True):
    run_id: str
    lane: int
    domain: str
    workflow_id: str


class Due(Struct, frozen=True):
    wake_at: int
    run: RunRef


class TimeField(StrEnum):
    STARTED = "started"
    CLOSED = "closed"


class ExecutionQuery(Struct, frozen=True, kw_only=True):
    """A visibility question. Bounds are inclusive milliseconds; at most one of the filters is set.

    Order: *by* descending (newest first), or ascending with *reverse*; equal times by the id of the starting
    (closing) action, so that the later call is the newer.
    """

    domain: str
    open: bool
    by: TimeField
    oldest: int
    latest: int
    #: the present: closed runs that expired by then are gone
    now: int
    workflow_id: str | None = None
    type_name: str | None = None
    type_version: str | None = None
    tag: str | None = None
    close_status: shapes.CloseStatus | None = None
    reverse: bool = False


class Cursor(Struct, frozen=True):
    """The place of the last row of a page: its time (milliseconds) and the id of its action."""

    at: int
    by: str


class ListedExecution(Struct, frozen=True):
    info: bytes
    cursor: Cursor


class DomainRecord(Struct, frozen=True, kw_only=True):
    #: the scoped key
    domain: str
    created_at: int
    #: as registered: "0".."90" or "NONE" (days)
    retention: str
    description: str | None = None
    deprecated: bool = False
    tags: dict[str, str] = {}


class TypeKind(StrEnum):
    WORKFLOW = "workflow"
    ACTIVITY = "activity"


class TypeKey(Struct, frozen=True):
    domain: str
    kind: TypeKind
    name: str
    version: str


class TypeRecord(Struct, frozen=True, kw_only=True):
    key: TypeKey
    created_at: int
    configuration: shapes.WorkflowTypeConfiguration | shapes.ActivityTypeConfiguration
    description: str | None = None
    #: set while the type is deprecated
    deprecated_at: int | None = None
