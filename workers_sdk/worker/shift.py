"""The time in which a worker works: polls, what they brought, and the end of both.

Law: the end has two stages and a last resort, and each is left early when nothing runs any more or somebody forces it.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from typing import Any, Final, Protocol

from workers_sdk.worker.pollers import Pollers
from workers_sdk.worker.settings import WorkerSettings
from workers_sdk.worker.stopping import Stopping
from workers_sdk.worker.work import Work

log = logging.getLogger(__name__)

#: Seconds in which what is cut off may say so.
_LAST_WORDS: Final = 3.0


class Side(Protocol):
    """A half of a worker."""

    @property
    def pollers(self) -> Sequence[Pollers[Any, Any]]: ...
    def leave(self) -> None:
        """The polls end."""

    def cancel(self) -> None:
        """Tell what runs to end."""

    def close(self) -> None:
        """Nothing runs any more that could be waited for."""


class Shift:
    def __init__(self, stopping: Stopping, settings: WorkerSettings) -> None:
        self.work = Work()
        self._stopping = stopping
        self._settings = settings
        self._sides: list[Side] = []
        self._polling: list[asyncio.Task[None]] = []

    def add(self, side: Side) -> None:
        self._sides.append(side)

    def begin(self) -> None:
        for pollers in (pollers for side in self._sides for pollers in side.pollers):
            task = asyncio.create_task(pollers.run(), name="pollers")
            task.add_done_callback(self._polls_ended)
            self._polling.append(task)

    def _polls_ended(self, task: asyncio.Task[None]) -> None:
        if not task.cancelled():
            self._stopping.asked.set()

    async def end(self) -> None:
        """Raises what ended the polls, if it was a mistake."""
        for side in self._sides:
            side.leave()
        ended = await self._end_polls()
        settings = self._settings
        if not await self._settled(settings.grace):
            log.warning("told to end: %d tasks that still run", len(self.work))
            for side in self._sides:
                side.cancel()
            if not await self._settled(settings.cancel_grace):
                log.warning("cut off: %d tasks that still run", len(self.work))
                await self.work.cancel(_LAST_WORDS)
        if mistakes := [error for error in ended if isinstance(error, Exception)]:
            raise ExceptionGroup("the polls of a worker ended by a mistake of its own", mistakes)

    async def _end_polls(self) -> Sequence[BaseException | None]:
        for side in self._sides:
            for pollers in side.pollers:
                pollers.leave()
        await self._unless_forced(asyncio.gather(*self._polling, return_exceptions=True))
        for task in self._polling:
            task.cancel()
        return await asyncio.gather(*self._polling, return_exceptions=True)

    async def _settled(self, seconds: float) -> bool:
        """Whether all work ended within *seconds*, and before anybody forced the end."""
        await self._unless_forced(asyncio.ensure_future(self.work.drain(seconds)))
        return not len(self.work)

    async def _unless_forced(self, awaited: asyncio.Future[Any]) -> None:
        forcing = asyncio.create_task(self._stopping.forced.wait())
        try:
            await asyncio.wait({awaited, forcing}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            awaited.cancel()
            forcing.cancel()
