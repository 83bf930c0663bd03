"""That an activity is to end, and why.

Law: safe from any thread. It is said once to each who wants to know; "gone" outweighs what was said before.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from enum import Enum


class Why(Enum):
    #: RequestCancelActivityTask: a heartbeat's answer said cancelRequested
    REQUESTED = "its cancellation was requested"
    #: the service knows its token no more: it timed out, or its execution closed
    GONE = "it timed out, or its execution closed"
    STOPPED = "its worker stops"


class Cancellation:
    """Of one attempt at an activity."""

    def __init__(self) -> None:
        self.flag = threading.Event()
        self.why: Why | None = None
        self._lock = threading.Lock()
        self._told: list[Callable[[], object]] = []

    def request(self, why: Why) -> None:
        with self._lock:
            if self.why is None or why is Why.GONE:
                self.why = why
            told, self._told = self._told, []
        self.flag.set()
        for tell in told:
            tell()

    def tell(self, whom: Callable[[], object]) -> None:
        """Call *whom* when the activity is to end, from whatever thread finds out: at once if that is so already."""
        with self._lock:
            if self.why is None:
                self._told.append(whom)
                return
        whom()
