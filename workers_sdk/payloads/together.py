"""Several waits at once, but not too many: a history may refer to a thousand objects of a store.

Law: the first error ends the others and is raised as it is.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Sequence
from typing import Any, Final, TypeVar

T = TypeVar("T")

_AT_ONCE: Final = 16


async def together(waits: Sequence[Coroutine[Any, Any, T]]) -> list[T]:
    """Their results, in order."""
    turns = asyncio.Semaphore(_AT_ONCE)

    async def in_turn(wait: Coroutine[Any, Any, T]) -> T:
        async with turns:
            return await wait

    tasks = [asyncio.ensure_future(in_turn(wait)) for wait in waits]
    try:
        return await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()
