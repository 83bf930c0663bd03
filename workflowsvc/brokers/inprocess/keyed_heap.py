"""A priority queue with at most one entry a key. Law: memory is proportional to the entries that stand.

An entry that was replaced or removed stays in the heap until it comes up, or until such entries outnumber the
others: then the heap is made anew. So every step costs O(log n), amortised.
"""

from __future__ import annotations

import heapq
from typing import Generic, TypeVar

#: Lowest first. The second number makes ranks unique.
Rank = tuple[int, int]

#: Below this many stale entries it is not worth the while to clear them away.
_SLACK = 64

K = TypeVar("K", str, tuple[str, int])
V = TypeVar("V")


class KeyedHeap(Generic[K, V]):
    def __init__(self) -> None:
        self._entries: dict[K, tuple[Rank, V]] = {}
        self._heap: list[tuple[Rank, K]] = []

    def __len__(self) -> int:
        return len(self._entries)

    def put(self, key: K, rank: Rank, value: V) -> None:
        """Whatever the key had is replaced."""
        self._entries[key] = (rank, value)
        heapq.heappush(self._heap, (rank, key))
        self._compact()

    def rank(self, key: K) -> Rank | None:
        entry = self._entries.get(key)
        return None if entry is None else entry[0]

    def remove(self, key: K) -> None:
        if self._entries.pop(key, None) is not None:
            self._compact()

    def first(self) -> Rank | None:
        """The rank of the entry that `pop` would give."""
        while self._heap:
            rank, key = self._heap[0]
            if self.rank(key) == rank:
                return rank
            heapq.heappop(self._heap)
        return None

    def pop(self) -> tuple[Rank, V]:
        """Raises IndexError where there is none."""
        self.first()
        _, key = heapq.heappop(self._heap)
        return self._entries.pop(key)

    def clear(self) -> None:
        self._entries.clear()
        self._heap.clear()

    def _compact(self) -> None:
        if len(self._heap) > 2 * len(self._entries) + _SLACK:
            self._heap = [(rank, key) for key, (rank, _) in self._entries.items()]
            heapq.heapify(self._heap)
