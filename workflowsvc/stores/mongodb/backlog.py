"""What was committed and is not followed yet: that goes later, many commits together, and most of it not at all.

Law: a batch that could not be followed is tried again as it is, before what came after: half of it may be there. What
comes late, or may have been overtaken, is looked at again when it has been followed.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from typing import Final

from workflowsvc.jobs import outcome
from workflowsvc.stores.mongodb.documents import Document
from workflowsvc.stores.mongodb.following import follow
from workflowsvc.stores.mongodb.judging import Snapshot
from workflowsvc.stores.mongodb.server import LARGEST, Server
from workflowsvc.stores.mongodb.standing import Standing
from workflowsvc.stores.mongodb.traces import Trace, trace_of

#: Seconds after which another process may have taken over the runs and gone on.
_PROMPT: Final = 1.0


class _Batch:
    def __init__(self) -> None:
        self.traces: dict[str, Trace] = {}
        self.since = time.monotonic()
        #: another process may have gone on with the runs
        self.overtaken = False


class Backlog:
    def __init__(self, server: Server, standing: Standing) -> None:
        self._server = server
        self._standing = standing
        self._gathering: _Batch | None = None
        self._followed: _Batch | None = None
        self._turn = asyncio.Lock()

    def add(self, documents: Sequence[Document], snapshots: Sequence[Snapshot]) -> None:
        if self._gathering is None:
            self._gathering = _Batch()
        traces = self._gathering.traces
        for document in documents:
            trace_of(traces, document["run"]).add(document)
        for snapshot in snapshots:
            # One that no document holds is not kept: the older one and the events since then are the same state.
            if len(snapshot.state) <= LARGEST:
                trace_of(traces, snapshot.run_id).snapshot = snapshot

    async def show(self, *, overtaken: bool = False) -> None:
        """Follow all that was added before. Raises StoreUnavailable, and then it is still to be done."""
        for batch in (self._gathering, self._followed):
            if batch is not None:
                batch.overtaken |= overtaken
        if self._gathering is not None or self._followed is not None:
            await outcome(asyncio.create_task(self._show()))

    async def _show(self) -> None:
        async with self._turn:
            if self._followed is not None:
                await self._follow(self._followed)
            self._followed, self._gathering = self._gathering, None
            if self._followed is not None:
                await self._follow(self._followed)

    async def _follow(self, batch: _Batch) -> None:
        await follow(self._server, batch.traces)
        if batch.overtaken or time.monotonic() - batch.since > _PROMPT:
            await self._standing.catch_up(batch.traces.values())
        self._followed = None
