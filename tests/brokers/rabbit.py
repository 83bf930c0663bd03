"""RabbitMQ as its operator sees it: one virtual host, through the management API. Law: it knows nothing of our code."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any
from urllib.error import HTTPError
from urllib.parse import quote, urlsplit

from tests.brokers.inbox import PATIENCE
from tests.servers import management


async def eventually(condition: Callable[[], Any], seconds: float = PATIENCE) -> Any:
    """The condition's first true value. It is asked again and again: the broker announces nothing of this."""
    async with asyncio.timeout(seconds):
        while not (found := condition()):  # noqa: ASYNC110
            await asyncio.sleep(0.02)
        return found


class Rabbit:
    def __init__(self, url: str, ask: Callable[..., Any] = management) -> None:
        self.vhost = urlsplit(url).path[1:] or "/"
        self._ask = ask

    def _on(self, kind: str, name: str = "", *more: str) -> str:
        steps = (self.vhost, *filter(None, (name,)), *more)
        return "/".join((kind, *(quote(step, safe="") for step in steps)))

    # ---- what there is

    def names(self, kind: str = "queues") -> set[str]:
        return {one["name"] for one in self._ask("GET", self._on(kind))}

    def arguments(self, queue: str) -> dict[str, Any]:
        found: dict[str, Any] = self._ask("GET", self._on("queues", queue))["arguments"]
        return found

    def messages(self, queue: str, number: int = 100) -> list[dict[str, Any]]:
        """Those that wait, each with its payload and properties. They go back to their places."""
        wanted = {"count": number, "ackmode": "ack_requeue_true", "encoding": "auto"}
        try:
            found: list[dict[str, Any]] = self._ask("POST", self._on("queues", queue, "get"), wanted)
        except HTTPError as error:
            if error.code != 404:
                raise
            return []
        return found

    def consumers(self, queue: str) -> list[dict[str, Any]]:
        return [one for one in self._ask("GET", self._on("consumers")) if one["queue"]["name"] == queue]

    def active(self, prefix: str) -> dict[str, str]:
        """The active consumer of each queue whose name begins so."""
        return {
            one["queue"]["name"]: one["consumer_tag"]
            for one in self._ask("GET", self._on("consumers"))
            if one["active"] and one["queue"]["name"].startswith(prefix)
        }

    # ---- what an operator may do to it

    def declare(self, queue: str, arguments: Mapping[str, Any]) -> None:
        self._ask("PUT", self._on("queues", queue), {"durable": True, "arguments": dict(arguments)})

    def listen(self, exchange: str, key: str = "") -> str:
        """A queue that gets a copy of all that passes the exchange from now on."""
        name = f"copies of {exchange} {key}"
        self.declare(name, {"x-queue-type": "classic"})
        path = f"bindings/{quote(self.vhost, safe='')}/e/{quote(exchange)}/q/{quote(name)}"
        self._ask("POST", path, {"routing_key": key})
        return name

    def delete(self, name: str, kind: str = "queues") -> None:
        self._ask("DELETE", self._on(kind, name))

    def purge(self, queue: str) -> None:
        self._ask("DELETE", self._on("queues", queue, "contents"))

    def publish(self, exchange: str, key: str, payload: object, headers: Mapping[str, Any] | None = None) -> bool:
        """Whether it was routed."""
        body = payload if isinstance(payload, str) else json.dumps(payload)
        properties = {"delivery_mode": 2, "headers": dict(headers or {})}
        message = {"properties": properties, "routing_key": key, "payload": body, "payload_encoding": "string"}
        exchange = exchange or "amq.default"
        return bool(self._ask("POST", self._on("exchanges", exchange, "publish"), message)["routed"])

    def policy(self, name: str, pattern: str, **definition: Any) -> None:
        wanted = {"pattern": pattern, "definition": definition, "apply-to": "queues"}
        self._ask("PUT", self._on("policies", name), wanted)

    def connections(self, name: str) -> list[str]:
        """Of those that call themselves something with *name* in it."""
        found = self._ask("GET", f"vhosts/{quote(self.vhost, safe='')}/connections")
        return [one["name"] for one in found if name in one.get("client_properties", {}).get("connection_name", "")]

    def cut(self, name: str) -> int:
        """Close the connections of whoever calls itself so; how many."""
        found = self.connections(name)
        for connection in found:
            with suppress(HTTPError):  # it has gone by itself
                self._ask("DELETE", f"connections/{quote(connection, safe='')}")
        return len(found)
