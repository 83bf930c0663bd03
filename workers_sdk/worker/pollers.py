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
#: At the end of a worker, a poll is cancelled when it has been out for so many seconds. The service may have handed it
#: a task at that very moment, which then runs into its timeout: a poll that is young is one of a busy list, and about
#: to be answered; one that has waited long is unlikely to be hit.
LAST_CALL: Final = 0.5


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
        self._pollers: set[asyncio.Task[None]] = set()
        #: since when each poll is out
        self._out: dict[asyncio.Task[Any] | None, float] = {}
        self._left = asyncio.Event()

    async def run(self) -> None:
        """Until `leave`, and until the last poll is over."""
        async with asyncio.TaskGroup() as group:
            self._add(group)
            await self._left.wait()

    def leave(self) -> None:
        """No more polls; those that are out have their LAST_CALL."""
        self._left.set()
        loop = asyncio.get_running_loop()
        for poller in self._pollers:
            if poller in self._out:
                loop.call_at(self._out[poller] + LAST_CALL, poller.cancel)
            else:
                poller.cancel()

    def _add(self, group: asyncio.TaskGroup) -> None:
        self.count += 1
        poller = group.create_task(self._poller(group), name=f"poll {self._name}")
        self._pollers.add(poller)
        poller.add_done_callback(self._pollers.discard)

    async def _poller(self, group: asyncio.TaskGroup) -> None:
        backoff = Backoff()
        while not self._left.is_set():
            try:
                more = await self._once()
            except (Fault, ClientError) as error:
                if self.count > 1:
                    break
                pause = backoff.next()
                log.warning("polling %s: %s; again in %.0f s", self._name, error, pause)
                await asyncio.sleep(pause)
                continue
            backoff.reset()
            if more < 0:
                break
            if more > 0 and not self._left.is_set():
                self._add(group)
        self.count -= 1

    async def _once(self) -> int:
        """One poll. How many more there should be after it."""
        reservation = await self._slots.reserve()
        began = asyncio.get_running_loop().time()
        self._out[asyncio.current_task()] = began
        try:
            task = await self._poll()
        except BaseException:
            reservation.release()
            raise
        finally:
            del self._out[asyncio.current_task()]
        self._hand_over(task, reservation)
        waited = asyncio.get_running_loop().time() - began
        return change(self.count, self._most, waited, found=task is not None)

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
