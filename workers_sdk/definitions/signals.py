"""Signals with a type: declared once, received in workflows, sent from anywhere.

Law: a signal that comes before anybody wants it waits; signals of one name keep the order of the history.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from datetime import timedelta
from typing import Any, Generic, TypeVar, overload

from workers_sdk.definitions.context import current

T = TypeVar("T")


class Signal(Generic[T]):
    """A signal by its name and the type of its input."""

    def __init__(self, name: str, type_: Any) -> None:
        self.name = name
        self.type = type_

    async def receive(self, timeout: float | timedelta | None = None) -> T:  # noqa: ASYNC109
        """The next one, waiting for it if need be: with *timeout* (seconds or a timedelta) for so long, by a timer.

        Raises TimeoutError, and PayloadError if its input is of another type.
        """
        context = current(f"receiving the signal {self.name}")
        async with asyncio.timeout(timeout.total_seconds() if isinstance(timeout, timedelta) else timeout):
            value: T = await context.receive(self.name, self.type)
            return value

    def received(self) -> list[T]:
        """All that wait now, and no more will: empty if none does."""
        return current(f"receiving the signal {self.name}").received(self.name, self.type)

    def handle(self, handler: Callable[[T], object]) -> None:
        """From now on *handler* is called with each one, those that wait already first. It may be async."""
        current(f"handling the signal {self.name}").handle(self.name, self.type, handler)

    async def __aiter__(self) -> AsyncIterator[T]:
        while True:
            yield await self.receive()

    def __repr__(self) -> str:
        return f"<signal {self.name}>"


@overload
def signal(name: str, type_: type[T]) -> Signal[T]: ...
@overload
def signal(name: str) -> Signal[None]: ...
def signal(name: str, type_: Any = None) -> Signal[Any]:
    """Declare a signal: `approve = signal("approve", Approval)`. Without a type it carries nothing."""
    return Signal(name, type_ if type_ is not None else type(None))
