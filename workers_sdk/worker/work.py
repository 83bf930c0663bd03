"""What a worker is doing at the moment, so that it can be waited for.

Law: work and the loop that fetches it are strangers; whatever work raises ends that work only, and is logged.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Coroutine
from typing import Any

log = logging.getLogger(__name__)


class Work:
    def __init__(self) -> None:
        self._running: set[asyncio.Task[None]] = set()

    def __len__(self) -> int:
        return len(self._running)

    def start(self, work: Coroutine[Any, Any, None], name: str) -> None:
        task = asyncio.create_task(work, name=name)
        self._running.add(task)
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._running.discard(task)
        if not task.cancelled() and (error := task.exception()):
            log.error("%s: a mistake of the worker itself", task.get_name(), exc_info=error)

    async def drain(self, seconds: float) -> bool:
        """Whether all that runs ended within *seconds*."""
        if self._running:
            await asyncio.wait(self._running, timeout=seconds)
        return not self._running

    async def cancel(self, seconds: float) -> None:
        """End what is left. It has so many seconds for its last words."""
        for _ in range(2):
            for task in list(self._running):
                task.cancel()
            if await self.drain(seconds):
                return
