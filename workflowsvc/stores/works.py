"""What the SQLite store asks of its writer and is answered, in the form in which it crosses between the two.

Law: data, and how it is framed; the writer may be a thread or a process. What is recorded is judged, and is in the
journal when it is answered; what stands aside is done in the tables, after all that was recorded before.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, Final

import msgspec
from msgspec import Struct

from workflowsvc.ports import Conflict, StoreUnavailable
from workflowsvc.records import Commit

_LENGTH_BYTES: Final = 4


class Unit(Struct, frozen=True, tag=True):
    commits: Sequence[Commit]


class Settle(Struct, frozen=True, tag=True):
    run_ids: Sequence[str]


class Show(Struct, frozen=True, tag=True):
    """Have in the tables all that was recorded."""


class Change(Struct, frozen=True, tag=True):
    """Statements and their parameters, in one transaction; its value is the row of the last."""

    statements: Sequence[tuple[str, Sequence[Any]]]


class Forget(Struct, frozen=True, tag=True):
    """Make at most *limit* settled runs unknown that expired at *now* or before; its value is how many."""

    now: int
    limit: int


class Sweep(Struct, frozen=True, tag=True):
    """Remove some events of forgotten runs; its value is whether there may be more."""


class Close(Struct, frozen=True, tag=True):
    """Nothing more comes. When it is answered all is in the tables, and then the connection ends."""


Recorded = Unit | Settle
Aside = Show | Change | Forget | Sweep


class Group(Struct, frozen=True, tag=True):
    """Recorded works, each as `encode` makes it, which the journal keeps as they are."""

    works: Sequence[bytes]


Question = Group | Aside | Close


class Outcome(Struct, frozen=True, array_like=True):
    """What became of a work; *error* is empty or the name of an error of `_ERRORS`."""

    value: Any = None
    error: str = ""
    text: str = ""

    def failure(self) -> Exception | None:
        return _ERRORS[self.error](self.text) if self.error else None


class Answer(Struct, frozen=True, array_like=True):
    """The outcomes of a group in its order, or of one work that stands aside; each kind comes in the order asked."""

    aside: bool
    outcomes: Sequence[Outcome]
    #: that many groups of this connection, the first ones, are in the tables
    shown: int


class Ready(Struct, frozen=True, array_like=True):
    """The first that the writer says: what keeps it from its work, if anything."""

    refusal: str = ""


_ERRORS: Final[dict[str, type[Exception]]] = {
    error.__name__: error for error in (Conflict, ValueError, StoreUnavailable)
}
FINE: Final = Outcome()

encode: Final[Callable[[object], bytes]] = msgspec.msgpack.Encoder().encode
question_of: Final = msgspec.msgpack.Decoder(Question).decode
answer_of: Final = msgspec.msgpack.Decoder(Answer).decode
ready_of: Final = msgspec.msgpack.Decoder(Ready).decode
recorded_of: Final = msgspec.msgpack.Decoder(Recorded).decode


def failed(error: Exception) -> Outcome:
    """What is none of the port's errors has come of a value that fits nowhere."""
    kind = next((name for name, known in _ERRORS.items() if isinstance(error, known)), ValueError.__name__)
    return Outcome(error=kind, text=str(error))


def framed(body: bytes) -> bytes:
    return len(body).to_bytes(_LENGTH_BYTES, "big") + body


class Frames:
    """Bytes as they come, made into the bodies of frames."""

    def __init__(self) -> None:
        self._buffer = bytearray()

    def feed(self, data: bytes) -> Iterator[bytes]:
        self._buffer += data
        while len(self._buffer) >= _LENGTH_BYTES:
            end = _LENGTH_BYTES + int.from_bytes(self._buffer[:_LENGTH_BYTES], "big")
            if len(self._buffer) < end:
                return
            body = bytes(self._buffer[_LENGTH_BYTES:end])
            del self._buffer[:end]
            yield body
