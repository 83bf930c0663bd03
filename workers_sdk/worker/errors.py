"""What a worker raises, and what it makes activities raise.

Law: exceptions only.

    WorkerNotStarted               the worker did not begin
     +-- DomainMissing             SWF has no such domain
     +-- RegistrationMismatch      a type is registered with other defaults than the code has
    ActivityCancelled              raised in an activity that is asked to end (a BaseException, as CancelledError is)
    WorkerStopped                  why an activity failed that the end of its worker cut short
    ProcessDied                    why an activity failed whose process is gone
"""

from __future__ import annotations

from collections.abc import Sequence


class WorkerNotStarted(Exception):
    """The worker did not begin: nothing was polled."""


class DomainMissing(WorkerNotStarted):
    """SWF has no such domain, and the worker was not told to register it."""


class RegistrationMismatch(WorkerNotStarted):
    """Types are registered with other defaults than the code has; the message is a table of them."""

    def __init__(self, types: Sequence[str]) -> None:
        what = "\n".join(types)
        super().__init__(
            f"registered defaults never change, and these differ from the code:\n{what}\n"
            "Bump the version of each: a worker may have several versions of a type side by side."
        )
        self.types = tuple(types)


class ActivityCancelled(BaseException):
    """Raised by `activity_context().heartbeat()` in an activity that is asked to end.

    No Exception, so that `except Exception` lets it pass. Raised on, it reports the activity as canceled, with its
    first argument as details: `raise ActivityCancelled({"copied": 5})`.
    """


class WorkerStopped(Exception):
    """The worker ended before the activity did. What of it was done is unknown."""


class ProcessDied(Exception):
    """The process in which the activity ran is gone. What of it was done is unknown."""
