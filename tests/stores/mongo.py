"""A MongoDB store under observation: what it says to the server, when the server is cut off, when the store dies.

Law: it reaches into the adapter where there is no other way, so that the tests need not.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from typing import Any
from unittest.mock import patch
from urllib.parse import urlsplit

from pymongo.monitoring import CommandFailedEvent, CommandListener, CommandStartedEvent, CommandSucceededEvent

from workflowsvc.stores.mongo import MongoStore
from workflowsvc.stores.mongodb import server

WRITES = ("insert", "update", "delete")


class Commands(CommandListener):
    """The commands of the stores that are opened while it listens."""

    def __init__(self) -> None:
        self.seen: list[dict[str, Any]] = []

    def started(self, event: CommandStartedEvent) -> None:
        self.seen.append(dict(event.command))

    def succeeded(self, event: CommandSucceededEvent) -> None: ...

    def failed(self, event: CommandFailedEvent) -> None: ...

    def named(self, *names: str) -> list[dict[str, Any]]:
        return [command for command in self.seen if next(iter(command)) in names]

    def written(self) -> list[tuple[str, str, int]]:
        """Each write: its kind, its collection, how many statements it has."""
        parts = {"insert": "documents", "update": "updates", "delete": "deletes"}
        return [
            (kind, command[kind], len(command[parts[kind]]))
            for command in self.named(*WRITES)
            if (kind := next(iter(command)))
        ]


@contextmanager
def listening() -> Iterator[Commands]:
    commands = Commands()
    with patch.object(server, "_OPTIONS", {**server._OPTIONS, "event_listeners": [commands]}):
        yield commands


@asynccontextmanager
async def dying(url: str, at_write: int) -> AsyncIterator[MongoStore]:
    """A store that makes *at_write* writes to the server, and then nothing any more, ever."""
    with suppress(ConnectionError):  # it dies with what it had still to do
        async with MongoStore(url) as store:
            left = at_write
            for name in ("insert", "update", "update_all", "replace", "delete"):
                write = getattr(store._server, name)

                async def limited(*arguments: Any, write: Any = write) -> Any:
                    nonlocal left
                    left -= 1
                    if left < 0:
                        raise ConnectionError("the process is no more")
                    return await write(*arguments)

                setattr(store._server, name, limited)
            yield store


class Proxy:
    """What lies between the store and the server: it can be cut, and mended again on the same port."""

    def __init__(self, url: str) -> None:
        self._target = urlsplit(url)
        self._port = 0
        self._server: asyncio.Server | None = None
        self._connections: set[asyncio.Task[None]] = set()

    @property
    def url(self) -> str:
        # A member of a replica set would tell the driver its own address, which leads around this one.
        return self._target._replace(netloc=f"127.0.0.1:{self._port}", query="directConnection=true").geturl()

    async def mend(self) -> None:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self._port)
        self._port = self._server.sockets[0].getsockname()[1]

    async def cut(self) -> None:
        if self._server is not None:
            self._server.close()
        for task in self._connections:
            task.cancel()
        await asyncio.gather(*self._connections, return_exceptions=True)
        self._server = None

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._connections.add(task)
        theirs, ours = await asyncio.open_connection(self._target.hostname, self._target.port)
        try:
            await asyncio.gather(self._pump(reader, ours), self._pump(theirs, writer))
        except (asyncio.CancelledError, ConnectionError):
            pass
        finally:
            self._connections.discard(task)
            for each in (writer, ours):
                each.transport.abort()

    @staticmethod
    async def _pump(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
        while data := await source.read(65_536):
            sink.write(data)
            await sink.drain()
        with suppress(ConnectionError):
            sink.close()


@asynccontextmanager
async def proxied(url: str) -> AsyncIterator[Proxy]:
    proxy = Proxy(url)
    await proxy.mend()
    try:
        yield proxy
    finally:
        await proxy.cut()
