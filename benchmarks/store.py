"""A store by itself: durable commits of one event by so many waiters at a time, and the reads that matter.

usage: python -m benchmarks.store [--commits 20000] [--mongodb mongodb://HOST]

SQLite in a file of its own, or MongoDB in a database of its own, which is dropped after.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import secrets
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import uvloop
from pymongo import AsyncMongoClient

from workflowsvc.ports import Store
from workflowsvc.records import Commit, ExecutionRow
from workflowsvc.stores.mongo import MongoStore
from workflowsvc.stores.sqlite import SqliteStore

WAITERS = (1, 30, 100)
EVENTS = 25_000
DOMAIN = "us-east-1/benchmark"
EVENT = b'{"eventId":1,"eventTimestamp":1,"eventType":"MarkerRecorded","markerRecordedEventAttributes":{}}' + b" " * 150


def commit(run: str, first: int, events: int = 1) -> Commit:
    row = ExecutionRow(
        run_id=run,
        lane=0,
        domain=DOMAIN,
        workflow_id=run,
        type_name="t",
        type_version="1",
        tags=[],
        started_at=1,
        started_by=run,
        info=b"{}",
    )
    return Commit(
        run_id=run,
        domain=DOMAIN,
        workflow_id=run,
        action_id=f"{run}/{first}",
        first=first,
        events=[EVENT] * events,
        row=row if first == 1 else None,
    )


async def commits(store: Store, waiters: int, total: int) -> dict[str, Any]:
    took: list[float] = []

    async def write(run: str) -> None:
        for number in range(1, total // waiters + 1):
            began = time.perf_counter()
            await store.commit([commit(run, number)])
            took.append(time.perf_counter() - began)

    began = time.perf_counter()
    await asyncio.gather(*(write(f"{waiters}-{number}") for number in range(waiters)))
    rate = len(took) / (time.perf_counter() - began)
    took.sort()
    return {
        "waiters": waiters,
        "commits_per_s": round(rate),
        "p50_ms": round(took[len(took) // 2] * 1000, 2),
        "p99_ms": round(took[int(len(took) * 0.99)] * 1000, 2),
    }


async def reads(store: Store) -> dict[str, Any]:
    await store.commit([commit("long", 1)])
    for first in range(2, EVENTS, 1000):
        await store.commit([commit("long", first, 1000)])
    began = time.perf_counter()
    await store.history("long", 10_001, 11_000, 1000)
    page = time.perf_counter() - began
    began = time.perf_counter()
    await store.load("long")
    return {
        "history_page_of_1000_ms": round(page * 1000, 2),
        "load_of_25000_events_ms": round((time.perf_counter() - began) * 1000, 1),
    }


@asynccontextmanager
async def sqlite() -> AsyncIterator[Store]:
    with tempfile.TemporaryDirectory() as directory:
        async with SqliteStore(Path(directory, "benchmark.sqlite"), apart=True) as store:
            yield store


@asynccontextmanager
async def mongodb(server: str) -> AsyncIterator[Store]:
    url = urlsplit(server)._replace(path=f"/benchmark_{secrets.token_hex(4)}").geturl()
    try:
        async with MongoStore(url) as store:
            yield store
    finally:
        async with AsyncMongoClient[dict[str, Any]](url) as client:
            await client.drop_database(client.get_default_database().name)


async def main(options: argparse.Namespace) -> None:
    async with mongodb(options.mongodb) if options.mongodb else sqlite() as store:
        for waiters in WAITERS:
            total = options.commits if waiters > 1 else options.commits // 10
            print(json.dumps(await commits(store, waiters, total)))
        print(json.dumps(await reads(store)))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--commits", type=int, default=20_000)
    parser.add_argument("--mongodb", metavar="URL", help="a server that speaks MongoDB's protocol")
    uvloop.run(main(parser.parse_args()))
