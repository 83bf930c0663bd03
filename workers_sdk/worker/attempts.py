"""One attempt at an activity: what is to be run, and how it ended.

Law: data, and the one place where an exception becomes data, at the spot where it was raised: its trace does not
survive the way to another process.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from enum import Enum
from typing import Any, NamedTuple

from workers_sdk.definitions.activities import Activity
from workers_sdk.failures import Failure, failure_of
from workers_sdk.worker.cancellation import Cancellation
from workers_sdk.worker.context import ActivityInfo
from workers_sdk.worker.errors import ActivityCancelled


class Kind(Enum):
    """Where an activity runs."""

    ASYNC = "async"
    THREAD = "thread"
    PROCESS = "process"


class Attempt(NamedTuple):
    activity: Activity[..., Any]
    args: Sequence[Any]
    kwargs: Mapping[str, Any]
    info: ActivityInfo
    #: takes the details of heartbeats, from any thread
    beat: Callable[[object], None]
    cancellation: Cancellation


class Ended(NamedTuple):
    """By a *value*, or by an exception: the *failure* that it means. Of a cancellation the *value* is its details."""

    value: Any = None
    failure: Failure | None = None
    cancelled: bool = False


def ended_by(error: BaseException) -> Ended:
    cancelled = isinstance(error, ActivityCancelled | asyncio.CancelledError)
    return Ended(error.args[0] if cancelled and error.args else None, failure_of(error), cancelled)
