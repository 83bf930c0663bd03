"""Tasks that are left to their end by whoever waited for them."""

from __future__ import annotations

import asyncio
import gc
from typing import Any

import pytest

from workflowsvc.jobs import outcome


async def fail_when(told: asyncio.Event) -> None:
    await told.wait()
    raise ValueError("nobody hears of it")


async def test_the_outcome_of_a_task_is_given_or_raised() -> None:
    assert await outcome(asyncio.create_task(asyncio.sleep(0, "result"))) == "result"
    told = asyncio.Event()
    told.set()
    with pytest.raises(ValueError, match="nobody"):
        await outcome(asyncio.create_task(fail_when(told)))


async def test_a_task_that_was_left_comes_to_its_end_and_is_not_reported() -> None:
    """As when a process stops while its store hangs, and the question then fails."""
    reported: list[dict[str, Any]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: reported.append(context))
    told = asyncio.Event()
    task = asyncio.create_task(fail_when(told))
    waiting = asyncio.create_task(outcome(task))
    await asyncio.sleep(0)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    assert not task.done()
    told.set()
    await asyncio.wait([task])
    del task
    gc.collect()
    await asyncio.sleep(0)
    assert reported == []
