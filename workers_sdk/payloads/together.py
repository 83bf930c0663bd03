"""Several waits at once, but not too many: a history may refer to a thousand objects of a store.

Law: the first error ends the others and is raised as it is; nothing is left running.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from typing import Any, Final, TypeVar

A = TypeVar("A")
T = TypeVar("T")

_AT_ONCE: Final = 16


async def together(function: Callable[[A], Coroutine[Any, Any, T]], arguments: Sequence[A]) -> list[T]:
    """What *function* gives for each, in order."""
    turns = asyncio.Semaphore(_AT_ONCE)

    async def in_turn(argument: A) -> T:
        async with turns:
            return await function(argument)

    tasks = [asyncio.ensure_future(in_turn(argument)) for argument in arguments]
    try:
        return await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
