"""The priority queue against the obvious, slow one."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from workflowsvc.brokers.inprocess.keyed_heap import KeyedHeap

KEYS = st.sampled_from("abcdefgh")


@given(st.lists(st.one_of(st.tuples(KEYS, st.integers(0, 9)), st.tuples(KEYS, st.none()), st.none()), max_size=300))
def test_it_gives_the_lowest_rank_of_what_stands(steps: list[tuple[str, int | None] | None]) -> None:
    heap: KeyedHeap[str, str] = KeyedHeap()
    standing: dict[str, tuple[int, int]] = {}
    for number, step in enumerate(steps):
        match step:
            case None if standing:
                key = min(standing, key=lambda key: standing[key])
                assert heap.pop() == (standing.pop(key), key)
            case (key, None):
                heap.remove(key)
                standing.pop(key, None)
            case (key, urgency):
                standing[key] = (urgency, number)
                heap.put(key, standing[key], key)
        assert len(heap) == len(standing)
        assert heap.first() == min(standing.values(), default=None)
        assert all(heap.rank(key) == standing.get(key) for key in "abcdefgh")


def test_what_came_and_went_or_was_replaced_leaves_nothing_behind() -> None:
    heap: KeyedHeap[str, None] = KeyedHeap()
    heap.put("stays", (0, 0), None)
    for number in range(10_000):
        heap.put(f"run {number}", (1, number), None)
        heap.remove(f"run {number}")
        heap.put("is replaced", (2, number), None)
    assert len(heap) == 2
    assert len(heap._heap) < 100
