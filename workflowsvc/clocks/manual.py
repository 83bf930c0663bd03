"""A clock for tests. Law: time moves when it is told to, and not otherwise."""

from __future__ import annotations

from workflowsvc.clocks.unmoved import Unmoved
from workflowsvc.clocks.waits import Waits


class ManualClock(Unmoved):
    def __init__(self, start: int) -> None:
        self._now = start
        self._waits = Waits()

    def now(self) -> int:
        return self._now

    async def wait_until(self, at: int) -> None:
        if self._now < at:
            await self._waits.enter(at)

    def set(self, at: int) -> None:
        """Move time to *at* and wake the waits that are due, in the order of their times."""
        if at < self._now:
            raise ValueError(f"time does not run backwards: from {self._now} to {at}")
        self._now = at
        self._waits.wake(at)

    def advance(self, milliseconds: int) -> None:
        self.set(self._now + milliseconds)
