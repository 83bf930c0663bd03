"""Whether the loops that run the user's coroutines turn: of `async def` activities, of deciders.

Law: it only looks, from another thread, and says once for each time that the loop stands still who holds it, and where.
"""

from __future__ import annotations

import asyncio
import logging
import sys
import traceback
from concurrent.futures import Future
from typing import Final

from workers_sdk.worker.threads import LoopThread

log = logging.getLogger(__name__)

#: Seconds that the loop may stand still before it is said.
LAG: Final = 1.0


async def watch(watched: LoopThread, whose: str, advice: str, lag: float = LAG) -> None:
    """As long as *watched* lives; to be run in a loop of another thread. Raises RuntimeError at the end."""
    while True:
        turned = _turn(watched)
        done, _ = await asyncio.wait({turned}, timeout=lag)
        if not done:
            log.warning("%s", _culprit(watched, whose, advice, lag))
            await turned
        await asyncio.sleep(lag / 2)


def _turn(watched: LoopThread) -> asyncio.Future[None]:
    """Done when it is the loop's turn. (A coroutine that the loop would not take any more is one never awaited.)"""
    turned = Future[None]()
    watched.loop.call_soon_threadsafe(_tell, turned)
    return asyncio.wrap_future(turned)


def _tell(turned: Future[None]) -> None:
    if turned.set_running_or_notify_cancel():
        turned.set_result(None)


def _culprit(watched: LoopThread, whose: str, advice: str, lag: float) -> str:
    task = asyncio.current_task(watched.loop)
    frame = sys._current_frames().get(watched.ident or 0)
    where = "".join(traceback.format_stack(frame)[-3:]) if frame else ""
    who = task.get_name() if task else "something"
    return f"{who} has held up all {whose} for more than {lag:g} s: {advice}\n{where}"
