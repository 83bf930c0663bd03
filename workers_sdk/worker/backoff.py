"""Pauses between attempts that go on for ever.

Law: what is given up is given up by somebody else.
"""

from __future__ import annotations

import random
from typing import Final

_FIRST: Final = 1.0
_LONGEST: Final = 20.0


class Backoff:
    """Seconds, doubling up to twenty, a part of them by lot: the workers of a fleet do not come back all at once."""

    def __init__(self, first: float = _FIRST, longest: float = _LONGEST) -> None:
        self._first = first
        self._longest = longest
        self._ceiling = first

    def next(self) -> float:
        ceiling, self._ceiling = self._ceiling, min(self._longest, self._ceiling * 2)
        return ceiling * random.uniform(0.5, 1.0)  # noqa: S311  jitter

    def reset(self) -> None:
        self._ceiling = self._first
