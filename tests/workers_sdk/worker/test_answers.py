"""What an activity task is answered with, from how it ended and why it was to end."""

from __future__ import annotations

import asyncio
from typing import Any, cast

import pytest

from workers_sdk.client import Client
from workers_sdk.errors import NonRetryableError
from workers_sdk.failures import DETAILS_LIMIT, failure_from, failure_of
from workers_sdk.payloads import Payloads, PayloadTooLarge
from workers_sdk.worker.answers import Answer, Canceled, Completed, Failed, Sender, answer_to, unwritable
from workers_sdk.worker.attempts import Ended, ended_by
from workers_sdk.worker.cancellation import Why
from workers_sdk.worker.errors import ActivityCancelled

DONE = Ended("result")
FAILED = ended_by(ValueError("wrong"))
CANCELLED = ended_by(ActivityCancelled({"copied": 5}))


@pytest.mark.parametrize(
    ("ended", "why", "answer"),
    [
        (DONE, None, Completed("result")),
        (DONE, Why.REQUESTED, Completed("result")),
        (DONE, Why.STOPPED, Completed("result")),
        (DONE, Why.GONE, None),
        (CANCELLED, Why.REQUESTED, Canceled({"copied": 5})),
        (ended_by(asyncio.CancelledError()), Why.REQUESTED, Canceled(None)),
        (CANCELLED, Why.GONE, None),
        (FAILED, Why.GONE, None),
    ],
)
def test_the_answer_follows(ended: Ended, why: Why | None, answer: Answer | None) -> None:
    assert answer_to(ended, why) == answer


@pytest.mark.parametrize(
    ("ended", "why", "type_"),
    [
        (FAILED, None, "ValueError"),
        (FAILED, Why.REQUESTED, "ValueError"),
        (FAILED, Why.STOPPED, "ValueError"),
        (CANCELLED, None, "ActivityCancelled"),
        (CANCELLED, Why.STOPPED, "WorkerStopped"),
    ],
)
def test_failures_are_told_by_their_type(ended: Ended, why: Why | None, type_: str) -> None:
    answer = answer_to(ended, why)
    assert isinstance(answer, Failed)
    assert answer.failure.type == type_
    assert answer.failure.retryable


class Doubling:
    """A codec that makes all texts longer, as encryption does."""

    name = "doubling"

    async def encode(self, text: str, limit: int) -> str:
        return text * 2

    async def decode(self, body: str) -> str:
        return body[: len(body) // 2]


class Service:
    async def respond_activity_task_failed(self, **members: Any) -> None:
        self.failed = members


async def test_the_details_of_a_failure_fit_though_a_codec_lengthens_them() -> None:
    """What a retry policy looks at is kept."""
    service = Service()
    payloads = Payloads(codecs=[Doubling()])
    failure = failure_of(NonRetryableError("x" * 20_000))
    await Sender(cast(Client, service), payloads).send("token", Failed(failure))
    assert len(service.failed["details"]) <= DETAILS_LIMIT
    read = failure_from(service.failed["reason"], await payloads.decode(service.failed["details"]))
    assert (read.type, read.retryable) == ("NonRetryableError", False)


def test_a_result_that_cannot_be_written_is_not_tried_again() -> None:
    """The activity has done its work: to do it twice would not make the result shorter."""
    told = unwritable(PayloadTooLarge(40_000, 32_768)).failure
    read = failure_from(told.reason, told.details)
    assert (read.type, read.retryable, told.retryable) == ("PayloadTooLarge", False, False)
    assert unwritable(OSError("of a codec")).failure.retryable
