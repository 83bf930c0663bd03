"""The protocol without an SDK: JSON over HTTP for crowds of calls, and a bare socket to hang up on.

Law: one request, one answer, no retries; a connection that breaks raises.
"""

from __future__ import annotations

import asyncio
import json
from types import TracebackType
from typing import Any, NamedTuple

import aiohttp

from tests.end_to_end.swf import PATIENCE, Swf

_HEADERS = {
    "Content-Type": "application/x-amz-json-1.0",
    "Authorization": "AWS4-HMAC-SHA256 Credential=AKID/20260101/us-east-1/swf/aws4_request, Signature=0",
}


class Answer(NamedTuple):
    status: int
    body: dict[str, Any]

    @property
    def code(self) -> str:
        return str(self.body.get("__type", "")).rpartition("#")[2]


class Wire:
    """Any number of calls at a time."""

    def __init__(self, url: str, *, seconds: float = 75) -> None:
        self.url = url
        self._seconds = seconds

    async def __aenter__(self) -> Wire:
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=0), timeout=aiohttp.ClientTimeout(total=self._seconds)
        )
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._session.close()

    async def call(self, operation: str, **members: Any) -> Answer:
        headers = _HEADERS | {"X-Amz-Target": f"SimpleWorkflowService.{operation}"}
        async with self._session.post(self.url, data=json.dumps(members).encode(), headers=headers) as response:
            body = await response.read()
            return Answer(response.status, json.loads(body) if body else {})

    async def good(self, operation: str, **members: Any) -> dict[str, Any]:
        """The body of an answer that must be a success."""
        answer = await self.call(operation, **members)
        assert answer.status == 200, answer
        return answer.body


async def hang_up_on(url: str, operation: str, **members: Any) -> asyncio.StreamWriter:
    """A connection with a request sent and no answer read: close it when it suits the test."""
    host, _, port = url.removeprefix("http://").rpartition(":")
    _, writer = await asyncio.open_connection(host, int(port))
    body = json.dumps(members).encode()
    head = [
        "POST / HTTP/1.1",
        f"Host: {host}",
        f"X-Amz-Target: SimpleWorkflowService.{operation}",
        f"Content-Length: {len(body)}",
        *(f"{name}: {value}" for name, value in _HEADERS.items()),
    ]
    writer.write("\r\n".join((*head, "", "")).encode() + body)
    await writer.drain()
    return writer


def poll_arguments(swf: Swf, task_list: str = "deciders") -> dict[str, Any]:
    return {"domain": swf.domain, "taskList": {"name": task_list}}


async def within(awaitable: Any, seconds: float = PATIENCE) -> Any:
    async with asyncio.timeout(seconds):
        return await awaitable
