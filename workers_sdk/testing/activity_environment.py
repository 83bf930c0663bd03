"""One activity without a service: its heartbeats, its cancellation, its context.

Law: as in a worker as far as the activity can tell: a `def` runs in a thread of its own, an `async def` on an event
loop, heartbeats take what can be written as text, and who is cancelled learns it as there.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from concurrent.futures import ThreadPoolExecutor
from contextvars import Context, copy_context
from functools import partial
from typing import Any, Final, ParamSpec, TypedDict, TypeVar, Unpack

from workers_sdk.definitions.activities import Activity
from workers_sdk.payloads import Converter, JsonConverter
from workers_sdk.worker.cancellation import Cancellation, Why
from workers_sdk.worker.context import CURRENT, ActivityContext, ActivityInfo
from workers_sdk.worker.errors import ActivityCancelled

P = ParamSpec("P")
R = TypeVar("R")


class InfoMembers(TypedDict, total=False):
    """Members of ActivityInfo that a test may set."""

    domain: str
    activity_id: str
    workflow_id: str
    run_id: str
    task_token: str
    attempt: int


_INFO: Final[InfoMembers] = {
    "domain": "tests",
    "activity_id": "1",
    "workflow_id": "workflow",
    "run_id": "run",
    "task_token": "token",
}


class ActivityEnvironment:
    """Runs activities, and keeps what they said of themselves in `heartbeats`: the details, in order.

        environment = ActivityEnvironment(attempt=2)
        assert environment.run(charge, order) == receipt

    *cancel_at*: the cancellation is requested when the activity beats for the n-th time (from 1). The members of
    ActivityInfo are what the activity finds in `activity_context().info`.
    """

    def __init__(
        self, *, cancel_at: int | None = None, converter: Converter | None = None, **info: Unpack[InfoMembers]
    ) -> None:
        self.heartbeats: list[Any] = []
        self._cancel_at = cancel_at
        self._converter = converter or JsonConverter()
        self._info: InfoMembers = {**_INFO, **info}
        self._cancellation = Cancellation()

    def cancel(self) -> None:
        """Request the cancellation of what runs, or of what is run next. Safe from any thread."""
        self._cancellation.request(Why.REQUESTED)

    def run(self, activity: Activity[P, R], /, *args: P.args, **kwargs: P.kwargs) -> R:
        """Call the activity in a thread, on an event loop of its own if it is an `async def`, and wait for it.

        Raises what the activity raises; ActivityCancelled, with its details, if it ended because it was cancelled.
        """
        context = self._context(activity)
        with ThreadPoolExecutor(1, "activity") as thread:
            if activity.is_async:
                done = thread.submit(asyncio.run, self._supervised(activity.fn(*args, **kwargs), context))
            else:
                done = thread.submit(context.run, partial(activity.fn, *args, **kwargs))
            result: R = done.result()
        return result

    async def run_async(self, activity: Activity[P, R], /, *args: P.args, **kwargs: P.kwargs) -> R:
        """The same without blocking: an `async def` runs on the loop of the caller, a `def` in a thread."""
        context = self._context(activity)
        if activity.is_async:
            result: R = await self._supervised(activity.fn(*args, **kwargs), context)
        else:
            result = await asyncio.to_thread(context.run, partial(activity.fn, *args, **kwargs))
        return result

    def _context(self, activity: Activity[..., Any]) -> Context:
        info = ActivityInfo(name=activity.name, version=activity.version, **self._info)
        context = copy_context()
        context.run(CURRENT.set, ActivityContext(info, self._beat, self._cancellation.flag))
        return context

    def _beat(self, details: object) -> None:
        if details is not None:
            self._converter.to_text(details)
        self.heartbeats.append(details)
        if len(self.heartbeats) == self._cancel_at:
            self.cancel()

    async def _supervised(self, coroutine: Coroutine[Any, Any, R], context: Context) -> R:
        task = asyncio.create_task(coroutine, name="activity", context=context)
        loop = asyncio.get_running_loop()
        self._cancellation.tell(lambda: loop.call_soon_threadsafe(task.cancel))
        try:
            return await task
        except asyncio.CancelledError as error:
            if not self._cancellation.flag.is_set():
                raise
            raise ActivityCancelled(*error.args) from error
