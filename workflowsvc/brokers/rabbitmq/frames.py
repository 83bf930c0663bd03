"""What is ready together for one destination travels in one message: one item when idle, many under load.

Law: it knows nothing of what it carries. Of each destination one frame is on its way at a time, so order is kept, and
what comes meanwhile gathers for the next. A frame fails as a whole.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import Final, Generic, NamedTuple, TypeVar

from workflowsvc.brokers.rabbitmq.codec import Headers
from workflowsvc.jobs import Jobs
from workflowsvc.ports import BrokerUnavailable

#: A frame ends with the item that reaches this many bytes, or at so many items.
FRAME_BYTES: Final = 256 * 1024
FRAME_ITEMS: Final = 128


class Item(NamedTuple):
    body: bytes
    #: for the eyes of whoever looks at the message
    headers: Headers


K = TypeVar("K")


class _Way:
    __slots__ = ("waiting",)

    def __init__(self) -> None:
        #: items that were put together, and who waits for them
        self.waiting: deque[tuple[Sequence[Item], asyncio.Future[None]]] = deque()

    def next_frame(self) -> tuple[list[Item], list[asyncio.Future[None]]]:
        items: list[Item] = []
        futures = []
        size = 0
        while self.waiting and len(items) < FRAME_ITEMS and size < FRAME_BYTES:
            together, future = self.waiting.popleft()
            items += together
            futures.append(future)
            size += sum(len(item.body) for item in together)
        return items, futures


class Frames(Generic[K]):
    def __init__(self, send: Callable[[K, list[Item]], Awaitable[None]]) -> None:
        self._send = send
        self._ways: dict[K, _Way] = {}
        self._jobs = Jobs()

    def put(self, destination: K, items: Sequence[Item]) -> asyncio.Future[None]:
        """Done when the frame that takes them is: all of *items* travel in one. Fails with BrokerUnavailable."""
        loop = asyncio.get_running_loop()
        future: asyncio.Future[None] = loop.create_future()
        way = self._ways.get(destination)
        if way is None:
            way = self._ways[destination] = _Way()
            # It begins in the next turn of the loop: what else becomes ready in this one goes along.
            self._jobs.start(self._run(destination, way))
        way.waiting.append((items, future))
        return future

    async def close(self, *, after: float = 0.0) -> None:
        """What is put is sent for *after* seconds more; what is left fails."""
        await self._jobs.end(after=after)

    async def _run(self, destination: K, way: _Way) -> None:
        try:
            while way.waiting:
                items, futures = way.next_frame()
                try:
                    await self._send(destination, items)
                except BaseException as error:
                    failure = error if isinstance(error, BrokerUnavailable) else BrokerUnavailable(repr(error))
                    _fail(futures, failure)
                    if not isinstance(error, BrokerUnavailable):
                        raise
                else:
                    for future in futures:
                        if not future.done():
                            future.set_result(None)
        finally:
            del self._ways[destination]
            _fail((future for _, future in way.waiting), BrokerUnavailable("the broker was closed"))


def _fail(futures: Iterable[asyncio.Future[None]], error: BrokerUnavailable) -> None:
    for future in futures:
        if not future.done():
            future.set_exception(error)
            future.exception()  # seen: not everybody waits
