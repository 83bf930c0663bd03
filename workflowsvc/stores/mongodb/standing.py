"""Where runs stand, as far as it is remembered and else as their documents say.

Law: nobody goes on with a run of another process before what should have followed its documents has: a crash leaves the
newest of them unfollowed, none that is older than the snapshot, and whoever comes next sees to it. A run that is closed
is not remembered: it may be purged.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from workflowsvc.stores.mongodb import schema
from workflowsvc.stores.mongodb.documents import Document, pending_ids, tombstone
from workflowsvc.stores.mongodb.following import follow
from workflowsvc.stores.mongodb.histories import Histories
from workflowsvc.stores.mongodb.judging import Head
from workflowsvc.stores.mongodb.server import Server
from workflowsvc.stores.mongodb.traces import Trace, traced

#: Runs whose last event is remembered; of the others it is looked up.
_HEADS: Final = 50_000


class Standing:
    def __init__(self, server: Server, histories: Histories) -> None:
        self._server = server
        self._histories = histories
        self._heads: OrderedDict[str, Head] = OrderedDict()

    # ---- remembering -------------------------------------------------------------------------------------------

    def known(self, run_ids: Iterable[str]) -> dict[str, Head]:
        return {run_id: self._heads[run_id] for run_id in run_ids if run_id in self._heads}

    def remember(self, heads: Mapping[str, Head]) -> None:
        for run_id, head in heads.items():
            known = self._heads.pop(run_id, head)
            if head.open:
                self._heads[run_id] = max(known, head)
        while len(self._heads) > _HEADS:
            self._heads.popitem(last=False)

    def forget(self, run_ids: Iterable[str]) -> None:
        for run_id in run_ids:
            self._heads.pop(run_id, None)

    # ---- looking -----------------------------------------------------------------------------------------------

    async def look(self, run_ids: Iterable[str]) -> dict[str, Head]:
        """The heads of those of the runs that exist, all of them followed."""
        asked = list(run_ids)
        self.forget(asked)
        found = await asyncio.gather(*map(self._look, asked))
        heads = {run_id: _head(last) for run_id, last in zip(asked, found, strict=True) if last is not None}
        self.remember(heads)
        return heads

    async def _look(self, run_id: str) -> Document | None:
        snapshot = await self._server.find_one(schema.SNAPSHOTS, {"_id": run_id}, fields=["document"])
        documents = await self._histories.since(run_id, snapshot["document"] if snapshot else 0)
        if not documents or "tombstone" in documents[-1]:
            return None
        return await self._mend(documents) or documents[-1]

    async def stands(self, run_id: str) -> bool:
        """Whether the run is open. One that closed is seen to, one that had not begun never will."""
        last = await self._histories.last(run_id)
        if last is None:
            taken = await self._server.insert(schema.HISTORIES, [tombstone(run_id)])
            return bool(taken) and await self.stands(run_id)
        if last["closed"] and "tombstone" not in last:
            await self._look(run_id)
        return not last["closed"]

    async def clear(self, claim: Document) -> bool:
        """Free a workflow id whose run is not open; whether it was not."""
        if await self.stands(claim["run"]):
            return False
        await self._server.delete(schema.OPEN, {"_id": claim["_id"], "run": claim["run"]})
        return True

    # ---- mending -----------------------------------------------------------------------------------------------

    async def mended(self, documents: Sequence[Document]) -> bool:
        """See to it that a run's documents, all since its snapshot, are followed; whether they were not."""
        return await self._mend(documents) is not None

    async def _mend(self, documents: Sequence[Document]) -> Document | None:
        """The last document after that, where there was anything to do."""
        run_id, mended = documents[-1]["run"], None
        while await self._lacks(trace := traced(documents, mending=True)[run_id]):
            await self._hang([each for document in documents for each in document.get("then", ())])
            await follow(self._server, {run_id: trace})
            newer = await self._catch_up(trace)
            documents = [*documents, *newer]
            mended = documents[-1]
            if not newer:
                break
        return mended

    async def catch_up(self, traces: Iterable[Trace]) -> None:
        """Take back what others had gone on from when these were followed, which was late."""
        await asyncio.gather(*(self._catch_up(trace) for trace in traces if trace.waiting or trace.row))

    async def _hang(self, hanging: Sequence[Document]) -> None:
        if hanging:
            await self._server.insert(schema.HISTORIES, hanging)
            await asyncio.gather(*(self._look(each["run"]) for each in hanging))

    async def _catch_up(self, trace: Trace) -> list[Document]:
        """Others may have gone on meanwhile, and what they took away just been put back; their documents."""
        newer = await self._histories.since(trace.run, trace.documents)
        if not newer:
            return []
        closed = newer[-1]["closed"]
        gone = {key for document in newer for key in pending_ids(trace.run, document["unscheduled"])}
        if back := [key for key in trace.waiting if closed or key in gone]:
            await self._server.delete(schema.PENDING, {"_id": {"$in": back}})
        if closed:
            await self._server.delete(schema.RUNNING, {"_id": trace.run})
        return newer

    async def _lacks(self, trace: Trace) -> bool:
        """Whether anything is missing of what should have followed."""
        row, pending, beats, claim = await asyncio.gather(
            self._lacks_row(trace),
            self._lacks_pending(trace),
            self._lacks_beats(trace),
            self._lacks_claim(trace),
        )
        return row or pending or beats or claim

    async def _lacks_row(self, trace: Trace) -> bool:
        """A run that closed, whose beginning has gone, and that has no row anywhere, was purged."""
        if not trace.row:
            return False
        by_run = {"_id": trace.run}
        running = await self._server.find_one(schema.RUNNING, by_run, fields=["at"])
        if not trace.closed:
            return running is None or running["at"] < trace.row_at
        if running is not None or not trace.begins:
            return running is not None
        return await self._server.find_one(schema.CLOSED, by_run, fields=["at"]) is None

    async def _lacks_pending(self, trace: Trace) -> bool:
        named = [*trace.waiting, *trace.gone]
        if not named:
            return False
        found = await self._server.find(schema.PENDING, {"_id": {"$in": named}})
        return {task["_id"] for task in found} != trace.waiting.keys()

    async def _lacks_beats(self, trace: Trace) -> bool:
        if not trace.beats:
            return False
        found = await self._server.find(schema.HEARTBEATS, {"run": trace.run}, fields=["task", "at"])
        kept = {beat["task"]: beat["at"] for beat in found}
        return any(kept.get(task, 0) < beat["at"] for task, beat in trace.beats.items())

    async def _lacks_claim(self, trace: Trace) -> bool:
        """A run that begins has its time to wake from the first."""
        if trace.frees is None and not trace.wake_changed:
            return False
        claim = await self._server.find_one(schema.OPEN, {"run": trace.run})
        return claim is not None and (trace.frees is not None or claim["at"] < trace.wake_at)


def _head(last: Document) -> Head:
    return Head(last["last"], not last["closed"], last["number"] + 1)
