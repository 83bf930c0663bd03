"""Closed runs whose messages nobody awaits: the coordinator that did has gone.

Law: it writes nothing itself. Such a run is resumed, not more often than it takes to be heard, and its lane sends
again what it left.
"""

from __future__ import annotations

import asyncio

from coordinator.recovery import PAGE, resume
from coordinator.words import Words
from workflowsvc.ports import Broker, Ownership, Store

#: Milliseconds after its close at which a run is taken for abandoned.
ABANDONED_AFTER = 60_000
#: Seconds before a run that was resumed, and is unsettled still, is resumed again: its lane may have much to do.
AGAIN_SECONDS = 60.0


class Unsettled:
    def __init__(self, store: Store, broker: Broker, words: Words, ownership: Ownership) -> None:
        self._store = store
        self._broker = broker
        self._words = words
        self._ownership = ownership
        #: run ids, and until when they are left alone, on the loop's clock
        self._resumed: dict[str, float] = {}

    async def resume(self, now: int) -> None:
        """Raises StoreUnavailable or BrokerUnavailable."""
        time = asyncio.get_running_loop().time()
        self._resumed = {run_id: until for run_id, until in self._resumed.items() if until > time}
        after: str | None = ""
        while after is not None:
            after = await self._resume_page(now - ABANDONED_AFTER, after, time + AGAIN_SECONDS)

    async def _resume_page(self, closed_before: int, after: str, until: float) -> str | None:
        """The last run of the page, or None where no other follows."""
        found = await self._store.unsettled(closed_before, after, PAGE)
        wanted = [run for run in found if self._ownership.owns(run.lane) and not self._under_way(run.run_id)]
        await self._broker.publish([resume(run) for run in wanted])
        self._resumed.update((run.run_id, until) for run in wanted)
        return found[-1].run_id if len(found) == PAGE else None

    def _under_way(self, run_id: str) -> bool:
        return run_id in self._resumed or self._words.awaits(run_id)
