"""The two clients of these tests: one that speaks AWS JSON 1.0, one that writes bytes to a socket.

Law: they report what came; the tests judge.
"""

from __future__ import annotations

import asyncio
import io
from types import TracebackType
from typing import Any, NamedTuple

import aiohttp
import msgspec
from yarl import URL

from tests.brokers.inbox import PATIENCE

TARGET = "SimpleWorkflowService."
JSON_1_0 = "application/x-amz-json-1.0"


class Answer(NamedTuple):
    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return msgspec.json.decode(self.body)

    @property
    def code(self) -> str:
        """The fault's name; "" of a success."""
        body = self.json if self.body else {}
        return str(body.get("__type", "")).rpartition("#")[2]

    @property
    def message(self) -> str | None:
        body = self.json
        found: str | None = body.get("message", body.get("Message"))
        return found


def signed(region: str) -> dict[str, str]:
    scope = f"Credential=AKID/20260101/{region}/swf/aws4_request"
    return {"Authorization": f"AWS4-HMAC-SHA256 {scope}, SignedHeaders=host, Signature=0"}


class Client:
    def __init__(self, url: str) -> None:
        self.url = url

    async def __aenter__(self) -> Client:
        self._session = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=PATIENCE))
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._session.close()

    async def call(self, operation: str, body: Any = None, *, region: str = "", **headers: str) -> Answer:
        """One operation; *body* is encoded unless it is bytes."""
        sent = body if isinstance(body, bytes) else msgspec.json.encode(body or {})
        head = {"X-Amz-Target": TARGET + operation, "Content-Type": JSON_1_0, **headers}
        if region:
            head |= signed(region)
        return await self.send("POST", "/", sent, **head)

    async def send(self, method: str, path: str, body: bytes = b"", **headers: str) -> Answer:
        url = URL(self.url + path, encoded=True)
        async with self._session.request(method, url, data=io.BytesIO(body), headers=headers) as response:
            return Answer(response.status, dict(response.headers), await response.read())


class Wire:
    """A connection to write anything to."""

    def __init__(self, url: str) -> None:
        self._host, _, port = url.removeprefix("http://").rpartition(":")
        self._port = int(port)

    async def __aenter__(self) -> Wire:
        self.reader, self.writer = await asyncio.open_connection(self._host, self._port)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.hang_up()

    async def send(self, data: bytes) -> None:
        self.writer.write(data)
        await self.writer.drain()

    def hang_up(self) -> None:
        self.writer.close()

    async def head(self) -> tuple[str, dict[str, str]]:
        async with asyncio.timeout(PATIENCE):
            return _parsed(await self.reader.readuntil(b"\r\n\r\n"))

    async def answer(self) -> Answer:
        status, headers = await self.head()
        async with asyncio.timeout(PATIENCE):
            body = await self.reader.readexactly(int(headers["content-length"]))
        return Answer(int(status.split(" ")[1]), headers, body)

    async def answers(self) -> list[Answer]:
        """All that come until the server closes."""
        found = []
        async with asyncio.timeout(PATIENCE):
            rest = await self.reader.read()
        while rest:
            head, _, rest = rest.partition(b"\r\n\r\n")
            status, headers = _parsed(head)
            length = int(headers["content-length"])
            found.append(Answer(int(status.split(" ")[1]), headers, rest[:length]))
            assert len(rest) >= length, "a cut answer"
            rest = rest[length:]
        return found


def _parsed(head: bytes) -> tuple[str, dict[str, str]]:
    status, *lines = head.decode().rstrip().split("\r\n")
    return status, {name.lower(): value for name, _, value in (line.partition(": ") for line in lines)}


def request(operation: str, body: bytes, *headers: str) -> bytes:
    """An HTTP request for an operation, as a careful client would write it."""
    lines = (
        "POST / HTTP/1.1",
        "Host: localhost",
        f"X-Amz-Target: {TARGET}{operation}",
        f"Content-Type: {JSON_1_0}",
        f"Content-Length: {len(body)}",
        *headers,
    )
    return "\r\n".join((*lines, "", "")).encode() + body
