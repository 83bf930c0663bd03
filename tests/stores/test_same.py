"""The MongoDB store answers as the SQLite store does, whatever it is told, one by one or all at once."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from itertools import product
from pathlib import Path

import pytest
from msgspec.structs import replace

from tests.stores.making import DECISIONS, DOMAIN, START, Run, pending
from tests.stores.test_grouping import Program, perform
from workflowsvc.ports import Store
from workflowsvc.records import Commit, ExecutionQuery, TimeField
from workflowsvc.stores.mongo import MongoStore
from workflowsvc.stores.sqlite import SqliteStore

RUNS = [Run(number, f"workflow-{number % 3}") for number in range(9)]


def program(seed: int) -> list[list[Commit] | list[str]]:
    """What a coordinator might send: a unit is about one workflow id, and time goes on."""
    return [
        [_possible(each, number) for each in step if each.workflow_id == step[0].workflow_id]  # type: ignore[union-attr]
        if isinstance(step[0], Commit)
        else step
        for number, step in enumerate(Program(seed).steps())
    ]


def _possible(commit: Commit, at: int) -> Commit:
    """Without events there is only a heartbeat or a time to wake; a close names whatever may be pending."""
    heartbeat = commit.heartbeat and replace(commit.heartbeat, at=at)
    if commit.events:
        closes = commit.row is not None and commit.row.closed_at is not None
        gone = pending(*range(1, 100)) if closes else commit.unscheduled
        return replace(commit, heartbeat=heartbeat, unscheduled=gone)
    return replace(commit, heartbeat=heartbeat, row=None, scheduled=(), unscheduled=(), snapshot=None)


async def observed(store: Store) -> list[object]:
    found: list[object] = []
    for run in RUNS:
        stored = await store.load(run.run_id)
        beats = sorted(stored.heartbeats, key=lambda beat: beat.scheduled_event_id) if stored else []
        found.append(stored and replace(stored, heartbeats=beats))
        found.append(await store.row(run.run_id, START - 1))
        found.append(await store.history(run.run_id, 1, 99, 99))
        found.append(await store.history(run.run_id, 2, 99, 3, reverse=True))
        found.append(await store.has_committed(run.run_id, "action-0"))
    found += [await store.find_run(DOMAIN, f"workflow-{name}") for name in range(3)]
    found += [await store.count_pending(DECISIONS), await store.due(50, None, 99), await store.recoverable("", 99)]
    filters: Sequence[dict[str, str]] = ({}, {"tag": "red"}, {"workflow_id": "workflow-1"}, {"type_name": "Order"})
    for is_open, by, reverse, chosen in product((True, False), TimeField, (True, False), filters):
        query = ExecutionQuery(
            domain=DOMAIN,
            open=is_open,
            by=by,
            oldest=0,
            latest=START * 2,
            now=START - 1,
            reverse=reverse,
            **chosen,  # type: ignore[arg-type]
        )
        found += [await store.executions(query, None, 99), await store.count_executions(query)]
    return found


@pytest.mark.parametrize("seed", range(12))
async def test_both_stores_answer_alike(tmp_path: Path, mongodb_url: str, seed: int) -> None:
    steps = program(seed)
    at_once = seed % 2 == 1
    async with SqliteStore(tmp_path / "store.db") as expected, MongoStore(mongodb_url) as store:
        before = [await perform(expected, step) for step in steps]
        if at_once:
            after = await asyncio.gather(*(perform(store, step) for step in _units(steps)))
            assert after == [taken for taken, step in zip(before, steps, strict=True) if not _settles(step)]
        else:
            assert [await perform(store, step) for step in steps] == before
        assert len(set(before)) == 2
        for step in steps if at_once else ():
            if _settles(step):
                await perform(expected, step)
                await perform(store, step)
        assert await observed(store) == await observed(expected)
        assert await store.purge(START, 99) == await expected.purge(START, 99)
        assert await observed(store) == await observed(expected)


def _settles(step: list[Commit] | list[str]) -> bool:
    return isinstance(step[0], str)


def _units(steps: list[list[Commit] | list[str]]) -> list[list[Commit] | list[str]]:
    """A settlement is not put in order with what is not yet answered."""
    return [step for step in steps if not _settles(step)]
