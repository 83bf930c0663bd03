"""The attempts of one call: what became of them, and whether there is another.

Law: nothing is sent or awaited here; the time comes as an argument, the policy from retries.py.
"""

from __future__ import annotations

import random
from typing import NamedTuple, Self

from workers_sdk.client.answers import fault_of
from workers_sdk.client.errors import ClientError, ServiceUnreachable, Trail, with_trail
from workers_sdk.client.retries import Nature, Retries, nature_of
from workers_sdk.client.transport import Answer, NoAnswer
from workflowsvc.swf.errors import Fault


class Failure(NamedTuple):
    """An attempt without success: the error that it would be if it were the last."""

    error: Fault | ClientError
    nature: Nature
    retry_after: float | None = None

    @classmethod
    def refused(cls, answer: Answer, *, poll: bool) -> Self:
        fault = fault_of(answer.status, answer.body)
        if answer.request_id:
            fault.add_note(f"request id {answer.request_id}")
        return cls(fault, nature_of(fault, poll=poll), answer.retry_after)

    @classmethod
    def lost(cls, url: str, lost: NoAnswer) -> Self:
        error = ServiceUnreachable(f"{url}: {lost}")
        error.__cause__ = lost.__cause__
        return cls(error, lost.nature)


class Attempts:
    """Of one call."""

    def __init__(self, retries: Retries) -> None:
        self._retries = retries
        self._trail = Trail(0)
        self._latest: Exception | None = None
        self._first_failed = 0.0

    def pause(self, failure: Failure, now: float) -> float:
        """Seconds until the next attempt. If there is none, raises the failure's error, caused by the one before."""
        error, nature, retry_after = failure
        if self._latest is None:
            self._first_failed = now
        elif error.__cause__ is None:
            error.__cause__ = self._latest
        self._latest = error
        self._trail = Trail(self._trail.attempts + 1, self._trail.in_doubt or nature.in_doubt)
        pause = self._retries.pause(
            nature,
            failed=self._trail.attempts,
            since=now - self._first_failed,
            draw=random.random(),  # noqa: S311  jitter
            retry_after=retry_after,
        )
        if pause is None:
            raise with_trail(error, self._trail)
        return pause
