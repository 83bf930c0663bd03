"""A client that costs little beside the server that it measures: one connection, one request at a time, no SDK.

Law: it knows the wire, not the service. Any SWF endpoint will do.
"""

from __future__ import annotations

import asyncio
from typing import Any
from urllib.parse import urlsplit

import msgspec

_HEAD = (
    "POST / HTTP/1.1\r\nHost: {host}\r\nContent-Type: application/x-amz-json-1.0\r\n"
    "X-Amz-Target: SimpleWorkflowService.{action}\r\n"
    "Authorization: AWS4-HMAC-SHA256 Credential=benchmark/20260101/us-east-1/swf/aws4_request, "
    "SignedHeaders=host, Signature=00\r\nContent-Length: {length}\r\n\r\n"
)


class Client:
    def __init__(self, endpoint: str) -> None:
        parts = urlsplit(endpoint)
        self._host, self._port = parts.hostname or "127.0.0.1", parts.port or 80
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None
        self.calls = 0

    async def call(self, action: str, **arguments: Any) -> dict[str, Any]:
        """The answer. Raises RuntimeError with the status and body of any other than 200."""
        self.calls += 1
        if self._streams is None:
            self._streams = await asyncio.open_connection(self._host, self._port, limit=4 << 20)
        reader, writer = self._streams
        body = msgspec.json.encode(arguments)
        writer.write(_HEAD.format(host=self._host, action=action, length=len(body)).encode() + body)
        head = (await reader.readuntil(b"\r\n\r\n")).lower()
        at = head.find(b"content-length:") + 15
        answer = await reader.readexactly(int(head[at : head.find(b"\r\n", at)]))
        if not head.startswith(b"http/1.1 200"):
            raise RuntimeError(f"{action}: {head[:15].decode()} {answer[:300].decode()}")
        return msgspec.json.decode(answer) if answer else {}

    def close(self) -> None:
        if self._streams is not None:
            self._streams[1].close()
            self._streams = None


async def register(client: Client, domain: str, task_list: str, lasting: str = "600") -> None:
    """A domain with one workflow type `wt` 1 and one activity type `at` 1, all on one task list."""
    await client.call("RegisterDomain", name=domain, workflowExecutionRetentionPeriodInDays="1")
    await client.call(
        "RegisterWorkflowType",
        domain=domain,
        name="wt",
        version="1",
        defaultTaskStartToCloseTimeout="30",
        defaultExecutionStartToCloseTimeout=lasting,
        defaultTaskList={"name": task_list},
        defaultChildPolicy="TERMINATE",
    )
    await client.call(
        "RegisterActivityType",
        domain=domain,
        name="at",
        version="1",
        defaultTaskList={"name": task_list},
        defaultTaskScheduleToStartTimeout="300",
        defaultTaskScheduleToCloseTimeout="600",
        defaultTaskStartToCloseTimeout="300",
        defaultTaskHeartbeatTimeout="NONE",
    )


WORKFLOW_TYPE = {"name": "wt", "version": "1"}
ACTIVITY_TYPE = {"name": "at", "version": "1"}


def decision(kind: str, **attributes: Any) -> dict[str, Any]:
    return {"decisionType": kind, f"{kind[0].lower()}{kind[1:]}DecisionAttributes": attributes}
