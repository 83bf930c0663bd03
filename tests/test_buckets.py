"""Token buckets."""

from __future__ import annotations

from workflowsvc import buckets
from workflowsvc.buckets import Buckets, Rate

NOW = 1_700_000_000_000


def test_a_bucket_gives_what_it_holds_and_what_was_refilled() -> None:
    some = Buckets(Rate(10, 2))
    assert [some.take("a", 4, NOW) for _ in range(3)] == [4, 4, 2]
    assert some.take("a", 1, NOW + 499) == 0
    assert some.take("a", 5, NOW + 500) == 1
    assert some.take("a", 5, NOW + 2_500) == 4


def test_a_bucket_never_holds_more_than_its_size() -> None:
    some = Buckets(Rate(10, 2))
    some.take("a", 10, NOW)
    assert some.take("a", 100, NOW + 86_400_000) == 10


def test_keys_do_not_share() -> None:
    some = Buckets(Rate(1, 1))
    assert [some.take(key, 1, NOW) for key in ("a", "b", "a")] == [1, 1, 0]


def test_time_that_goes_back_takes_nothing_away() -> None:
    some = Buckets(Rate(10, 1))
    some.take("a", 5, NOW)
    assert some.take("a", 10, NOW - 60_000) == 5


def test_a_fraction_of_a_rate_still_has_room_for_one() -> None:
    assert Rate(50, 30).times(0.001) == Rate(1, 0.03)
    assert Rate(50, 30).times(2) == Rate(100, 60)


def test_full_buckets_are_forgotten_and_empty_ones_are_not() -> None:
    some = Buckets(Rate(1, 1))
    for key in range(buckets._MANY):
        some.take(key, 1, NOW)
    some.take("new", 1, NOW + 5_000)
    assert set(some._levels) == {"new"}
    for key in range(3 * buckets._MANY):
        some.take(key, 1, NOW + 5_000)
    assert not any(some.take(key, 1, NOW + 5_000) for key in ["new", *range(3 * buckets._MANY)])
