"""Acknowledgements: an action is done when every process can see what it did.

Law: answered at once, acknowledged a moment later, many together. Until then the broker has the action: if this
process dies, whoever is given it again finds it committed, and sees to all that should have followed. So whoever
wants to see everything asks each partition, in line with all else.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine
from typing import Any, Final

from coordinator import release
from workflowsvc.messages import Action
from workflowsvc.ports import Delivery, Store, StoreUnavailable

log: Final = logging.getLogger(__name__)

#: Seconds for which commits gather before it is seen to that all can see them.
GATHER_SECONDS: Final = 0.25


class Acks:
    def __init__(self, store: Store, beside: Callable[[Coroutine[Any, Any, None]], object]) -> None:
        """*beside* runs what nobody waits for, until the coordinator leaves."""
        self._store = store
        self._beside = beside
        self._waiting: list[Delivery[Action]] = []

    async def done(self, delivery: Delivery[Action]) -> None:
        """Acknowledge it, by and by."""
        if not self._store.lags:
            await delivery.ack()
            return
        self._waiting.append(delivery)
        if len(self._waiting) == 1:
            self._beside(self._acknowledge_later())

    async def flush(self, *, overtaken: bool = False) -> None:
        """Have everything shown that was committed, however long the store is away, and acknowledge it."""
        waiting, self._waiting = self._waiting, []
        while True:
            try:
                await self._store.show(overtaken=overtaken)
                break
            except StoreUnavailable as error:
                log.warning("what was committed is not shown yet: %s", error)
                await asyncio.sleep(release.RETRY_SECONDS)
        for delivery in waiting:
            await delivery.ack()

    async def _acknowledge_later(self) -> None:
        await asyncio.sleep(GATHER_SECONDS)
        await self.flush()
