"""What an activity task is answered with.

Law: how an attempt ended and why it was cancelled decide, by one function; what is answered fits SWF's limits.
"""

from __future__ import annotations

from typing import Any, Final, NamedTuple, TypeAlias

import msgspec

from workers_sdk.client import Client
from workers_sdk.failures import Failure, cut, failure_of
from workers_sdk.payloads import PayloadError, Payloads, PayloadTooLarge
from workers_sdk.worker.attempts import Ended
from workers_sdk.worker.cancellation import Why
from workers_sdk.worker.errors import WorkerStopped


class Completed(NamedTuple):
    result: Any


class Failed(NamedTuple):
    failure: Failure


class Canceled(NamedTuple):
    details: Any


Answer: TypeAlias = Completed | Failed | Canceled

#: Of a message whose failure has to be short.
_BRIEF: Final = 500


def answer_to(ended: Ended, why: Why | None) -> Answer | None:
    """None: nobody waits for one.

    What ends in spite of a request to end is answered as it ended. A cancellation that nobody asked for is a failure,
    and so is one by the worker's end: a retry policy then has the activity begin again elsewhere, at once.
    """
    if why is Why.GONE:
        return None
    if ended.failure is None:
        return Completed(ended.value)
    if ended.cancelled and why is Why.REQUESTED:
        return Canceled(ended.value)
    if ended.cancelled and why is Why.STOPPED:
        return stopped()
    return Failed(ended.failure)


def stopped() -> Failed:
    return Failed(failure_of(WorkerStopped("the worker was stopped before the activity ended")))


class Sender:
    """Sends answers. Raises PayloadError for what cannot be written, Fault, ClientError, PayloadStoreUnavailable."""

    def __init__(self, client: Client, payloads: Payloads) -> None:
        self._client = client
        self._payloads = payloads

    async def send(self, task_token: str, answer: Answer) -> None:
        match answer:
            case Completed(result):
                text = await self._text(result, "the activity's result")
                await self._client.respond_activity_task_completed(task_token=task_token, result=text)
            case Canceled(details):
                text = await self._text(details, "the details of the activity's cancellation")
                await self._client.respond_activity_task_canceled(task_token=task_token, details=text)
            case Failed(failure):
                details = await self._details(failure)
                await self._client.respond_activity_task_failed(
                    task_token=task_token, reason=failure.reason, details=details
                )

    async def _text(self, value: object, what: str) -> str | None:
        text = None if value is None else self._payloads.converter.to_text(value)
        return await self._payloads.encode(text, what=what)

    async def _details(self, failure: Failure) -> str | None:
        try:
            return await self._payloads.encode(failure.details)
        except PayloadTooLarge:
            return await self._payloads.encode(_brief(failure))


def _brief(failure: Failure) -> str | None:
    """For codecs that make texts longer: all but the trace and the causes."""
    if failure.told is None:
        return None
    told = msgspec.structs.replace(failure.told, message=cut(failure.told.message, _BRIEF), trace=(), cause=None)
    return msgspec.json.encode(told).decode()


def unwritable(error: Exception) -> Failed:
    """Of an activity that succeeded, but whose result cannot be told. To do it again would change nothing: "the same
    again will not either" (PayloadError)."""
    failure = failure_of(error)
    if failure.told is None or not isinstance(error, PayloadError):
        return Failed(failure)
    told = msgspec.structs.replace(failure.told, retryable=False)
    return Failed(msgspec.structs.replace(failure, told=told, details=msgspec.json.encode(told).decode()))
