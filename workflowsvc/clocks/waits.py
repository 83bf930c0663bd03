"""Those who wait for a time. Law: woken in the order of their times; every step costs at most O(log n), amortised."""

from __future__ import annotations

import asyncio
import heapq
import itertools

#: Below this many cancelled waits in the heap it is not worth the while to clear them away.
_SLACK = 64


class Waits:
    def __init__(self) -> None:
        #: with cancelled ones, until they come up or outnumber the others
        self._heap: list[tuple[int, int, asyncio.Future[None]]] = []
        self._standing: set[asyncio.Future[None]] = set()
        self._arrivals = itertools.count()

    def __len__(self) -> int:
        return len(self._standing)

    def enter(self, at: int) -> asyncio.Future[None]:
        """A wait that ends when `wake` is told a time that is not before *at*, or is cancelled."""
        wait: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._standing.add(wait)
        heapq.heappush(self._heap, (at, next(self._arrivals), wait))
        wait.add_done_callback(self._ended)
        return wait

    def first(self) -> int | None:
        """The earliest time that somebody waits for."""
        while self._heap:
            at, _, wait = self._heap[0]
            if not wait.cancelled():
                return at
            heapq.heappop(self._heap)
        return None

    def wake(self, now: int) -> None:
        while (first := self.first()) is not None and first <= now:
            heapq.heappop(self._heap)[2].set_result(None)

    def _ended(self, wait: asyncio.Future[None]) -> None:
        self._standing.remove(wait)
        if len(self._heap) > 2 * len(self._standing) + _SLACK:
            self._heap = [entry for entry in self._heap if not entry[2].cancelled()]
            heapq.heapify(self._heap)
