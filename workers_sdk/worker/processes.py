"""`def` activities in processes: for what computes, and would keep the threads of one process from running.

Law: what crosses is pickled: the name of the activity, never its function, the arguments, the result. A process that
dies fails what ran in the pool at that moment, and a new pool takes over.
"""

from __future__ import annotations

import asyncio
import importlib
import logging
import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from functools import partial
from multiprocessing.queues import SimpleQueue
from multiprocessing.synchronize import Event
from typing import Any, Final, NamedTuple, cast

from workers_sdk.definitions.activities import Activity
from workers_sdk.payloads import PayloadError
from workers_sdk.worker.attempts import Attempt, Ended, ended_by
from workers_sdk.worker.context import CURRENT, ActivityContext, ActivityInfo
from workers_sdk.worker.errors import ProcessDied

log = logging.getLogger(__name__)

#: A fresh interpreter: a fork of a process with threads may hang.
_SPAWN: Final = multiprocessing.get_context("spawn")


class _Order(NamedTuple):
    module: str
    qualname: str
    instance: object | None
    args: Sequence[Any]
    kwargs: Mapping[str, Any]
    info: ActivityInfo
    place: int


class ProcessExecutor:
    def __init__(self, limit: int) -> None:
        self._flags = [_SPAWN.Event() for _ in range(limit)]
        self._free = list(range(limit))
        self._beats: SimpleQueue[tuple[int, object] | None] = _SPAWN.SimpleQueue()
        self._running: dict[int, Attempt] = {}
        self._pool = self._new_pool()
        threading.Thread(target=self._listen, name="activity-processes", daemon=True).start()

    async def run(self, attempt: Attempt) -> Ended:
        place = self._free.pop()
        flag = self._flags[place]
        flag.clear()
        self._running[place] = attempt
        attempt.cancellation.tell(flag.set)
        try:
            return await self._call(attempt, place)
        finally:
            del self._running[place]
            self._free.append(place)

    def close(self) -> None:
        processes = list((self._pool._processes or {}).values())
        self._pool.shutdown(wait=False, cancel_futures=True)
        # What does not end by itself would be waited for at the exit of this process.
        for process in processes:
            process.kill()
        self._beats.put(None)

    async def _call(self, attempt: Attempt, place: int) -> Ended:
        pool = self._pool
        try:
            order = _order(attempt, place)
            return await asyncio.get_running_loop().run_in_executor(pool, _execute, order)
        except BrokenProcessPool as error:
            if self._pool is pool:
                self._pool = self._new_pool()
            died = ProcessDied(f"the process of {attempt.info}, or of its neighbour, is gone: {error}")
            return ended_by(died)
        except Exception as error:
            return ended_by(error)

    def _new_pool(self) -> ProcessPoolExecutor:
        return ProcessPoolExecutor(
            len(self._flags), mp_context=_SPAWN, initializer=_begin, initargs=(self._beats, self._flags)
        )

    def _listen(self) -> None:
        while (said := self._beats.get()) is not None:
            place, details = said
            if attempt := self._running.get(place):
                _pass_on(attempt, details)


def _pass_on(attempt: Attempt, details: object) -> None:
    try:
        attempt.beat(details)
    except PayloadError as error:  # the activity is in another process, and past it
        log.warning("%s: the details of its heartbeat are left out: %s", attempt.info, error)


def _order(attempt: Attempt, place: int) -> _Order:
    fn = attempt.activity.fn
    instance = getattr(fn, "__self__", None)
    return _Order(fn.__module__, fn.__qualname__, instance, attempt.args, attempt.kwargs, attempt.info, place)


# ---- in the process ------------------------------------------------------------------------------------------


class _Here(NamedTuple):
    """What a process of the pool has of the worker."""

    beats: SimpleQueue[tuple[int, object] | None]
    flags: Sequence[Event]


_here: list[_Here] = []


def _begin(beats: SimpleQueue[tuple[int, object] | None], flags: Sequence[Event]) -> None:
    # A terminal, or an init system, signals every process of a group: the worker alone decides what ends when.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()
    _here.append(_Here(beats, flags))


def _end_with_parent() -> None:
    """A worker that was killed can end nobody: what it left behind ends by itself."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
    os._exit(1)


def _execute(order: _Order) -> Ended:
    (here,) = _here
    beat = partial(_beat, here.beats, order.place)
    CURRENT.set(ActivityContext(order.info, beat, here.flags[order.place]))
    try:
        return Ended(_function(order)(*order.args, **order.kwargs))
    except BaseException as error:
        return ended_by(error)


def _beat(beats: SimpleQueue[tuple[int, object] | None], place: int, details: object) -> None:
    beats.put((place, details))


def _function(order: _Order) -> Callable[..., Any]:
    found: Any = importlib.import_module(order.module)
    for name in order.qualname.split("."):
        found = getattr(found, name)
    activity = cast("Activity[..., Any]", found)
    return activity.fn if order.instance is None else activity.fn.__get__(order.instance)
