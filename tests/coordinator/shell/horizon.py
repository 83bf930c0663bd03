"""A broker whose delays have a horizon, as RabbitMQ's have: what it is asked for is what a test looks at."""

from __future__ import annotations

from collections.abc import Sequence

from workflowsvc.brokers.inprocess import InProcessBroker
from workflowsvc.messages import Action
from workflowsvc.ports import Clock

HORIZON = 4_000_000


class NearBroker(InProcessBroker):
    """It keeps its delays to itself: no wake-up comes, unless somebody publishes one."""

    horizon = HORIZON  # type: ignore[assignment]

    def __init__(self, clock: Clock, partitions: int) -> None:
        super().__init__(clock, partitions)
        #: run ids and times, in the order in which they were armed
        self.armed: list[tuple[str, int]] = []
        self.published: list[Action] = []

    async def delay(self, action: Action, at: int) -> None:
        self.armed.append((action.run_id, at))

    async def publish(self, actions: Sequence[Action]) -> None:
        self.published += actions
        await super().publish(actions)
