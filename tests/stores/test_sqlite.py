"""What is particular to the SQLite store: its file, its locks, its plans, and how it takes being killed."""

# ruff: noqa: ASYNC220, ASYNC240 - tests may block: nothing else runs on their loops

from __future__ import annotations

import asyncio
import os
import re
import resource
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from itertools import product
from pathlib import Path

import pytest

from tests.stores.acknowledging import LANES
from tests.stores.making import DECISIONS, DOMAIN, START, Run, activity_type, domain, events, pending, workflow_type
from workflowsvc.ports import Conflict, StoreUnavailable
from workflowsvc.records import ExecutionQuery, Heartbeat, TimeField, TypeKind
from workflowsvc.stores import queries, schema
from workflowsvc.stores.database import Database, open_for_writing, open_journal
from workflowsvc.stores.errors import StoreRefused
from workflowsvc.stores.sqlite import SqliteStore
from workflowsvc.swf.shapes import CloseStatus

ROOT = Path(__file__).parents[2]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "store.db"


async def refusal(path: Path) -> str:
    with pytest.raises(StoreRefused) as caught:
        async with SqliteStore(path):
            pass
    return str(caught.value)


def sql(path: Path, *statements: str) -> list[tuple]:  # type: ignore[type-arg]
    """The answers of the last of *statements*, put to a file that no store has open."""
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        answers = [connection.execute(statement).fetchall() for statement in statements]
    return answers[-1]


# ---- the file ------------------------------------------------------------------------------------------------


async def test_everything_is_there_after_reopening(path: Path) -> None:
    run = Run(1, tags=["red"])
    types = [workflow_type("A"), activity_type("A", deprecated_at=START, description="old")]
    async with SqliteStore(path) as store:
        await store.commit([run.start(scheduled=pending(2), heartbeat=Heartbeat(2, START, "x"), snapshot=b"s")])
        await store.commit([run.commit(3, action_id="third")])
        await store.add_domain(domain(tags={"team": "shop"}, description="orders"))
        for record in types:
            await store.add_type(record)
        before, secret = await store.load(run.run_id), await store.secret("tokens")
    async with SqliteStore(path) as store:
        assert await store.load(run.run_id) == before
        assert await store.history(run.run_id, 1, 9, 9) == events(1, 3)
        assert await store.count_pending(DECISIONS) == 1
        assert await store.has_committed(run.run_id, "third")
        assert await store.domain(DOMAIN) == domain(tags={"team": "shop"}, description="orders")
        assert await store.types([record.key for record in types]) == {record.key: record for record in types}
        assert await store.secret("tokens") == secret
        with pytest.raises(Conflict):
            await store.commit([run.commit(3)])
        await store.commit([run.commit(4), Run(2).start()])
        assert await store.history(Run(2).run_id, 1, 9, 9) == events(1, 2)


async def test_what_is_not_there_is_not_there_after_reopening(path: Path) -> None:
    async with SqliteStore(path) as store:
        await store.add_type(workflow_type("A"))
        await store.add_type(workflow_type("B"))
        await store.delete_type(workflow_type("A").key)
        await store.replace_domain(domain(deprecated=True), deprecate_types_at=START + 1)
    async with SqliteStore(path) as store:
        assert await store.types([workflow_type("A").key]) == {}
        old = await store.list_types(DOMAIN, TypeKind.WORKFLOW, deprecated=True, name=None, after=("", ""), limit=9)
        assert old == [workflow_type("B", deprecated_at=START + 1)]


async def test_a_closed_store_leaves_one_file_without_a_log(path: Path) -> None:
    async with SqliteStore(path) as store:
        await store.commit([Run(1).start()])
        assert path.with_name("store.db-wal").exists()
    assert sorted(file.name for file in path.parent.iterdir()) == ["store.db", "store.db.lock"]
    assert path.stat().st_mode & 0o077 == 0
    assert sql(path, "PRAGMA journal_mode", "PRAGMA integrity_check") == [("ok",)]


@pytest.mark.parametrize("opened", [open_for_writing, open_journal])
async def test_what_is_written_is_synced_to_a_write_ahead_log(path: Path, opened: Callable[..., Database]) -> None:
    async with SqliteStore(path):
        pass
    with closing(opened(path, durable=True)) as database:
        assert database.ask("PRAGMA journal_mode") == ("wal",)
        assert database.ask("PRAGMA synchronous") == (2,)  # FULL


async def test_an_ephemeral_store_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    async with SqliteStore(None) as store, SqliteStore(None) as other:
        await store.commit([Run(1).start()])
        assert await other.load(Run(1).run_id) is None
        assert len(list(tmp_path.iterdir())) == 2
    assert list(tmp_path.iterdir()) == []


# ---- refusals ------------------------------------------------------------------------------------------------


async def test_a_second_process_is_refused(path: Path) -> None:
    program = f"""
import asyncio, pathlib
from workflowsvc.stores.database import Database, open_for_writing, open_journal
from workflowsvc.stores.errors import StoreRefused
from workflowsvc.stores.sqlite import SqliteStore

async def main():
    async with SqliteStore(pathlib.Path({str(path)!r})):
        print("opened")

try:
    asyncio.run(main())
except StoreRefused as refused:
    print(refused)
"""
    command = [sys.executable, "-c", program]
    async with SqliteStore(path):
        second = await asyncio.to_thread(subprocess.check_output, command, cwd=ROOT, text=True)
        assert second == f"{path} is in use by another process (pid {os.getpid()})\n"
        assert "in use" in await refusal(path)
    assert await asyncio.to_thread(subprocess.check_output, command, cwd=ROOT, text=True) == "opened\n"


async def test_a_file_that_is_no_database_is_refused_and_left_alone(path: Path) -> None:
    path.write_bytes(b"not a database at all " * 500)
    assert await refusal(path) == f"cannot use {path}: file is not a database"
    assert path.read_bytes() == b"not a database at all " * 500


async def test_a_file_that_lost_its_end_is_refused(path: Path) -> None:
    async with SqliteStore(path) as store:
        await store.commit([Run(1).start(count=5_000)])
    os.truncate(path, path.stat().st_size // 2)
    assert await refusal(path) == f"cannot use {path}: database disk image is malformed"


async def test_the_database_of_another_program_is_refused_and_left_alone(path: Path) -> None:
    sql(path, "CREATE TABLE theirs (id)")
    assert await refusal(path) == f"{path} is the database of another program"
    assert sql(path, "PRAGMA journal_mode") == [("delete",)]
    assert sql(path, "SELECT name FROM sqlite_schema") == [("theirs",)]


async def test_a_newer_schema_is_refused(path: Path) -> None:
    async with SqliteStore(path):
        pass
    newer = len(schema.MIGRATIONS) + 1
    sql(path, f"PRAGMA user_version = {newer}")
    assert f"written by a newer workflowsvc (schema {newer}," in await refusal(path)


async def test_an_older_schema_is_brought_up_to_date(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with SqliteStore(path) as store:
        await store.commit([Run(1).start()])
    known = len(schema.MIGRATIONS)
    steps = ("CREATE TABLE one (id);", "CREATE TABLE two (id); INSERT INTO two VALUES (2);")
    monkeypatch.setattr(schema, "MIGRATIONS", (*schema.MIGRATIONS, *steps))
    async with SqliteStore(path) as store:
        assert await store.history(Run(1).run_id, 1, 9, 9) == events(1, 2)
    async with SqliteStore(path):  # and not twice
        pass
    assert sql(path, "SELECT id FROM two") == [(2,)]
    assert sql(path, "PRAGMA user_version") == [(known + 2,)]


async def test_a_file_of_the_first_version_learns_times_to_wake(path: Path) -> None:
    run = Run(1)
    async with SqliteStore(path) as store:
        await store.commit([run.start()])
    sql(path, "DROP TABLE wakes", "DROP TABLE agreed", "DROP TABLE journaled", "PRAGMA user_version = 1")
    async with SqliteStore(path) as store:
        await store.commit([run.commit(3, wake_at=START + 5)])
        assert [due.wake_at for due in await store.due(START + 5, None, 9)] == [START + 5]
        assert await store.agreed("partitions", "16") == "16"
    assert sql(path, "PRAGMA user_version") == [(len(schema.MIGRATIONS),)]
    async with SqliteStore(path) as store:
        assert await store.agreed("partitions", "32") == "16"
        await store.commit([run.close(4)])
        assert await store.history(run.run_id, 1, 9, 9) == events(1, 4)
    assert sql(path, "SELECT count(*) FROM wakes") == [(0,)]


async def test_a_step_that_fails_changes_nothing(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with SqliteStore(path):
        pass
    known = len(schema.MIGRATIONS)
    with monkeypatch.context() as patched:
        patched.setattr(schema, "MIGRATIONS", (*schema.MIGRATIONS, "CREATE TABLE one (id); CREATE TABLE tags (id);"))
        assert "tags" in await refusal(path)
    assert sql(path, "PRAGMA user_version") == [(known,)]
    assert sql(path, "SELECT count(*) FROM sqlite_schema WHERE name = 'one'") == [(0,)]
    async with SqliteStore(path):
        pass


@pytest.mark.parametrize("place", ["missing/store.db", "file/store.db", "."])
async def test_a_place_that_cannot_hold_a_file_is_refused(tmp_path: Path, place: str) -> None:
    (tmp_path / "file").touch()
    assert (await refusal(tmp_path / place)).startswith("cannot write ")


@contextmanager
def as_nobody() -> Iterator[None]:
    """Root may write anywhere."""
    user = os.geteuid()
    if user == 0:
        os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(user)


async def test_a_directory_that_may_not_be_written_is_refused(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    with as_nobody():
        refused = await refusal(tmp_path / "store.db")
    tmp_path.chmod(0o700)
    assert refused == f"cannot write {tmp_path}/store.db.lock: Permission denied"


# ---- dying and failing ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("apart", [False, True], ids=["thread", "process"])
@pytest.mark.parametrize("lines", [1, 40, 1_500])
async def test_kill_9_loses_no_acknowledged_commit(path: Path, lines: int, apart: bool) -> None:
    command = [sys.executable, "-m", "tests.stores.acknowledging", str(path), *["apart"] * apart]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as writer:
        assert writer.stdout is not None
        acknowledged = [writer.stdout.readline() for _ in range(lines)]
        os.kill(writer.pid, signal.SIGKILL)
        acknowledged += writer.stdout.readlines()
    assert writer.returncode == -signal.SIGKILL
    last = dict.fromkeys(range(LANES), 0)
    for line in acknowledged:
        lane, first = map(int, line.split())
        last[lane] = first
    assert max(last.values()) > 1
    async with SqliteStore(path) as store:  # which a lock left by the dead would forbid
        for lane, first in last.items():
            history = await store.history(Run(lane).run_id, 1, 30_000, 30_000)
            assert history == events(1, len(history))
            assert len(history) >= first


@contextmanager
def no_file_grows_beyond(size: int) -> Iterator[None]:
    """A disk that is full, as far as this process is concerned."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


async def test_a_full_disk_refuses_writes_until_there_is_room_again(path: Path) -> None:
    runs = [Run(number) for number in range(3)]
    async with SqliteStore(path) as store:
        await store.commit([runs[0].start()])
        await store.ping()
        log = path.with_name("store.db-wal").stat().st_size
        with no_file_grows_beyond(log + 10_000):
            units = [[runs[1].start(count=3_000)], [runs[0].commit(3, 3_000)]]
            answers = await asyncio.gather(*map(store.commit, units), return_exceptions=True)
            assert [type(answer) for answer in answers] == [StoreUnavailable, StoreUnavailable]
            assert await store.history(runs[0].run_id, 1, 9, 9) == events(1, 2)
        await store.commit([runs[1].start(count=3_000)])
        await store.commit([runs[0].commit(3, 3_000), runs[2].start()])
        for run, count in zip(runs, (3_002, 3_000, 2), strict=True):
            assert await store.history(run.run_id, 1, 9_999, 9_999) == events(1, count)
    assert sql(path, "PRAGMA integrity_check") == [("ok",)]


async def test_what_cannot_be_stored_fails_alone(path: Path) -> None:
    surrogate, huge = Run(1, "\ud800"), Run(2, lane=2**70)
    fine = [Run(number) for number in range(3, 8)]
    async with SqliteStore(path) as store:
        units = [[run.start()] for run in (surrogate, *fine, huge)]
        answers = await asyncio.gather(*map(store.commit, units), return_exceptions=True)
        assert answers[1:-1] == [None] * 5
        assert isinstance(answers[0], UnicodeEncodeError)
        assert isinstance(answers[-1], OverflowError)
        for run in fine:
            await store.commit([run.commit(3)])


async def test_a_closed_run_stays_closed(path: Path) -> None:
    run = Run(1)
    async with SqliteStore(path) as store:
        await store.commit([run.start()])
        with pytest.raises(Conflict):
            await store.commit([run.close(), run.commit(4, row=run.row())])
        await store.commit([run.close()])
        with pytest.raises(Conflict):
            await store.commit([run.commit(4, row=run.row())])
        assert await store.row(run.run_id, START) == run.closed()


async def test_closing_finishes_what_waits_and_refuses_what_comes_later(path: Path) -> None:
    runs = [Run(number) for number in range(50)]
    async with SqliteStore(path) as store:
        waiting = [asyncio.ensure_future(store.commit([run.start()])) for run in runs]
        await asyncio.sleep(0)  # all are submitted, none is awaited
    assert await asyncio.gather(*waiting) == [None] * 50
    for late in (store.commit([Run(99).start()]), store.load("x"), store.ping(), store.secret("x")):
        with pytest.raises(StoreUnavailable):
            await late
    async with SqliteStore(path) as again:
        assert len(await again.recoverable("", 100)) == 50


async def test_a_purge_that_was_interrupted_is_finished_by_the_next(path: Path) -> None:
    run = Run(1)
    async with SqliteStore(path) as store:
        await store.commit([run.start(count=20_000)])
        await store.commit([run.close(20_001, expires_at=START)])
        purging = asyncio.ensure_future(store.purge(START + 1, 10))
        await asyncio.sleep(0)
        purging.cancel()
        await store.ping()
    async with SqliteStore(path) as store:
        assert await store.load(run.run_id) is None
        await store.commit([Run(2).start()])
        assert await store.purge(START + 1, 10) == 0
        assert await store.history(Run(2).run_id, 1, 9, 9) == events(1, 2)
    assert sql(path, "SELECT count(*) FROM events") == [(2,)]


async def test_the_number_of_a_run_that_is_being_swept_is_not_given_again(path: Path) -> None:
    """Its events are gone and its mark is not, as after a crash between the two: the next sweep spares the next run."""
    old, new = Run(1), Run(2)
    async with SqliteStore(path) as store:
        await store.commit([old.start(), old.close(3, expires_at=START)])
        assert await store.purge(START + 1, 10) == 1
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("INSERT INTO purged (run) VALUES (1)")
        connection.commit()
    async with SqliteStore(path) as store:
        await store.commit([new.start()])
        await store.purge(START + 1, 10)
        assert await store.history(new.run_id, 1, 9, 9) == events(1, 2)


async def test_a_purge_leaves_nothing_of_a_run_in_any_table(path: Path) -> None:
    run = Run(1, tags=["red", "blue"])
    async with SqliteStore(path) as store:
        await store.commit([run.start(scheduled=pending(2), heartbeat=Heartbeat(2, START), snapshot=b"s")])
        await store.commit([run.close(expires_at=START)])
        assert await store.purge(START + 1, 10) == 1
    names = [name for (name,) in sql(path, "SELECT name FROM sqlite_schema WHERE type = 'table'")]
    names.remove("journaled")
    assert [name for name in names if sql(path, f"SELECT * FROM {name}")] == []  # noqa: S608


# ---- plans ---------------------------------------------------------------------------------------------------

FILTERS: list[dict[str, str]] = [
    {},
    {"workflow_id": "w"},
    {"type_name": "t"},
    {"type_name": "t", "type_version": "v"},
    {"tag": "t"},
    {"close_status": CloseStatus.FAILED},
]
SIDES = [(True, TimeField.STARTED), (False, TimeField.STARTED), (False, TimeField.CLOSED)]


def questions() -> list[ExecutionQuery]:
    every = (
        ExecutionQuery(domain="d", open=is_open, by=by, oldest=0, latest=1, now=0, reverse=reverse, **chosen)
        for (is_open, by), chosen, reverse in product(SIDES, FILTERS, (False, True))
    )
    return [query for query in every if not queries.nothing(query)]


@pytest.fixture
def plan(path: Path) -> Iterator:  # type: ignore[type-arg]
    """How SQLite would go about a statement, on tables without a single statistic."""
    with closing(sqlite3.connect(path)) as connection:
        for step in schema.MIGRATIONS:
            connection.executescript(step)

        def explained(statement: str) -> list[str]:
            marks = dict.fromkeys(re.findall(r":(\w+)", statement), 1)
            unnamed = (1,) * statement.count("?")
            rows = connection.execute(f"EXPLAIN QUERY PLAN {statement}", marks or unnamed).fetchall()
            return [detail for *_, detail in rows]

        yield explained


@pytest.mark.parametrize("query", questions(), ids=lambda query: queries.question(query).range + "-" * query.reverse)
def test_every_visibility_question_is_a_range_of_an_index_in_order(plan, query: ExecutionQuery) -> None:  # type: ignore[no-untyped-def]
    what = queries.question(query)
    # The closed runs of one workflow id are few: by close time they are put in order when they are asked for.
    few = query.workflow_id is not None and what.range != f"executions_closed_{query.by}_workflow"
    for statement in (queries.executions(what), queries.count_executions(what)):
        steps = plan(statement)
        assert few or not [step for step in steps if "TEMP B-TREE" in step], steps
        scans = [step for step in steps if step.startswith("SCAN")]
        assert scans in ([], ["SCAN (subquery-1)"], ["SCAN (subquery-2)"]), steps
        time = "" if few else rf".* AND \(?{query.by}_at.*[<>]"
        searches = [step for step in steps if re.search(rf"INDEX {what.range} \(domain=\?{time}", step)]
        assert len(searches) == 1, steps


@pytest.mark.parametrize(
    "statement",
    [
        queries.ROW,
        queries.LOAD,
        queries.FIND_RUN,
        queries.HAS_COMMITTED,
        queries.RECOVERABLE,
        queries.COUNT_PENDING,
        queries.history(reverse=False),
        queries.history(reverse=True),
        queries.HEADS,
        queries.HOLDER,
        queries.UNHEARD,
        queries.PURGEABLE,
        queries.SETTLE,
        queries.UNSCHEDULE,
        queries.UNSCHEDULE_RUNS,
        queries.SWEEP_EVENTS,
        queries.LAST_NUMBER,
    ],
)
def test_no_other_statement_walks_through_a_table(plan, statement: str) -> None:  # type: ignore[no-untyped-def]
    steps = plan(statement)
    assert not [step for step in steps if "TEMP B-TREE" in step], steps
    harmless = r"SCAN (\(subquery-\d+\)|purged|CONSTANT ROW|\w+ VIRTUAL TABLE .*)"
    assert not [step for step in steps if step.startswith("SCAN") and not re.fullmatch(harmless, step)], steps


def test_due_runs_come_in_the_order_of_their_times(plan) -> None:  # type: ignore[no-untyped-def]
    steps = plan(queries.DUE)
    assert "SEARCH wakes USING COVERING INDEX wakes_at (at>? AND at<?)" in steps, steps
    assert "USE TEMP B-TREE FOR ORDER BY" not in steps, steps  # only runs of one millisecond are put in order
