"""Calls that must come through: what an activity did is not thrown away because the service was restarted.

Law: whatever may be otherwise later is tried again, without end; whoever has had enough cancels.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Final, TypeVar

from workers_sdk.client import ClientClosed, ClientError
from workers_sdk.client.retries import Nature, nature_of
from workers_sdk.payloads import PayloadStoreUnavailable
from workers_sdk.worker.backoff import Backoff
from workflowsvc.swf.errors import Fault

log = logging.getLogger(__name__)

T = TypeVar("T")

#: Of credentials that are renewed within the minute, and of a clock that is set right.
_EXPIRED: Final = frozenset({"ExpiredToken", "ExpiredTokenException", "RequestExpired"})


def passes(error: Exception) -> bool:
    """Whether the same call may well succeed later."""
    if isinstance(error, Fault):
        return nature_of(error, poll=False) is not Nature.FINAL or error.code in _EXPIRED
    return isinstance(error, ClientError | PayloadStoreUnavailable) and not isinstance(error, ClientClosed)


async def persist(call: Callable[[], Awaitable[T]], what: str) -> T:
    """What *call* gives. Raises only what will not pass."""
    backoff = Backoff()
    while True:
        try:
            return await call()
        except (Fault, ClientError, PayloadStoreUnavailable) as error:
            if not passes(error):
                raise
            pause = backoff.next()
            log.warning("%s: %s; again in %.0f s", what, error, pause)
            await asyncio.sleep(pause)
