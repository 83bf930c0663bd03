"""RabbitMQ's management API, for what the scene needs of it.

Law: one message is published, as nobody else would publish it; all else is a question.
"""

from __future__ import annotations

import base64
import json
import time
import urllib.request
from typing import Any
from urllib.parse import urlsplit

PATIENCE_SECONDS = 60.0
#: A proxy in the environment has no business between a machine and itself.
_OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}))


class Management:
    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        self._base = f"{parts.scheme}://{parts.hostname}:{parts.port}/api"
        token = base64.b64encode(f"{parts.username}:{parts.password}".encode()).decode()
        self._headers = {"Authorization": f"Basic {token}", "Content-Type": "application/json"}

    def publish(self, exchange: str, key: str, body: str) -> None:
        message = {"properties": {}, "routing_key": key, "payload": body, "payload_encoding": "string"}
        self._ask(f"exchanges/%2F/{exchange}/publish", message)

    def wait_for(self, beginning: str, messages: int) -> None:
        """Until so many messages are ready in the queues whose names begin so, as the API tells a moment later."""
        until = time.monotonic() + PATIENCE_SECONDS
        while (found := self._ready(beginning)) != messages:
            if time.monotonic() > until:
                raise SystemExit(f"screenshots: {found} messages in {beginning}*, and not {messages}")
            time.sleep(1)

    def fullest(self, beginning: str) -> str:
        """The name of the queue that has most of them."""
        rows = [row for row in self._queues() if row["name"].startswith(beginning)]
        return str(max(rows, key=lambda row: row.get("messages_ready", 0))["name"])

    def _ready(self, beginning: str) -> int:
        return sum(row.get("messages_ready", 0) for row in self._queues() if row["name"].startswith(beginning))

    def _queues(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self._ask("queues/%2F?columns=name,messages_ready")
        return found

    def _ask(self, path: str, body: object = None) -> Any:
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(  # noqa: S310  the scheme is that of a URL we were given
            f"{self._base}/{path}", data=data, headers=self._headers
        )
        with _OPENER.open(request, timeout=30) as response:
            return json.load(response)
