"""An exception on its way through the history: SWF's reason and details, and back. Pure.

Law: what is written fits SWF's limits, whatever is raised, and what any other program wrote is read without complaint.
Details are JSON that a person can read.
"""

from __future__ import annotations

import traceback
from collections.abc import Iterator
from typing import Final

import msgspec

#: "reason: Length Constraints: Maximum length of 256" (API reference, FailureReason).
REASON_LIMIT: Final = 256
#: In bytes. "details: ... 32768" (API reference, Data), and room for a codec: encryption takes up to four fifths more.
DETAILS_LIMIT: Final = 17_000
#: Frames that are told of a trace, and causes of causes.
_FRAMES: Final = 50
_DEPTH: Final = 8
#: Of a message in the details; the least that is left of one when all is too long.
_MESSAGE_LIMIT: Final = 8_000
_MESSAGE_LEAST: Final = 500


class Told(msgspec.Struct, omit_defaults=True, kw_only=True):
    """One exception. `kinds`: the names of its class and of that class's bases, what Retry.never looks at."""

    type: str
    message: str = ""
    kinds: tuple[str, ...] = ()
    retryable: bool = True
    trace: tuple[str, ...] = ()
    cause: Told | None = None


class Failure(msgspec.Struct, frozen=True, kw_only=True):
    """What a history says of a failure: SWF's own two members, and what they mean if one of us wrote them."""

    reason: str | None = None
    details: str | None = None
    told: Told | None = None

    @property
    def type(self) -> str:
        """The name of the exception's class, or the reason that another program gave."""
        return self.told.type if self.told else self.reason or ""

    @property
    def kinds(self) -> tuple[str, ...]:
        """That name and those of the class's bases: what Retry.never looks at."""
        return self.told.kinds if self.told else (self.reason or "",)

    @property
    def retryable(self) -> bool:
        """False for a NonRetryableError."""
        return self.told.retryable if self.told else True

    @property
    def text(self) -> str:
        """For people: type and message, or reason and details."""
        if self.told is None:
            return ": ".join(part for part in (self.reason, self.details) if part)
        return f"{self.told.type}: {self.told.message}" if self.told.message else self.told.type


_encode: Final = msgspec.json.Encoder().encode
_decode: Final = msgspec.json.Decoder(Told).decode


def failure_of(error: BaseException) -> Failure:
    """What to write of *error*: reason and details within their limits."""
    told = _tell(error, _DEPTH)
    reason = f"{told.type}: {told.message}" if told.message else told.type
    return Failure(reason=cut(reason, REASON_LIMIT), details=_fitting(told), told=told)


def failure_from(reason: str | None, details: str | None) -> Failure:
    """What was written, by us or by others."""
    try:
        told = _decode(details) if details and details.startswith('{"type":') else None
    except msgspec.DecodeError:
        told = None
    return Failure(reason=reason, details=details, told=told)


def cut(text: str, limit: int) -> str:
    """The beginning of *text*, in at most *limit* characters, with a sign where it was cut."""
    return text if len(text) <= limit else f"{text[: limit - 1]}…"


def _tell(error: BaseException, depth: int) -> Told:
    kinds = tuple(dict.fromkeys(_kinds(error)))
    frames = traceback.format_list(traceback.extract_tb(error.__traceback__)[-_FRAMES:])
    return Told(
        type=type(error).__name__,
        message=cut(_message(error), _MESSAGE_LIMIT),
        kinds=kinds,
        retryable="NonRetryableError" not in kinds,
        trace=tuple(_clean(frame.strip()) for frame in frames),
        cause=_tell(cause, depth - 1) if (cause := _cause(error)) is not None and depth > 1 else None,
    )


def _kinds(error: BaseException) -> Iterator[str]:
    """Also those of the exceptions in a group."""
    yield from (kind.__name__ for kind in type(error).__mro__ if issubclass(kind, BaseException))
    if isinstance(error, BaseExceptionGroup):
        for one in error.exceptions:
            yield from _kinds(one)


def _cause(error: BaseException) -> BaseException | None:
    """Of a group: the first of its exceptions."""
    if error.__cause__ is not None:
        return error.__cause__
    if isinstance(error, BaseExceptionGroup):
        first: BaseException = error.exceptions[0]
        return first
    return None if error.__suppress_context__ else error.__context__


def _message(error: BaseException) -> str:
    try:
        return _clean(str(error))
    except Exception as failure:
        return f"(its message cannot be had: {type(failure).__name__})"


def _clean(text: str) -> str:
    """A name of a file that is no text, as Python holds it, cannot be sent."""
    return text.encode(errors="backslashreplace").decode()


def _fitting(told: Told) -> str:
    """The whole of it if that fits; else less and less of what is least needed."""
    for _ in range(_DEPTH + 3):
        text = _encode(told)
        if len(text) <= DETAILS_LIMIT:
            return text.decode()
        _shorten(told)
    return _encode(Told(type=cut(told.type, REASON_LIMIT), retryable=told.retryable)).decode()


def _shorten(told: Told) -> None:
    """The innermost cause goes first, then the trace, then most of the message."""
    if told.cause is not None:
        last = told
        while last.cause is not None and last.cause.cause is not None:
            last = last.cause
        last.cause = None
    elif told.trace:
        told.trace = ()
    else:
        told.message = cut(told.message, _MESSAGE_LEAST)
        told.kinds = told.kinds[:16]
