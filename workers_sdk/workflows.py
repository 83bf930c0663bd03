"""What workflow code can ask for besides activities and children.

Law: all of it is the same at every replay. asyncio is there too, on a loop of the execution's own: `asyncio.sleep` is a
durable timer, `asyncio.timeout`, `gather`, `wait`, `TaskGroup`, `shield`, `Event` and `Queue` do what they always do.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, MutableMapping
from datetime import datetime, timedelta
from random import Random
from typing import Any, Final, TypeVar, overload
from uuid import UUID

from workers_sdk.definitions.context import Info, context_or_none, current

T = TypeVar("T")


def now() -> datetime:
    """The time of the decision task, with time zone UTC. It stands while code runs."""
    return current("now()").now()


def random() -> Random:
    """A generator of random numbers, seeded by the run id."""
    return current("random()").random


def uuid4() -> UUID:
    """A random UUID, the same at every replay."""
    return UUID(int=current("uuid4()").random.getrandbits(128), version=4)


def info() -> Info:
    """What is known of this execution: its ids, its type, its tags, how long its history is."""
    return current("info()").info()


def replaying() -> bool:
    """Whether the code only catches up with what it did before."""
    return current("replaying()").replaying


async def sleep(duration: float | timedelta) -> None:
    """A durable timer: seconds, or a timedelta; a part of a second becomes a whole one."""
    await asyncio.sleep(duration.total_seconds() if isinstance(duration, timedelta) else duration)


async def wait_until(condition: Callable[[], bool], timeout: float | timedelta | None = None) -> bool:  # noqa: ASYNC109
    """Until *condition* holds, which is looked at whenever the code has come to rest. False: *timeout* came first."""
    future = current("wait_until()").wait_until(condition)
    if timeout is None:
        await future
        return True
    seconds = timeout.total_seconds() if isinstance(timeout, timedelta) else timeout
    try:
        async with asyncio.timeout(seconds):
            await future
    except TimeoutError:
        return False
    return True


async def wait(
    awaitables: Iterable[Awaitable[T]],
    *,
    timeout: float | timedelta | None = None,  # noqa: ASYNC109
    return_when: str = asyncio.ALL_COMPLETED,
) -> tuple[list[asyncio.Future[T]], list[asyncio.Future[T]]]:
    """asyncio.wait with lists in the order of *awaitables* for sets: done, and pending."""
    futures = [asyncio.ensure_future(awaitable) for awaitable in awaitables]
    seconds = timeout.total_seconds() if isinstance(timeout, timedelta) else timeout
    await asyncio.wait(futures, timeout=seconds, return_when=return_when)
    return [one for one in futures if one.done()], [one for one in futures if not one.done()]


async def as_completed(awaitables: Iterable[Awaitable[T]]) -> AsyncIterator[asyncio.Future[T]]:
    """Each future when it is done, in the order in which they are; `await` it for its result."""
    done: asyncio.Queue[asyncio.Future[T]] = asyncio.Queue()
    futures = [asyncio.ensure_future(awaitable) for awaitable in awaitables]
    for future in futures:
        future.add_done_callback(done.put_nowait)
    for _ in futures:
        yield await done.get()


@overload
def side_effect(name: str, function: Callable[[], T], type_: type[T]) -> T: ...
@overload
def side_effect(name: str, function: Callable[[], Any]) -> Any: ...
def side_effect(name: str, function: Callable[[], Any], type_: Any = Any) -> Any:
    """Call *function* once, and find what it gave in a marker ever after, read as *type_*.

    For what is quick and cannot fail: a lot, a setting. All else is an activity.
    """
    return current(f"the side effect {name}").side_effect(name, function, type_)


def patched(patch: str) -> bool:
    """Whether this execution has the change of code called *patch*: True for those that come here after it.

    `if patched("check-stock"): await check(order)`. Executions that were past this point keep to the old way.
    """
    return current(f"patched({patch!r})").patched(patch)


def record_marker(name: str, value: object = None) -> None:
    """A note in the history (RecordMarker), for those who read it."""
    current(f"the marker {name}").record_marker(name, value)


def set_state(value: object) -> None:
    """What the execution shows of itself: its latestExecutionContext, which `Handle.state()` reads, also when closed.

    At most 32,768 characters as text, unless the worker has a claim check.
    """
    current("set_state()").set_state(value)


class CancelScope:
    """A part of a workflow that can be cancelled by itself: `async with CancelScope() as scope: ...`.

    `scope.cancel()` cancels what is awaited in it, as asyncio does, and the code behind it goes on.
    """

    def __init__(self) -> None:
        self._task: asyncio.Task[Any] | None = None
        self._requests = 0
        self.cancelled = False

    async def __aenter__(self) -> CancelScope:
        self._task = asyncio.current_task()
        if self._task is not None:
            self._requests = self._task.cancelling()
            if self.cancelled:
                self._task.cancel()
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> bool:
        task, self._task = self._task, None
        if not self.cancelled or task is None:
            return False
        late: asyncio.CancelledError | None = None
        try:
            # Of a code that did not wait for anything since, the request would be heard behind the scope.
            await asyncio.sleep(0)
        except asyncio.CancelledError as request:
            late = request
        # Somebody else's request to cancel is not ours to swallow (asyncio.Task.uncancel).
        if task.uncancel() <= self._requests:
            return kind is not None and issubclass(kind, asyncio.CancelledError)
        if late is not None:
            raise late
        return False

    def cancel(self) -> None:
        """Cancel what is awaited in it; before it is entered: what will be. Done twice, it is done once."""
        if not self.cancelled:
            self.cancelled = True
            if self._task is not None:
                self._task.cancel()


class WorkflowLogger(logging.LoggerAdapter[logging.Logger]):
    """Says each thing once, not at each replay, and of which execution it is (`extra`: workflow_id, run_id)."""

    def isEnabledFor(self, level: int) -> bool:  # noqa: N802  logging's own name
        loop = asyncio._get_running_loop()
        if loop is not None and loop.is_closed():
            return False  # the execution leaves the worker's memory: its `finally` says nothing
        context = context_or_none()
        return (context is None or not context.replaying) and super().isEnabledFor(level)

    def process(self, msg: Any, kwargs: MutableMapping[str, Any]) -> tuple[Any, MutableMapping[str, Any]]:
        context = context_or_none()
        if context is not None:
            of = context.info()
            kwargs["extra"] = {**kwargs.get("extra", {}), "workflow_id": of.workflow_id, "run_id": of.run_id}
        return msg, kwargs


#: For workflow code.
logger: Final = WorkflowLogger(logging.getLogger("workers_sdk.workflow"), {})
