"""The wall clock. Law: time never runs backwards within the process, and nobody is woken early."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

from workflowsvc.clocks.unmoved import Unmoved

#: The loop's timers run on a monotonic clock, which sleeps with the machine and ignores that the wall clock was set.
#: Whoever waits looks at the wall clock again after so many milliseconds.
LONGEST_SLEEP = 10_000


class SystemClock(Unmoved):
    def __init__(self, wall: Callable[[], int] = time.time_ns) -> None:
        """*wall* gives nanoseconds since the epoch."""
        self._wall = wall
        self._latest = 0

    def now(self) -> int:
        wall = self._wall() // 1_000_000
        # A wall clock that was set back: keep the last time until it has caught up.
        self._latest = max(self._latest, wall)
        return self._latest

    async def wait_until(self, at: int) -> None:
        # A loop: timers may fire a hair early, and the wall clock may have been set.
        while self.now() < at:
            remaining = at - self._wall() // 1_000_000
            await asyncio.sleep(min(remaining, LONGEST_SLEEP) / 1000)
