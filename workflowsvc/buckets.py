"""Token buckets: how AWS limits the rate of requests and decisions.

Law: time comes in as an argument. A bucket that nobody has taken from for long is full, and need not be kept.
"""

from __future__ import annotations

from collections.abc import Hashable
from typing import Final, NamedTuple

#: So many buckets are kept at least before those that are full again are looked for.
_MANY: Final = 1_000


class Rate(NamedTuple):
    """*size* tokens at most, and at first; *refill* more each second."""

    size: float
    refill: float

    def times(self, factor: float) -> Rate:
        """At least one token must fit in, or nothing would ever be allowed."""
        return Rate(max(1.0, self.size * factor), self.refill * factor)


class Buckets:
    """Buckets of one rate, by key."""

    def __init__(self, rate: Rate) -> None:
        self._rate = rate
        #: by key, how many tokens there were at which time, in milliseconds
        self._levels: dict[Hashable, tuple[float, int]] = {}
        self._many = _MANY

    def take(self, key: Hashable, wanted: int, now: int) -> int:
        """Take *wanted* tokens, or as many as there are; how many."""
        level = self._level(key, now)
        taken = min(wanted, int(level))
        if taken:
            self._levels[key] = level - taken, now
            if len(self._levels) > self._many:
                self._forget_full(now)
        return taken

    def _level(self, key: Hashable, now: int) -> float:
        level, at = self._levels.get(key, (self._rate.size, now))
        return min(self._rate.size, level + self._rate.refill * max(0, now - at) / 1000)

    def _forget_full(self, now: int) -> None:
        for key in [key for key in self._levels if self._level(key, now) >= self._rate.size]:
            del self._levels[key]
        self._many = max(_MANY, 2 * len(self._levels))
