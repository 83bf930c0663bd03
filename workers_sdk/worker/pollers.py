"""Polls of one task list: as many as its load asks for.

Law: fetch, and hand over. What a task is and what becomes of it is not known here; no error ends the polling.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, Final, Generic, TypeVar

from workers_sdk.client import ClientError
from workers_sdk.worker.backoff import Backoff
from workers_sdk.worker.slots import Reservation, Slots
from workers_sdk.worker.work import Work
from workflowsvc.swf.errors import Fault

log = logging.getLogger(__name__)

T = TypeVar("T")
K = TypeVar("K")

#: A poll that was answered within so many seconds found a task waiting, or a stream of them: another one may too.
QUICK: Final = 1.0
#: One that waited longer found more polls than tasks.
SLOW: Final = 10.0


def change(count: int, most: int, waited: float, *, found: bool) -> int:
    """What becomes of *count* polls after one that waited so many seconds: -1, 0 or 1 more."""
    if not found or waited > SLOW:
        return -1 if count > 1 else 0
    return 1 if waited < QUICK and count < most else 0


class Pollers(Generic[T, K]):
    """*poll* waits for a task, None if none came; *handle* works on one, and gives the reservation back."""

    def __init__(
        self,
        name: str,
        poll: Callable[[], Awaitable[T | None]],
        handle: Callable[[T, Reservation[K]], Coroutine[Any, Any, None]],
        slots: Slots[K],
        work: Work,
        most: int,
    ) -> None:
        self._name = name
        self._poll = poll
        self._handle = handle
        self._slots = slots
        self._work = work
        self._most = most
        self.count = 0

    async def run(self) -> None:
        """Until it is cancelled. A poll that is cancelled may have been handed a task at that moment: that task runs
        into its timeout."""
        async with asyncio.TaskGroup() as group:
            self._add(group)
            await asyncio.get_running_loop().create_future()

    def _add(self, group: asyncio.TaskGroup) -> None:
        self.count += 1
        group.create_task(self._poller(group), name=f"poll {self._name}")

    async def _poller(self, group: asyncio.TaskGroup) -> None:
        backoff = Backoff()
        loop = asyncio.get_running_loop()
        while True:
            reservation = await self._slots.reserve()
            began = loop.time()
            try:
                task = await self._poll()
            except (Fault, ClientError) as error:
                reservation.release()
                if self.count > 1:
                    break
                pause = backoff.next()
                log.warning("polling %s: %s; again in %.0f s", self._name, error, pause)
                await asyncio.sleep(pause)
                continue
            except BaseException:
                reservation.release()
                raise
            backoff.reset()
            self._hand_over(task, reservation)
            more = change(self.count, self._most, loop.time() - began, found=task is not None)
            if more < 0:
                break
            if more > 0:
                self._add(group)
        self.count -= 1

    def _hand_over(self, task: T | None, reservation: Reservation[K]) -> None:
        if task is None:
            reservation.release()
        else:
            self._work.start(self._handled(task, reservation), f"task of {self._name}")

    async def _handled(self, task: T, reservation: Reservation[K]) -> None:
        try:
            await self._handle(task, reservation)
        finally:
            reservation.release()
