"""Events that were answered and may not be in the tables yet, so that whoever reads a history need not wait for that.

Law: of each run all that the tables may lack, without a hole, and nothing once it is known that they have it.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from typing import NamedTuple

from workflowsvc.records import Commit
from workflowsvc.stores.works import Recorded, Unit, recorded_of


class Tail(NamedTuple):
    """The last events of a run, from *first* on."""

    first: int
    events: list[bytes]

    def between(self, first: int, last: int) -> list[bytes]:
        return self.events[max(first - self.first, 0) : max(last - self.first + 1, 0)]


class Recent:
    """Most of it is never asked for, so it is kept as it was sent, and put in order by run when somebody asks."""

    def __init__(self) -> None:
        #: the oldest groups, with the runs that they touched; and those that nobody asked for yet
        self._ordered: deque[tuple[int, Sequence[str]]] = deque()
        self._others: deque[tuple[int, Sequence[bytes]]] = deque()
        #: by run id, the ordered groups that touched it, with what they committed
        self._touches: dict[str, deque[tuple[int, Commit | None]]] = {}

    def add(self, group: int, works: Sequence[bytes]) -> None:
        """Works as they were encoded. Groups come in the order of their numbers."""
        self._others.append((group, works))

    def shown(self, group: int) -> None:
        """All up to this group are in the tables."""
        while self._ordered and self._ordered[0][0] <= group:
            for run_id in self._ordered.popleft()[1]:
                self._forget(run_id, group)
        while self._others and self._others[0][0] <= group:
            self._others.popleft()

    def __contains__(self, run_id: str) -> bool:
        self._order()
        return run_id in self._touches

    def tail(self, run_id: str) -> Tail | None:
        self._order()
        commits = [commit for _, commit in self._touches.get(run_id, ()) if commit and commit.events]
        if not commits:
            return None
        return Tail(commits[0].first, [event for commit in commits for event in commit.events])

    def _order(self) -> None:
        while self._others:
            group, works = self._others.popleft()
            touched = [touch for work in works for touch in _touched(recorded_of(work))]
            for run_id, commit in touched:
                self._touches.setdefault(run_id, deque()).append((group, commit))
            self._ordered.append((group, [run_id for run_id, _ in touched]))

    def _forget(self, run_id: str, group: int) -> None:
        touches = self._touches.get(run_id)
        while touches and touches[0][0] <= group:
            touches.popleft()
        if not touches:
            self._touches.pop(run_id, None)


def _touched(work: Recorded) -> list[tuple[str, Commit | None]]:
    if isinstance(work, Unit):
        return [(commit.run_id, commit) for commit in work.commits]
    return [(run_id, None) for run_id in work.run_ids]
