"""Time that passes as on the wall, and leaps over the stretches in which nothing can happen.

Law: time is moved only when no message is held and the event loop has been quiet for a few turns. By itself it moves
only where, besides, no run is occupied and no lock is held, and only to the earliest time that somebody waits for.
Between two moves all that was woken has been dealt with.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Hashable

from workflowsvc.clocks.system import LONGEST_SLEEP, SystemClock
from workflowsvc.clocks.waits import Waits

#: Who was woken may pass the word on from task to task (`asyncio.wait_for` alone takes three turns) before a message
#: is published that holds the clock. A turn of the loop takes microseconds.
_QUIET_TURNS = 8


class SkippingClock:
    """Clock and TimeControl."""

    def __init__(self, wall: Callable[[], int] = time.time_ns) -> None:
        self._real = SystemClock(wall)
        #: how far ahead of real time this clock is
        self._skipped = 0
        self._waits = Waits()
        self._timer: asyncio.TimerHandle | None = None
        self._timer_for: int | None = None

        self._held: set[Hashable] = set()
        self._occupied: set[str] = set()
        self._locks = 0

        #: taken by whoever moves time by hand, and for so long it does not move by itself
        self._hand = asyncio.Lock()
        #: the hand waits here for quiet
        self._calm: asyncio.Future[None] | None = None
        self._quiet_turns = 0
        self._counting = False

    # ---- Clock

    def now(self) -> int:
        return self._real.now() + self._skipped

    async def wait_until(self, at: int) -> None:
        if self.now() < at:
            wait = self._waits.enter(at)
            self._set_timer()
            self._touched()
            await wait

    def hold(self, what: Hashable) -> None:
        self._held.add(what)

    def release(self, what: Hashable) -> None:
        self._held.discard(what)
        self._touched()

    def occupy(self, run_id: str) -> None:
        self._occupied.add(run_id)

    def vacate(self, run_id: str) -> None:
        self._occupied.discard(run_id)
        self._touched()

    # ---- TimeControl

    @property
    def locks(self) -> int:
        return self._locks

    def lock(self) -> None:
        self._locks += 1

    def unlock(self) -> None:
        if not self._locks:
            raise ValueError("no lock is held")
        self._locks -= 1
        self._touched()

    async def advance(self, milliseconds: int) -> None:
        if milliseconds < 0:
            raise ValueError(f"time does not run backwards: by {milliseconds}")
        try:
            async with self._hand:
                await self._advance_to(self.now() + milliseconds)
        finally:
            # By itself it moves again, also where the hand was cancelled.
            self._touched()

    # ---- moving

    async def _advance_to(self, target: int) -> None:
        await self._quiet()
        while (first := self._waits.first()) is not None and first < target:
            self._move_to(first)
            await self._quiet()
        self._move_to(target)
        await self._quiet()

    def _move_to(self, at: int) -> None:
        self._skipped += max(0, at - self.now())
        self._wake()

    def _wake(self) -> None:
        self._waits.wake(self.now())
        self._set_timer()
        self._touched()

    def _set_timer(self) -> None:
        """Whatever is not skipped comes when its real time comes."""
        first = self._waits.first()
        if first == self._timer_for:
            return
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._timer_for = first
        if first is not None:
            delay = min(first - self.now(), LONGEST_SLEEP) / 1000
            self._timer = asyncio.get_running_loop().call_later(delay, self._timer_fired)

    def _timer_fired(self) -> None:
        self._timer = self._timer_for = None
        self._wake()

    # ---- the quiet

    async def _quiet(self) -> None:
        """Return when nothing is held and nobody who was woken is still at it."""
        self._calm = asyncio.get_running_loop().create_future()
        self._touched()
        try:
            await self._calm
        finally:
            self._calm = None

    def _movable(self) -> bool:
        if self._held:
            return False
        if self._hand.locked():
            return self._calm is not None
        return not (self._occupied or self._locks) and len(self._waits) > 0

    def _touched(self) -> None:
        """Something happened: the quiet begins anew."""
        self._quiet_turns = 0
        self._count_on()

    def _count_on(self) -> None:
        if not self._counting and self._movable():
            self._counting = True
            asyncio.get_running_loop().call_soon(self._turn)

    def _turn(self) -> None:
        self._counting = False
        if not self._movable():
            return
        self._quiet_turns += 1
        if self._quiet_turns < _QUIET_TURNS:
            self._count_on()
        elif self._calm is not None:
            if not self._calm.done():
                self._calm.set_result(None)
        elif (first := self._waits.first()) is not None:
            self._move_to(first)
