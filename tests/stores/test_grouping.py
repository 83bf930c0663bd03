"""A group of units leaves the same tables as its units do one after the other, whatever they are."""

from __future__ import annotations

import asyncio
import sqlite3
from contextlib import closing
from pathlib import Path
from random import Random

import pytest

from tests.stores.making import START, Run, pending
from workflowsvc.ports import Conflict
from workflowsvc.records import Commit, Heartbeat
from workflowsvc.stores.sqlite import SqliteStore


class Program:
    """Draws units about few runs of fewer workflow ids, right and wrong ones."""

    def __init__(self, seed: int) -> None:
        self._draw = Random(seed)
        self._runs = [Run(number, f"workflow-{number % 3}", tags=["red", "blue"][: number % 3]) for number in range(9)]
        self._last = dict.fromkeys(range(9), 0)

    def steps(self) -> list[list[Commit] | list[str]]:
        return [self._settlement() if self._draw.random() < 0.1 else self._unit() for _ in range(80)]

    def _settlement(self) -> list[str]:
        return [run.run_id for run in self._draw.sample(self._runs, 3)]

    def _unit(self) -> list[Commit]:
        return [self._commit(number) for number in self._draw.sample(range(9), self._draw.choice([1, 1, 1, 2, 3]))]

    def _commit(self, number: int) -> Commit:
        draw, run, last = self._draw, self._runs[number], self._last[number]
        count = draw.randrange(4)
        rows = [
            None,
            run.row(info=f"{draw.random()}".encode()),
            run.closed(unsettled=True),
            run.closed(expires_at=START),
        ]
        # mostly right, if nothing before it was refused
        self._last[number] += count
        return run.commit(
            last + 1 if draw.random() < 0.9 else draw.randrange(9),
            count,
            action_id=f"action-{draw.random()}",
            row=run.row() if last == 0 else draw.choices(rows, (6, 2, 1, 1))[0],
            scheduled=pending(*draw.sample(range(1, 9), draw.randrange(3))),
            unscheduled=pending(*draw.sample(range(1, 9), draw.randrange(3))),
            heartbeat=draw.choice([None, Heartbeat(draw.randrange(5), draw.randrange(99), "x")]),
            wake_at=draw.choice([None, None, draw.randrange(99)]),
            snapshot=draw.choice([None, b"state %d" % draw.randrange(99)]),
        )


async def perform(store: SqliteStore, step: list[Commit] | list[str]) -> bool:
    try:
        await (store.settle(step) if isinstance(step[0], str) else store.commit(step))  # type: ignore[arg-type]
    except Conflict:
        return False
    return True


def tables(path: Path) -> list[str]:
    with closing(sqlite3.connect(path)) as connection:
        return [line for line in connection.iterdump() if "journaled" not in line]


@pytest.mark.parametrize("seed", range(40))
async def test_together_is_the_same_as_one_by_one(tmp_path: Path, seed: int) -> None:
    steps = Program(seed).steps()
    singly = []
    async with SqliteStore(tmp_path / "singly.db") as store:
        for step in steps:
            singly.append(await perform(store, step))
            await store.ping()  # which has the tables show it
    async with SqliteStore(tmp_path / "together.db") as store:
        together = await asyncio.gather(*(perform(store, step) for step in steps))
    assert together == singly
    assert len(set(singly)) == 2  # some were refused and some were not
    assert tables(tmp_path / "together.db") == tables(tmp_path / "singly.db")
