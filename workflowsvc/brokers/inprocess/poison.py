"""What could not be handled. Law: kept with its reason and logged; the oldest goes when there is too much of it."""

from __future__ import annotations

import logging
from collections import deque
from typing import NamedTuple

from workflowsvc.messages import Action, Task

_CAPACITY = 1_000

logger = logging.getLogger(__name__)


class Parked(NamedTuple):
    message: Action | Task
    reason: str


class Poison(deque[Parked]):
    def __init__(self) -> None:
        super().__init__(maxlen=_CAPACITY)

    def park(self, message: Action | Task, reason: str) -> None:
        logger.error("poison: %s of run %r: %s", type(message).__name__, message.run_id, reason)
        self.append(Parked(message, reason))
