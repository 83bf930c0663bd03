"""Findings about the store. Law: it is only looked at, and an answer, whatever it is, comes in bounded time."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Final

from cli.engine import PARTITIONS
from cli.findings import Finding, place_of
from workflowsvc.ports import StoreUnavailable
from workflowsvc.settings import Settings
from workflowsvc.stores.errors import StoreRefused
from workflowsvc.stores.mongodb.inspection import KNOWN, Inspection, inspect, reaching

_ABOUT: Final = "store"
#: For everything together.
_SECONDS: Final = 10.0

_REACH: Final = (
    "start MongoDB and see that it has a primary; else put right address, user and password in --mongodb-url"
)
_START: Final = "start a gateway or coordinator of this version: it brings the database up to date"
_SET_UP: Final = (
    "see whether --mongodb-url names the right database; the first gateway or coordinator sets up a new one"
)
_NEWER: Final = "run the version of workflowsvc that the gateways and coordinators have"


async def examine_store(url: str, given: int | None) -> tuple[list[Finding], int]:
    """The findings, and how many partitions there are: as many as the store says, else those that were *given*."""
    findings, stored = await _examine(url, given)
    return findings, stored or given or Settings().partitions


async def _examine(url: str, given: int | None) -> tuple[list[Finding], int | None]:
    try:
        async with asyncio.timeout(_SECONDS), reaching(url) as server:
            found = await inspect(server, PARTITIONS)
    except (StoreRefused, StoreUnavailable) as error:
        return [Finding(_ABOUT, "reachable", str(error), _REACH)], None
    except TimeoutError:
        return [Finding(_ABOUT, "reachable", f"it did not answer everything in {_SECONDS:g} s", _REACH)], None
    partitions = int(found.agreed[PARTITIONS]) if PARTITIONS in found.agreed else None
    return list(_judged(found, place_of(url), partitions, given)), partitions


def _judged(found: Inspection, place: str, partitions: int | None, given: int | None) -> Iterator[Finding]:
    yield Finding(_ABOUT, "reachable", f"version {found.version} with protocol {found.wire} at {place}")
    yield _schema(found.schema)
    if partitions is None:
        yield Finding(_ABOUT, "partitions", "nobody has said how many", _SET_UP)
    elif given not in {None, partitions}:
        yield Finding(
            _ABOUT,
            "partitions",
            f"the database was set up for {partitions}, not {given}",
            f"set --partitions, or WORKFLOWSVC_PARTITIONS, to {partitions} wherever it is set",
        )
    else:
        yield Finding(_ABOUT, "partitions", str(partitions))


def _schema(version: int) -> Finding:
    if version == 0:
        return Finding(_ABOUT, "schema", "there is nothing of workflowsvc in the database", _SET_UP)
    if version == KNOWN:
        return Finding(_ABOUT, "schema", f"version {version}")
    age, mend = ("newer", _NEWER) if version > KNOWN else ("older", _START)
    return Finding(_ABOUT, "schema", f"version {version}, {age} than {KNOWN}, which this program knows", mend)
