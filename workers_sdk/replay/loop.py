"""The event loop of one execution: what is ready runs in the order in which it became ready, until nothing is.

Law: deterministic. No selector, no clock, no thread: time is what it is told, and stands while code runs; a delay is a
durable timer of the execution. asyncio's own futures, tasks, locks, queues, timeouts and groups run on it unchanged.
Sets of tasks have an order too, as their hashes are serial numbers: `asyncio.wait` gives the same at every replay.
"""

from __future__ import annotations

import asyncio
import functools
import itertools
import logging
import sys
from asyncio import events
from collections import deque
from collections.abc import AsyncGenerator, Callable, Coroutine, Generator
from contextlib import suppress
from contextvars import Context, copy_context
from typing import Any, Final, NoReturn, TypeVar, cast

from workers_sdk.definitions.context import WorkflowContext
from workers_sdk.errors import ForbiddenInWorkflow, WorkflowStuck

T = TypeVar("T")

_LOG: Final = logging.getLogger(__name__)

#: Steps that code may take without anything happening outside. Beyond, it runs in a circle.
STEPS: Final = 1_000_000

#: Tasks that are held before those that are done are let go.
_CROWD: Final = 64
#: Clauses of one coroutine that may each await something when it is thrown away.
_CLAUSES: Final = 100

StartTimer = Callable[["DurableTimer", float], None]
CancelTimer = Callable[["DurableTimer"], None]


class WorkflowFuture(asyncio.Future[T]):
    """A future whose hash, and so whose place in a set, is the same at every replay."""

    def __init__(self, loop: WorkflowLoop) -> None:
        self._serial = loop.serial()
        super().__init__(loop=loop)

    def __hash__(self) -> int:
        return self._serial


class WorkflowTask(asyncio.Task[T]):
    """A task whose hash, and so whose place in a set, is the same at every replay."""

    def __init__(
        self, coro: Coroutine[Any, Any, T] | Generator[Any, None, T], loop: WorkflowLoop, context: Context | None
    ) -> None:
        self._serial = loop.serial()
        super().__init__(coro, loop=loop, context=context, name=f"workflow-{self._serial}")
        # An execution that is evicted is thrown away as it stands: that is no defect of the code.
        self._log_destroy_pending = False

    def __hash__(self) -> int:
        return self._serial


class DurableTimer(asyncio.TimerHandle):
    """What `call_later` gives: `asyncio.sleep` and `asyncio.timeout` cancel it when they need it no more."""

    #: the id of the timer in the history; "" while it has none
    timer_id = ""


# What asyncio needs of a loop is less than what its abstract class names: the rest refuses, as that does by itself.
_Base: Any = asyncio.AbstractEventLoop


class WorkflowLoop(_Base):  # type: ignore[misc]  # 32 methods are for sockets, signals and subprocesses
    """One execution's. Implements asyncio.AbstractEventLoop as far as workflow code may go."""

    def __init__(self, context: WorkflowContext, start_timer: StartTimer, cancel_timer: CancelTimer) -> None:
        self.workflow_context: WorkflowContext | None = context
        self._start_timer = start_timer
        self._cancel_timer = cancel_timer
        self._ready: deque[asyncio.Handle] = deque()
        self._conditions: list[tuple[Callable[[], bool], asyncio.Future[None]]] = []
        self._now = 0.0
        self._count = itertools.count(1)
        self._closed = False
        # Held until they are done or thrown away: one that the collector found pending would run its `finally` in the
        # midst of whatever runs then, another execution's code for one.
        self._tasks: list[asyncio.Task[Any]] = []
        self._crowd = _CROWD
        self._generators: list[AsyncGenerator[Any, Any]] = []
        self.serial = self._count.__next__
        #: what code tried that it must not: it counts even if the code goes on
        self.caught: ForbiddenInWorkflow | None = None

    # ---- run

    def run(self) -> None:
        """Until nothing is ready. Raises WorkflowStuck."""
        steps = 0
        outer, hooks = events._get_running_loop(), sys.get_asyncgen_hooks()
        events._set_running_loop(self)
        sys.set_asyncgen_hooks(firstiter=self._generators.append, finalizer=None)
        try:
            while self._ready or self._fulfil():
                handle = self._ready.popleft()
                if not handle.cancelled():
                    # The task that raised it has it too.
                    with suppress(SystemExit):
                        handle._run()
                steps += 1
                if steps > STEPS:
                    raise WorkflowStuck(f"the workflow took {STEPS:,} steps without waiting for anything that happens")
        finally:
            sys.set_asyncgen_hooks(*hooks)
            events._set_running_loop(outer)

    def _fulfil(self) -> bool:
        """Let go on the first who waits for a condition that holds by now: for the next, that one may change it."""
        self._conditions = [(condition, future) for condition, future in self._conditions if not future.done()]
        for condition, future in self._conditions:
            try:
                if condition():
                    future.set_result(None)
            except Exception as error:
                future.set_exception(error)
            if self._ready:
                return True
        return False

    def wait_until(self, condition: Callable[[], bool]) -> asyncio.Future[None]:
        future: asyncio.Future[None] = self.create_future()
        self._conditions.append((functools.partial(copy_context().run, condition), future))
        return future

    def set_time(self, seconds: float) -> None:
        """Seconds since the execution started."""
        self._now = seconds

    def fire(self, timer: DurableTimer) -> None:
        self._ready.append(timer)

    def throw_away(self) -> None:
        """End all coroutines where they stand: what they would still do has no effect."""
        self.workflow_context = None
        self._closed = True
        outer = events._get_running_loop()
        events._set_running_loop(self)
        try:
            for task in self._tasks:
                # From within: one that is left behind by an outer one would speak when it is collected.
                for coroutine in reversed(_chain(task.get_coro())):
                    _close(coroutine.close)
            for generator in self._generators:
                # The first step of its closing is all that can be had without a loop.
                _close(functools.partial(generator.aclose().send, None))
        finally:
            events._set_running_loop(outer)
        self._ready.clear()
        self._conditions.clear()
        self._tasks.clear()
        self._generators.clear()

    # ---- what asyncio asks of a loop

    def time(self) -> float:
        return self._now

    def call_soon(self, callback: Callable[..., object], *args: Any, context: Context | None = None) -> asyncio.Handle:
        handle = asyncio.Handle(callback, args, self, context)
        self._ready.append(handle)
        return handle

    def call_later(
        self, delay: float, callback: Callable[..., object], *args: Any, context: Context | None = None
    ) -> DurableTimer:
        timer = DurableTimer(self._now + delay, callback, args, self, context)
        if delay <= 0:
            self._ready.append(timer)
        elif not self._closed:
            self._start_timer(timer, delay)
        return timer

    def call_at(
        self, when: float, callback: Callable[..., object], *args: Any, context: Context | None = None
    ) -> DurableTimer:
        return self.call_later(when - self._now, callback, *args, context=context)

    def _timer_handle_cancelled(self, handle: asyncio.TimerHandle) -> None:
        if isinstance(handle, DurableTimer) and handle.timer_id and not self._closed:
            self._cancel_timer(handle)

    def create_future(self) -> asyncio.Future[Any]:
        future: asyncio.Future[Any] = WorkflowFuture(self)
        if self._closed:
            future.cancel()  # what a `finally` would wait for never comes
        return future

    def create_task(
        self,
        coro: Coroutine[Any, Any, T] | Generator[Any, None, T],
        *,
        name: str | None = None,
        context: Context | None = None,
    ) -> asyncio.Task[T]:
        if self._closed:
            # The `finally` of a coroutine that is thrown away begins something: it is not begun.
            coro.close()
            return cast("asyncio.Task[T]", WorkflowFuture[T](self))
        task = WorkflowTask(coro, self, context)
        self._hold(task)
        if name is not None:
            task.set_name(name)
        return task

    def _hold(self, task: asyncio.Task[Any]) -> None:
        self._tasks.append(task)
        if len(self._tasks) > self._crowd:
            self._tasks = [task for task in self._tasks if not task.done()]
            self._crowd = max(_CROWD, 2 * len(self._tasks))

    def call_exception_handler(self, context: dict[str, Any]) -> None:
        """An exception that nobody waited for: said once, not at each replay."""
        if self.workflow_context is not None and not self.workflow_context.replaying:
            _LOG.error("%s", context.get("message"), exc_info=context.get("exception"))

    def get_debug(self) -> bool:
        return False

    def is_running(self) -> bool:
        return events._get_running_loop() is self

    def is_closed(self) -> bool:
        return self._closed

    def call_soon_threadsafe(
        self, callback: Callable[..., object], *args: Any, context: Context | None = None
    ) -> asyncio.Handle:
        self._forbid("threads")

    def _forbid(self, what: str) -> NoReturn:
        self.caught = ForbiddenInWorkflow(f"{what} are for activities: workflow code only decides")
        raise self.caught

    def run_in_executor(self, executor: Any, func: Callable[..., T], *args: Any) -> asyncio.Future[T]:
        self._forbid("threads and processes")

    async def create_connection(self, *args: Any, **kwargs: Any) -> Any:
        self._forbid("connections")

    async def getaddrinfo(self, *args: Any, **kwargs: Any) -> Any:
        self._forbid("name resolution")

    async def subprocess_exec(self, *args: Any, **kwargs: Any) -> Any:
        self._forbid("processes")

    async def subprocess_shell(self, *args: Any, **kwargs: Any) -> Any:
        self._forbid("processes")


def _chain(coroutine: Any) -> list[Any]:
    """It, and those that it waits for."""
    chain = [coroutine]
    while asyncio.iscoroutine(inner := getattr(chain[-1], "cr_await", None)):
        chain.append(inner)
    return chain


def _close(close: Callable[[], object]) -> None:
    """Whatever its `finally` clauses do: it is thrown away. Each that awaits once more is closed once more."""
    for _ in range(_CLAUSES):
        try:
            close()
        except RuntimeError:
            continue
        except BaseException:  # noqa: S110  it has said its last word
            pass
        return
