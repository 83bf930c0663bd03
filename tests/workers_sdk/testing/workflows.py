"""Workflows that the tests of the environment run."""

from __future__ import annotations

import asyncio
from contextlib import suppress

from workers_sdk.definitions.activities import activity
from workers_sdk.definitions.signals import signal
from workers_sdk.definitions.workflows import workflow
from workers_sdk.errors import ActivityTimedOut
from workers_sdk.worker import activity_context

DAY = 86_400

approve = signal("approve", str)


@activity("greet", "1.0", start_to_close=60)
def greet(name: str) -> str:
    return f"hello {name}"


@activity("hang", "1.0", heartbeat=60, start_to_close=3600)
def hang() -> None:
    """Until it learns that it is to end; in a worker's thread."""
    activity_context().wait_cancelled(30)


@activity("beat", "1.0", heartbeat=60, start_to_close=3600)
def beat(progress: str) -> None:
    """Says once how far it is, and then hangs."""
    activity_context().heartbeat(progress)
    activity_context().wait_cancelled(30)


@activity("hang silently", "1.0", start_to_close=3600)
def hang_silently() -> None:
    """It has no heartbeat timeout, so that nothing tells it that it is to end but the worker's own end."""
    activity_context().wait_cancelled(30)


@activity("hang for ever", "1.0", start_to_close="NONE")
def hang_for_ever() -> None:
    activity_context().wait_cancelled(30)


@workflow("sleeper", "1.0")
async def sleeper(days: float) -> str:
    await asyncio.sleep(days * DAY)
    return await greet("sleeper")


@workflow("hanging", "1.0", execution_timeout=7 * DAY)
async def hanging() -> str:
    """How its activity timed out, and with what details."""
    try:
        await hang()
    except ActivityTimedOut as error:
        return error.timeout_type
    return "no timeout"


@workflow("beating", "1.0")
async def beating() -> tuple[str, str | None]:
    try:
        await beat("half")
    except ActivityTimedOut as error:
        return error.timeout_type, error.details
    return "no timeout", None


@workflow("silent", "1.0", execution_timeout=7 * DAY)
async def silent() -> str:
    try:
        await hang_silently()
    except ActivityTimedOut as error:
        return error.timeout_type
    return "no timeout"


@workflow("endless", "1.0", execution_timeout=7 * DAY)
async def endless() -> None:
    await hang_for_ever()


@workflow("waiting", "1.0", execution_timeout=30 * DAY)
async def waiting() -> str:
    return await approve.receive()


@workflow("whichever", "1.0")
async def whichever() -> str:
    """A signal or an hour, whichever comes first."""
    try:
        async with asyncio.timeout(3600):
            return await approve.receive()
    except TimeoutError:
        return "nobody"


@workflow("month", "1.0", execution_timeout=30 * DAY)
async def month() -> None:
    """Every timeout there is, the execution's at last."""
    await asyncio.sleep(10 * DAY)
    with suppress(ActivityTimedOut):
        await hang()
    with suppress(ActivityTimedOut):
        await hang_silently()
    await asyncio.sleep(10 * DAY)
    await approve.receive()


ALL = [sleeper, hanging, beating, silent, endless, waiting, whichever, month]
ACTIVITIES = [greet, hang, beat, hang_silently, hang_for_ever]
