"""Closed executions disappear after their domain's retention period, in small batches.

Law: it only removes what no read shows any more. It paces itself by real time, so that a clock that skips has
nothing to skip to here.
"""

from __future__ import annotations

import asyncio
import logging

from workflowsvc.ports import Clock, Store, StoreUnavailable

log = logging.getLogger(__name__)

BATCH = 50
#: Seconds between two batches: whoever waits for the store comes in between.
BREATH = 0.01


async def purge_for_ever(store: Store, clock: Clock, every_seconds: float) -> None:
    while True:
        try:
            purged = await store.purge(clock.now(), BATCH)
        except StoreUnavailable:
            log.warning("retention: the store is away; trying again in %s s", every_seconds)
            purged = 0
        await asyncio.sleep(BREATH if purged == BATCH else every_seconds)
