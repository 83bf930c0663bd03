"""Failures on their way through the history: within SWF's limits, and back."""

from __future__ import annotations

import json

from hypothesis import given
from hypothesis import strategies as st

from workers_sdk.errors import NonRetryableError
from workers_sdk.failures import DETAILS_LIMIT, REASON_LIMIT, failure_from, failure_of


def _raised(error: BaseException) -> BaseException:
    try:
        raise error
    except BaseException as caught:
        return caught


@given(st.text(), st.integers(0, 200_000), st.integers(0, 30))
def test_any_exception_fits(message: str, length: int, depth: int) -> None:
    error: BaseException = _raised(ValueError(message + "é" * length))
    for _ in range(depth):
        outer = _raised(RuntimeError(message))
        outer.__cause__ = error
        error = outer
    failure = failure_of(error)
    assert len(failure.reason or "") <= REASON_LIMIT
    assert len(failure.details or "") <= DETAILS_LIMIT
    read = failure_from(failure.reason, failure.details)
    assert read.type == type(error).__name__
    assert read.kinds == ("RuntimeError" if depth else "ValueError", "Exception", "BaseException")


def test_details_are_json_that_a_person_can_read() -> None:
    told = json.loads(failure_of(_raised(KeyError("sku"))).details or "")
    assert told["type"] == "KeyError"
    assert told["message"] == "'sku'"
    assert told["kinds"] == ["KeyError", "LookupError", "Exception", "BaseException"]
    assert "raise error" in told["trace"][-1]


def test_what_others_wrote_is_read() -> None:
    for details in (None, "", "no json", '{"type":', '{"type":1}', '{"other":1}'):
        failure = failure_from("declined", details)
        assert failure.type == "declined"
        assert failure.kinds == ("declined",)
        assert failure.retryable


def test_error_that_must_not_be_retried_says_so() -> None:
    class Declined(NonRetryableError):
        pass

    failure = failure_of(Declined("no money"))
    assert not failure_from(failure.reason, failure.details).retryable


def test_group_is_told_by_its_name() -> None:
    failure = failure_of(ExceptionGroup("both", [ValueError("a"), KeyError("b")]))
    assert failure.reason == "ExceptionGroup: both (2 sub-exceptions)"
