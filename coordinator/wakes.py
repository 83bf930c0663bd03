"""When a run is woken, and by when somebody looks whether it was.

Law: one wake-up per execution, at the earliest of its deadlines, armed anew only when that moves earlier. A broker
whose delays have a horizon may lose one, so for it every run has a time by which the sweeper looks at it. What is far
is not armed at all: the sweeper does that when it comes near, and most runs have closed by then. The store
is told with the commit if the deadline is far, if it is told something anyway, or if its time has come; else some
seconds later, if the time still stands.
"""

from __future__ import annotations

import asyncio
from itertools import islice, takewhile
from typing import TYPE_CHECKING, NamedTuple

from coordinator.execution.deadlines import next_deadline
from workflowsvc import names
from workflowsvc.messages import Action, Wake
from workflowsvc.ports import Broker, Clock
from workflowsvc.records import Commit

if TYPE_CHECKING:
    from coordinator.cache import Cached

#: Milliseconds that a wake-up may be late before it is taken for lost.
GRACE = 5_000
#: Milliseconds: a deadline is far beyond this, and looked at when half of it is left.
NEAR = 300_000
#: Seconds after which a time to look that still stands is written down.
WRITE_AFTER_SECONDS = 5.0


def armed_by(wake_at: int | None) -> int | None:
    """The deadline that was armed, as far as the store tells: never later than it was."""
    return None if wake_at is None else wake_at - GRACE


class _Unwritten(NamedTuple):
    wake_at: int
    #: on the loop's clock
    since: float
    cached: Cached


class Wakes:
    def __init__(self, clock: Clock, broker: Broker) -> None:
        self._clock = clock
        self._broker = broker
        self._near = None if broker.horizon is None else min(broker.horizon, NEAR)
        #: by run id, the longest waiting first
        self._unwritten: dict[str, _Unwritten] = {}

    # ---- arming

    def look_at(self, cached: Cached, *, written_anyway: bool) -> int | None:
        """By when the run is to be looked at, where that is to go with the commit."""
        if self._near is None or not cached.execution.open:
            return None
        deadline = next_deadline(cached.execution)
        if deadline is None or not _moves(cached, deadline):
            return None
        swept = cached.look_at is not None and cached.look_at <= self._clock.now()
        if self._is_near(deadline) and not (written_anyway or swept):
            return None
        wake_at = self._look_at(deadline, self._near)
        return None if wake_at == cached.look_at else wake_at

    async def arm(self, cached: Cached) -> bool:
        """Whether the run has a deadline. Raises BrokerUnavailable."""
        execution = cached.execution
        deadline = next_deadline(execution)
        if deadline is None:
            await self._broker.undelay(execution.run_id)
            self.forget(execution.run_id)
            return False
        if _moves(cached, deadline):
            if self._is_near(deadline):
                await self._broker.delay(_wake(cached, deadline), deadline)
            cached.armed_at = deadline
            self.forget(execution.run_id)
            self._note(cached, deadline)
        return True

    def _note(self, cached: Cached, deadline: int) -> None:
        if self._near is None:
            return
        wake_at = self._look_at(deadline, self._near)
        if wake_at != cached.look_at:
            now = asyncio.get_running_loop().time()
            self._unwritten[cached.execution.run_id] = _Unwritten(wake_at, now, cached)

    def _is_near(self, deadline: int) -> bool:
        return self._near is None or deadline - self._clock.now() <= self._near

    def _look_at(self, deadline: int, near: int) -> int:
        return deadline + GRACE if self._is_near(deadline) else deadline - near // 2

    # ---- what the store does not know yet

    def forget(self, run_id: str) -> None:
        self._unwritten.pop(run_id, None)

    def overdue(self, now: int) -> list[Action]:
        """Wake-ups that were armed a moment ago and did not come."""
        late = [one for one in self._unwritten.values() if one.wake_at <= now]
        for one in late:
            self.forget(one.cached.execution.run_id)
        return [_wake(one.cached, one.wake_at) for one in late]

    def standing(self, most: int) -> list[Commit]:
        """What still stands after a while, to be committed."""
        long_ago = asyncio.get_running_loop().time() - WRITE_AFTER_SECONDS
        for one in tuple(takewhile(lambda one: one.since <= long_ago, self._unwritten.values())):
            if not self._stands(one.cached):
                self.forget(one.cached.execution.run_id)
        ripe = takewhile(lambda one: one.since <= long_ago, self._unwritten.values())
        return [_commit(one) for one in islice(ripe, most)]

    def _stands(self, cached: Cached) -> bool:
        """Most deadlines of tasks are moot by now, and what the store knows is early enough for what is left."""
        deadline = next_deadline(cached.execution)
        if deadline is None or self._near is None:
            return False
        return cached.look_at is None or cached.look_at > self._look_at(deadline, self._near)

    def written(self, commit: Commit) -> None:
        one = self._unwritten.get(commit.run_id)
        if one is not None and one.wake_at == commit.wake_at:
            one.cached.look_at = one.wake_at
            self.forget(commit.run_id)


def _commit(one: _Unwritten) -> Commit:
    execution = one.cached.execution
    return Commit(
        run_id=execution.run_id,
        domain=execution.domain,
        workflow_id=execution.workflow_id,
        action_id="",
        first=execution.last_event_id + 1,
        events=[],
        wake_at=one.wake_at,
    )


def _moves(cached: Cached, deadline: int) -> bool:
    """Whether nothing is armed that early."""
    return cached.armed_at is None or cached.armed_at > deadline


def _wake(cached: Cached, at: int) -> Action:
    execution = cached.execution
    return Action(
        # Not of the deadline alone: a timer of 0 can come due in the millisecond of the wake-up before.
        id=names.derived_id(at, execution.run_id, execution.last_event_id, "wake"),
        lane=names.lane_of(execution.domain, execution.workflow_id),
        domain=execution.domain,
        workflow_id=execution.workflow_id,
        run_id=execution.run_id,
        request=Wake(),
    )
