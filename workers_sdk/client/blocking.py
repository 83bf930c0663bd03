"""The client for scripts, and for code that does not wait asynchronously.

Law: nothing of a call is said here. It runs the asynchronous client on an event loop in a thread of its own, and waits.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Coroutine
from concurrent.futures import CancelledError, Future
from contextlib import suppress
from types import TracebackType
from typing import Any, Literal, NamedTuple, Self

from workers_sdk.client.blocking_operations import BlockingOperations
from workers_sdk.client.client import Client
from workers_sdk.client.credentials import Credentials
from workers_sdk.client.errors import ClientClosed
from workers_sdk.client.retries import Retries
from workflowsvc.swf.shapes import Shape


class _Running(NamedTuple):
    loop: asyncio.AbstractEventLoop
    stop: asyncio.Event


class BlockingClient(BlockingOperations):
    """A client of SWF whose methods block. A context manager; many threads may use it at the same time.

        with BlockingClient("http://127.0.0.1:8080", domain="orders") as client:
            for event in client.history("order-1", run_id):
                print(event.event_type)

    A call that is interrupted (Ctrl-C) closes its connection, as one that is cancelled does.
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
    ) -> None:
        """All as of Client, which says what they mean and what is raised."""
        self._client = Client(
            endpoint,
            domain=domain,
            region=region,
            credentials=credentials,
            retries=retries,
            connections=connections,
            identity=identity,
            timeout=timeout,
            poll_timeout=poll_timeout,
        )
        self.identity = self._client.identity
        self._running: _Running | None = None
        self._thread: threading.Thread | None = None

    @property
    def domain(self) -> str:
        return self._client.domain

    @property
    def endpoint(self) -> str:
        """The address that is asked. Raises ClientClosed."""
        return self._client.endpoint

    def call(self, operation: str, request: Shape, *, timeout: float | None = None) -> Any:
        """As Client.call."""
        if self._running is None:
            raise ClientClosed("the client is not open: use it inside `with`")
        return _result(self._client.call(operation, request, timeout=timeout), self._running.loop)

    def __enter__(self) -> Self:
        """Raises Misconfigured and CredentialsUnavailable."""
        opened = Future[_Running]()
        # A daemon: a script that forgets to leave the block can still end.
        self._thread = threading.Thread(
            target=asyncio.run, args=(self._serve(opened),), name="workers_sdk.client", daemon=True
        )
        self._thread.start()
        self._running = opened.result()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        running, self._running = self._running, None
        if running is not None and self._thread is not None:
            running.loop.call_soon_threadsafe(running.stop.set)
            self._thread.join()

    async def _serve(self, opened: Future[_Running]) -> None:
        """The life of the event loop. What is still running at its end is cancelled by asyncio.run."""
        try:
            async with self._client:
                running = _Running(asyncio.get_running_loop(), asyncio.Event())
                opened.set_result(running)
                await running.stop.wait()
        except Exception as error:
            if opened.done():
                raise
            opened.set_exception(error)


def _result(call: Coroutine[Any, Any, Any], loop: asyncio.AbstractEventLoop) -> Any:
    """Whoever is interrupted hangs up, also between handing the call over and waiting for it."""
    held = _Held(call)
    try:
        return asyncio.run_coroutine_threadsafe(held.run(), loop).result()
    except CancelledError:
        raise ClientClosed("the client was closed before an answer came") from None
    except BaseException:
        with suppress(RuntimeError):  # the loop has ended, and the call with it
            loop.call_soon_threadsafe(held.hang_up)
        raise


class _Held:
    """A call on the loop's thread, from before it begins."""

    def __init__(self, call: Coroutine[Any, Any, Any]) -> None:
        self._call = call
        self._task: asyncio.Task[Any] | None = None
        self._over = False

    async def run(self) -> Any:
        if self._over:
            self._call.close()
            raise asyncio.CancelledError
        self._task = asyncio.current_task()
        return await self._call

    def hang_up(self) -> None:
        self._over = True
        if self._task is not None:
            self._task.cancel()
