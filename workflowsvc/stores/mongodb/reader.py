"""The questions of the Store port about runs, put to the server and answered in records.

Law: a question that finds a run's last commit unfollowed sees to that first, where the answer depends on it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Final, NamedTuple

from workflowsvc.messages import TaskList
from workflowsvc.records import Cursor, Due, ExecutionQuery, ExecutionRow, ListedExecution, RunRef, StoredRun
from workflowsvc.stores.mongodb import filters, schema
from workflowsvc.stores.mongodb.documents import (
    Document,
    claim_id,
    cursor,
    facet,
    heartbeat,
    list_id,
    moment,
    place,
    ref_of,
    row_of,
)
from workflowsvc.stores.mongodb.histories import Histories, events_of
from workflowsvc.stores.mongodb.judging import Head
from workflowsvc.stores.mongodb.server import Server
from workflowsvc.stores.mongodb.standing import Standing

#: Milliseconds after which a time to wake that nobody minded is looked into.
_DOUBTFUL: Final = 60_000
_REF: Final = ("lane", "domain", "workflow_id")


class _Found(NamedTuple):
    """The documents of a run. Those of its history were read last: they may tell more than the others."""

    documents: Sequence[Document]
    execution: Document | None
    claim: Document | None
    snapshot: Document | None
    beats: Sequence[Document]

    def stored(self, run_id: str, execution: Document) -> StoredRun:
        at, state = (self.snapshot["at"], self.snapshot["state"]) if self.snapshot else (0, None)
        return StoredRun(
            row=row_of(run_id, self._row(execution)),
            events=list(events_of(self.documents, at + 1)),
            snapshot=state,
            snapshot_at=at,
            heartbeats=[heartbeat(beat) for beat in self.beats],
            wake_at=self._wake_at(),
        )

    def _row(self, execution: Document) -> Document:
        rows = [each["row"] for each in self.documents if "row" in each and each["last"] > execution["at"]]
        return rows[-1] if rows else execution

    def _wake_at(self) -> int | None:
        if self.claim is None or self.documents[-1]["closed"]:
            return None
        wakes = [each["wake"] for each in self.documents if "wake" in each and each["last"] > self.claim["at"]]
        wake = wakes[-1] if wakes else self.claim.get("wake")
        return None if wake is None else cursor(wake).at


class Reader:
    def __init__(self, server: Server, histories: Histories, standing: Standing) -> None:
        self._server = server
        self._histories = histories
        self._standing = standing

    # ---- one run -----------------------------------------------------------------------------------------------

    async def load(self, run_id: str) -> StoredRun | None:
        found = await self._load(run_id)
        if found is not None and await self._standing.mended(found.documents):
            found = await self._load(run_id)
        if found is None or found.execution is None:
            self._standing.forget([run_id])
            return None
        last = found.documents[-1]
        self._standing.remember({run_id: Head(last["last"], not last["closed"], last["number"] + 1)})
        return found.stored(run_id, found.execution)

    async def _load(self, run_id: str) -> _Found | None:
        """What there is of a run, unless it is on its way out, or never came to be."""
        execution, claim, snapshot, beats = await asyncio.gather(
            self._row(run_id),
            self._server.find_one(schema.OPEN, {"run": run_id}),
            self._server.find_one(schema.SNAPSHOTS, {"_id": run_id}),
            self._server.find(schema.HEARTBEATS, {"run": run_id}, [("_id", 1)]),
        )
        documents = await self._histories.since(run_id, snapshot["document"] if snapshot else 0)
        if not documents or "tombstone" in documents[-1] or (execution and "purged" in execution):
            return None
        return _Found(documents, execution, claim, snapshot, beats)

    async def _row(self, run_id: str) -> Document | None:
        """The open one is looked for first: what is in neither place then was never there."""
        by_run = {"_id": run_id}
        running = await self._server.find_one(schema.RUNNING, by_run)
        return await self._server.find_one(schema.CLOSED, by_run) or running

    async def find_run(self, domain: str, workflow_id: str) -> str | None:
        former = None
        while held := await self._server.find_one(schema.OPEN, {"_id": claim_id(domain, workflow_id)}):
            run_id: str = held["run"]
            if run_id == former:
                break
            last = await self._histories.last(run_id)
            if last is None:
                break
            if not last["closed"]:
                return run_id
            former = run_id
            await self._standing.look([run_id])
        closed = {"found_by": facet(domain, "workflow_id", workflow_id)}
        newest = await self._server.find_one(schema.CLOSED, closed, [("started", -1)], fields=["_id"])
        return newest["_id"] if newest else None

    async def has_committed(self, run_id: str, action_id: str) -> bool:
        return await self._histories.has_action(run_id, action_id)

    async def row(self, run_id: str, now: int) -> ExecutionRow | None:
        fields = await self._row(run_id)
        if fields is None or ("purged" not in fields and fields["closed"] is None):
            fields = await self._newer_row(run_id) or fields
        if fields is None or "purged" in fields or fields["expires_at"] <= now:
            return None
        return row_of(run_id, fields)

    async def _newer_row(self, run_id: str) -> Document | None:
        """As the history has it, which may not be followed yet."""
        last = await self._histories.last(run_id)
        if last is None or "tombstone" in last or "row" in last:
            return last and last.get("row")
        first = await self._histories.numbered(run_id, [0], ["number", "row"])
        return first[0]["row"] if first else None

    async def history(self, run_id: str, first: int, last: int, limit: int, *, reverse: bool) -> list[bytes]:
        first = max(first, 1)
        if reverse:
            newest = await self._histories.place(run_id, last)
            last = min(last, newest["last"] if newest else 0)
            first = max(first, last - limit + 1)
        last = min(last, first + limit - 1)
        events = await self._histories.events(run_id, first, last) if last >= first else []
        return events[::-1] if reverse else events

    # ---- many runs ---------------------------------------------------------------------------------------------

    async def recoverable(self, after: str, limit: int) -> list[RunRef]:
        behind = {"$gt": after}
        opened, unsettled = await asyncio.gather(
            self._server.find(schema.OPEN, {"run": behind}, [("run", 1)], limit=limit),
            self._server.find(
                schema.CLOSED, {"unsettled": True, "_id": behind}, [("_id", 1)], limit=limit, fields=_REF
            ),
        )
        refs = {each["run"]: ref_of(each["run"], each) for each in opened}
        refs.update((each["_id"], ref_of(each["_id"], each)) for each in unsettled)
        return [refs[run_id] for run_id in sorted(refs)[:limit]]

    async def unsettled(self, closed_before: int, after: str, limit: int) -> list[RunRef]:
        # The index has no close time: those that are unsettled are few.
        wanted = {"unsettled": True, "_id": {"$gt": after}, "closed": {"$lt": moment(closed_before)}}
        found = await self._server.find(schema.CLOSED, wanted, [("_id", 1)], limit=limit, fields=_REF)
        return [ref_of(each["_id"], each) for each in found]

    async def due(self, at: int, after: Due | None, limit: int) -> list[Due]:
        behind = place(after.wake_at, after.run.run_id) if after else ""
        wanted = {"wake": {"$gt": behind, "$lt": moment(at + 1)}}
        found = await self._server.find(schema.OPEN, wanted, [("wake", 1)], limit=limit)
        # Nobody was woken for long: it may be that there is nobody, as a run can fail to begin when it has its place.
        doubtful = [each for each in found if cursor(each["wake"]).at < at - _DOUBTFUL]
        gone = await asyncio.gather(*map(self._standing.clear, doubtful))
        vain = {each["_id"] for each, is_gone in zip(doubtful, gone, strict=True) if is_gone}
        found = [each for each in found if each["_id"] not in vain]
        return [Due(cursor(each["wake"]).at, ref_of(each["run"], each)) for each in found]

    async def executions(self, query: ExecutionQuery, after: Cursor | None, limit: int) -> list[ListedExecution]:
        if filters.nothing(query):
            return []
        found = await self._server.find(
            filters.collection(query),
            filters.executions(query, after),
            filters.order(query),
            limit=limit,
            fields=["info", query.by.value],
        )
        return [ListedExecution(each["info"], cursor(each[query.by.value])) for each in found]

    async def count_executions(self, query: ExecutionQuery) -> int:
        if filters.nothing(query):
            return 0
        return await self._server.count(filters.collection(query), filters.executions(query, None))

    async def count_pending(self, task_list: TaskList) -> int:
        within = list_id(task_list)
        # The ids of a list end where its last colon would be the character after it.
        return await self._server.count(schema.PENDING, {"_id": {"$gte": within, "$lt": f"{within[:-1]};"}})
