"""The signals of an execution, until its code wants them.

Law: none is lost and none overtakes another of its name. Who waits gets the next; a handler gets all from then on.
"""

from __future__ import annotations

import asyncio
import inspect
from collections import defaultdict, deque
from collections.abc import Callable
from typing import Any

from workers_sdk.payloads import Converter
from workers_sdk.replay.loop import WorkflowFuture, WorkflowLoop

Handler = Callable[[Any], object]


class Inbox:
    def __init__(self, loop: WorkflowLoop, converter: Converter) -> None:
        self._loop = loop
        self._converter = converter
        self._buffered: defaultdict[str, deque[str | None]] = defaultdict(deque)
        self._waiting: defaultdict[str, deque[WorkflowFuture[str | None]]] = defaultdict(deque)
        self._handlers: dict[str, tuple[Handler, Any]] = {}
        #: held, so that handlers are not collected while they wait
        self._running: set[asyncio.Task[None]] = set()
        #: the first exception of a handler: it fails the execution, as nobody else hears of it
        self.failure: BaseException | None = None

    @property
    def unread(self) -> dict[str, int]:
        """How many signals of each name nobody has wanted."""
        return {name: len(texts) for name, texts in self._buffered.items() if texts}

    def arrived(self, name: str, text: str | None) -> None:
        if not self._wanted(name, text):
            self._buffered[name].append(text)

    def _wanted(self, name: str, text: str | None) -> bool:
        """Give it to the handler, or to whoever waits for it. False: there is neither."""
        if name in self._handlers:
            self._call(*self._handlers[name], text)
            return True
        waiting = self._waiting[name]
        while waiting:
            future = waiting.popleft()
            if not future.done():
                future.set_result(text)
                return True
        return False

    async def receive(self, name: str, type_: Any) -> Any:
        buffered = self._buffered[name]
        if buffered:
            return self._converter.from_text(buffered.popleft(), type_)
        future: WorkflowFuture[str | None] = WorkflowFuture(self._loop)
        self._waiting[name].append(future)
        try:
            text = await future
        except asyncio.CancelledError:
            # It came in the very moment in which it was wanted no more: the next one gets it.
            if not future.cancelled() and not self._wanted(name, future.result()):
                buffered.appendleft(future.result())
            raise
        return self._converter.from_text(text, type_)

    def received(self, name: str, type_: Any) -> list[Any]:
        texts, self._buffered[name] = self._buffered[name], deque()
        return [self._converter.from_text(text, type_) for text in texts]

    def handle(self, name: str, type_: Any, handler: Handler) -> None:
        self._handlers[name] = (handler, type_)
        texts, self._buffered[name] = self._buffered[name], deque()
        for text in texts:
            self._call(handler, type_, text)

    def _call(self, handler: Handler, type_: Any, text: str | None) -> None:
        """In a task of its own, so that handlers that wait do not hold up what comes after."""

        async def call() -> None:
            result = handler(self._converter.from_text(text, type_))
            if inspect.isawaitable(result):
                await result

        task = self._loop.create_task(call())
        self._running.add(task)
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._running.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            self.failure = self.failure or error
