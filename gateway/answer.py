"""An answer as the bytes that go out: head and body in one write.

Law: "send header and body of an answer in one write" (SWF.md §13.1). It stands in for aiohttp's Response, which keeps
headers for others to change; nobody changes these, and not keeping them halves the cost of answering.
"""

from __future__ import annotations

import itertools
import secrets
import uuid
from http import HTTPStatus
from typing import Final

from aiohttp import hdrs, web
from aiohttp.abc import AbstractStreamWriter
from aiohttp.helpers import rfc822_formatted_time
from aiohttp.http import HttpVersion11

_REASONS: Final = {status.value: status.phrase for status in HTTPStatus}
# Request ids must differ, and need not be unguessable: a UUID of this process, counted on from its last digits.
_PROCESS: Final = str(uuid.uuid4())[:-12]
_numbers: Final = itertools.count(secrets.randbits(46))


def _request_id() -> str:
    return f"{_PROCESS}{next(_numbers):012x}"


class Answer(web.StreamResponse):
    """What aiohttp asks of a response: `prepare`, `write_eof`, `keep_alive`; the rest of it is not set up."""

    def __init__(self, status: int, body: bytes, content_type: str, *, close: bool) -> None:
        self._code = status
        self._content = body
        self._media = content_type
        self._close = close
        self._writer: AbstractStreamWriter | None = None

    async def prepare(self, request: web.BaseRequest) -> AbstractStreamWriter:
        self._keep_alive = request.keep_alive and not self._close
        self._writer = request.writer
        self._connection = ""
        if not self._keep_alive:
            self._connection = "Connection: close\r\n"
        elif request.version < HttpVersion11:
            self._connection = "Connection: keep-alive\r\n"
        self._bare = request.method == hdrs.METH_HEAD
        return self._writer

    async def write_eof(self, data: bytes = b"") -> None:
        # Once: what its handler has sent already is offered to aiohttp all the same.
        if self._writer is None or self._eof_sent:
            return
        self._eof_sent = True
        head = (
            f"HTTP/1.1 {self._code} {_REASONS[self._code]}\r\n"
            f"x-amzn-RequestId: {_request_id()}\r\n"
            f"Content-Type: {self._media}\r\n"
            f"Content-Length: {len(self._content)}\r\n"
            f"Date: {rfc822_formatted_time()}\r\n"
            f"Server: workflowsvc\r\n{self._connection}\r\n"
        ).encode()
        await self._writer.write(head if self._bare else head + self._content)
