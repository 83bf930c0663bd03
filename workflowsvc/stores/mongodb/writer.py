"""How a group of units is written: workflow ids first, then histories, which commits; all else follows later.

Law: what went wrong goes to the unit that it concerns, or to all where the server is to blame. After an error nothing
is remembered of what the group touched. What is in no document of a history is followed at once.

Inserting a document of a history is the commit, and its unique `_id` the lock. A document is known by its nonce: one
that is there already may be this writer's own, from an attempt whose outcome was unknown.
"""

from __future__ import annotations

import asyncio
import itertools
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Final

from workflowsvc.ports import Conflict
from workflowsvc.records import Commit
from workflowsvc.stores.mongodb import schema
from workflowsvc.stores.mongodb.backlog import Backlog
from workflowsvc.stores.mongodb.documents import Document
from workflowsvc.stores.mongodb.following import follow
from workflowsvc.stores.mongodb.gathering import Job
from workflowsvc.stores.mongodb.judging import Draft, Head, begins, drafted
from workflowsvc.stores.mongodb.server import Server
from workflowsvc.stores.mongodb.standing import Standing
from workflowsvc.stores.mongodb.traces import traced

Unit = Sequence[Commit]
Drafts = Mapping[Job[Unit], Draft]

#: How often a workflow id that turns out to be free is tried to be had, before others that want it have it.
_ATTEMPTS: Final = 5


class Writer:
    def __init__(self, server: Server, standing: Standing, backlog: Backlog) -> None:
        self._server = server
        self._standing = standing
        self._backlog = backlog
        self._mark = os.urandom(8)
        self._numbers = itertools.count()

    async def write(self, jobs: Sequence[Job[Unit]]) -> None:
        """Those that are not committed then have their error."""
        with self._forgetting(jobs):
            drafts = await self._drafts(jobs)
            await self._take(drafts)
            await self._insert(drafts)
            for draft in drafts.values():
                self._standing.remember(draft.heads)
                self._backlog.add(draft.documents(), draft.snapshots)
            if asides := [each for draft in drafts.values() for each in draft.asides]:
                await self._follow_at_once(asides)

    async def _follow_at_once(self, asides: Sequence[Document]) -> None:
        if any("wake" in each for each in asides):  # it is kept with the workflow id, which must have come to the run
            await self._backlog.show()
        await follow(self._server, traced(asides))

    @contextmanager
    def _forgetting(self, jobs: Iterable[Job[Unit]]) -> Iterator[None]:
        try:
            yield
        except BaseException:
            self._standing.forget(commit.run_id for job in jobs for commit in job.work)
            raise

    # ---- judging -----------------------------------------------------------------------------------------------

    async def _drafts(self, jobs: Sequence[Job[Unit]]) -> dict[Job[Unit], Draft]:
        """A unit that does not fit what is remembered is judged again by what is there."""
        heads = await self._heads(jobs)
        drafts = {job: draft for job in jobs if (draft := self._draft(job, heads))}
        doubtful = [job for job in jobs if isinstance(job.error, Conflict)]
        if doubtful:
            heads = await self._look({commit.run_id for job in doubtful for commit in job.work})
            for job in doubtful:
                job.error = None
                if draft := self._draft(job, heads):
                    drafts[job] = draft
        return drafts

    async def _heads(self, jobs: Iterable[Job[Unit]]) -> dict[str, Head]:
        """Of a run that begins nothing is asked: its first document says whether it had begun."""
        firsts: dict[str, Commit] = {}
        for job in jobs:
            for commit in job.work:
                firsts.setdefault(commit.run_id, commit)
        known = self._standing.known(firsts)
        unknown = [run_id for run_id, commit in firsts.items() if run_id not in known and not begins(commit)]
        return known | (await self._look(unknown) if unknown else {})

    async def _look(self, run_ids: Iterable[str]) -> dict[str, Head]:
        await self._backlog.show()
        return await self._standing.look(run_ids)

    def _draft(self, job: Job[Unit], heads: Mapping[str, Head]) -> Draft | None:
        nonce = self._mark + next(self._numbers).to_bytes(8, "big")
        try:
            return drafted(job.work, heads, nonce)
        except (Conflict, ValueError) as error:
            job.error = error
            return None

    # ---- workflow ids ------------------------------------------------------------------------------------------

    async def _take(self, drafts: dict[Job[Unit], Draft]) -> None:
        """Have the workflow ids of the runs that begin; drops units that cannot have theirs.

        What such a unit had taken stays taken: another process may be about to begin the same run.
        """
        wanted = [(job, claim) for job, draft in drafts.items() for claim in draft.claims]
        if not wanted:
            return
        taken = await self._server.insert(schema.OPEN, [claim for _, claim in wanted])
        if taken:  # perhaps by runs of which it is not followed yet that they have closed
            await self._backlog.show()
        had = await asyncio.gather(*(self._contend(wanted[place][1]) for place in taken))
        for place, has in zip(taken, had, strict=True):
            job, claim = wanted[place]
            if not has and drafts.pop(job, None) is not None:
                job.error = Conflict(f"{claim['workflow_id']!r} is open")

    async def _contend(self, claim: Document) -> bool:
        """Have a workflow id that is taken, if its holder is this run, has closed, or never began."""
        for _ in range(_ATTEMPTS):
            held = await self._server.find_one(schema.OPEN, {"_id": claim["_id"]})
            if held is not None:
                if held["run"] == claim["run"]:
                    return True
                if not await self._standing.clear(held):
                    return False
            if not await self._server.insert(schema.OPEN, [claim]):
                return True
        return False

    # ---- histories ---------------------------------------------------------------------------------------------

    async def _insert(self, drafts: dict[Job[Unit], Draft]) -> None:
        anchors = [(job, each) for job, draft in drafts.items() for each in draft.encoded]
        if not anchors:
            return
        taken = await self._server.insert(schema.HISTORIES, [each for _, each in anchors])
        if taken:
            lost = await self._lost({anchors[place][1].id: anchors[place][0] for place in taken}, drafts)
            for job, error in lost.items():
                self._standing.forget(drafts.pop(job).heads)
                job.error = error
        hanging = [each for draft in drafts.values() for anchor in draft.anchors for each in anchor.get("then", ())]
        if hanging:
            await self._server.insert(schema.HISTORIES, hanging)

    async def _lost(self, taken: Mapping[str, Job[Unit]], drafts: Drafts) -> dict[Job[Unit], Exception]:
        """The units whose document another wrote."""
        among = {"_id": {"$in": list(taken)}}
        found = await self._server.find(schema.HISTORIES, among, fields=["nonce", "tombstone"])
        theirs = {each["_id"]: each for each in found}
        lost: dict[Job[Unit], Exception] = {}
        for key, job in taken.items():
            if key not in theirs or theirs[key]["nonce"] != drafts[job].nonce:
                lost[job] = _refusal(key, theirs.get(key, {}))
        return lost


def _refusal(key: str, found: Document) -> Exception:
    if "tombstone" in found:
        return ValueError(f"{key}: the run can never begin, as its workflow id was given to another when it had not")
    return Conflict(f"event id taken: {key}")
