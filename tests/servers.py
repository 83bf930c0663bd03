"""RabbitMQ and MongoDB for the tests: a virtual host and a database of its own for each that asks.

Law: a test finds them empty and leaves nothing behind. Where there is no server the test is skipped; in CI (`CI=true`)
it fails, as a test that never runs there protects nothing. The URLs are read when this is imported, which is before
`conftest` takes them out of the environment.
"""

from __future__ import annotations

import base64
import json
import os
import secrets
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NoReturn
from urllib.parse import quote, unquote, urlsplit

import pytest

AMQP_URL = os.environ.get("WORKFLOWSVC_AMQP_URL")
MANAGEMENT_URL = os.environ.get("WORKFLOWSVC_MANAGEMENT_URL")
MONGODB_URL = os.environ.get("WORKFLOWSVC_MONGODB_URL")

#: A proxy in the environment has no business between a machine and itself.
_OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}))


def missing(what: str) -> NoReturn:
    """Ends the test that needs it."""
    if os.environ.get("CI") == "true":
        pytest.fail(f"there is no {what}", pytrace=False)
    pytest.skip(f"there is no {what}: `make test` starts one")


def management(method: str, path: str, body: object = None, *, at: str | None = None) -> Any:
    """One request to RabbitMQ's management API, such as `GET`, `queues/VHOST`; *at* is another server's URL."""
    if at is None and MANAGEMENT_URL is None:
        missing("RabbitMQ with its management plugin")
    url = urlsplit(at or MANAGEMENT_URL or "")
    credentials = base64.b64encode(f"{unquote(url.username or '')}:{unquote(url.password or '')}".encode()).decode()
    request = urllib.request.Request(  # noqa: S310  the scheme is that of a URL we were given
        f"{url.scheme}://{url.hostname}:{url.port}/api/{path}",
        data=None if body is None else json.dumps(body).encode(),
        headers={"Authorization": f"Basic {credentials}", "Content-Type": "application/json"},
        method=method,
    )
    with _OPENER.open(request, timeout=30) as response:
        return json.loads(response.read() or b"null")


@contextmanager
def fresh_vhost() -> Iterator[str]:
    """The URL of a virtual host that is made for this, and deleted after with its queues and connections."""
    if AMQP_URL is None:
        missing("RabbitMQ")
    url = urlsplit(AMQP_URL)
    name = f"test-{secrets.token_hex(6)}"
    management("PUT", f"vhosts/{name}", {})
    try:
        everything = {"configure": ".*", "write": ".*", "read": ".*"}
        management("PUT", f"permissions/{name}/{quote(unquote(url.username or ''), safe='')}", everything)
        yield url._replace(path=f"/{name}").geturl()
    finally:
        management("DELETE", f"vhosts/{name}")


@contextmanager
def fresh_database() -> Iterator[str]:
    """The URL of a database that nobody has written to, dropped after."""
    from pymongo import MongoClient  # noqa: PLC0415  unit tests need not wait for it

    if MONGODB_URL is None:
        missing("MongoDB")
    name = f"test_{secrets.token_hex(6)}"
    try:
        yield urlsplit(MONGODB_URL)._replace(path=f"/{name}").geturl()
    finally:
        with MongoClient[dict[str, Any]](MONGODB_URL) as client:
            client.drop_database(name)


@pytest.fixture
def amqp_url() -> Iterator[str]:
    """A virtual host for one test."""
    with fresh_vhost() as url:
        yield url


@pytest.fixture
def mongodb_url() -> Iterator[str]:
    """A database for one test."""
    with fresh_database() as url:
        yield url
