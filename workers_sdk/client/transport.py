"""One POST, and what came of it.

Law: the only file that knows aiohttp. It asks once; whoever cancels it has the connection closed, so that the service
sees that nobody waits any more.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AsyncExitStack
from typing import Final, NamedTuple

import aiohttp
from aiohttp import hdrs

from workers_sdk.client.retries import Nature

#: Seconds to make a connection, the name looked up.
_CONNECT: Final = 10.0
#: Headers that aiohttp would add of its own, and of which SWF makes nothing.
_UNWANTED: Final = (hdrs.ACCEPT, hdrs.ACCEPT_ENCODING, hdrs.USER_AGENT)
_REQUEST_ID: Final = "x-amzn-RequestId"


class Answer(NamedTuple):
    status: int
    body: bytes
    request_id: str | None
    #: seconds; a date, which the header may hold too, is not read
    retry_after: float | None


class NoAnswer(Exception):
    """None came; `nature` says whether the request was sent, and the cause what happened."""

    def __init__(self, text: str, nature: Nature) -> None:
        super().__init__(text)
        self.nature = nature


class Transport:
    """Connections to one address, for one event loop, between `open` and the end of the stack."""

    def __init__(self, url: str, connections: int) -> None:
        self._url = url
        self._connections = connections

    async def open(self, stack: AsyncExitStack) -> None:
        # A connection that a poll holds is nobody else's for a minute: a limit for both would let the polls of a busy
        # worker keep its answers from being sent.
        self._calls = await stack.enter_async_context(_session(self._connections))
        self._polls = await stack.enter_async_context(_session(0))

    async def post(self, headers: Mapping[str, str], body: bytes, *, seconds: float, poll: bool) -> Answer:
        """Raises NoAnswer. *seconds* is for all of it, the wait for a free connection included."""
        session = self._polls if poll else self._calls
        timeout = aiohttp.ClientTimeout(total=seconds, sock_connect=_CONNECT)
        try:
            async with session.post(
                self._url, data=body, headers=headers, timeout=timeout, allow_redirects=False
            ) as response:
                content = await response.read()
        except (aiohttp.ClientError, OSError) as error:
            raise NoAnswer(_text(error, seconds), _nature(error)) from error
        found = response.headers
        return Answer(response.status, content, found.get(_REQUEST_ID), _seconds(found.get(hdrs.RETRY_AFTER)))


def _session(connections: int) -> aiohttp.ClientSession:
    return aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(limit=connections),
        cookie_jar=aiohttp.DummyCookieJar(),
        skip_auto_headers=_UNWANTED,
    )


#: What an exception says of the request: the first row that fits it, else that it is lost.
_NATURES: Final[tuple[tuple[type[Exception], Nature], ...]] = (
    (aiohttp.ClientConnectorCertificateError, Nature.FINAL),
    (aiohttp.ClientConnectorError, Nature.UNSENT),
    (aiohttp.ConnectionTimeoutError, Nature.UNSENT),
)


def _nature(error: Exception) -> Nature:
    return next((nature for kind, nature in _NATURES if isinstance(error, kind)), Nature.LOST)


def _text(error: Exception, seconds: float) -> str:
    if isinstance(error, TimeoutError) and not isinstance(error, aiohttp.ConnectionTimeoutError):
        return f"no answer within {seconds:g} seconds"
    return str(error) or type(error).__name__


def _seconds(retry_after: str | None) -> float | None:
    return float(retry_after) if retry_after is not None and retry_after.strip().isdecimal() else None
