"""Is the process alive, and can it serve?

Law: /healthz asks nobody; /readyz asks the store and the broker, and says no from the moment of shutdown on.
"""

from __future__ import annotations

import asyncio
from typing import Final

import msgspec

from gateway.routes import Route
from workflowsvc.ports import Broker, Store

_PATIENCE_SECONDS: Final = 2.0


class _Health(msgspec.Struct, frozen=True):
    status: str


_OK: Final = msgspec.json.encode(_Health("ok"))
_UNAVAILABLE: Final = msgspec.json.encode(_Health("unavailable"))


class Health:
    def __init__(self, broker: Broker, store: Store) -> None:
        self._broker = broker
        self._store = store
        self.closing = False

    def routes(self) -> dict[tuple[str, str], Route]:
        return {("GET", "/healthz"): self._live, ("GET", "/readyz"): self._ready}

    async def _live(self, body: bytes) -> tuple[int, bytes]:
        return 200, _OK

    async def _ready(self, body: bytes) -> tuple[int, bytes]:
        if self.closing or not await self._answer():
            return 503, _UNAVAILABLE
        return 200, _OK

    async def _answer(self) -> bool:
        pings = (self._store.ping(), self._broker.ping())
        try:
            async with asyncio.timeout(_PATIENCE_SECONDS):
                failures = await asyncio.gather(*pings, return_exceptions=True)
        except TimeoutError:
            return False
        return not any(failures)
