"""Several waits at once."""

from __future__ import annotations

import asyncio

import pytest

from workers_sdk.payloads.together import together


async def test_results_come_in_the_order_of_the_arguments() -> None:
    first_may_go = asyncio.Event()

    async def double(number: int) -> int:
        if number == 1:
            await first_may_go.wait()
        else:
            first_may_go.set()
        return number * 2

    assert await together(double, [1, 2]) == [2, 4]


async def test_no_more_than_sixteen_run_at_once() -> None:
    running: list[int] = []
    most = 0

    async def run(number: int) -> None:
        nonlocal most
        running.append(number)
        most = max(most, len(running))
        await asyncio.sleep(0)
        running.remove(number)

    await together(run, range(100))
    assert most == 16


async def test_the_first_error_is_raised_as_it_is_and_ends_the_others() -> None:
    ended: list[int] = []
    failure = LookupError("gone")
    failure.__cause__ = OSError()

    async def fail(number: int) -> None:
        if number == 20:
            raise AssertionError("it had no turn")
        if number == 3:
            raise failure
        try:
            await asyncio.Event().wait()
        finally:
            ended.append(number)

    with pytest.raises(LookupError, match="gone") as raised:
        await together(fail, range(21))
    assert raised.value is failure
    assert isinstance(raised.value.__cause__, OSError)
    assert {0, 1, 2} <= set(ended)
    assert len(asyncio.all_tasks()) == 1
