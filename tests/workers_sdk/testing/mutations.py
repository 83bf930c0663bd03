"""The workflows of the corpus, changed as people change code: none of them fits its history any more.

Law: one change each, and what must be said about it: the event, what the history has there, what the code wants.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from contextlib import suppress
from typing import Any, NamedTuple

from tests.workers_sdk.corpus import add, child, double, linger, negate, refuse
from workers_sdk.definitions.retry import Retry
from workers_sdk.errors import ActivityFailed
from workers_sdk.workflows import record_marker, side_effect


async def _swapped(number: int) -> int:
    negated = await negate(number)
    record_marker("doubled", await double(negated))
    return 0


async def _one_less(count: int) -> list[int]:
    await asyncio.gather(*(double(number) for number in range(count - 1)))
    return []


async def _timer_in_between() -> None:
    for number in range(120):
        if number == 110:
            asyncio.get_running_loop().call_later(1, int)
        double(number)
    await asyncio.sleep(1)


async def _no_timeout() -> None:
    await asyncio.sleep(3600)
    await asyncio.sleep(7200)


async def _stops_at_the_first_number() -> int:
    return await double(await add.receive())


async def _no_handler() -> int:
    return await double(1)


async def _other_child() -> None:
    await child.with_options(workflow_id="mine")(1)


async def _no_cleanup() -> None:
    await asyncio.gather(linger(), asyncio.sleep(86_400))


async def _fewer_attempts() -> list[str]:
    with suppress(ActivityFailed):
        await refuse.with_options(retry=Retry(attempts=2, first=10, jitter=0.5))("never")
    await linger()
    return []


async def _ends(left: int) -> str:
    await double(left)
    return "done"


async def _other_side_effect() -> None:
    side_effect("how many", lambda: 3, int)
    await double(1)


async def _unpatched() -> int:
    return await double(await double(1))


async def _patched_without_asking() -> int:
    return await double(await negate(await double(1)))


async def _other_activity() -> int:
    return await negate(4)


class Mutation(NamedTuple):
    code: Callable[..., Coroutine[Any, Any, Any]]
    event_id: int
    expected: str
    got: str


_SIDE_EFFECT = "RecordMarker #workers_sdk.side_effect"

#: by the name of the history
MUTATIONS = {
    "sequence": Mutation(_swapped, 5, "ScheduleActivityTask #1 double 1.0", "ScheduleActivityTask #1 negate 1.0"),
    "fan_out": Mutation(_one_less, 9, "ScheduleActivityTask #5 double 1.0", "nothing more"),
    "many": Mutation(_timer_in_between, 126, "ScheduleActivityTask #111 double 1.0", "StartTimer #111"),
    "timers": Mutation(_no_timeout, 11, "StartTimer #3", "nothing more"),
    "signals": Mutation(
        _stops_at_the_first_number, 11, "nothing more for this decision task", "ScheduleActivityTask #1 double 1.0"
    ),
    "unhandled": Mutation(_no_handler, 16, "RecordMarker #late", "CompleteWorkflowExecution"),
    "parent": Mutation(
        _other_child,
        5,
        "StartChildWorkflowExecution #parent-named child 1.0",
        "StartChildWorkflowExecution #mine child 1.0",
    ),
    # What would have begun or gone on is not asked for any more by the code that ends.
    "cancelled": Mutation(_no_cleanup, 12, "RequestCancelActivityTask #1", "CancelWorkflowExecution"),
    "retries": Mutation(_fewer_attempts, 22, "StartTimer #3", "ScheduleActivityTask #3 linger 1.0"),
    "again": Mutation(_ends, 11, "ContinueAsNewWorkflowExecution", "CompleteWorkflowExecution"),
    "chance": Mutation(_other_side_effect, 5, f"{_SIDE_EFFECT} setting #1", f"{_SIDE_EFFECT} how many #1"),
    "patched": Mutation(_unpatched, 12, "ScheduleActivityTask #2 negate 1.0", "ScheduleActivityTask #2 double 1.0"),
    "patched_before": Mutation(
        _patched_without_asking, 11, "ScheduleActivityTask #2 double 1.0", "ScheduleActivityTask #2 negate 1.0"
    ),
    "mended": Mutation(_other_activity, 11, "ScheduleActivityTask #1 double 1.0", "ScheduleActivityTask #1 negate 1.0"),
}
