"""Work put off to the next turn of the event loop. Law: done once, however often it was asked for.

Messages are delivered so: whoever publishes from within a delivery cannot recurse, whatever was published in one turn
is delivered in one go, and what a consumer raises does not hit the publisher.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable


class Agenda:
    """What is due in the next turn: the loop is asked once for all of it, as asking costs more than most of it."""

    def __init__(self) -> None:
        self._due: deque[Soon] = deque()
        self._asked = False
        # Asking for the loop costs a system call each time (until Python 3.12).
        self._loop = asyncio.get_running_loop()

    def add(self, soon: Soon) -> None:
        self._due.append(soon)
        if not self._asked:
            self._asked = True
            self._loop.call_soon(self._run)

    def _run(self) -> None:
        self._asked = False
        due, self._due = self._due, deque()
        try:
            while due:
                due.popleft().do()
        finally:
            # One of them raised, which the loop reports; the others are not held up.
            for soon in due:
                self.add(soon)


class Soon:
    __slots__ = ("_agenda", "_asked", "_work")

    def __init__(self, agenda: Agenda, work: Callable[[], None]) -> None:
        self._agenda = agenda
        self._work = work
        self._asked = False

    def __call__(self) -> None:
        if not self._asked:
            self._asked = True
            self._agenda.add(self)

    def do(self) -> None:
        self._asked = False
        self._work()
