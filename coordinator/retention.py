"""Closed executions disappear after their domain's retention period, in small batches.

Law: it only removes what no read shows any more. It paces itself by real time, so that a clock that skips has
nothing to skip to here.
"""

from __future__ import annotations

import asyncio
import logging

from workflowsvc.ports import Clock, Store, StoreUnavailable

log = logging.getLogger(__name__)

DAY = 24 * 60 * 60 * 1000
BATCH = 50
#: Seconds between two batches: whoever waits for the store comes in between.
BREATH = 0.01


class Retentions:
    """How long the closed executions of a domain are kept, in milliseconds: no operation ever changes it."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._known: dict[str, int] = {}

    async def of(self, domain: str) -> int:
        known = self._known.get(domain)
        if known is None:
            record = await self._store.domain(domain)
            # "If you pass the value NONE or 0 (zero), then the workflow execution history isn't retained."
            days = "0" if record is None or record.retention == "NONE" else record.retention
            known = self._known[domain] = int(days) * DAY
        return known


async def purge_for_ever(store: Store, clock: Clock, every_seconds: float) -> None:
    while True:
        try:
            purged = await store.purge(clock.now(), BATCH)
        except StoreUnavailable:
            log.warning("retention: the store is away; trying again in %s s", every_seconds)
            purged = 0
        await asyncio.sleep(BREATH if purged == BATCH else every_seconds)
