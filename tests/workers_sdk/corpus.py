"""The workflows of the replay corpus: what each history in `histories/` was decided by.

Law: these never change. A history is of the workflow of its name; a change of replay that no longer fits one of them
breaks executions that run at users'. `histories/make.py` makes the histories.
"""

from __future__ import annotations

import asyncio

from workers_sdk.definitions.activities import activity
from workers_sdk.definitions.children import external
from workers_sdk.definitions.retry import Retry
from workers_sdk.definitions.signals import signal
from workers_sdk.definitions.workflows import workflow
from workers_sdk.errors import ActivityFailed, ActivityTimedOut, ChildFailed, DecisionRefused
from workers_sdk.workflows import (
    as_completed,
    info,
    now,
    patched,
    random,
    record_marker,
    set_state,
    side_effect,
    uuid4,
    wait_until,
)

add = signal("add", int)
stop = signal("stop")


@activity("double", "1.0", start_to_close=60)
def double(number: int) -> int:
    return 2 * number


@activity("negate", "1.0", start_to_close=60)
async def negate(number: int) -> int:
    return -number


@activity("refuse", "1.0", start_to_close=60)
def refuse(reason: str) -> None:
    raise ValueError(reason)


@activity("linger", "1.0", start_to_close=3600, heartbeat=60)
async def linger() -> None:
    """Until it is cancelled, or times out."""
    await asyncio.Event().wait()


@workflow("sequence", "1.0")
async def sequence(number: int) -> int:
    doubled = await double(number)
    record_marker("doubled", doubled)
    set_state({"doubled": doubled})
    negated = await negate(doubled)
    return await double(negated)


@workflow("fan_out", "1.0")
async def fan_out(count: int) -> list[int]:
    """All at once, and each answered when it is there."""
    doubled = await asyncio.gather(*(double(number) for number in range(count)))
    return sorted([await one async for one in as_completed(negate(number) for number in doubled)])


@workflow("many", "1.0")
async def many() -> int:
    """More decisions than one answer holds."""
    numbers = await asyncio.gather(*(double(number) for number in range(120)))
    return sum(numbers)


@workflow("timers", "1.0")
async def timers() -> float:
    began = now()
    await asyncio.sleep(3600)
    try:
        async with asyncio.timeout(60):
            await asyncio.sleep(7200)
    except TimeoutError:
        record_marker("timed out")
    await asyncio.gather(asyncio.sleep(0.5), asyncio.sleep(86_400))
    return round((now() - began).total_seconds() / 3600)


@workflow("signals", "1.0")
async def signals() -> int:
    """Adds what is signalled until it is told to stop."""
    total = 0
    stopped = asyncio.ensure_future(stop.receive())

    def take(number: int) -> None:
        nonlocal total
        total += number

    add.handle(take)
    await wait_until(stopped.done)
    return await double(total)


@workflow("unhandled", "1.0")
async def unhandled() -> int:
    """A signal that comes while it decides to complete: UNHANDLED_DECISION, and its handler sees the signal first."""
    add.handle(lambda number: record_marker("late", number))
    return await double(1)


@workflow("child", "1.0")
async def child(number: int) -> int:
    if number < 0:
        raise ValueError("below zero")
    return await double(number)


@workflow("parent", "1.0")
async def parent() -> list[object]:
    named = child.with_options(workflow_id=f"{info().workflow_id}-named").start_child(1)
    await named.started()
    found: list[object] = [await child(2), await named]
    try:
        await child(-1)
    except ChildFailed as error:
        found.append(error.type)
    try:
        await external("nobody").signal(add, 1)
    except DecisionRefused as error:
        found.append(error.cause)
    return found


@workflow("cancelled", "1.0")
async def cancelled() -> None:
    """Told to end, it cleans up first."""
    try:
        await asyncio.gather(linger(), asyncio.sleep(86_400))
    finally:
        await asyncio.shield(double(21))


@workflow("retries", "1.0")
async def retries() -> list[str]:
    """Failed attempts, their pauses with a jitter, and a timeout."""
    found: list[str] = []
    policy = Retry(attempts=3, first=10, jitter=0.5)
    try:
        await refuse.with_options(retry=policy)("never")
    except ActivityFailed as error:
        found.append(f"{error.type} {error.attempts}")
    try:
        await linger.with_options(retry=Retry(attempts=2, first=5))()
    except ActivityTimedOut as error:
        found.append(f"{error.timeout_type} {error.attempts}")
    return found


@workflow("again", "1.0")
async def again(left: int) -> str:
    await double(left)
    if left:
        again.continue_as_new(left - 1)
    return "done"


@workflow("chance", "1.0")
async def chance() -> str:
    """Lots that come out the same at every replay; how many activities there are depends on them."""
    setting = side_effect("setting", lambda: 3, int)
    lots = [random().randint(1, 2) for _ in range(setting)]
    for lot in lots:
        await (double if lot == 1 else negate)(lot)
    await child.with_options(workflow_id=str(uuid4()))(1)
    return "".join(map(str, lots))


@workflow("patched", "1.0")
async def patched_workflow() -> int:
    """Changed while executions ran: one of the histories is of the code before, without `negate`."""
    number = await double(1)
    if patched("negate"):
        number = await negate(number)
    return await double(number)


@workflow("mended", "1.0")
async def mended() -> int:
    """Its first decision failed: the code of that time did what workflow code must not."""
    return await double(4)


WORKFLOWS = [
    sequence,
    fan_out,
    many,
    timers,
    signals,
    unhandled,
    child,
    parent,
    cancelled,
    retries,
    again,
    chance,
    patched_workflow,
    mended,
]
ACTIVITIES = [double, negate, refuse, linger]
