"""What a batch of units does to the tables: who may write, and the statements that come of it.

Law: pure, and the only judge of conflicts. Where the runs stand comes in, statements go out; a unit that is refused
leaves no trace. The tables' own constraints are there for the day when this file is wrong.

What came and went within a batch leaves nothing: a task that was scheduled and started, a run that was open for a
moment. That is most of what executions of a second do.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, MutableMapping, Sequence
from itertools import chain
from typing import NamedTuple

import msgspec

from workflowsvc.ports import Conflict
from workflowsvc.records import Commit, ExecutionRow, Heartbeat, PendingTask
from workflowsvc.stores import queries
from workflowsvc.stores.schema import event_key, run_number

#: One step of SQLite: the statement and its parameters.
Statement = tuple[str, Sequence[object]]
#: A workflow id and its domain: what at most one open run holds.
Claim = tuple[str, str]


class Head(NamedTuple):
    """Where a run stands."""

    number: int
    open: bool
    last: int


def claim_of(commit: Commit) -> Claim:
    return commit.domain, commit.workflow_id


def multi_row(upsert: queries.Upsert, rows: Sequence[Sequence[object]]) -> Iterator[Statement]:
    for start in range(0, len(rows), queries.CHUNK):
        chunk = rows[start : start + queries.CHUNK]
        yield queries.insert(upsert, len(chunk)), tuple(chain.from_iterable(chunk))


def of_each(statement: str, values: Iterable[object]) -> Iterator[Statement]:
    if array := list(values):
        yield statement, (msgspec.json.encode(array).decode(),)


class Draft:
    """The net effect of the units that were added, in their order."""

    def __init__(self, heads: MutableMapping[str, Head], claims: dict[Claim, str | None], next_number: int) -> None:
        #: where runs stand after this draft: all that it touches must be here, but for new ones
        self.heads = heads
        #: who holds a workflow id after this draft, if anybody: all that new runs want must be here
        self.claims = claims
        self.next_number = next_number
        #: where the runs stand that it touched
        self.touched: dict[str, Head] = {}
        #: commits and settlements
        self.size = 0
        self._events: list[tuple[int, str | None, bytes]] = []
        self._rows: dict[int, ExecutionRow] = {}
        self._new: set[int] = set()
        self._closed: set[int] = set()
        self._scheduled: dict[int, PendingTask] = {}
        self._unscheduled: set[int] = set()
        self._heartbeats: dict[int, Heartbeat] = {}
        self._snapshots: dict[int, tuple[int, bytes]] = {}
        self._wakes: dict[int, int] = {}
        self._settled: set[str] = set()

    def judge(self, unit: Sequence[Commit]) -> list[Head]:
        """Where each of its commits leaves its run, for `add`. Raises Conflict, and then nothing of *unit* is known."""
        heads: dict[str, Head] = {}
        claims: dict[Claim, str | None] = {}
        number = self.next_number
        after: list[Head] = []
        for commit in unit:
            before = heads.get(commit.run_id) or self.heads.get(commit.run_id)
            claim = claim_of(commit)
            holder = claims[claim] if claim in claims else self.claims.get(claim)
            if before is None:
                before = _newborn(commit, number, holder)
                number += 1
            head = _advanced(before, commit)
            heads[commit.run_id] = head
            if head.open:
                claims[claim] = commit.run_id
            elif before.open:
                claims[claim] = None
            after.append(head)
        self._accept(heads, claims, number)
        return after

    def add(self, unit: Sequence[Commit], heads: Sequence[Head]) -> None:
        """*heads* as they were judged, and in the order in which units were."""
        for commit, head in zip(unit, heads, strict=True):
            self._record(commit, head)
        self.size += len(unit)

    def settle(self, run_ids: Sequence[str]) -> None:
        self._settled.update(run_ids)
        self.size += 1

    def statements(self) -> Iterator[Statement]:
        """Closed rows are written before open ones: they free the workflow ids that those take."""
        yield from multi_row(queries.EVENTS, self._events)
        rows = self._rows.items()
        closed = [_execution(number, row) for number, row in rows if row.closed_at is not None]
        opened = [_execution(number, row) for number, row in rows if row.closed_at is None]
        yield from multi_row(queries.CLOSED_EXECUTIONS, closed)
        yield from multi_row(queries.OPEN_EXECUTIONS, opened)
        yield from multi_row(queries.TAGS, list(self._tags()))
        yield from of_each(queries.UNSCHEDULE, self._unscheduled)
        yield from of_each(queries.UNSCHEDULE_RUNS, self._closed)
        yield from of_each(queries.DROP_WAKES, self._closed)
        yield from multi_row(queries.PENDING, list(self._pending()))
        beats = self._heartbeats.items()
        yield from multi_row(queries.HEARTBEATS, [(key, beat.at, beat.details) for key, beat in beats])
        yield from multi_row(queries.SNAPSHOTS, [(number, *kept) for number, kept in self._snapshots.items()])
        yield from multi_row(queries.WAKES, list(self._wakes.items()))
        yield from of_each(queries.SETTLE, self._settled)

    def _accept(self, heads: dict[str, Head], claims: dict[Claim, str | None], number: int) -> None:
        self._new.update(range(self.next_number, number))
        self.next_number = number
        self.heads.update(heads)
        self.touched.update(heads)
        self.claims.update(claims)

    # -- recording

    def _record(self, commit: Commit, head: Head) -> None:
        action: str | None = commit.action_id
        first = head.last - len(commit.events) + 1
        for key, body in enumerate(commit.events, event_key(head.number, first)):
            self._events.append((key, action, body))
            action = None  # a commit is found by its first event
        self._record_tasks(commit, head)
        if commit.snapshot is not None:
            self._snapshots[head.number] = (head.last, commit.snapshot)
        if commit.row is not None:
            self._record_row(commit.row, head)

    def _record_tasks(self, commit: Commit, head: Head) -> None:
        number = head.number
        for task in commit.scheduled if head.open else ():
            self._scheduled[event_key(number, task.scheduled_event_id)] = task
        for task in commit.unscheduled:
            key = event_key(number, task.scheduled_event_id)
            self._scheduled.pop(key, None)
            self._unscheduled.add(key)
        if commit.heartbeat is not None:
            self._heartbeats[event_key(number, commit.heartbeat.scheduled_event_id)] = commit.heartbeat
        if commit.wake_at is not None and head.open:
            self._wakes[number] = commit.wake_at

    def _record_row(self, row: ExecutionRow, head: Head) -> None:
        self._rows[head.number] = row
        self._settled.discard(row.run_id)
        if not head.open:
            self._closed.add(head.number)
            self._wakes.pop(head.number, None)

    def _pending(self) -> Iterator[tuple[object, ...]]:
        for key, task in self._scheduled.items():
            if run_number(key) not in self._closed:
                yield key, task.task_list.domain, task.task_list.kind, task.task_list.name

    def _tags(self) -> Iterator[tuple[object, ...]]:
        for number, row in self._rows.items():
            if number in self._new or row.closed_at is not None:
                times = (row.started_at, row.started_by, row.closed_at, row.closed_by, row.expires_at)
                for tag in dict.fromkeys(tag for tag in row.tags if tag is not None):
                    yield (number, tag, row.domain, *times)


def _newborn(commit: Commit, number: int, holder: str | None) -> Head:
    if holder is not None:
        raise Conflict(f"{commit.workflow_id!r} is open: run {holder}")
    if commit.row is None or not commit.events:
        raise Conflict(f"run {commit.run_id} is unknown")
    return Head(number, open=True, last=0)


def _advanced(before: Head, commit: Commit) -> Head:
    if commit.events and commit.first != before.last + 1:
        raise Conflict(f"run {commit.run_id}: event {commit.first} does not follow event {before.last}")
    still_open = before.open if commit.row is None else commit.row.closed_at is None
    if still_open and not before.open:
        raise Conflict(f"run {commit.run_id} is closed")
    return Head(before.number, still_open, before.last + len(commit.events))


def _execution(number: int, row: ExecutionRow) -> tuple[object, ...]:
    return (
        number,
        row.run_id,
        row.lane,
        row.domain,
        row.workflow_id,
        row.type_name,
        row.type_version,
        msgspec.json.encode(row.tags).decode(),
        row.started_at,
        row.started_by,
        row.closed_at,
        row.closed_by,
        row.close_status,
        row.expires_at,
        row.unsettled,
        row.info,
    )
