"""What was answered and is not in the tables yet is read all the same, at the price of what is asked for."""

from __future__ import annotations

from itertools import product
from pathlib import Path

import pytest

from tests.stores.making import START, Run, events
from workflowsvc.records import Heartbeat
from workflowsvc.stores.recent import Recent, Tail
from workflowsvc.stores.sqlite import SqliteStore
from workflowsvc.stores.works import Settle, Unit, encode

ONE, TWO = Run(1), Run(2)


def recent_of(*groups: list[Unit | Settle]) -> Recent:
    recent = Recent()
    for number, works in enumerate(groups, 1):
        recent.add(number, [encode(work) for work in works])
    return recent


def test_a_tail_is_what_its_groups_committed() -> None:
    recent = recent_of([Unit([ONE.start()]), Unit([TWO.start()])], [Unit([ONE.commit(3), TWO.commit(3, 2)])])
    assert recent.tail(ONE.run_id) == Tail(1, events(1, 3))
    assert recent.tail(TWO.run_id) == Tail(1, events(1, 4))
    assert recent.tail("another") is None
    assert "another" not in recent


@pytest.mark.parametrize("asked_before", [False, True])
def test_what_is_shown_is_forgotten(asked_before: bool) -> None:
    recent = recent_of([Unit([ONE.start()])], [Unit([ONE.commit(3)]), Unit([TWO.start()])], [Unit([ONE.commit(4)])])
    assert not asked_before or ONE.run_id in recent
    recent.shown(1)
    assert recent.tail(ONE.run_id) == Tail(3, events(3, 2))
    recent.shown(2)
    assert recent.tail(ONE.run_id) == Tail(4, events(4, 1))
    assert TWO.run_id not in recent
    recent.shown(3)
    assert recent.tail(ONE.run_id) is None
    assert ONE.run_id not in recent


def test_a_settled_run_is_recent_and_has_no_tail() -> None:
    recent = recent_of([Settle([ONE.run_id])])
    assert ONE.run_id in recent
    assert recent.tail(ONE.run_id) is None


@pytest.mark.parametrize("first_in_tables", [0, 2, 6, 9])
async def test_a_history_is_one_wherever_its_events_are(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, first_in_tables: int
) -> None:
    """The first events are in the tables and the others are not, and nobody waits for them."""
    monkeypatch.setattr("workflowsvc.stores.writer._GATHER", 1e6)
    run = Run(1)
    whole = events(1, 9)

    async def unwanted() -> None:
        raise AssertionError("nothing is to be shown for this")

    async with SqliteStore(tmp_path / "store.db") as store:
        await store.commit([Run(99).start()])
        await store.ping()
        await store.commit([run.start(count=2)])
        for first in range(3, 10):
            if first == first_in_tables + 1:
                await store.ping()
            heartbeat = Heartbeat(2, START) if first == 5 else None
            await store.commit([run.commit(first, heartbeat=heartbeat)])
        if first_in_tables == 9:
            await store.ping()
        with monkeypatch.context() as patched:
            patched.setattr(store._pump, "show", unwanted)
            for first, last, limit in product(range(1, 11), (0, 1, 4, 6, 8, 9, 30_000), (1, 3, 100)):
                wanted = whole[first - 1 : last]
                assert await store.history(run.run_id, first, last, limit) == wanted[:limit]
                assert await store.history(run.run_id, first, last, limit, reverse=True) == wanted[::-1][:limit]
            assert await store.row(Run(99).run_id, START) is not None
        stored = await store.load(run.run_id)
        assert stored is not None
        assert stored.events == whole


async def test_what_is_asked_of_a_run_is_shown_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("workflowsvc.stores.writer._GATHER", 1e6)
    run = Run(1)
    async with SqliteStore(tmp_path / "store.db") as store:
        await store.commit([run.start()])
        await store.ping()
        await store.commit([run.close(unsettled=True)])
        assert await store.row(run.run_id, START) == run.closed(unsettled=True)
        await store.settle([run.run_id])
        assert await store.row(run.run_id, START) == run.closed()
        assert await store.has_committed(run.run_id, run.close().action_id)
