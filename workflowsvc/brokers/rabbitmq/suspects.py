"""Actions that came back again and again: one of them may be what ends the process each time.

Law: suspects are tried one at a time in the whole process, in an order drawn by lot. The broker charges a loss of the
consumer to everything that was here, so the guilty one could not be told from its neighbours; but of those that are
tried before it about half are settled in each life, and soon it is alone.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from typing import Final

#: Returns after which a message is a suspect.
RETURNS: Final = 5
#: Seconds in which suspects gather before lots are drawn: they do not come all at once.
GATHER_SECONDS: Final = 0.5


class Suspects:
    def __init__(self) -> None:
        self._trial = asyncio.Lock()

    async def try_alone(self, deliver: Callable[[], None], *ends: asyncio.Future[None]) -> None:
        """Call *deliver* when it is its turn, which ends with any of *ends*: it is settled, or its channel closed."""
        await asyncio.sleep(random.uniform(0.0, GATHER_SECONDS))  # noqa: S311
        async with self._trial:
            if not any(end.done() for end in ends):
                deliver()
                await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
