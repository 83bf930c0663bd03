"""What an activity knows of the task that it works on, and how it keeps in touch.

Law: no I/O and no worker in here: two callables and a flag, so that a test makes one in a line. Safe from any thread.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable
from contextvars import ContextVar
from typing import Final, Protocol, Self

import msgspec

from workers_sdk.worker.errors import ActivityCancelled
from workflowsvc.swf import shapes

#: "ID.N": the library's own workflows schedule the N-th attempt of the activity ID so.
_ATTEMPT: Final = re.compile(r"\.([2-9]|[1-9][0-9]+)\Z")


class Flag(Protocol):
    """What is asked of a threading.Event, or of one of multiprocessing."""

    def is_set(self) -> bool: ...
    def wait(self, timeout: float | None = None, /) -> bool: ...


class ActivityInfo(msgspec.Struct, frozen=True, kw_only=True):
    """The task: PollForActivityTask's answer. `attempt`, from 1, is known where a workflow of this library calls."""

    domain: str
    activity_id: str
    name: str
    version: str
    workflow_id: str
    run_id: str
    task_token: str
    attempt: int = 1

    @classmethod
    def of(cls, task: shapes.ActivityTask, domain: str) -> Self:
        """Of what PollForActivityTask answered."""
        return cls(
            domain=domain,
            activity_id=task.activity_id,
            name=task.activity_type.name,
            version=task.activity_type.version,
            workflow_id=task.workflow_execution.workflow_id,
            run_id=task.workflow_execution.run_id,
            task_token=task.task_token,
            attempt=attempt_of(task.activity_id),
        )

    def __str__(self) -> str:
        return f"activity {self.name} {self.version} ({self.activity_id} of {self.workflow_id})"


def attempt_of(activity_id: str) -> int:
    found = _ATTEMPT.search(activity_id)
    return int(found[1]) if found else 1


class ActivityContext:
    """Of one attempt. *beat* takes the details of a heartbeat, *cancelled* is set when the activity is to end."""

    def __init__(self, info: ActivityInfo, beat: Callable[[object], None], cancelled: Flag) -> None:
        self.info = info
        self._beat = beat
        self._cancelled = cancelled

    def heartbeat(self, details: object = None) -> None:
        """Say that the activity is alive, and how far it is: the latest *details* (2,048 characters of JSON at most)
        are what a timeout reports. Cheap: call it as often as you like, it is sent as often as makes sense.

        Raises ActivityCancelled in a `def` that is to end (an `async def` gets CancelledError), and PayloadError if
        *details* cannot be written as text.
        """
        self._beat(details)
        if self._cancelled.is_set() and asyncio._get_running_loop() is None:
            raise ActivityCancelled

    @property
    def cancel_requested(self) -> bool:
        """Whether the activity is to end: the workflow cancelled it, or needs it no more, or the worker stops.

        Known from a heartbeat's answer only: an activity without heartbeats never hears of it.
        """
        return self._cancelled.is_set()

    def wait_cancelled(self, timeout: float | None = None) -> bool:
        """Sleep for *timeout* seconds, or until the activity is to end: True then. Blocks: not for `async def`."""
        return self._cancelled.wait(timeout)


CURRENT: Final[ContextVar[ActivityContext]] = ContextVar("activity context")


def activity_context() -> ActivityContext:
    """Of the activity that calls. Raises LookupError outside of one, and in threads that it started by itself."""
    try:
        return CURRENT.get()
    except LookupError:
        raise LookupError(
            "no activity runs here: activity_context() is for activities, while a worker runs them"
        ) from None
