"""Lists and counts that see all that was answered before, also where processes see one another's commits later.

Law: every partition is asked to show what was committed in it, in line with all else, and only then is the store read.
Reads that come while that is under way share the next round.
"""

from __future__ import annotations

import asyncio

from gateway.calls import Calls
from workflowsvc.jobs import outcome
from workflowsvc.messages import Show
from workflowsvc.ports import Store


class Sight:
    def __init__(self, store: Store, calls: Calls, partitions: int) -> None:
        self._store = store
        self._calls = calls
        self._partitions = partitions
        self._under_way: asyncio.Task[None] | None = None
        self._next: asyncio.Task[None] | None = None

    async def clear(self) -> None:
        """Return when a read sees all that was answered before this call. Raises ServiceUnavailableException."""
        if self._store.lags:
            if self._next is None:
                self._next = asyncio.create_task(self._round(self._under_way))
            await outcome(self._next)

    async def _round(self, before: asyncio.Task[None] | None) -> None:
        if before is not None:
            await asyncio.wait([before])
        self._under_way, self._next = self._next, None
        await asyncio.gather(*(self._calls.call(lane, "", "", "", Show()) for lane in range(self._partitions)))
