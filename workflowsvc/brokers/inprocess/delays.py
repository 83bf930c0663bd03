"""Actions that come later.

Law: one a run, the newest. However many there are, one wait on the clock stands for all of them: the earliest. It is
never left standing for an action that was replaced or forgotten, as a clock that skips would run to it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from workflowsvc.brokers.inprocess.keyed_heap import KeyedHeap
from workflowsvc.brokers.inprocess.soon import Agenda, Soon
from workflowsvc.messages import Action
from workflowsvc.ports import Clock


class Delays:
    def __init__(self, clock: Clock, agenda: Agenda, publish: Callable[[Action], None]) -> None:
        self._clock = clock
        self._publish = publish
        self._arrivals = 0
        self._actions: KeyedHeap[str, Action] = KeyedHeap()
        self._alarm: asyncio.Task[None] | None = None
        self._alarm_at: int | None = None
        #: Soon, for most runs come and go within a turn of the loop or two and leave the earliest as it was.
        self._set_alarm_soon = Soon(agenda, self._set_alarm)

    def __len__(self) -> int:
        return len(self._actions)

    def put(self, action: Action, at: int) -> None:
        self._arrivals += 1
        self._actions.put(action.run_id, (at, self._arrivals), action)
        self._set_alarm_soon()

    def forget(self, run_id: str) -> None:
        self._actions.remove(run_id)
        self._set_alarm_soon()

    async def close(self) -> None:
        self._actions.clear()
        alarm = self._alarm
        self._set_alarm()
        if alarm is not None:
            await asyncio.wait([alarm])

    def _first(self) -> int | None:
        first = self._actions.first()
        return None if first is None else first[0]

    def _set_alarm(self) -> None:
        first = self._first()
        if first == self._alarm_at:
            return
        if self._alarm is not None:
            self._alarm.cancel()
        self._alarm = None if first is None else asyncio.create_task(self._ring(first), name="delayed actions")
        self._alarm_at = first

    async def _ring(self, at: int) -> None:
        await self._clock.wait_until(at)
        self._alarm = self._alarm_at = None
        now = self._clock.now()
        while (first := self._first()) is not None and first <= now:
            self._publish(self._actions.pop()[1])
        self._set_alarm()
