"""Where runs stand, as far as it is remembered and else as their last documents say.

Law: nobody goes on from a document before what should have followed it has: a crash leaves at most the last document
of a run unfollowed, and whoever comes next sees to it. A run that is closed is not remembered: it may be purged.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from workflowsvc.stores.mongodb import schema
from workflowsvc.stores.mongodb.documents import Document, pending_ids, tombstone
from workflowsvc.stores.mongodb.following import follow, free
from workflowsvc.stores.mongodb.judging import Head
from workflowsvc.stores.mongodb.server import Server

#: Runs whose last event is remembered; of the others it is looked up.
_HEADS: Final = 50_000


class Standing:
    def __init__(self, server: Server) -> None:
        self._server = server
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
        last = await self.last(run_id)
        return None if last is None or "tombstone" in last else await self._mend(last) or last

    async def last(self, run_id: str) -> Document | None:
        return await self._server.find_one(schema.HISTORIES, {"run": run_id}, [("first", -1)])

    async def stands(self, run_id: str) -> bool:
        """Whether the run is open. One that closed is seen to, one that had not begun never will."""
        last = await self.last(run_id)
        if last is None:
            taken = await self._server.insert(schema.HISTORIES, [tombstone(run_id)])
            return bool(taken) and await self.stands(run_id)
        if last["closed"] and "tombstone" not in last:
            await self._mend(last)
        return not last["closed"]

    async def clear(self, claim: Document) -> bool:
        """Free a workflow id whose run is not open; whether it was not."""
        if await self.stands(claim["run"]):
            return False
        await self._server.delete(schema.OPEN, {"_id": claim["_id"], "run": claim["run"]})
        return True

    # ---- mending -----------------------------------------------------------------------------------------------

    async def mended(self, last: Document) -> bool:
        """See to it that the last document of a run is followed; whether it was not."""
        return await self._mend(last) is not None

    async def _mend(self, last: Document) -> Document | None:
        """The last document after that, where there was anything to do."""
        mended = None
        while await self._lacks(last):
            await self._hang(last.get("then", ()))
            await follow(self._server, [last])
            await free(self._server, [last])
            newer = await self._catch_up(last)
            mended = last = newer or last
            if newer is None:
                break
        return mended

    async def catch_up(self, documents: Iterable[Document]) -> None:
        """Take back what others had gone on from when these documents were followed, which was late."""
        for document in documents:
            if document["scheduled"] or document["first"] == 1:
                await self._catch_up(document)

    async def _hang(self, hanging: Sequence[Document]) -> None:
        if hanging:
            await self._server.insert(schema.HISTORIES, hanging)
            await asyncio.gather(*(self._look(each["run"]) for each in hanging))

    async def _catch_up(self, last: Document) -> Document | None:
        """Others may have gone on meanwhile, and what they took away just been put back; their last document."""
        behind = {"run": last["run"], "first": {"$gt": last["first"]}}
        newer = await self._server.find(schema.HISTORIES, behind, [("first", 1)])
        if not newer:
            return None
        closed = newer[-1]["closed"]
        gone = {each["task"] for document in newer for each in document["unscheduled"]}
        back = pending_ids(last["run"], [each for each in last["scheduled"] if closed or each["task"] in gone])
        if back:
            await self._server.delete(schema.PENDING, {"_id": {"$in": back}})
        if closed:
            await self._server.delete(schema.RUNNING, {"_id": last["run"]})
        return newer[-1]

    async def _lacks(self, last: Document) -> bool:
        """Whether anything is missing of what should have followed it."""
        row, pending, beats, claim = await asyncio.gather(
            self._lacks_row(last),
            self._pending(last),
            self._beats(last),
            self._claim(last),
        )
        return (
            _lacks_claim(last, claim)
            or row
            or pending != set(pending_ids(last["run"], last["scheduled"]))
            or any(beats.get(beat["task"], 0) < beat["at"] for beat in last["beats"])
        )

    async def _lacks_row(self, last: Document) -> bool:
        """A run that closed and has no row anywhere was purged, unless it began with this document."""
        if "row" not in last:
            return False
        by_run = {"_id": last["run"]}
        running = await self._server.find_one(schema.RUNNING, by_run, fields=["at"])
        if not last["closed"]:
            return running is None or running["at"] < last["last"]
        if running is not None or last["first"] > 1:
            return running is not None
        return await self._server.find_one(schema.CLOSED, by_run, fields=["at"]) is None

    async def _pending(self, last: Document) -> set[str]:
        """Those of the tasks that it names."""
        named = pending_ids(last["run"], [*last["scheduled"], *last["unscheduled"]])
        if not named:
            return set()
        return {task["_id"] for task in await self._server.find(schema.PENDING, {"_id": {"$in": named}})}

    async def _beats(self, last: Document) -> dict[int, int]:
        if not last["beats"]:
            return {}
        beats = await self._server.find(schema.HEARTBEATS, {"run": last["run"]}, fields=["task", "at"])
        return {beat["task"]: beat["at"] for beat in beats}

    async def _claim(self, last: Document) -> Document | None:
        if "frees" not in last and "wake" not in last:
            return None
        return await self._server.find_one(schema.OPEN, {"run": last["run"]})


def _head(last: Document) -> Head:
    return Head(last["last"], not last["closed"])


def _lacks_claim(last: Document, claim: Document | None) -> bool:
    """A run that begins has its time to wake from the first."""
    return claim is not None and ("frees" in last or (last["first"] > 1 and claim["at"] < last["last"]))
