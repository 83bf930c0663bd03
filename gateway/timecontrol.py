"""The clock in a test's hands: look at it, lock it, move it. Served only where time can be moved.

Law: nothing of SWF's; plain JSON over plain HTTP.
"""

from __future__ import annotations

from typing import Annotated, Final

import msgspec

from gateway.routes import Route
from workflowsvc.ports import TimeControl
from workflowsvc.swf.errors import ValidationException

_PATH: Final = "/time-skipping"
#: Three hundred years: more would leave the calendar.
_SECONDS_MAX: Final = 10**10


class _Time(msgspec.Struct, frozen=True):
    now: float
    locks: int


class _Advance(msgspec.Struct, frozen=True):
    seconds: Annotated[float, msgspec.Meta(ge=0, le=_SECONDS_MAX)]


class _Message(msgspec.Struct, frozen=True):
    message: str


class TimeRoutes:
    def __init__(self, control: TimeControl) -> None:
        self._control = control
        self._advance_of = msgspec.json.Decoder(_Advance).decode

    def routes(self) -> dict[tuple[str, str], Route]:
        return {
            ("GET", _PATH): self._look,
            ("POST", f"{_PATH}/lock"): self._lock,
            ("POST", f"{_PATH}/unlock"): self._unlock,
            ("POST", f"{_PATH}/advance"): self._advance,
        }

    async def _look(self, body: bytes) -> tuple[int, bytes]:
        return self._time()

    async def _lock(self, body: bytes) -> tuple[int, bytes]:
        self._control.lock()
        return self._time()

    async def _unlock(self, body: bytes) -> tuple[int, bytes]:
        try:
            self._control.unlock()
        except ValueError as error:
            return 409, msgspec.json.encode(_Message(str(error)))
        return self._time()

    async def _advance(self, body: bytes) -> tuple[int, bytes]:
        try:
            seconds = self._advance_of(body).seconds
        except (msgspec.DecodeError, ValueError, RecursionError) as error:
            raise ValidationException(str(error)) from None
        await self._control.advance(round(seconds * 1000))
        return self._time()

    def _time(self) -> tuple[int, bytes]:
        return 200, msgspec.json.encode(_Time(self._control.now() / 1000, self._control.locks))
