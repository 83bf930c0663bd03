"""From bytes on a socket to bytes on a socket.

Law: whatever arrives, the answer is a modelled one: a complete HTTP answer with a JSON body that names its `__type`,
in one write (SWF.md §13.1). The way of a request is `Endpoint.__call__`, six steps to be counted down.
"""

from __future__ import annotations

import asyncio
import logging
import sys
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from contextlib import suppress
from itertools import chain
from typing import Any, Final, NamedTuple, TypeVar, cast

from aiohttp import hdrs, web
from aiohttp.http_exceptions import LineTooLong
from aiohttp.web_protocol import RequestHandler

from gateway import wire
from gateway.access import region_of
from gateway.answer import Answer
from gateway.caller import Caller, Handler
from gateway.routes import Route
from gateway.validation import reader_of
from workflowsvc.ports import BrokerUnavailable, StoreUnavailable
from workflowsvc.swf.errors import (
    Fault,
    InternalFailure,
    RequestEntityTooLargeException,
    SerializationException,
    ServiceUnavailableException,
    UnknownOperationException,
)
from workflowsvc.swf.operations import OPERATIONS
from workflowsvc.swf.shapes import PollForActivityTaskInput, PollForDecisionTaskInput, Shape

T = TypeVar("T")

_LOG: Final = logging.getLogger(__name__)

#: "Maximum request size: 1 MB" (SWF quotas), "all in, headers included"
_REQUEST_MAX: Final = 1024 * 1024
_HEADER_MAX: Final = 64 * 1024
_HEADERS_MAX: Final = 256
#: How long what a client still sends is read and dropped, so that it can read why.
_LINGER_SECONDS: Final = 5.0

_TARGET: Final = "X-Amz-Target"
_JSON_1_0: Final = "application/x-amz-json-1.0"
_JSON: Final = "application/json"
_CONTINUE: Final = b"HTTP/1.1 100 Continue\r\n\r\n"


#: Requests that wait for work, so that it matters whether their client still listens.
_POLLS: Final = frozenset(
    name
    for name, operation in OPERATIONS.items()
    if operation.input in (PollForActivityTaskInput, PollForDecisionTaskInput)
)


class _Served(NamedTuple):
    read: Callable[[bytes], Any]
    handle: Handler


class Endpoint:
    """Answers requests: SWF's operations by X-Amz-Target, the routes by method and path."""

    def __init__(
        self, handlers: Mapping[type[Shape], Handler], routes: Mapping[tuple[str, str], Route], region: str
    ) -> None:
        self._served = {name: _Served(reader_of(op), handlers[op.input]) for name, op in OPERATIONS.items()}
        self._routes = routes
        self._region = region
        self._running = 0
        self._idle = asyncio.Event()
        self._idle.set()
        self.closing = False

    async def __call__(self, request: web.BaseRequest) -> web.StreamResponse:
        self._running += 1
        self._idle.clear()
        close = False
        status = 200
        try:
            body = await _body(request)  # 1. the whole request, up to 1 MB
            route = self._routes.get((request.method, request.path)) if _TARGET not in request.headers else None
            if route is not None:
                status, answer = await route(body)
            else:
                served = self._operation(request)  # 2. which operation
                caller = self._caller(request)  # 3. of which region, and whether still there
                arguments = served.read(body)  # 4. its input, valid
                answer = await served.handle(caller, arguments)  # 5. the work
        except Exception as error:
            fault = _fault_of(error)
            status, answer = fault.status, wire.fault(fault)
            close = isinstance(error, RequestEntityTooLargeException | web.RequestPayloadError)
        finally:
            self._running -= 1
            if not self._running:
                self._idle.set()
        return _response(request, status, answer, close=close or self.closing)  # 6. header and body in one write

    async def idle(self) -> None:
        """Returns when no request is running."""
        await self._idle.wait()

    def _operation(self, request: web.BaseRequest) -> _Served:
        served = self._served.get(_operation_of(request.headers))
        if served is None or request.method != hdrs.METH_POST:
            raise UnknownOperationException
        return served

    def _caller(self, request: web.BaseRequest) -> Caller:
        def gone() -> bool:
            return request.transport is None or request.transport.is_closing()

        return Caller(region_of(request.headers.get(hdrs.AUTHORIZATION), self._region), gone)


def _operation_of(headers: Mapping[str, str]) -> str:
    # "Match on the last dotted component" (SWF.md §1, Old form)
    return headers.get(_TARGET, "").rpartition(".")[2]


async def _body(request: web.BaseRequest) -> bytes:
    """Raises RequestEntityTooLargeException; what was not read then is drained after the answer."""
    length = request.content_length
    content = request.content
    headers = request.raw_headers
    # Headers count too; it is worth counting them only where they could matter.
    near = length is None or length + len(headers) * _HEADER_MAX > _REQUEST_MAX
    room = _REQUEST_MAX - (sum(map(len, chain.from_iterable(headers))) if near else 0)
    if (length or 0) > room:
        raise RequestEntityTooLargeException
    if hdrs.EXPECT in request.headers:
        await _invite(request)
    body = content.read_nowait() if content.is_eof() else await content.readany()
    if len(body) == length:
        return body
    while chunk := await content.readany():
        body += chunk
        if len(body) > room:
            raise RequestEntityTooLargeException
    if getattr(request.protocol, "cut", False):
        raise web.RequestPayloadError("the client stopped sending within the body")
    return body


async def _invite(request: web.BaseRequest) -> None:
    if request.headers[hdrs.EXPECT].lower() == "100-continue" and not request.content.is_eof():
        await request.writer.write(_CONTINUE)
        request.writer.output_size = 0  # nothing of the answer itself


def _fault_of(error: Exception) -> Fault:
    if isinstance(error, Fault):
        return error
    if isinstance(error, StoreUnavailable | BrokerUnavailable):
        return ServiceUnavailableException()
    if isinstance(error, web.RequestPayloadError):  # the body's chunks are not HTTP
        return SerializationException()
    if isinstance(error, LineTooLong):
        return RequestEntityTooLargeException()
    _LOG.error("a request failed", exc_info=error)
    return InternalFailure()


def _response(request: web.BaseRequest, status: int, body: bytes, *, close: bool) -> Answer:
    modern = request.headers.get(hdrs.CONTENT_TYPE, "").startswith(_JSON_1_0)
    return Answer(status, body, _JSON_1_0 if modern else _JSON, close=close)


# ---- what is not HTTP ------------------------------------------------------------------------------------------


#: aiohttp has each request handled by a task of its own, for context variables that nobody here sets. From 3.12 on it
#: begins at once and costs little; before, as much as aiohttp's parser.
_TASK_FOR_EACH_REQUEST: Final = sys.version_info < (3, 12)


class _Inline:
    """The loop, as far as aiohttp's connection asks it: the task that it wants for a request is its own."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.create_future = loop.create_future
        self.call_at = loop.call_at
        self.time = loop.time

    @staticmethod
    def create_task(handling: Coroutine[Any, Any, T]) -> Coroutine[Any, Any, T]:
        return handling


class _Connection(RequestHandler):
    """aiohttp's, but what its parser refuses is answered as everything else is, and who only stops sending is, too."""

    __slots__ = ("cut", "latest")
    #: whether the client stopped sending within a body
    cut: bool
    #: the request that was taken last, answered or not
    latest: web.BaseRequest | None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        if _TASK_FOR_EACH_REQUEST:
            self._loop = cast("asyncio.AbstractEventLoop", _Inline(self._loop))

    def eof_received(self) -> bool:  # type: ignore[override]
        """The client sends no more: whether it may still be written to.

        Whoever polls has hung up, as far as one can see, and its task must go to another. Everybody else is answered.
        """
        asked = [(message.headers, payload) for message, payload in self._messages if hasattr(message, "headers")]
        if self.latest is not None and self._waiter is None:  # else it is answered, and the next one waited for
            asked.append((self.latest.headers, self.latest.content))
        if not asked or any(_operation_of(headers) in _POLLS for headers, _ in asked):
            return False
        for _, payload in asked:
            if not payload.is_eof():
                self.cut = True
                payload.feed_eof()
        self.close()
        return True

    def resume_reading(self, resume_parser: bool = True) -> None:
        """Only after a pause: aiohttp asks for it twice a request, and then parses nothing anew."""
        if self._reading_paused or self._buffer_paused:
            super().resume_reading(resume_parser)

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,
    ) -> web.StreamResponse:
        fault: Fault = UnknownOperationException()
        if isinstance(exc, LineTooLong):
            fault = RequestEntityTooLargeException()
        elif status >= 500:
            fault = InternalFailure()
            _LOG.error("a connection failed", exc_info=exc)
        return _response(request, fault.status, wire.fault(fault), close=True)

    def _make_error_handler(self, err_info: Any) -> Callable[[web.BaseRequest], Awaitable[web.StreamResponse]]:
        async def refuse(request: web.BaseRequest) -> web.StreamResponse:
            response = self.handle_error(request, err_info.status, err_info.exc, err_info.message)
            with suppress(ConnectionError):  # the client is gone
                await response.prepare(request)
                await response.write_eof()
            # Closing with bytes unread would reset the connection under the answer: say goodbye, drop what still
            # comes until the client closes too.
            self.close()
            if self.transport is not None:
                self.transport.write_eof()
                await asyncio.sleep(_LINGER_SECONDS)
            return response

        return refuse


class Server(web.Server):
    def __init__(self, endpoint: Endpoint) -> None:
        super().__init__(
            endpoint,
            handler_cancellation=True,  # a poll ends when its client hangs up
            access_log=None,
            auto_decompress=False,  # "Content-Encoding: amz-1.0: a label, not compression" (SWF.md §1)
            max_line_size=_HEADER_MAX,
            max_field_size=_HEADER_MAX,
            max_headers=_HEADERS_MAX,
            lingering_time=_LINGER_SECONDS,
        )

    def __call__(self) -> RequestHandler:
        connection = _Connection(self, loop=self._loop, **self._kwargs)
        connection.cut, connection.latest = False, None
        return connection

    def _make_request(self, message: Any, payload: Any, protocol: Any, writer: Any, task: Any) -> web.BaseRequest:
        protocol.latest = super()._make_request(message, payload, protocol, writer, task)
        return protocol.latest  # type: ignore[no-any-return]
