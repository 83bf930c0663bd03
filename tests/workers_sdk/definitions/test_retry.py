"""Retries: how many, how far apart, and not for what no repetition mends."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workers_sdk.definitions.retry import Retry


def test_pauses_grow_to_the_longest() -> None:
    retry = Retry(attempts=6, first=1, factor=3, longest=timedelta(seconds=20))
    assert [retry.pause(attempt, 0, 0) for attempt in range(1, 7)] == [1, 3, 9, 20, 20, None]


def test_no_attempt_begins_too_late() -> None:
    retry = Retry(first=10, within=25)
    assert retry.pause(1, 5, 0) == 10
    assert retry.pause(2, 15, 0) is None


def test_without_an_end() -> None:
    retry = Retry(attempts=None, longest=60)
    assert retry.pause(10_000, 10**9, 0) == 60


@given(st.floats(0, 1), st.floats(0, 1, exclude_max=True), st.integers(1, 9))
def test_jitter_takes_off_at_most_its_part(jitter: float, lot: float, attempt: int) -> None:
    full = Retry(attempts=None).pause(attempt, 0, 0)
    pause = Retry(attempts=None, jitter=jitter).pause(attempt, 0, lot)
    assert full is not None
    assert pause is not None
    assert full * (1 - jitter) <= pause <= full


def test_errors_are_named_by_class_or_by_name() -> None:
    retry = Retry(never=(LookupError, "CardDeclined", "HEARTBEAT"))
    assert retry.forbids(("KeyError", "LookupError", "Exception"))
    assert retry.forbids(("CardDeclined",))
    assert retry.forbids(("HEARTBEAT",))
    assert not retry.forbids(("ValueError", "Exception"))


@pytest.mark.parametrize("wrong", [{"attempts": 0}, {"factor": 0.5}, {"jitter": 1.5}, {"jitter": -0.1}])
def test_what_makes_no_sense_is_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(ValueError, match=next(iter(wrong))):
        Retry(**wrong)  # type: ignore[arg-type]
