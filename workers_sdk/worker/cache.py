"""Workflows in memory, between their decision tasks.

Law: the least recently decided goes first, and none that is being decided: who decides has it out of here.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable

from workers_sdk.replay.replay import Replay


class Cache:
    """At most *limit*, by run id. *close* is called with each that is thrown away."""

    def __init__(self, limit: int, close: Callable[[Replay], object]) -> None:
        self._limit = limit
        self._close = close
        self._kept: OrderedDict[str, Replay] = OrderedDict()

    def __len__(self) -> int:
        return len(self._kept)

    def take(self, run_id: str, last_started: int) -> Replay | None:
        """That of the run, out of the cache, if the last task that it decided is *last_started*; any other is of no
        more use."""
        replay = self._kept.pop(run_id, None)
        if replay is not None and replay.last_started != last_started:
            self._close(replay)
            return None
        return replay

    def put(self, run_id: str, replay: Replay) -> None:
        if replaced := self._kept.pop(run_id, None):
            self._close(replaced)
        self._kept[run_id] = replay
        while len(self._kept) > self._limit:
            self._close(self._kept.popitem(last=False)[1])

    def clear(self) -> None:
        while self._kept:
            self._close(self._kept.popitem()[1])
