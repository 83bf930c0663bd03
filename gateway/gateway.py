"""The gateway, put together.

Law: an async context manager that owns what it opens and nothing else. It has no state that a restart could lose.
"""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack, suppress
from types import TracebackType
from typing import Final

from aiohttp import web

from gateway.app import Endpoint, Server
from gateway.calls import Calls
from gateway.catalogue import Catalogue
from gateway.commands import Commands
from gateway.domains import Domains
from gateway.health import Health
from gateway.histories import Histories
from gateway.lambdas import Lambdas
from gateway.longpolls import LongPolls
from gateway.polls import Polls
from gateway.rates import Rates
from gateway.sight import Sight
from gateway.timecontrol import TimeRoutes
from gateway.tokens import PageTokens, Signer, TaskTokens
from gateway.visibility import Visibility
from workflowsvc.ports import Broker, Clock, Store, TimeControl
from workflowsvc.settings import Settings

#: Shutdown takes at most five seconds: for the polls, for the requests that run, for the connections.
_POLLS_SECONDS: Final = 2.0
_REQUESTS_SECONDS: Final = 2.0
_CONNECTIONS_SECONDS: Final = 0.5

#: One secret for every gateway of a store: a token is good at each of them.
_SECRET: Final = "tokens"  # noqa: S105  the secret's name


class Gateway:
    def __init__(
        self, settings: Settings, clock: Clock, broker: Broker, store: Store, control: TimeControl | None = None
    ) -> None:
        self._settings = settings
        self._clock = clock
        self._broker = broker
        self._store = store
        self._stack = AsyncExitStack()
        self._calls = Calls(clock, broker)
        self._health = Health(broker, store)
        self._polls = LongPolls(broker, self._calls, settings.poll_seconds, settings.quota_pollers)
        self._routes = self._health.routes() | (TimeRoutes(control).routes() if control is not None else {})
        self._endpoint: Endpoint
        self._runner: web.ServerRunner

    async def __aenter__(self) -> Gateway:
        signer = Signer(await self._store.secret(_SECRET))
        async with AsyncExitStack() as stack:
            await stack.enter_async_context(self._calls)
            if self._settings.lambda_endpoint:
                lambdas = Lambdas(self._broker, self._calls, self._settings.lambda_endpoint)
                await stack.enter_async_context(lambdas)
            self._endpoint = self._answering(signer)
            self._runner = web.ServerRunner(Server(self._endpoint), shutdown_timeout=_CONNECTIONS_SECONDS / 2)
            await self._runner.setup()
            stack.push_async_callback(self._runner.cleanup)
            stack.push_async_callback(self._drain)
            self._stack = stack.pop_all()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._stack.aclose()

    async def listen(self, host: str, port: int) -> str:
        """Accept connections; the URL. Port 0 is any free one. Raises OSError where the port is taken."""
        site = web.TCPSite(self._runner, host, port)
        await site.start()
        host, port = self._runner.addresses[-1][:2]
        return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"

    def _answering(self, signer: Signer) -> Endpoint:
        clock, store = self._clock, self._store
        domains = Domains(store)
        tasks, pages = TaskTokens(signer), PageTokens(signer, clock)
        sight = Sight(store, self._calls, self._settings.partitions)
        groups = (
            Commands(self._calls, tasks),
            Polls(clock, store, domains, self._polls, tasks, pages),
            Catalogue(store, domains, pages, self._settings.account),
            Visibility(clock, store, sight, domains, pages),
            Histories(clock, store, domains, pages),
        )
        handlers = {shape: handle for group in groups for shape, handle in group.handlers()}
        if factor := self._settings.quota_rates:
            rates = Rates(clock, tasks, factor)
            handlers = {shape: rates.limited(shape, handle) for shape, handle in handlers.items()}
        return Endpoint(handlers, self._routes, self._settings.region)

    async def _drain(self) -> None:
        """Not ready any more; polls answered empty; running requests finish; connections are told to close."""
        self._health.closing = self._endpoint.closing = True
        await self._polls.close(_POLLS_SECONDS)
        with suppress(TimeoutError):
            async with asyncio.timeout(_REQUESTS_SECONDS):
                await self._endpoint.idle()
