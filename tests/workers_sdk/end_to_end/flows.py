"""The workflows of the end-to-end tests, and their activities."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass

from workers_sdk import (
    Retry,
    activity,
    external,
    info,
    now,
    patched,
    set_state,
    side_effect,
    signal,
    sleep,
    workflow,
)
from workers_sdk.errors import ActivityFailed


@dataclass
class Order:
    sku: str
    amount: int = 1


approve = signal("approve", Order)
stop = signal("stop")

#: Short, so that what a killed worker had is given to another soon.
SHORT = 3


@activity("Double", "1.0", start_to_close=SHORT, retry=Retry(attempts=50, first=0))
async def double(number: int) -> int:
    await asyncio.sleep(0.05)
    return 2 * number


@activity("Slow", "1.0", start_to_close=SHORT, retry=Retry(attempts=50, first=0))
def slow(number: int) -> int:
    time.sleep(0.2)
    return number + 1


_failures: dict[str, int] = {}


@activity("Flaky", "1.0", start_to_close=10, retry=Retry(attempts=3, first=0.1))
def flaky(key: str) -> int:
    """Fails twice, then not any more."""
    _failures[key] = _failures.get(key, 0) + 1
    if _failures[key] < 3:
        raise ConnectionError(f"attempt {_failures[key]}")
    return _failures[key]


@activity("Refuse", "1.0", start_to_close=10)
def refuse(order: Order) -> None:
    raise LookupError(order.sku)


@workflow("Sum", "1.0", execution_timeout=300, task_timeout=SHORT)
async def sum_of(count: int) -> int:
    """Some one after the other, some together, with a timer and a side effect in between."""
    total = await slow(0)
    total += sum(await asyncio.gather(*(double(number) for number in range(count))))
    await sleep(1)
    total += side_effect("one", lambda: 1, int)
    return await slow(total)


@workflow("Approval", "1.0", execution_timeout=300)
async def approval(order: Order) -> str:
    set_state({"waits": order.sku})
    try:
        approved = await approve.receive(timeout=60)
    except TimeoutError:
        return "nobody"
    set_state({"approved": approved.sku})
    return f"{approved.sku} x {approved.amount}"


@workflow("Parent", "1.0", execution_timeout=300)
async def parent(number: int) -> list[int]:
    begun = sum_of.start_child(number)
    await begun.started()
    return [await begun, number]


@workflow("Loop", "1.0", execution_timeout=300)
async def loop(number: int) -> int:
    number = await slow(number)
    if number < 3:
        loop.continue_as_new(number)
    return number


@workflow("Rounds", "1.0", execution_timeout=300)
async def rounds(number: int) -> int:
    """Two runs that go on at once, and a third that waits."""
    set_state({"round": number})
    if number < 2:
        rounds.continue_as_new(number + 1)
    await stop.receive(timeout=60)
    return number


@workflow("Failing", "1.0", execution_timeout=300)
async def failing(order: Order) -> str:
    try:
        await refuse(order)
    except ActivityFailed as error:
        return f"{error.type}: {error}"
    return ""


@workflow("Retrying", "1.0", execution_timeout=300)
async def retrying(key: str) -> int:
    return await flaky(key)


@workflow("Cleaning", "1.0", execution_timeout=300)
async def cleaning() -> None:
    try:
        await sleep(200)
    finally:
        set_state({"cleaned": await double(21)})


@workflow("Waker", "1.0", execution_timeout=300)
async def waker(workflow_id: str) -> bool:
    await external(workflow_id).signal(approve, Order("from another", 7))
    return patched("always") and now() >= info().started_at


WORKFLOWS = [sum_of, approval, parent, loop, rounds, failing, retrying, cleaning, waker]
ACTIVITIES = [double, slow, flaky, refuse]


def expected_sum(count: int) -> int:
    return (1 + sum(2 * number for number in range(count)) + 1) + 1
