"""The asynchronous client.

Law: how a call goes - encoded, signed, sent, read, repeated - is said here once, in `call`; which calls there are is
generated (operations.py).
"""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack
from datetime import UTC, datetime
from types import TracebackType
from typing import Any, Final, Literal, NamedTuple, Self

from workers_sdk.client.answers import EXCHANGES, Exchange, encode
from workers_sdk.client.attempts import Attempts, Failure
from workers_sdk.client.credentials import Chain, Credentials, Keeper
from workers_sdk.client.endpoint import Endpoint, aws_url, endpoint_of, region_in, url_in
from workers_sdk.client.errors import ClientClosed, CredentialsUnavailable, Misconfigured
from workers_sdk.client.operations import Operations
from workers_sdk.client.retries import Retries
from workers_sdk.client.signing import signed
from workers_sdk.client.transport import Answer, NoAnswer, Transport
from workers_sdk.payloads import Payloads
from workflowsvc.swf.shapes import Shape

#: The region of an endpoint of one's own: what `workflowsvc` takes unsigned requests for.
_REGION: Final = "us-east-1"
_IDENTITY_MAX: Final = 256
_JSON_1_0: Final = "application/x-amz-json-1.0"


class _Open(NamedTuple):
    """What a client has while it is open."""

    endpoint: Endpoint
    region: str
    keeper: Keeper
    thread: ThreadPoolExecutor
    transport: Transport


class Client(Operations):
    """A client of SWF: ours or AWS's own. An asynchronous context manager, for the event loop that enters it.

        async with Client("http://127.0.0.1:8080", domain="orders") as client:
            run = await client.start_workflow_execution(workflow_id="order-1", workflow_type=...)

    A client belongs to the event loop that entered it; a copy of one (copy.copy) can be entered in another.
    Many calls may run at the same time. A call that is cancelled closes its connection. Every call may raise the
    faults that it names, and ClientError (errors.py has the tree).
    """

    def __init__(
        self,
        endpoint: str | None = None,
        *,
        domain: str | None = None,
        region: str | None = None,
        credentials: Credentials | Literal["none"] | None = None,
        retries: Retries = Retries(),  # noqa: B008  frozen
        connections: int = 100,
        identity: str | None = None,
        timeout: float = 30.0,
        poll_timeout: float = 70.0,
        payloads: Payloads | None = None,
        sleep: Callable[[float], Awaitable[object]] = asyncio.sleep,
    ) -> None:
        """*endpoint*: None is AWS_ENDPOINT_URL_SWF, else AWS_ENDPOINT_URL, else AWS itself in *region*.

        *domain* is that of every call that does not name one. *region*: None is AWS_REGION, AWS_DEFAULT_REGION or that
        of the profile; with an endpoint of one's own, else us-east-1. *credentials*: None is what botocore's chain
        finds, and unsigned if it finds nothing or is not installed (workflowsvc takes both, AWS only signed);
        "none" is unsigned whatever it would find. *connections* for calls at the same time; each poll has one of its
        own beside them. *identity* of polls: None is HOST:PID. *timeout* and *poll_timeout* are the seconds that one
        attempt may take; AWS wants at least 70 for polls. *payloads* is how values become texts for workflows started
        with this client, their handles and its workers; None is plain JSON. *sleep* waits between attempts.

        Raises Misconfigured for an *endpoint* that is no address.
        """
        self._url = endpoint
        if endpoint is not None:
            endpoint_of(endpoint)
        self._domain = domain
        self._region = region
        self._credentials = credentials
        self._retries = retries
        self._connections = connections
        self._timeout = timeout
        self._poll_timeout = poll_timeout
        self._sleep = sleep
        #: how values become texts, for executions.py and for workers; the operations take texts as they are
        self.payloads = payloads if payloads is not None else Payloads()
        self._stack = AsyncExitStack()
        self._opened: _Open | None = None
        self.identity = identity if identity is not None else f"{socket.gethostname()}:{os.getpid()}"[-_IDENTITY_MAX:]

    @property
    def domain(self) -> str:
        """The domain of calls that do not name one. Raises Misconfigured if the client has none."""
        if self._domain is None:
            raise Misconfigured("no domain: give Client(domain=...), or domain=... with the call")
        return self._domain

    @property
    def endpoint(self) -> str:
        """The address that is asked. Raises ClientClosed."""
        return self._now().endpoint.url

    async def __aenter__(self) -> Self:
        """Raises Misconfigured if no region says where AWS is, and CredentialsUnavailable."""
        async with AsyncExitStack() as stack:
            thread = ThreadPoolExecutor(1, thread_name_prefix="workers_sdk.client")
            stack.callback(thread.shutdown, wait=False, cancel_futures=True)
            opened = await self._locate(thread)
            await opened.transport.open(stack)
            self._stack = stack.pop_all()
        self._opened = opened
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._opened = None
        await self._stack.aclose()

    async def _locate(self, thread: ThreadPoolExecutor) -> _Open:
        """Whom to ask and as whom; what takes files or other machines, in the thread."""
        loop = asyncio.get_running_loop()
        url = self._url or url_in(os.environ)
        chain = Chain(machine=url is None or endpoint_of(url).encrypted)
        region = self._region or region_in(os.environ)
        if region is None and self._credentials != "none":
            region = await loop.run_in_executor(thread, chain.region)
        if url is None and region is None:
            raise Misconfigured(
                "no endpoint and no region: give one to Client, or set AWS_ENDPOINT_URL_SWF or AWS_REGION"
            )
        endpoint = endpoint_of(url or aws_url(region or _REGION))
        given = self._credentials
        fixed = given if isinstance(given, Credentials) else None
        keeper = Keeper(chain.credentials if given is None else lambda: fixed)
        if await keeper.current(thread) is None and given is None and endpoint.aws:
            raise CredentialsUnavailable(f"{endpoint.host} wants credentials, and botocore's chain found none")
        return _Open(endpoint, region or _REGION, keeper, thread, Transport(endpoint.url, self._connections))

    def _now(self) -> _Open:
        if self._opened is None:
            raise ClientClosed("the client is not open: use it inside `with`")
        return self._opened

    # ---- a call --------------------------------------------------------------------------------------------

    async def call(self, operation: str, request: Shape, *, timeout: float | None = None) -> Any:  # noqa: ASYNC109
        """The output shape of *operation*; None if it has none, and for a poll that no task came of.

        *timeout*: the seconds that one attempt may take, if not the client's. Raises Fault and ClientError; what it
        took is `trail_of(error)`, and the cause of the last error is the one before it.
        """
        exchange = EXCHANGES[operation]
        body = encode(request)
        usual = self._poll_timeout if exchange.poll else self._timeout
        seconds = usual if timeout is None else timeout
        attempts = Attempts(self._retries)
        while True:
            try:
                answer = await self._ask(exchange, body, seconds)
            except NoAnswer as lost:
                failure = Failure.lost(self.endpoint, lost)
            else:
                if 200 <= answer.status < 300:
                    return exchange.read(answer.body)
                failure = Failure.refused(answer, poll=exchange.poll)
            await self._sleep(attempts.pause(failure, asyncio.get_running_loop().time()))

    async def _ask(self, exchange: Exchange, body: bytes, seconds: float) -> Answer:
        to = self._now()
        headers = {"Host": to.endpoint.host, "Content-Type": _JSON_1_0, "X-Amz-Target": exchange.target}
        credentials = await to.keeper.current(to.thread)
        if credentials is not None:
            at = datetime.now(UTC)
            headers = signed(to.endpoint.url, headers, body, credentials=credentials, region=to.region, at=at)
        return await to.transport.post(headers, body, seconds=seconds, poll=exchange.poll)
