"""Workflows in memory: the least recently decided goes, and what does not fit the task is of no use."""

from __future__ import annotations

from typing import Any, cast

import pytest

from workers_sdk.replay.replay import Replay
from workers_sdk.worker.cache import Cache


class FakeReplay:
    def __init__(self, last_started: int) -> None:
        self.last_started = last_started


def replay(last_started: int) -> Replay:
    return cast(Replay, FakeReplay(last_started))


@pytest.fixture
def closed() -> list[Any]:
    return []


def test_it_is_taken_by_the_task_that_follows_its_last_one(closed: list[Any]) -> None:
    cache = Cache(2, closed.append)
    one = replay(3)
    cache.put("run", one)
    assert cache.take("run", 3) is one
    assert cache.take("run", 3) is None, "who decides has it out of the cache"
    assert closed == []


def test_any_other_task_throws_it_away(closed: list[Any]) -> None:
    cache = Cache(2, closed.append)
    one = replay(3)
    cache.put("run", one)
    assert cache.take("run", 9) is None
    assert closed == [one]


def test_the_least_recently_decided_goes_first(closed: list[Any]) -> None:
    cache = Cache(2, closed.append)
    replays = {run: replay(3) for run in ("a", "b", "c")}
    cache.put("a", replays["a"])
    cache.put("b", replays["b"])
    cache.put("a", cast(Replay, cache.take("a", 3)))
    cache.put("c", replays["c"])
    assert closed == [replays["b"]]
    assert len(cache) == 2


def test_what_is_being_decided_is_not_thrown_away(closed: list[Any]) -> None:
    cache = Cache(1, closed.append)
    cache.put("a", replay(3))
    cache.take("a", 3)
    cache.put("b", replay(3))
    assert closed == []


def test_one_that_is_put_twice_replaces_the_other(closed: list[Any]) -> None:
    """A task that timed out while it was decided, and its successor, may be decided here at once."""
    cache = Cache(2, closed.append)
    first, second = replay(3), replay(9)
    cache.put("run", first)
    cache.put("run", second)
    assert closed == [first]
    assert cache.take("run", 9) is second


def test_a_limit_of_none_keeps_nothing_and_clear_closes_all(closed: list[Any]) -> None:
    Cache(0, closed.append).put("run", replay(3))
    assert len(closed) == 1
    cache = Cache(3, closed.append)
    cache.put("a", replay(3))
    cache.put("b", replay(3))
    cache.clear()
    assert (len(closed), len(cache)) == (3, 0)
