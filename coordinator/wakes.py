"""When a run is woken, and by when somebody looks whether it was.

Law: one wake-up per execution, at the earliest of its deadlines, armed anew only when that moves earlier. A broker
whose delays have a horizon may lose one, and takes none that is farther: for it every commit that arms says by when
the sweeper is to look at the run.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from coordinator.execution.deadlines import next_deadline
from workflowsvc import names
from workflowsvc.messages import Action, Wake
from workflowsvc.ports import Broker, Clock

if TYPE_CHECKING:
    from coordinator.cache import Cached

#: Milliseconds that a wake-up may be late before it is taken for lost.
GRACE = 5_000


def armed_by(wake_at: int | None) -> int | None:
    """The deadline that was armed, as far as the store tells: never later than it was."""
    return None if wake_at is None else wake_at - GRACE


class Wakes:
    def __init__(self, clock: Clock, broker: Broker) -> None:
        self._clock = clock
        self._broker = broker
        self._horizon = broker.horizon

    def look_at(self, cached: Cached) -> int | None:
        """By when the run is to be looked at, where the store does not know that yet."""
        if self._horizon is None or not cached.execution.open:
            return None
        deadline = _to_arm(cached)
        if deadline is None:
            return None
        return deadline + GRACE if self._is_near(deadline) else deadline - self._horizon // 2

    async def arm(self, cached: Cached) -> bool:
        """Whether the run has a deadline. Raises BrokerUnavailable."""
        execution = cached.execution
        if next_deadline(execution) is None:
            await self._broker.undelay(execution.run_id)
            return False
        deadline = _to_arm(cached)
        if deadline is not None:
            if self._is_near(deadline):
                await self._broker.delay(_wake(cached, deadline), deadline)
            cached.armed_at = deadline
        return True

    def _is_near(self, deadline: int) -> bool:
        return self._horizon is None or deadline - self._clock.now() <= self._horizon


def _to_arm(cached: Cached) -> int | None:
    deadline = next_deadline(cached.execution)
    if deadline is None or (cached.armed_at is not None and cached.armed_at <= deadline):
        return None
    return deadline


def _wake(cached: Cached, deadline: int) -> Action:
    execution = cached.execution
    return Action(
        # Not of the deadline alone: a timer of 0 can come due in the millisecond of the wake-up before.
        id=names.derived_id(deadline, execution.run_id, execution.last_event_id, "wake"),
        lane=names.lane_of(execution.domain, execution.workflow_id),
        domain=execution.domain,
        workflow_id=execution.workflow_id,
        run_id=execution.run_id,
        request=Wake(),
    )
