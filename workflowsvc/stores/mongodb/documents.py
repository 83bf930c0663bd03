"""What the documents look like: ids, the shape of each, and the way back to records.

Law: pure. What users wrote is kept as bytes or as text values, never as the name of a field. Numbers that are part of
text have leading zeros, so that text sorts as they do.

A *place* is a time and an action's id in one text: the order of SWF's lists, and a page's cursor, in one field.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Final

from workflowsvc.messages import TaskList
from workflowsvc.records import Commit, Cursor, ExecutionRow, Heartbeat, RunRef
from workflowsvc.swf.shapes import CloseStatus

Document = dict[str, Any]

#: When a run expires that never does: an open one, or one that is kept for ever.
NEVER: Final = 2**62
_LAST_TIME: Final = 10**16 - 1


# ---- ids -----------------------------------------------------------------------------------------------------


def history_id(run_id: str, number: int) -> str:
    """Of a run's documents, the one with the number 0, 1, 2, ..."""
    return f"{run_id}/{number:06d}"


def event_id(run_id: str, scheduled_event_id: int) -> str:
    return f"{run_id}/{scheduled_event_id:010d}"


def claim_id(domain: str, workflow_id: str) -> str:
    """`DOMAIN:WORKFLOWID`; the first colon is the one between them."""
    return f"{escaped(domain)}:{workflow_id}"


def list_id(task_list: TaskList) -> str:
    """What the ids of its pending tasks begin with: a list is a range of them, and needs no index."""
    return f"{task_list.kind}:{escaped(task_list.domain)}:{escaped(task_list.name)}:"


def pending_ids(run_id: str, tasks: Iterable[Document]) -> list[str]:
    return [f"{each['list']}{event_id(run_id, each['task'])}" for each in tasks]


def escaped(name: str) -> str:
    return name.replace("%", "%25").replace(":", "%3A")


# ---- places --------------------------------------------------------------------------------------------------


def place(at: int, by: str) -> str:
    return f"{moment(at)}/{by}"


def moment(at: int) -> str:
    """Before every place of its millisecond, and after all of the one before."""
    return f"{min(max(at, 0), _LAST_TIME):016d}"


def cursor(placed: str) -> Cursor:
    at, _, by = placed.partition("/")
    return Cursor(int(at), by)


# ---- runs ----------------------------------------------------------------------------------------------------


def row_fields(row: ExecutionRow) -> Document:
    return {
        "lane": row.lane,
        "domain": row.domain,
        "workflow_id": row.workflow_id,
        "type_name": row.type_name,
        "type_version": row.type_version,
        "tags": list(row.tags),
        "started": place(row.started_at, row.started_by),
        "closed": place(row.closed_at, row.closed_by or "") if row.closed_at is not None else None,
        "close_status": row.close_status and str(row.close_status),
        "found_by": _facets(row),
        "expires_at": NEVER if row.expires_at is None else row.expires_at,
        "unsettled": row.unsettled,
        "info": row.info,
    }


def row_names() -> set[str]:
    return {"lane", "domain", "workflow_id", "type_name", "type_version", "tags", "started", "closed",
            "close_status", "found_by", "expires_at", "unsettled", "info"}  # fmt: skip


def facet(domain: str, field: str = "", value: str = "") -> str:
    """What a run is found by: its domain, or its domain and one of its fields."""
    return f"{escaped(domain)}:{field}:{value}"


def _facets(row: ExecutionRow) -> list[str]:
    return [
        facet(row.domain),
        facet(row.domain, "workflow_id", row.workflow_id),
        facet(row.domain, "type_name", row.type_name),
        *(facet(row.domain, "tag", tag) for tag in row.tags if tag is not None),
        *([facet(row.domain, "close_status", str(row.close_status))] if row.close_status else []),
    ]


def row_of(run_id: str, fields: Document) -> ExecutionRow:
    started = cursor(fields["started"])
    closed = cursor(fields["closed"]) if fields["closed"] is not None else None
    return ExecutionRow(
        run_id=run_id,
        lane=int(fields["lane"]),  # bson has an int of its own
        domain=fields["domain"],
        workflow_id=fields["workflow_id"],
        type_name=fields["type_name"],
        type_version=fields["type_version"],
        tags=fields["tags"],
        started_at=started.at,
        started_by=started.by,
        info=fields["info"],
        closed_at=closed.at if closed else None,
        closed_by=closed.by if closed else None,
        close_status=fields["close_status"] and CloseStatus(fields["close_status"]),
        expires_at=None if fields["expires_at"] == NEVER else int(fields["expires_at"]),
        unsettled=fields["unsettled"],
    )


def ref_of(run_id: str, fields: Document) -> RunRef:
    return RunRef(run_id, int(fields["lane"]), fields["domain"], fields["workflow_id"])


# ---- workflow ids --------------------------------------------------------------------------------------------


def claimed(row: ExecutionRow, wake_at: int | None) -> Document:
    """What keeps a workflow id. Who wants one need not get it, nor begin: it tells nothing more of the run yet."""
    wake = {} if wake_at is None else {"wake": place(wake_at, row.run_id)}
    return {
        "_id": claim_id(row.domain, row.workflow_id),
        "run": row.run_id,
        "lane": row.lane,
        "domain": row.domain,
        "workflow_id": row.workflow_id,
        "at": 0,
        **wake,
    }


# ---- histories -----------------------------------------------------------------------------------------------


def history(commits: Sequence[Commit], number: int, last: int, *, is_open: bool, nonce: bytes) -> Document:
    """The document of one run's part of a unit, which ends with event *last*.

    It has all that must follow it into other collections, so that whoever finds that it did not can see to it. A part
    without events is not written: it is only followed, and at once.
    """
    run_id = commits[0].run_id
    events = [event for commit in commits for event in commit.events]
    first = last - len(events) + 1
    rows = [commit.row for commit in commits if commit.row is not None]
    wakes = [commit.wake_at for commit in commits if commit.wake_at is not None]
    scheduled, unscheduled = _tasks(commits)
    document: Document = {
        "_id": history_id(run_id, number),
        "run": run_id,
        "number": number,
        "first": first,
        "last": last,
        "closed": not is_open,
        "actions": [commit.action_id for commit in commits if commit.events],
        "nonce": nonce,
        "scheduled": _listed(scheduled) if is_open else [],
        "unscheduled": _listed(unscheduled),
        "beats": [_beat(commit.heartbeat) for commit in commits if commit.heartbeat is not None],
        "events": events,
    }
    if rows:
        document["row"] = row_fields(rows[-1])
    if wakes and is_open:
        document["wake"] = place(wakes[-1], run_id)
        document["claim"] = claim_id(commits[0].domain, commits[0].workflow_id)
    return document


def tombstone(run_id: str) -> Document:
    """Stands where the run would begin, so that it never can."""
    return {
        "_id": history_id(run_id, 0),
        "run": run_id,
        "number": 0,
        "first": 1,
        "last": 0,
        "closed": True,
        "tombstone": True,
        "actions": [],
        "nonce": b"",
        "scheduled": [],
        "unscheduled": [],
        "beats": [],
        "events": [],
    }


def _listed(tasks: dict[int, TaskList]) -> list[Document]:
    return [{"task": task, "list": list_id(on)} for task, on in sorted(tasks.items())]


def _tasks(commits: Iterable[Commit]) -> tuple[dict[int, TaskList], dict[int, TaskList]]:
    """What became pending and still is, and what ceased to be."""
    scheduled: dict[int, TaskList] = {}
    unscheduled: dict[int, TaskList] = {}
    for commit in commits:
        for task in commit.scheduled:
            scheduled[task.scheduled_event_id] = task.task_list
            unscheduled.pop(task.scheduled_event_id, None)
        for task in commit.unscheduled:
            scheduled.pop(task.scheduled_event_id, None)
            unscheduled[task.scheduled_event_id] = task.task_list
    return scheduled, unscheduled


def _beat(beat: Heartbeat) -> Document:
    details = None if beat.details is None else beat.details.encode()
    return {"task": beat.scheduled_event_id, "at": beat.at, "details": details}


def heartbeat(document: Document) -> Heartbeat:
    details = document["details"]
    return Heartbeat(document["task"], int(document["at"]), None if details is None else details.decode())
