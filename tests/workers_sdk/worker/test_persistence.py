"""What passes is tried again without end, what does not is raised."""

from __future__ import annotations

import pytest

from workers_sdk.client import ClientClosed, Misconfigured, ServiceFault, ServiceUnreachable
from workers_sdk.payloads import PayloadError, PayloadStoreUnavailable
from workers_sdk.worker import persistence
from workers_sdk.worker.backoff import Backoff
from workers_sdk.worker.persistence import passes, persist
from workflowsvc.swf.errors import (
    InternalFailure,
    ServiceUnavailableException,
    ThrottlingException,
    ValidationException,
)
from workflowsvc.swf.faults import UnknownResourceFault


@pytest.mark.parametrize(
    ("error", "does"),
    [
        (ServiceUnreachable("away"), True),
        (ServiceUnavailableException(), True),
        (InternalFailure(), True),
        (ThrottlingException(), True),
        (ServiceFault("BadGateway", None, 502), True),
        (PayloadStoreUnavailable(), True),
        (UnknownResourceFault(), False),
        (ValidationException(), False),
        (ServiceFault("Http429", None, 429), True),
        (ServiceFault("RequestLimitExceeded", None, 400), True),
        (ServiceFault("ExpiredTokenException", None, 400), True),
        (ServiceFault("AccessDenied", None, 403), False),
        (PayloadError(), False),
        (ClientClosed(), False),
        (RuntimeError(), False),
    ],
)
def test_what_passes(error: Exception, does: bool) -> None:
    assert passes(error) is does


async def test_it_is_tried_until_it_is_done(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    monkeypatch.setattr(persistence.Backoff, "next", lambda self: 0.0)
    errors: list[Exception] = [ServiceUnreachable("away"), Misconfigured("not yet"), PayloadStoreUnavailable("full")]

    async def call() -> str:
        if errors:
            raise errors.pop(0)
        return "done"

    assert await persist(call, "answering") == "done"
    assert [record.getMessage() for record in caplog.records] == [
        "answering: away; again in 0 s",
        "answering: not yet; again in 0 s",
        "answering: full; again in 0 s",
    ]


async def test_what_does_not_pass_is_raised() -> None:
    async def call() -> None:
        raise UnknownResourceFault("closed")

    with pytest.raises(UnknownResourceFault):
        await persist(call, "answering")


def test_pauses_double_up_to_twenty_seconds_with_chance_in_them() -> None:
    backoff = Backoff()
    for ceiling in (1, 2, 4, 8, 16, 20, 20):
        assert ceiling / 2 <= backoff.next() <= ceiling
    backoff.reset()
    assert backoff.next() <= 1
