"""A service that answers as it is told, for what the real one does not do on command.

Law: it judges nothing. Answers are given in the order in which they were laid down; the last is given again.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any, NamedTuple

import msgspec
from aiohttp import web
from aiohttp.test_utils import TestServer

JSON_1_0 = "application/x-amz-json-1.0"

Reply = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Asked(NamedTuple):
    operation: str
    path: str
    headers: Mapping[str, str]
    raw: bytes

    @property
    def body(self) -> Any:
        return msgspec.json.decode(self.raw)


def answer(body: object = None, *, status: int = 200, **headers: str) -> Reply:
    async def reply(request: web.Request) -> web.StreamResponse:
        content = body if isinstance(body, bytes) else b"" if body is None else msgspec.json.encode(body)
        return web.Response(status=status, body=content, content_type=JSON_1_0, headers=headers)

    return reply


def refusal(code: str, message: str | None = None, *, status: int = 400, **headers: str) -> Reply:
    return answer({"__type": code} | ({} if message is None else {"message": message}), status=status, **headers)


async def drop(request: web.Request) -> web.StreamResponse:
    """The connection is lost after the request was taken."""
    assert request.transport is not None
    request.transport.abort()
    return web.Response()


class Stub:
    def __init__(self) -> None:
        self.asked: list[Asked] = []
        self.replies: list[Reply] = [answer()]
        #: set while a request is held; `gone` when its client went away
        self.holding = asyncio.Event()
        self.gone = asyncio.Event()
        self.url = ""
        self.loop = asyncio.get_running_loop()

    async def hold(self, request: web.Request) -> web.StreamResponse:
        """Answers never: a poll without work."""
        self.holding.set()
        try:
            await asyncio.Event().wait()
        finally:
            self.gone.set()
        raise AssertionError

    async def _handle(self, request: web.Request) -> web.StreamResponse:
        target = request.headers.get("X-Amz-Target", "")
        self.asked.append(Asked(target.rpartition(".")[2], request.path, request.headers.copy(), await request.read()))
        reply = self.replies.pop(0) if len(self.replies) > 1 else self.replies[0]
        return await reply(request)


@asynccontextmanager
async def serving() -> AsyncIterator[Stub]:
    stub = Stub()
    application = web.Application()
    application.router.add_route("*", "/{path:.*}", stub._handle)
    async with TestServer(application, host="127.0.0.1", handler_cancellation=True) as server:
        stub.url = str(server.make_url("/"))
        yield stub
