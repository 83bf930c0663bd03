"""How often and how far apart a failed activity is tried again. Pure.

Law: SWF has no retries: the decider schedules anew, after a timer. So all that is decided here depends on nothing but
its arguments; chance comes in as an argument.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Final

import msgspec

#: A power of two beyond this is no longer a delay that anybody wants to wait for.
_MAX_EXPONENT: Final = 62


class Retry(msgspec.Struct, frozen=True, kw_only=True):
    """At most *attempts* in all, the first included (None: no end).

    The n-th pause is *first* times *factor* to the power n - 1, at most *longest*, of which up to the part *jitter*
    is taken off by lot. No attempt begins later than *within* after the first one. Durations are seconds or a
    timedelta; SWF's timers round a part of a second up. *never* names errors that no repetition mends: exception
    classes, or the names of their types as they appear in the failure's details. Timeouts count as failures, by their
    names START_TO_CLOSE, HEARTBEAT, SCHEDULE_TO_START and SCHEDULE_TO_CLOSE.
    """

    attempts: int | None = 5
    first: float | timedelta = 1.0
    factor: float = 2.0
    longest: float | timedelta = 300.0
    jitter: float = 0.0
    within: float | timedelta | None = None
    never: tuple[type[BaseException] | str, ...] = ()

    def __post_init__(self) -> None:
        if self.attempts is not None and self.attempts < 1:
            raise ValueError("Retry.attempts counts the first one: it is 1 or more, or None")
        if self.factor < 1:
            raise ValueError("Retry.factor is 1 or more")
        if not 0 <= self.jitter <= 1:
            raise ValueError("Retry.jitter is a part of the pause, from 0 to 1")

    def pause(self, attempt: int, elapsed: float, lot: float) -> float | None:
        """Seconds until the attempt after the *attempt*-th (from 1), None: there is none.

        *elapsed* is the seconds since the first attempt was scheduled, *lot* is from [0, 1).
        """
        if self.attempts is not None and attempt >= self.attempts:
            return None
        full = _seconds(self.first) * self.factor ** min(attempt - 1, _MAX_EXPONENT)
        pause = min(full, _seconds(self.longest)) * (1 - self.jitter * lot)
        if self.within is not None and elapsed + pause > _seconds(self.within):
            return None
        return pause

    def forbids(self, kinds: tuple[str, ...]) -> bool:
        """Whether one of the failure's *kinds*, the names of its type and of that type's bases, is named in *never*."""
        return any(name in kinds for name in self._names())

    def _names(self) -> list[str]:
        return [one if isinstance(one, str) else one.__name__ for one in self.never]


def _seconds(duration: float | timedelta) -> float:
    return duration.total_seconds() if isinstance(duration, timedelta) else duration
