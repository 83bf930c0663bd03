"""What ports.Store promises, over every adapter. Nothing here may depend on how one of them does it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from itertools import pairwise, product
from pathlib import Path
from random import Random

import pytest
from msgspec.structs import replace

from tests.servers import fresh_database
from tests.stores.making import (
    DECISIONS,
    DOMAIN,
    START,
    Run,
    activity_type,
    domain,
    event,
    events,
    pending,
    workflow_type,
)
from workflowsvc.messages import LAMBDA_TASKS, TaskKind, TaskList
from workflowsvc.ports import Conflict, Store
from workflowsvc.records import (
    Cursor,
    Due,
    ExecutionQuery,
    ExecutionRow,
    Heartbeat,
    PendingTask,
    RunRef,
    StoredRun,
    TimeField,
    TypeKey,
    TypeKind,
)
from workflowsvc.stores.mongo import MongoStore
from workflowsvc.stores.sqlite import SqliteStore
from workflowsvc.swf.shapes import CloseStatus


@asynccontextmanager
async def fresh_mongo() -> AsyncIterator[MongoStore]:
    with fresh_database() as url:
        async with MongoStore(url) as store:
            yield store


ADAPTERS: dict[str, Callable[[Path], AbstractAsyncContextManager[Store]]] = {
    "sqlite": lambda directory: SqliteStore(directory / "store.db"),
    "sqlite-ephemeral": lambda _: SqliteStore(None),
    "mongodb": lambda _: fresh_mongo(),
}


@pytest.fixture(params=ADAPTERS)
async def store(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Store]:
    async with ADAPTERS[request.param](tmp_path) as opened:
        yield opened


async def outcomes(store: Store, units: Iterable[list]) -> list[bool]:
    """Commit all units at once: which of them were taken. Anything but a Conflict is an error."""
    answers = await asyncio.gather(*map(store.commit, units), return_exceptions=True)
    for answer in answers:
        if answer is not None and not isinstance(answer, Conflict):
            raise answer
    return [answer is None for answer in answers]


async def whole_history(store: Store, run: Run) -> list[bytes]:
    return await store.history(run.run_id, 1, 30_000, 30_000)


async def loaded(store: Store, run: Run) -> StoredRun | None:
    """The run, its heartbeats as a tuple: which sequence they come in is not promised."""
    stored = await store.load(run.run_id)
    return stored and replace(stored, heartbeats=tuple(stored.heartbeats))


# ---- committing and loading ----------------------------------------------------------------------------------


async def test_what_was_committed_is_loaded(store: Store) -> None:
    run = Run(1, tags=["blue", "grün"], lane=2**32 - 1)
    await store.commit([run.start()])
    await store.commit([run.commit(3, 2)])
    assert await loaded(store, run) == StoredRun(run.row(), events(1, 4))


async def test_every_field_of_a_row_comes_back(store: Store) -> None:
    run = Run(1, tags=["a", "b"])
    await store.commit([run.start()])
    closed = run.closed(by="f" * 32, close_status=CloseStatus.TIMED_OUT, expires_at=START * 2, unsettled=True)
    await store.commit([run.commit(3, row=closed)])
    assert await store.row(run.run_id, START) == closed


async def test_a_row_is_replaced_whole_while_the_run_is_open(store: Store) -> None:
    run = Run(1)
    await store.commit([run.start()])
    await store.commit([run.commit(3, row=run.row(info=b'{"cancelRequested":true}'))])
    assert await store.row(run.run_id, START) == run.row(info=b'{"cancelRequested":true}')


async def test_an_unknown_run_is_none_everywhere(store: Store) -> None:
    assert await store.load("nobody") is None
    assert await store.row("nobody", START) is None
    assert await store.find_run(DOMAIN, "nobody") is None
    assert await store.history("nobody", 1, 100, 100) == []
    assert not await store.has_committed("nobody", "action")


async def test_bodies_come_back_byte_by_byte(store: Store) -> None:
    run = Run(1)
    bodies = ['{"a":"é\\u0000\\n"}'.encode(), b"{}", '{"emoji":"🙂"}'.encode(), b'{"comma":",,,"}']
    await store.commit([replace(run.start(), events=bodies)])
    assert await whole_history(store, run) == bodies


async def test_a_history_as_long_as_they_get(store: Store) -> None:
    run = Run(1)
    await store.commit([run.start(count=25_000)])
    await store.commit([run.commit(25_001)])
    assert await whole_history(store, run) == events(1, 25_001)
    with pytest.raises(Conflict):
        await store.commit([run.commit(25_001)])


async def test_histories_do_not_run_into_one_another(store: Store) -> None:
    runs = [Run(number) for number in range(5)]
    await asyncio.gather(*(store.commit([run.start(count=run.fields["lane"] + 1)]) for run in runs))
    for count, run in enumerate(runs, 1):
        assert await whole_history(store, run) == events(1, count)


@pytest.mark.parametrize(
    ("first", "last", "limit", "reverse", "expected"),
    [
        (1, 10, 100, False, range(1, 11)),
        (1, 10, 100, True, range(10, 0, -1)),
        (1, 10, 3, False, (1, 2, 3)),
        (4, 10, 3, False, (4, 5, 6)),
        (1, 10, 3, True, (10, 9, 8)),
        (1, 7, 3, True, (7, 6, 5)),
        (9, 99, 5, False, (9, 10)),
        (9, 99, 5, True, (10, 9)),
        (5, 5, 5, False, (5,)),
        (6, 5, 5, False, ()),
        (11, 20, 5, True, ()),
    ],
)
async def test_pages_of_a_history(
    store: Store, first: int, last: int, limit: int, reverse: bool, expected: Iterable[int]
) -> None:
    run = Run(1)
    await store.commit([run.start(count=10)])
    page = await store.history(run.run_id, first, last, limit, reverse=reverse)
    assert page == [event(event_id) for event_id in expected]


async def test_an_action_is_found_in_the_history_of_its_run_only(store: Store) -> None:
    run, other = Run(1), Run(2)
    await store.commit([run.start(action_id="same"), other.start(action_id="other")])
    await store.commit([run.commit(3, action_id="later")])
    assert await store.has_committed(run.run_id, "same")
    assert await store.has_committed(run.run_id, "later")
    assert not await store.has_committed(run.run_id, "other")
    assert not await store.has_committed(other.run_id, "later")


async def test_a_refused_action_is_not_in_the_history(store: Store) -> None:
    run = Run(1)
    await store.commit([run.start()])
    with pytest.raises(Conflict):
        await store.commit([run.commit(2, action_id="refused")])
    assert not await store.has_committed(run.run_id, "refused")


# ---- snapshots and heartbeats --------------------------------------------------------------------------------


async def test_a_snapshot_stands_for_the_events_before_it(store: Store) -> None:
    run = Run(1)
    await store.commit([run.start(snapshot=b"\x00one")])
    assert await loaded(store, run) == StoredRun(run.row(), [], b"\x00one", 2)
    await store.commit([run.commit(3, 2)])
    assert await loaded(store, run) == StoredRun(run.row(), events(3, 2), b"\x00one", 2)
    await store.commit([run.commit(5, snapshot=b"two")])
    await store.commit([run.commit(6)])
    assert await loaded(store, run) == StoredRun(run.row(), events(6, 1), b"two", 5)
    assert await whole_history(store, run) == events(1, 6)


async def test_the_latest_heartbeat_of_each_task_is_kept(store: Store) -> None:
    run, other = Run(1), Run(2)
    await store.commit([run.start()])
    await store.commit([other.start(heartbeat=Heartbeat(1, START))])
    for beat in (
        Heartbeat(5, START),
        Heartbeat(7, START, "x"),
        Heartbeat(5, START + 1, "half"),
        Heartbeat(7, START + 2),
    ):
        await store.commit([run.commit(0, 0, heartbeat=beat)])
    stored = await store.load(run.run_id)
    assert stored is not None
    assert set(stored.heartbeats) == {Heartbeat(5, START + 1, "half"), Heartbeat(7, START + 2)}
    assert stored.events == events(1, 2)


async def test_text_is_kept_to_the_last_character(store: Store) -> None:
    run = Run(1, "w", tags=["a\0b"])
    beat = Heartbeat(2, START, "before\0after \U0001f600 \\u0000")
    await store.commit([run.start(heartbeat=beat)])
    stored = await loaded(store, run)
    assert stored is not None
    assert (tuple(stored.heartbeats), stored.row.tags) == ((beat,), ["a\0b"])


async def test_a_heartbeat_does_not_disturb_the_order_of_events(store: Store) -> None:
    run = Run(1)
    await store.commit([run.start()])
    await store.commit([run.commit(99, 0, heartbeat=Heartbeat(2, START))])
    await store.commit([run.commit(3)])
    assert await whole_history(store, run) == events(1, 3)


# ---- conflicts -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("first", [0, 1, 2, 4, 100])
async def test_only_the_successor_of_the_last_event_is_taken(store: Store, first: int) -> None:
    run = Run(1)
    await store.commit([run.start()])
    with pytest.raises(Conflict):
        await store.commit([run.commit(first)])
    assert await whole_history(store, run) == events(1, 2)
    await store.commit([run.commit(3)])
    assert await whole_history(store, run) == events(1, 3)


@pytest.mark.parametrize("first", [0, 2, 3])
async def test_a_new_run_begins_with_event_one(store: Store, first: int) -> None:
    run = Run(1)
    with pytest.raises(Conflict):
        await store.commit([run.commit(first, row=run.row())])
    assert await store.load(run.run_id) is None


async def test_of_writers_of_one_event_id_one_wins(store: Store) -> None:
    run = Run(1)
    await store.commit([run.start()])
    taken = await outcomes(store, [[run.commit(3, 1, action_id=f"racer-{racer}")] for racer in range(20)])
    assert sum(taken) == 1
    assert [await store.has_committed(run.run_id, f"racer-{racer}") for racer in range(20)] == taken
    assert await whole_history(store, run) == events(1, 3)


async def test_only_the_culprits_of_a_group_fail(store: Store) -> None:
    runs = [Run(number) for number in range(30)]
    assert all(await outcomes(store, [[run.start()] for run in runs]))
    good = [run.fields["lane"] % 3 != 0 for run in runs]  # type: ignore[operator]
    assert await outcomes(store, [[run.commit(3 if fine else 4)] for run, fine in zip(runs, good, strict=True)]) == good
    for run, fine in zip(runs, good, strict=True):
        assert await whole_history(store, run) == events(1, 3 if fine else 2)


async def test_commits_of_one_run_that_wait_together_are_taken_in_order(store: Store) -> None:
    run = Run(1)
    units = [[run.start()], *([run.commit(first)] for first in range(3, 40))]
    assert all(await outcomes(store, units))
    assert await whole_history(store, run) == events(1, 39)


async def test_a_unit_is_written_whole_or_not_at_all(store: Store) -> None:
    run, other, third = Run(1), Run(2), Run(3)
    await store.commit([other.start()])
    refused = run.start(scheduled=pending(2), heartbeat=Heartbeat(2, START), snapshot=b"state")
    assert await outcomes(store, [[refused, other.commit(2)], [third.start()]]) == [False, True]
    assert await store.load(run.run_id) is None
    assert await store.count_pending(DECISIONS) == 0
    await store.commit([run.start()])
    assert await loaded(store, run) == StoredRun(run.row(), events(1, 2))


async def test_of_twenty_starts_of_one_workflow_id_one_wins(store: Store) -> None:
    runs = [Run(number, "same") for number in range(20)]
    taken = await outcomes(store, [[run.start()] for run in runs])
    assert sum(taken) == 1
    winner = runs[taken.index(True)]
    assert await store.find_run(DOMAIN, "same") == winner.run_id
    for run in runs:
        assert (await store.load(run.run_id) is not None) == (run is winner)


async def test_an_open_workflow_id_is_refused_later_too_and_taken_after_the_close(store: Store) -> None:
    first, second = Run(1, "same"), Run(2, "same")
    await store.commit([first.start()])
    with pytest.raises(Conflict):
        await store.commit([second.start()])
    await store.commit([first.close()])
    await store.commit([second.start()])
    assert await store.find_run(DOMAIN, "same") == second.run_id


@pytest.mark.parametrize("at_once", [False, True])
async def test_a_run_that_begins_and_closes_needs_its_workflow_id_too(store: Store, at_once: bool) -> None:
    first, second = Run(1, "same"), Run(2, "same")
    await store.commit([first.start()])
    whole = [replace(second.start(), row=second.closed())] if at_once else [second.start(), second.close()]
    with pytest.raises(Conflict):
        await store.commit(whole)
    assert await store.load(second.run_id) is None
    await store.commit([first.close(), *whole])
    assert await loaded(store, second) == StoredRun(second.closed(), events(1, 2 if at_once else 3))


async def test_one_workflow_id_may_be_open_in_two_domains(store: Store) -> None:
    runs = [Run(1, "same"), Run(2, "same", domain="us-east-1/other"), Run(3, "same", domain="eu-west-1/orders")]
    assert all(await outcomes(store, [[run.start()] for run in runs]))
    for run in runs:
        assert await store.find_run(str(run.fields["domain"]), "same") == run.run_id


async def test_continue_as_new_hands_the_workflow_id_on(store: Store) -> None:
    old, new = Run(1, "same"), Run(2, "same")
    await store.commit([old.start()])
    await store.commit([old.close(close_status=CloseStatus.CONTINUED_AS_NEW), new.start()])
    assert await store.find_run(DOMAIN, "same") == new.run_id
    assert await whole_history(store, old) == events(1, 3)
    assert await whole_history(store, new) == events(1, 2)


async def test_within_a_unit_the_close_comes_first(store: Store) -> None:
    old, new = Run(1, "same"), Run(2, "same")
    await store.commit([old.start()])
    with pytest.raises(Conflict):
        await store.commit([new.start(), old.close()])
    assert await store.find_run(DOMAIN, "same") == old.run_id
    assert await whole_history(store, old) == events(1, 2)


async def test_nobody_starts_between_a_run_and_its_continuation(store: Store) -> None:
    chain = [Run(number, "same") for number in range(5)]
    rivals = [Run(100 + number, "same") for number in range(5)]
    await store.commit([chain[0].start()])
    units = [[before.close(), after.start()] for before, after in pairwise(chain)]
    mixed = [unit for pair in zip(units, [[rival.start()] for rival in rivals], strict=False) for unit in pair]
    assert await outcomes(store, mixed) == [True, False] * len(units)
    assert await store.find_run(DOMAIN, "same") == chain[-1].run_id


async def test_a_failed_continuation_leaves_the_old_run_open(store: Store) -> None:
    old, new = Run(1, "same"), Run(2, "same")
    await store.commit([old.start()])
    with pytest.raises(Conflict):
        await store.commit([old.close(), new.commit(2, row=new.row())])
    assert await store.row(old.run_id, START) == old.row()
    assert await store.find_run(DOMAIN, "same") == old.run_id


async def test_a_cancelled_waiter_breaks_nothing(store: Store) -> None:
    runs = [Run(number) for number in range(20)]
    waiting = [asyncio.ensure_future(store.commit([run.start()])) for run in runs]
    await asyncio.sleep(0)
    for cancelled in waiting[::2]:
        cancelled.cancel()
    answers = await asyncio.gather(*waiting, return_exceptions=True)
    assert answers[1::2] == [None] * 10
    for run in runs[1::2]:
        assert await whole_history(store, run) == events(1, 2)
    for run in runs[::2]:  # the write may have been made or not, but never half of it
        assert await whole_history(store, run) in ([], events(1, 2))
    assert await outcomes(store, [[run.commit(3)] for run in runs[1::2]]) == [True] * 10


# ---- finding runs --------------------------------------------------------------------------------------------


async def test_the_newest_closed_run_is_found_where_none_is_open(store: Store) -> None:
    runs = [Run(number, "same", started_at=START + number) for number in range(1, 4)]
    for run in runs:
        await store.commit([run.start()])
        await store.commit([run.close()])
    assert await store.find_run(DOMAIN, "same") == runs[-1].run_id


async def test_recoverable_runs_are_open_or_unsettled_in_pages(store: Store) -> None:
    runs = [Run(number) for number in range(9)]
    await asyncio.gather(*(store.commit([run.start()]) for run in runs))
    unsettled, settled = runs[::3], runs[1::3]
    await asyncio.gather(*(store.commit([run.close(unsettled=True)]) for run in unsettled))
    await asyncio.gather(*(store.commit([run.close()]) for run in settled))
    expected = [
        RunRef(run.run_id, int(str(run.fields["lane"])), DOMAIN, run.workflow_id) for run in runs if run not in settled
    ]
    assert await paged(store.recoverable, lambda ref: ref.run_id, "", 2) == expected

    await store.settle([run.run_id for run in unsettled])
    assert await store.recoverable("", 100) == [ref for ref in expected if ref.lane % 3 == 2]


async def test_unsettled_runs_are_found_some_time_after_their_close(store: Store) -> None:
    runs = [Run(number) for number in range(9)]
    await asyncio.gather(*(store.commit([run.start()]) for run in runs))
    early, late, settled = runs[:4], runs[4:6], runs[6:8]  # and the last is open
    await asyncio.gather(*(store.commit([run.close(unsettled=True, closed_at=START + 7)]) for run in early))
    await asyncio.gather(*(store.commit([run.close(unsettled=True, closed_at=START + 8)]) for run in late))
    await asyncio.gather(*(store.commit([run.close(closed_at=START + 7)]) for run in settled))
    expected = [RunRef(run.run_id, int(str(run.fields["lane"])), DOMAIN, run.workflow_id) for run in (*early, *late)]
    assert await paged(store.unsettled, lambda ref: ref.run_id, "", 2, closed_before=START + 8) == expected[:4]
    assert await store.unsettled(START + 9, "", 100) == expected

    await store.settle([run.run_id for run in early])
    assert await store.unsettled(START + 9, "", 100) == expected[4:]


async def test_settling_leaves_the_rest_of_the_row(store: Store) -> None:
    run = Run(1)
    await store.commit([run.start()])
    await store.commit([run.close(unsettled=True)])
    await store.settle([run.run_id, "unknown"])
    await store.settle([])
    assert await store.row(run.run_id, START) == run.closed()


async def paged(page, place, start, limit, **arguments):  # type: ignore[no-untyped-def]
    """All of a list, by pages of *limit*, each full but the last."""
    found, after = [], start
    while True:
        rows = await page(after=after, limit=limit, **arguments)
        found += rows
        if len(rows) < limit:
            return found
        after = place(rows[-1])


# ---- visibility ----------------------------------------------------------------------------------------------

NOW = START + 100_000


def population() -> list[ExecutionRow]:
    """Runs of few names and fewer times: every filter finds some, and many share their millisecond."""
    draw = Random(20_240)
    rows = []
    for number in range(120):
        run = Run(
            number,
            f"workflow-{number % 40}" if number % 4 else f"workflow-{number}-alone",
            domain=draw.choice([DOMAIN, DOMAIN, DOMAIN, "us-east-1/other"]),
            type_name=draw.choice(["Order", "Refund"]),
            type_version=draw.choice(["1.0", "2.0"]),
            tags=draw.sample(["red", "green", "blue"], draw.randrange(3)),
            started_at=START + draw.randrange(4),
        )
        if number % 4 == 0:
            rows.append(run.row())
            continue
        # actions are drawn apart from the order of starting, so that closing has an order of its own
        rows.append(
            run.closed(
                at=START + 10 + draw.randrange(4),
                by=f"{draw.randrange(10**6):06}{number:026x}",
                close_status=draw.choice(list(CloseStatus)),
                expires_at=draw.choice([None, NOW - 1, NOW + 1, NOW + 10**9]),
            )
        )
    return rows


async def fill(store: Store, rows: Iterable[ExecutionRow]) -> None:
    for row in rows:
        run = Run(int(row.started_by, 16), row.workflow_id, domain=row.domain)
        opened = replace(row, closed_at=None, closed_by=None, close_status=None, expires_at=None)
        unit = [run.start(row=opened)]
        await store.commit(unit if row.closed_at is None else [*unit, run.commit(3, row=row)])


def expected_of(query: ExecutionQuery, rows: Iterable[ExecutionRow]) -> list[tuple[bytes, Cursor]]:
    """The same question, answered by the words of records.ExecutionQuery."""
    found = []
    for row in rows:
        at, by = (row.started_at, row.started_by) if query.by is TimeField.STARTED else (row.closed_at, row.closed_by)
        if row.domain != query.domain or (row.closed_at is None) != query.open or at is None or by is None:
            continue
        if not query.oldest <= at <= query.latest or (row.expires_at is not None and row.expires_at < query.now):
            continue
        names = ("workflow_id", "type_name", "type_version", "close_status")
        if any(getattr(query, name) not in (None, getattr(row, name)) for name in names):
            continue
        if query.tag is None or query.tag in row.tags:
            found.append((at, by, row.info))
    return [(info, Cursor(at, by)) for at, by, info in sorted(found, reverse=not query.reverse)]


FILTERS: list[dict[str, str]] = [
    {},
    {"workflow_id": "workflow-5"},
    {"workflow_id": "workflow-8-alone"},
    {"type_name": "Order"},
    {"type_name": "Refund", "type_version": "2.0"},
    {"tag": "green"},
    {"close_status": CloseStatus.FAILED},
    {"tag": "unheard of"},
]
SIDES = [(True, TimeField.STARTED), (False, TimeField.STARTED), (False, TimeField.CLOSED)]
WINDOWS = [(0, NOW), (START + 1, START + 2), (START + 11, START + 12), (START + 2, START + 2), (NOW, NOW + 1), (9, 3)]


@pytest.mark.parametrize(("is_open", "by"), SIDES)
async def test_every_question_finds_its_runs_in_order_by_pages(store: Store, is_open: bool, by: TimeField) -> None:
    rows = population()
    await fill(store, rows)
    for chosen, (oldest, latest), reverse in product(FILTERS, WINDOWS, (False, True)):
        query = ExecutionQuery(
            domain=DOMAIN, open=is_open, by=by, oldest=oldest, latest=latest, now=NOW, reverse=reverse, **chosen
        )
        expected = expected_of(query, rows)
        for limit in (1, 7, 1_000):
            found = await paged(store.executions, lambda run: run.cursor, None, limit, query=query)
            assert [(run.info, run.cursor) for run in found] == expected, (query, limit)
        assert await store.count_executions(query) == len(expected), query


def test_the_population_puts_the_questions_to_the_test() -> None:
    rows = population()
    for (is_open, by), chosen in product(SIDES, FILTERS[:7]):
        if is_open and chosen in ({"workflow_id": "workflow-5"}, {"close_status": CloseStatus.FAILED}):
            continue
        if not is_open and chosen == {"workflow_id": "workflow-8-alone"}:
            continue
        query = ExecutionQuery(domain=DOMAIN, open=is_open, by=by, oldest=0, latest=NOW, now=NOW, **chosen)
        assert expected_of(query, rows), (is_open, by, chosen)


@pytest.mark.parametrize("by", TimeField)
async def test_a_run_that_starts_or_closes_moves_at_once(store: Store, by: TimeField) -> None:
    run = Run(1, tags=["red"])
    filters: list[dict[str, str]] = [{}, {"tag": "red"}, {"workflow_id": "workflow-1"}, {"type_name": "Order"}]
    whole = {"domain": DOMAIN, "oldest": 0, "latest": NOW, "now": NOW}

    async def counts(**chosen: str) -> tuple[int, int]:
        opened = ExecutionQuery(open=True, by=TimeField.STARTED, **whole, **chosen)  # type: ignore[arg-type]
        closed = ExecutionQuery(open=False, by=by, **whole, **chosen)  # type: ignore[arg-type]
        return await store.count_executions(opened), await store.count_executions(closed)

    await store.commit([run.start()])
    for chosen in filters:
        assert await counts(**chosen) == (1, 0)
    await store.commit([run.close()])
    for chosen in filters:
        assert await counts(**chosen) == (0, 1)


async def test_an_expired_run_is_gone_from_the_lists_but_can_be_loaded(store: Store) -> None:
    run = Run(1, tags=["red"])
    await store.commit([run.start()])
    await store.commit([run.close(expires_at=NOW)])
    for now, seen in ((NOW - 1, 1), (NOW + 1, 0)):
        for by, chosen in product(TimeField, ({}, {"tag": "red"})):
            query = ExecutionQuery(domain=DOMAIN, open=False, by=by, oldest=0, latest=NOW, now=now, **chosen)
            assert await store.count_executions(query) == seen
            assert len(await store.executions(query, None, 10)) == seen
        assert (await store.row(run.run_id, now) is not None) == bool(seen)
    assert await loaded(store, run) == StoredRun(run.closed(expires_at=NOW), events(1, 3))


# ---- pending tasks -------------------------------------------------------------------------------------------


async def test_pending_tasks_are_counted_by_list(store: Store) -> None:
    activities = TaskList(DOMAIN, TaskKind.ACTIVITY, DECISIONS.name)
    run, other = Run(1), Run(2)
    await store.commit([run.start(scheduled=[*pending(2, 3), *pending(4, 5, 6, on=activities)])])
    await store.commit([other.start(scheduled=[*pending(2), *pending(3, on=LAMBDA_TASKS)])])
    lists = [DECISIONS, activities, LAMBDA_TASKS, TaskList(DOMAIN, TaskKind.DECISION, "never seen")]
    assert [await store.count_pending(each) for each in lists] == [3, 3, 1, 0]

    await store.commit([run.commit(3, unscheduled=[*pending(3), *pending(4, 6, on=activities)])])
    assert [await store.count_pending(each) for each in lists] == [2, 1, 1, 0]


async def test_a_task_that_comes_and_goes_in_one_group_is_not_pending(store: Store) -> None:
    run = Run(1)
    units = [[run.start(scheduled=pending(2))], [run.commit(3, unscheduled=pending(2))], [run.commit(4)]]
    assert all(await outcomes(store, units))
    assert await store.count_pending(DECISIONS) == 0


async def test_a_closing_commit_takes_the_run_s_tasks_along(store: Store) -> None:
    run, other = Run(1), Run(2)
    await store.commit([run.start(scheduled=pending(2, 5))])
    await store.commit([other.start(scheduled=pending(2))])
    await store.commit([replace(run.close(), unscheduled=pending(2, 5))])
    assert await store.count_pending(DECISIONS) == 1


async def test_a_list_is_not_counted_with_those_whose_names_begin_alike(store: Store) -> None:
    alike = [TaskList(DOMAIN, TaskKind.DECISION, name) for name in ("main", "main:2", "main-2", "mai", "main%3A2", "")]
    await store.commit([Run(1).start(scheduled=[PendingTask(each, 2 + at) for at, each in enumerate(alike)])])
    assert [await store.count_pending(each) for each in alike] == [1] * len(alike)


# ---- times to wake -------------------------------------------------------------------------------------------


def dues(*times: tuple[int, Run]) -> list[Due]:
    return [Due(at, RunRef(run.run_id, int(str(run.fields["lane"])), DOMAIN, run.workflow_id)) for at, run in times]


async def test_a_time_to_wake_is_kept_until_another_comes(store: Store) -> None:
    run = Run(1)
    await store.commit([run.start(wake_at=START + 5)])
    await store.commit([run.commit(3)])
    assert await loaded(store, run) == StoredRun(run.row(), events(1, 3), wake_at=START + 5)
    await store.commit([run.commit(4, 0, wake_at=START + 9)])
    assert await loaded(store, run) == StoredRun(run.row(), events(1, 3), wake_at=START + 9)
    await store.commit([run.commit(4, wake_at=START + 2)])
    assert await loaded(store, run) == StoredRun(run.row(), events(1, 4), wake_at=START + 2)
    assert await store.due(START + 100, None, 10) == dues((START + 2, run))


async def test_a_run_that_closes_is_not_woken(store: Store) -> None:
    runs = [Run(number) for number in range(3)]
    await store.commit([runs[0].start(wake_at=START), runs[0].close()])
    await store.commit([runs[1].start(wake_at=START)])
    await store.commit([replace(runs[1].close(), wake_at=START + 1)])
    await asyncio.gather(store.commit([runs[2].start(wake_at=START)]), store.commit([runs[2].close()]))
    assert await store.due(START + 100, None, 10) == []
    for run in runs:
        assert await loaded(store, run) == StoredRun(run.closed(), events(1, 3))


async def test_due_runs_come_by_time_and_run_in_pages(store: Store) -> None:
    runs = [Run(number) for number in range(9)]
    await asyncio.gather(*(store.commit([run.start(wake_at=START + run.fields["lane"] % 3)]) for run in runs))
    await store.commit([Run(20).start()])
    expected = dues(*sorted(((START + place % 3, run) for place, run in enumerate(runs)), key=lambda due: due[0]))
    for limit in (1, 2, 100):
        assert await paged(store.due, lambda due: due, None, limit, at=START + 2) == expected
    assert await store.due(START + 1, None, 100) == expected[:6]
    assert await store.due(START - 1, None, 100) == []


async def test_a_refused_time_to_wake_is_not_kept(store: Store) -> None:
    run = Run(1)
    with pytest.raises(Conflict):
        await store.commit([run.commit(1, 0, wake_at=START)])
    await store.commit([run.start()])
    with pytest.raises(Conflict):
        await store.commit([run.commit(7, wake_at=START)])
    assert await store.due(START, None, 10) == []


# ---- purging -------------------------------------------------------------------------------------------------


async def test_purging_removes_settled_expired_runs_in_batches(store: Store) -> None:
    gone = [Run(number, tags=["red"]) for number in range(5)]
    unsettled, later, still_open, forever = Run(10), Run(11), Run(12), Run(13)
    await asyncio.gather(*(store.commit([run.start()]) for run in (*gone, unsettled, later, still_open, forever)))
    beat = Heartbeat(2, START)
    await asyncio.gather(*(store.commit([run.commit(3, heartbeat=beat, snapshot=b"state")]) for run in gone))
    await asyncio.gather(*(store.commit([run.close(4, expires_at=NOW - 1)]) for run in gone))
    await store.commit([unsettled.close(expires_at=NOW - 1, unsettled=True)])
    await store.commit([later.close(expires_at=NOW + 1)])
    await store.commit([forever.close()])

    assert [await store.purge(NOW, 2) for _ in range(4)] == [2, 2, 1, 0]
    for run in gone:
        assert await store.load(run.run_id) is None
        assert await whole_history(store, run) == []
        assert not await store.has_committed(run.run_id, run.action)
        assert await store.find_run(DOMAIN, run.workflow_id) is None
    for run in (unsettled, later, still_open, forever):
        assert await store.load(run.run_id) is not None

    await store.settle([unsettled.run_id])
    assert await store.purge(NOW, 2) == 1


async def test_purging_one_run_leaves_its_neighbours_whole(store: Store) -> None:
    before, gone, after = Run(1), Run(2), Run(3)
    for run in (before, gone, after):
        await store.commit([run.start(scheduled=pending(2), heartbeat=Heartbeat(2, START), snapshot=b"s")])
        await store.commit([run.commit(3, 5_000)])
    await store.commit([replace(gone.close(5_003, expires_at=NOW - 1), unscheduled=pending(2))])
    assert await store.purge(NOW, 10) == 1
    for run in (before, after):
        kept = StoredRun(run.row(), events(3, 5_000), b"s", 2, (Heartbeat(2, START),))
        assert await loaded(store, run) == kept
    assert await store.count_pending(DECISIONS) == 2
    await store.commit([Run(4).start()])
    assert await whole_history(store, Run(4)) == events(1, 2)


async def test_a_purged_run_may_be_written_anew(store: Store) -> None:
    run = Run(1)
    for _ in range(2):
        await store.commit([run.start()])
        await store.commit([run.close(expires_at=NOW - 1)])
        assert await store.purge(NOW, 10) == 1
    with pytest.raises(Conflict):
        await store.commit([run.commit(4)])


# ---- catalogue -----------------------------------------------------------------------------------------------


async def test_a_domain_is_added_once_and_replaced(store: Store) -> None:
    record = domain(description="all orders", tags={"team": "shop", "": "empty"})
    assert await store.domain(DOMAIN) is None
    await store.add_domain(record)
    assert await store.domain(DOMAIN) == record
    with pytest.raises(Conflict):
        await store.add_domain(domain(retention="1"))
    assert await store.domain(DOMAIN) == record
    await store.replace_domain(domain(deprecated=True))
    assert await store.domain(DOMAIN) == domain(deprecated=True)


async def test_of_many_that_add_one_key_one_wins(store: Store) -> None:
    records = [domain(description=f"racer {number}") for number in range(10)]
    answers = await asyncio.gather(*map(store.add_domain, records), return_exceptions=True)
    winners = [record for record, answer in zip(records, answers, strict=True) if answer is None]
    assert [type(answer) for answer in answers if answer is not None] == [Conflict] * 9
    assert [await store.domain(DOMAIN)] == winners


async def test_domains_are_listed_by_region_in_byte_order(store: Store) -> None:
    names = ["b", "a", "Z", "a-b", "a b", "é", "🙂", "zz", "\uff41"]
    keys = [f"us-east-1/{name}" for name in names]
    for key in keys:
        await store.add_domain(domain(key))
    for key in ("us-east-10/a", "us-east-1x/a", "eu-west-1/a"):
        await store.add_domain(domain(key))
    await store.add_domain(domain("us-east-1/old", deprecated=True))
    ordered = sorted(keys, key=str.encode)
    for reverse, limit in product((False, True), (1, 2, 100)):
        found = await paged(
            store.domains, lambda each: each.domain, "", limit, region="us-east-1", deprecated=False, reverse=reverse
        )
        assert [each.domain for each in found] == (ordered[::-1] if reverse else ordered)
    old = await store.domains("us-east-1", deprecated=True, after="", limit=10)
    assert [each.domain for each in old] == ["us-east-1/old"]


async def test_domains_and_types_are_counted_with_the_deprecated_ones(store: Store) -> None:
    assert (await store.count_domains("us-east-1"), await store.count_types(DOMAIN, TypeKind.WORKFLOW)) == (0, 0)
    for key in ("us-east-1/a", "us-east-10/a", "eu-west-1/a"):
        await store.add_domain(domain(key))
    await store.add_domain(domain("us-east-1/old", deprecated=True))
    assert [await store.count_domains(region) for region in ("us-east-1", "us-east-10", "us")] == [2, 1, 0]
    for record in (workflow_type("A"), workflow_type("A", "2"), workflow_type("B", deprecated_at=START)):
        await store.add_type(record)
    await store.add_type(activity_type("A"))
    assert [await store.count_types(DOMAIN, kind) for kind in (TypeKind.WORKFLOW, TypeKind.ACTIVITY)] == [3, 1]
    assert await store.count_types("us-east-1/x", TypeKind.WORKFLOW) == 0
    await store.delete_type(workflow_type("A").key)
    assert await store.count_types(DOMAIN, TypeKind.WORKFLOW) == 2


@pytest.mark.parametrize("make", [workflow_type, activity_type])
async def test_a_type_is_added_replaced_and_deleted(store: Store, make) -> None:  # type: ignore[no-untyped-def]
    record = make("Order", description="an order")
    await store.add_type(record)
    assert await store.types([record.key]) == {record.key: record}
    with pytest.raises(Conflict):
        await store.add_type(make("Order"))
    old = make("Order", deprecated_at=START + 5)
    await store.replace_type(old)
    assert await store.types([record.key]) == {record.key: old}
    await store.delete_type(record.key)
    assert await store.types([record.key]) == {}
    await store.add_type(record)
    assert await store.types([record.key]) == {record.key: record}


async def test_types_are_read_together_and_the_unknown_are_left_out(store: Store) -> None:
    known = [workflow_type("A"), workflow_type("A", "2.0"), activity_type("A")]
    for record in known:
        await store.add_type(record)
    strangers = [TypeKey(DOMAIN, TypeKind.WORKFLOW, "B", "1.0"), TypeKey("us-east-1/x", TypeKind.WORKFLOW, "A", "1.0")]
    found = await store.types([*(record.key for record in known), *strangers])
    assert found == {record.key: record for record in known}


async def test_types_are_listed_by_name_and_version_in_byte_order(store: Store) -> None:
    pairs = [("b", "1"), ("a", "2"), ("a", "10"), ("a", "1"), ("B", "1"), ("ab", "0"), ("é", "1"), ("🙂", "1")]
    for name, version in pairs:
        await store.add_type(workflow_type(name, version))
    await store.add_type(workflow_type("a", "9", deprecated_at=START))
    await store.add_type(activity_type("a"))
    ordered = sorted(pairs, key=lambda pair: (pair[0].encode(), pair[1].encode()))
    for reverse, limit, name in product((False, True), (1, 3, 100), (None, "a", "x")):
        found = await paged(
            store.list_types,
            lambda each: (each.key.name, each.key.version),
            ("", ""),
            limit,
            domain=DOMAIN,
            kind=TypeKind.WORKFLOW,
            deprecated=False,
            name=name,
            reverse=reverse,
        )
        wanted = [pair for pair in (ordered[::-1] if reverse else ordered) if name in (None, pair[0])]
        assert [(each.key.name, each.key.version) for each in found] == wanted


async def test_a_domain_takes_its_types_along_when_it_is_deprecated(store: Store) -> None:
    young, old, activity = workflow_type("A"), workflow_type("B", deprecated_at=START + 1), activity_type("A")
    elsewhere = workflow_type("A", key=TypeKey("us-east-1/other", TypeKind.WORKFLOW, "A", "1.0"))
    for record in (young, old, activity, elsewhere):
        await store.add_type(record)
    await store.replace_domain(domain(deprecated=True), deprecate_types_at=START + 9)
    found = await store.types([record.key for record in (young, old, activity, elsewhere)])
    deprecated = [found[record.key].deprecated_at for record in (young, old, activity, elsewhere)]
    assert deprecated == [START + 9, START + 1, START + 9, None]
    assert await store.domain(DOMAIN) == domain(deprecated=True)


async def test_a_cancelled_registration_is_seen_by_reads_if_it_was_made(store: Store) -> None:
    adding = asyncio.ensure_future(store.add_type(workflow_type("A")))
    await asyncio.sleep(0)
    adding.cancel()
    with pytest.raises(asyncio.CancelledError):
        await adding
    await store.add_type(workflow_type("B"))  # comes after it: whatever became of the first is decided now
    listed = await store.list_types(DOMAIN, TypeKind.WORKFLOW, deprecated=False, name="A", after=("", ""), limit=1)
    try:
        await store.add_type(workflow_type("A"))
        made = False
    except Conflict:
        made = True
    assert bool(listed) == made


# ---- the service itself --------------------------------------------------------------------------------------


async def test_a_secret_is_made_once(store: Store) -> None:
    first, *others = await asyncio.gather(*(store.secret("tokens") for _ in range(10)))
    assert len(first) == 32
    assert set(others) == {first}
    assert await store.secret("tokens") == first
    assert await store.secret("pages") != first


async def test_the_first_value_is_agreed_on(store: Store) -> None:
    values = [f"value {number}" for number in range(10)]
    first, *others = await asyncio.gather(*(store.agreed("partitions", value) for value in values))
    assert first in values
    assert set(others) == {first}
    assert await store.agreed("partitions", "late") == first
    assert await store.agreed("other", "late") == "late"
    assert len(await store.secret("partitions")) == 32


async def test_an_open_store_answers_a_ping(store: Store) -> None:
    await store.ping()
