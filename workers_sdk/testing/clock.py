"""The clock of a service that skips time, in a test's hands (docs/time-skipping.md).

Law: the service's endpoints, as they are; seconds since the epoch on the wire.
"""

from __future__ import annotations

from contextlib import AsyncExitStack
from datetime import UTC, datetime
from typing import Final, Self

import aiohttp
import msgspec

from workers_sdk.testing.errors import TimeIsReal

#: Seconds that one question may take: time is moved from deadline to deadline, and there may be many.
_PATIENCE: Final = 300.0


class _Time(msgspec.Struct, frozen=True):
    now: float


_decode: Final = msgspec.json.Decoder(_Time).decode


class ServiceClock:
    """Of the service at *url*; used inside `async with`."""

    def __init__(self, url: str) -> None:
        self._url = f"{url.rstrip('/')}/time-skipping"
        self._stack = AsyncExitStack()
        self._session: aiohttp.ClientSession

    async def __aenter__(self) -> Self:
        """Raises TimeIsReal, and ConnectionError if nothing is there."""
        async with AsyncExitStack() as stack:
            session = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=_PATIENCE))
            self._session = await stack.enter_async_context(session)
            await self._look()
            self._stack = stack.pop_all()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._stack.aclose()

    async def _look(self) -> None:
        try:
            await self.now()
        except ValueError:
            raise TimeIsReal(f"{self._url} is not there: the service was started without --time-skipping") from None

    async def now(self) -> datetime:
        return await self._ask("GET", "")

    async def lock(self) -> None:
        await self._ask("POST", "/lock")

    async def unlock(self) -> None:
        await self._ask("POST", "/unlock")

    async def advance(self, seconds: float) -> datetime:
        return await self._ask("POST", "/advance", {"seconds": seconds})

    async def _ask(self, method: str, path: str, body: dict[str, float] | None = None) -> datetime:
        data = None if body is None else msgspec.json.encode(body)
        try:
            async with self._session.request(method, self._url + path, data=data) as answer:
                text = await answer.read()
        except aiohttp.ClientConnectionError as error:
            raise ConnectionError(f"{self._url}: {error}") from error
        if answer.status != 200:
            raise ValueError(f"{self._url}{path}: {text.decode(errors='replace')}")
        return datetime.fromtimestamp(_decode(text).now, UTC)
