"""Work put off to the next turn of the event loop. Law: done once, however often it was asked for.

Messages are delivered so: whoever publishes from within a delivery cannot recurse, whatever was published in one turn
is delivered in one go, and what a consumer raises does not hit the publisher.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable


class Soon:
    __slots__ = ("_asked", "_work")

    def __init__(self, work: Callable[[], None]) -> None:
        self._work = work
        self._asked = False

    def __call__(self) -> None:
        if not self._asked:
            self._asked = True
            asyncio.get_running_loop().call_soon(self._run)

    def _run(self) -> None:
        self._asked = False
        self._work()
