"""Threads of a worker's own.

Law: daemons all: code that does not end cannot keep a process from ending, as the threads of concurrent.futures do.
"""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import Callable, Coroutine
from concurrent.futures import Future, ThreadPoolExecutor
from contextvars import Context, copy_context
from functools import partial
from queue import SimpleQueue
from typing import Any, Final, NamedTuple, TypeVar

T = TypeVar("T")

#: Seconds to wait for a loop that is to end.
_PATIENCE: Final = 1.0


async def outcome(future: Future[T]) -> T:
    """What the future gives, or raises. It is not cancelled with the caller, and then fails unseen."""
    wrapped = asyncio.wrap_future(future)
    wrapped.add_done_callback(_see)
    return await asyncio.shield(wrapped)


def _see(future: asyncio.Future[Any]) -> None:
    if not future.cancelled():
        future.exception()


class _Call(NamedTuple):
    future: Future[Any]
    context: Context
    function: Callable[[], Any]


class Threads:
    """At most *limit* threads, begun when they are needed, that call functions."""

    def __init__(self, name: str, limit: int) -> None:
        self._name = name
        self._limit = limit
        self._count = 0
        self._lock = threading.Lock()
        self._idle = threading.Semaphore(0)
        self._calls: SimpleQueue[_Call | None] = SimpleQueue()

    async def run(self, function: Callable[[], T]) -> T:
        """What *function* gives, or raises. It gets the contextvars of here, and is not cancelled with the caller."""
        return await outcome(self.submit(function))

    def submit(self, function: Callable[[], T]) -> Future[T]:
        future = Future[T]()
        self._calls.put(_Call(future, copy_context(), function))
        if not self._idle.acquire(blocking=False):
            self._begin()
        return future

    def replace_one(self) -> None:
        """One of them will hardly come back from what it was given: another begins in its stead."""
        with self._lock:
            self._limit += 1
        self._begin()

    def _begin(self) -> None:
        with self._lock:
            if self._count >= self._limit:
                return
            self._count += 1
            name = f"{self._name}-{self._count}"
        threading.Thread(target=self._serve, name=name, daemon=True).start()

    def close(self) -> None:
        """The threads end after what they were given."""
        for _ in range(self._count):
            self._calls.put(None)

    def _serve(self) -> None:
        while (call := self._calls.get()) is not None:
            tell = _called(call) if call.future.set_running_or_notify_cancel() else None
            del call
            # Before the caller is told: it may come back at once, and need not begin a thread then.
            self._idle.release()
            if tell is not None:
                tell()
            del tell


def _called(call: _Call) -> Callable[[], None]:
    """What tells the caller how it ended."""
    try:
        return partial(call.future.set_result, call.context.run(call.function))
    except BaseException as error:
        return partial(call.future.set_exception, error)


class _DaemonExecutor(ThreadPoolExecutor):
    """What `asyncio.to_thread` of an activity uses. asyncio takes no other class, and of this one only these two."""

    def __init__(self) -> None:
        # As many as asyncio itself would have.
        self._daemons = Threads("to_thread", min(32, (os.cpu_count() or 1) + 4))

    def submit(self, fn: Callable[..., T], /, *args: Any, **kwargs: Any) -> Future[T]:
        return self._daemons.submit(partial(fn, *args, **kwargs))

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        self._daemons.close()


class LoopThread:
    """An event loop in a thread of its own, between `start` and `stop`."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._ready = threading.Event()
        self._thread = threading.Thread(target=self._serve, name=name, daemon=True)

    def start(self) -> None:
        self._thread.start()
        self._ready.wait()

    @property
    def loop(self) -> asyncio.AbstractEventLoop:
        return self._loop

    @property
    def ident(self) -> int | None:
        return self._thread.ident

    def submit(self, coroutine: Coroutine[Any, Any, T]) -> Future[T]:
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop)

    async def run(self, coroutine: Coroutine[Any, Any, T]) -> T:
        """What *coroutine* gives, or raises, over there. Cancelled with the caller."""
        return await asyncio.wrap_future(self.submit(coroutine))

    def stop(self) -> None:
        """Cancel what runs there, and end. One that is blocked is left behind."""
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(_PATIENCE)

    def _serve(self) -> None:
        asyncio.run(self._live())

    async def _live(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._loop.set_default_executor(_DaemonExecutor())
        self._stop = asyncio.Event()
        self._ready.set()
        await self._stop.wait()
