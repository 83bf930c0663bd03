"""A wire to a server that can go dead: nothing comes through any more, and no end is told.

Law: it knows bytes, not what they mean.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from urllib.parse import urlsplit


class Relay:
    def __init__(self, url: str) -> None:
        self._host, self._port = urlsplit(url).hostname, urlsplit(url).port
        self._alive = asyncio.Event()
        self._alive.set()
        self._passing: set[asyncio.Task[None]] = set()

    def die(self) -> None:
        """For good: what was connected is half-open from now on, and what connects is not answered."""
        self._alive.clear()

    async def join(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there, away = await asyncio.open_connection(self._host, self._port)
        for source, sink in ((reader, away), (there, writer)):
            passing = asyncio.create_task(self._pass(source, sink))
            self._passing.add(passing)
            passing.add_done_callback(self._passing.discard)

    async def _pass(self, source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
        try:
            while data := await source.read(1 << 16):
                await self._alive.wait()
                sink.write(data)
        except ConnectionError:
            pass
        finally:
            sink.close()

    async def end(self) -> None:
        for passing in self._passing:
            passing.cancel()
        if self._passing:
            await asyncio.wait(self._passing)


@asynccontextmanager
async def relay(url: str) -> AsyncIterator[tuple[Relay, str]]:
    """It, and the URL that leads through it."""
    made = Relay(url)
    async with await asyncio.start_server(made.join, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        parts = urlsplit(url)
        try:
            yield made, parts._replace(netloc=f"{parts.username}:{parts.password}@127.0.0.1:{port}").geturl()
        finally:
            await made.end()
