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
import pickle
import signal
import threading
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from functools import partial
from typing import Any, Final, NamedTuple, cast

from workers_sdk.definitions.activities import Activity
from workers_sdk.worker.attempts import Attempt, Ended, ended_by
from workers_sdk.worker.context import CURRENT, ActivityContext, ActivityInfo
from workers_sdk.worker.errors import ProcessDied
from workers_sdk.worker.places import Places, Seat

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


class _Running(NamedTuple):
    number: int | None
    attempt: Attempt


class _Pool:
    """Processes and their places: they go together, when one of the processes has gone."""

    def __init__(self, limit: int) -> None:
        self.running: dict[int, _Running] = {}
        self.free = list(range(limit))
        self.places = Places(_SPAWN, limit, self._heard)
        self.processes = ProcessPoolExecutor(
            limit, mp_context=_SPAWN, initializer=_begin, initargs=(self.places.seats,)
        )

    def submit(self, place: int, number: int | None, order: bytes) -> Future[bytes]:
        answer = self.processes.submit(_execute, place, number, order)
        # The executor watches the processes that it had when it was last woken: then it began this one. Without being
        # woken again it would not hear of its death.
        with self.processes._shutdown_lock:
            self.processes._executor_manager_thread_wakeup.wakeup()
        return answer

    def kill(self) -> None:
        processes = list((self.processes._processes or {}).values())
        self.processes.shutdown(wait=False, cancel_futures=True)
        # They ignore SIGTERM. What does not end by itself would be waited for at the exit of this process.
        for process in processes:
            process.kill()
        self.places.close()

    def _heard(self, place: int, data: bytes) -> None:
        running = self.running.get(place)
        if running is None:
            return
        try:
            number, details = pickle.loads(data)  # noqa: S301  our own process wrote it
            if number == running.number:
                running.attempt.beat(details)
        except Exception as error:  # the activity is in another process, and past it
            log.warning("%s: the details of its heartbeat are left out: %s", running.attempt.info, error)


class ProcessExecutor:
    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._pool = _Pool(limit)

    async def run(self, attempt: Attempt) -> Ended:
        pool = self._pool
        place = pool.free.pop()
        number = pool.places.all[place].take()
        pool.running[place] = _Running(number, attempt)
        attempt.cancellation.tell(partial(pool.places.all[place].cancel, number))
        try:
            # Pickled here and there: what cannot be read over there fails one activity, and not the pool.
            answer = await asyncio.wrap_future(pool.submit(place, number, pickle.dumps(_order(attempt))))
            return cast(Ended, pickle.loads(answer))  # noqa: S301  our own process wrote it
        except BrokenProcessPool as error:
            self._replace(pool)
            return ended_by(ProcessDied(f"the process of {attempt.info}, or of its neighbour, is gone: {error}"))
        except Exception as error:
            return ended_by(error)
        finally:
            del pool.running[place]
            pool.free.append(place)

    def close(self) -> None:
        self._pool.kill()

    def _replace(self, broken: _Pool) -> None:
        """Once, by the first that hears of it."""
        if self._pool is broken:
            broken.kill()
            self._pool = _Pool(self._limit)


def _order(attempt: Attempt) -> _Order:
    fn = attempt.activity.fn
    instance = getattr(fn, "__self__", None)
    return _Order(fn.__module__, fn.__qualname__, instance, attempt.args, attempt.kwargs, attempt.info)


# ---- in the process ------------------------------------------------------------------------------------------


#: What a process of the pool has of the worker.
_seats: list[Seat] = []


def _begin(seats: Sequence[Seat]) -> None:
    # A terminal, or an init system, signals every process of a group: the worker alone decides what ends when.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()
    _seats.extend(seats)


def _end_with_parent() -> None:
    """A worker that was killed can end nobody: what it left behind ends by itself."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
    os._exit(1)


def _execute(place: int, number: int | None, order: bytes) -> bytes:
    try:
        return pickle.dumps(_call(_seats[place], number, pickle.loads(order)))  # noqa: S301  the worker wrote it
    except BaseException as error:
        return pickle.dumps(ended_by(error))


def _call(seat: Seat, number: int | None, order: _Order) -> Ended:
    CURRENT.set(ActivityContext(order.info, lambda details: seat.beats.send((number, details)), seat))
    try:
        return Ended(_function(order)(*order.args, **order.kwargs))
    except BaseException as error:
        return ended_by(error)


def _function(order: _Order) -> Callable[..., Any]:
    found: Any = importlib.import_module(order.module)
    for name in order.qualname.split("."):
        found = getattr(found, name)
    activity = cast("Activity[..., Any]", found)
    return activity.fn if order.instance is None else activity.fn.__get__(order.instance)
