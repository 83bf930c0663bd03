"""Whatever code raises can be written down: exceptions that are no good citizens, and groups of them."""

from __future__ import annotations

from workers_sdk.errors import NonRetryableError
from workers_sdk.failures import DETAILS_LIMIT, failure_of


def test_text_that_cannot_be_sent_is_escaped() -> None:
    """The name of a file that is no text, as os.fsdecode gives it."""
    failure = failure_of(ValueError("\udcff"))
    assert failure.reason == "ValueError: \\udcff"
    assert '"message":"\\\\udcff"' in (failure.details or "")


class Mute(Exception):
    def __str__(self) -> str:
        raise RuntimeError


def test_message_that_cannot_be_had_is_no_obstacle() -> None:
    assert failure_of(Mute()).reason == "Mute: (its message cannot be had: RuntimeError)"


def test_details_are_measured_in_bytes_as_codecs_do() -> None:
    failure = failure_of(ValueError("語" * 8_000))
    assert len((failure.details or "").encode()) <= DETAILS_LIMIT


def test_group_is_as_final_as_what_is_in_it() -> None:
    """What a TaskGroup makes of it: Retry.never and NonRetryableError still hold."""
    failure = failure_of(ExceptionGroup("some", [KeyError(), ExceptionGroup("more", [NonRetryableError()])]))
    assert failure.kinds == (
        *("ExceptionGroup", "BaseExceptionGroup", "Exception", "BaseException"),
        *("KeyError", "LookupError", "NonRetryableError"),
    )
    assert not failure.retryable
