"""How many activities, timers, children and functions of one execution may be open: the rest waits its turn here.

Law: SWF refuses what is beyond its limits and asks for a new decision each time: so nothing is asked for that it would
refuse. Who waits is let in first come, first served.
"""

from __future__ import annotations

from collections import deque
from typing import Final, Protocol

#: 1,000 of each kind (SWF quotas), less the timers that the library needs for itself.
OPEN_LIMIT: Final = 990


class Waiting(Protocol):
    @property
    def wanted(self) -> bool:
        """Whether it is still to be let in."""

    def schedule(self) -> None:
        """It is let in: it leaves when it is over."""


class Gate:
    def __init__(self, limit: int = OPEN_LIMIT) -> None:
        self._limit = limit
        self._open = 0
        self._waiting: deque[Waiting] = deque()

    def admit(self, one: Waiting) -> None:
        self._waiting.append(one)
        self._let_in()

    def leave(self) -> None:
        self._open -= 1
        self._let_in()

    def _let_in(self) -> None:
        while self._waiting and self._open < self._limit:
            one = self._waiting.popleft()
            if one.wanted:
                self._open += 1
                one.schedule()
