"""Whether the loop of the `async def` activities turns.

Law: it only looks, from another thread, and says once for each time that the loop stands still who holds it, and where.
"""

from __future__ import annotations

import asyncio
import logging
import sys
import traceback
from typing import Final

from workers_sdk.worker.threads import LoopThread

log = logging.getLogger(__name__)

#: Seconds that the loop may stand still before it is said.
LAG: Final = 1.0


async def watch(watched: LoopThread, lag: float = LAG) -> None:
    """For ever; to be run in a loop of another thread."""
    while True:
        turned = asyncio.wrap_future(watched.submit(_turn()))
        done, _ = await asyncio.wait({turned}, timeout=lag)
        if not done:
            log.warning("%s", _culprit(watched, lag))
            await turned
        await asyncio.sleep(lag / 2)


async def _turn() -> None:
    """Done when it is its turn."""


def _culprit(watched: LoopThread, lag: float) -> str:
    task = asyncio.current_task(watched.loop)
    frame = sys._current_frames().get(watched.ident or 0)
    where = "".join(traceback.format_stack(frame)[-3:]) if frame else ""
    who = task.get_name() if task else "something"
    return (
        f"{who} has held up all `async def` activities for more than {lag:g} s: let it await, or make it a `def`, "
        f"which gets a thread of its own\n{where}"
    )
