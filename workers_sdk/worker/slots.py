"""How much may run at a time, by kind.

Law: a place is taken before work is asked for, never after: what the service has handed out is begun at once.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from typing import Generic, TypeVar

K = TypeVar("K")


class Slots(Generic[K]):
    """*limits*: how much of each kind. What a poll brings is not known before: it takes a place of every kind."""

    def __init__(self, limits: Mapping[K, int]) -> None:
        self._free = {kind: asyncio.Semaphore(limit) for kind, limit in limits.items()}
        self.least = min(limits.values(), default=0)

    async def reserve(self) -> Reservation[K]:
        """A place of every kind, first come, first served."""
        reservation = Reservation(self)
        try:
            for kind, free in self._free.items():
                await free.acquire()
                reservation.held.add(kind)
        except BaseException:
            reservation.release()
            raise
        return reservation

    def give_back(self, kinds: Iterable[K]) -> None:
        for kind in kinds:
            self._free[kind].release()


class Reservation(Generic[K]):
    def __init__(self, slots: Slots[K]) -> None:
        self._slots = slots
        self.held: set[K] = set()

    def keep(self, kind: K) -> None:
        """The work is of this kind: the other places are free again."""
        others = self.held - {kind}
        self.held -= others
        self._slots.give_back(others)

    def release(self) -> None:
        held, self.held = self.held, set()
        self._slots.give_back(held)
