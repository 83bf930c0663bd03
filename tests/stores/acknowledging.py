"""Run as a program: commits for ever to the store at its argument, and prints each commit once it was acknowledged.

A second argument has a process of its own write a file.
"""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path

from tests.stores.making import Run
from workflowsvc.ports import Store
from workflowsvc.stores.mongo import MongoStore
from workflowsvc.stores.sqlite import SqliteStore

LANES = 8


async def write(store: Store, lane: int) -> None:
    run = Run(lane)
    await store.commit([run.start(count=1)])
    for first in range(2, 20_000):
        await store.commit([run.commit(first)])
        # one write each: what was printed before the process was killed is in the pipe
        os.write(sys.stdout.fileno(), f"{lane} {first}\n".encode())


async def main(where: str, *apart: str) -> None:
    async with MongoStore(where) if "://" in where else SqliteStore(Path(where), apart=bool(apart)) as store:
        await asyncio.gather(*(write(store, lane) for lane in range(LANES)))


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
