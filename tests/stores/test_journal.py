"""What is committed is in the journal first: who dies in between, and what the next one makes of it."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path

import msgspec
import pytest

from tests.stores.making import DOMAIN, START, Run, domain, events, workflow_type
from workflowsvc.ports import Conflict, StoreUnavailable
from workflowsvc.records import Commit, TypeKind
from workflowsvc.stores.database import open_for_reading, open_for_writing
from workflowsvc.stores.errors import StoreRefused
from workflowsvc.stores.journal import Journal, journal_of
from workflowsvc.stores.sqlite import SqliteStore
from workflowsvc.stores.works import FINE, Outcome, Recorded, Settle, Show, Unit, encode
from workflowsvc.stores.writer import Writer
from workflowsvc.stores.writing import _Writing

ROOT = Path(__file__).parents[2]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "store.db"
    with closing(open_for_writing(path, durable=True)) as database:
        database.prepare(path)
    return path


@pytest.fixture
def outcomes() -> list[Outcome]:
    return []


@pytest.fixture
def writer(path: Path, outcomes: list[Outcome], monkeypatch: pytest.MonkeyPatch) -> Iterator[Writer]:
    """One that brings nothing to the tables unless it is told to."""
    monkeypatch.setattr("workflowsvc.stores.writer._GATHER", 1e6)
    with closing(Writer(path, durable=True, answered=lambda outcome, _: outcomes.append(outcome))) as writer:
        writer._since = time.monotonic()
        yield writer


def recorded(writer: Writer, *units: Sequence[Commit]) -> list[Outcome]:
    return followed(writer, *map(Unit, units))


def followed(writer: Writer, *works: Recorded) -> list[Outcome]:
    answers = writer.record([encode(work) for work in works])
    writer.follow()
    return answers


def in_tables(path: Path) -> list[tuple[str, int]]:
    """The runs, and how many events each has."""
    with closing(sqlite3.connect(path)) as connection:
        return connection.execute(
            "SELECT run_id, count(events.id) FROM executions AS run JOIN events ON events.id >> 20 = run.id "
            "GROUP BY run_id ORDER BY run_id"
        ).fetchall()


def groups(path: Path) -> int:
    with closing(sqlite3.connect(journal_of(path))) as connection:
        (count,) = connection.execute("SELECT count(*) FROM groups").fetchone()
    return int(count)


def test_what_was_left_in_the_journal_comes_to_the_tables_with_the_next_writer(path: Path, writer: Writer) -> None:
    one, two = Run(1), Run(2)
    assert recorded(writer, [one.start()], [two.start()]) == [FINE, FINE]
    assert recorded(writer, [one.close(3, unsettled=True)]) == [FINE]
    assert followed(writer, Settle([one.run_id])) == [FINE]
    writer.close()
    assert in_tables(path) == []
    assert groups(path) == 3
    with closing(Writer(path, durable=True, answered=lambda *_: None)) as following:
        assert in_tables(path) == [(one.run_id, 3), (two.run_id, 2)]
        assert [refused.error for refused in recorded(following, [two.start()])] == ["Conflict"]
        assert recorded(following, [two.commit(3)]) == [FINE]
    assert groups(path) == 1
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("SELECT unsettled FROM executions ORDER BY run_id").fetchall() == [(0,), (0,)]


def test_nothing_comes_twice_when_the_journal_was_not_trimmed(path: Path, writer: Writer) -> None:
    """As after a crash between the two files."""
    run = Run(1)
    recorded(writer, [run.start()])
    writer.do_aside(Show())
    assert writer._batches[0].over.wait(10)
    writer.close()
    assert (in_tables(path), groups(path)) == ([(run.run_id, 2)], 1)
    with closing(Writer(path, durable=True, answered=lambda *_: None)) as following:
        assert recorded(following, [run.commit(3)]) == [FINE]
        following.finish()
    assert in_tables(path) == [(run.run_id, 3)]
    assert groups(path) == 0


def test_judged_by_what_is_not_in_the_tables_yet(path: Path, writer: Writer) -> None:
    holder, other, heir = Run(1, "w"), Run(2, "w"), Run(3, "w")
    recorded(writer, [holder.start()])
    assert [outcome.error for outcome in recorded(writer, [other.start()], [holder.commit(4)])] == ["Conflict"] * 2
    assert recorded(writer, [holder.close(3), heir.start()]) == [FINE]
    assert [outcome.error for outcome in recorded(writer, [other.start()], [holder.start()])] == ["Conflict"] * 2
    assert in_tables(path) == []


def test_judged_by_a_batch_that_is_on_its_way(path: Path, writer: Writer, monkeypatch: pytest.MonkeyPatch) -> None:
    """What it says of a workflow id is newer than what the tables say, which have not got it yet."""
    holder, heir, late = Run(1, "w"), Run(2, "w"), Run(3, "w")
    recorded(writer, [holder.start()])
    with monkeypatch.context() as patched:
        patched.setattr(writer._tables, "do", lambda _: None)  # it stays on its way
        writer.do_aside(Show())
    assert [outcome.error for outcome in recorded(writer, [heir.start()])] == ["Conflict"]
    answers = recorded(writer, [holder.close(3), heir.start()], [late.start()])
    assert [outcome.error for outcome in answers] == ["", "Conflict"]
    writer._batches.clear()


def test_a_run_on_its_way_is_judged_by_that(path: Path, writer: Writer, monkeypatch: pytest.MonkeyPatch) -> None:
    """However many runs came after it, the tables are no judge of it yet."""
    monkeypatch.setattr("workflowsvc.stores.writer._HEADS", 0)
    run = Run(1)
    recorded(writer, [run.start()])
    with monkeypatch.context() as patched:
        patched.setattr(writer._tables, "do", lambda _: None)  # it stays on its way
        writer.do_aside(Show())
    assert not writer._heads
    answers = recorded(writer, [run.commit(4)], [run.start()], [run.commit(3)], [run.commit(3)])
    assert [outcome.error for outcome in answers] == ["Conflict", "Conflict", "", "Conflict"]
    writer._batches.clear()


def test_what_comes_late_of_a_closed_run_frees_nothing(path: Path, writer: Writer) -> None:
    closed, holder, other = Run(1, "w"), Run(2, "w"), Run(3, "w")
    recorded(writer, [closed.start()], [closed.close(3), holder.start()])
    writer.do_aside(Show())
    assert recorded(writer, [closed.commit(4, 0, wake_at=START)]) == [FINE]
    assert [outcome.error for outcome in recorded(writer, [other.start()])] == ["Conflict"]
    writer.finish()


def test_a_workflow_id_is_held_to_its_last_character(path: Path, writer: Writer) -> None:
    recorded(writer, [Run(1, "w\0one").start()])
    writer.do_aside(Show())
    assert writer._batches[0].over.wait(10)
    writer._settle_batches()
    assert recorded(writer, [Run(2, "w\0two").start()], [Run(3, "w").start()]) == [FINE, FINE]
    assert [outcome.error for outcome in recorded(writer, [Run(4, "w\0one").start()])] == ["Conflict"]
    writer.finish()


def test_a_closed_run_frees_its_workflow_id_in_the_tables_too(path: Path, writer: Writer) -> None:
    first, second, third = (Run(number, "w") for number in (1, 2, 3))
    recorded(writer, [first.start()])
    writer.do_aside(Show())
    recorded(writer, [first.close(3)], [second.start()], [second.close(3)], [third.start()])
    writer.finish()
    assert in_tables(path) == [(first.run_id, 3), (second.run_id, 3), (third.run_id, 2)]


def test_a_run_whose_place_is_forgotten_is_looked_up(
    path: Path, writer: Writer, outcomes: list[Outcome], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("workflowsvc.stores.writer._HEADS", 0)
    run = Run(1)
    recorded(writer, [run.start()])
    writer.do_aside(Show())
    assert writer._batches[0].over.wait(10)
    assert not writer._heads
    assert [outcome.error for outcome in recorded(writer, [run.commit(4)])] == ["Conflict"]
    assert recorded(writer, [run.commit(3)]) == [FINE]


def test_a_batch_does_not_grow_beyond_its_size(path: Path, writer: Writer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("workflowsvc.stores.writer._LARGEST", 2)
    for number in range(5):
        recorded(writer, [Run(number).start()])
    assert len(writer._batches) == 1
    assert writer._batches[0].over.wait(10)
    assert len(in_tables(path)) == 4


def test_the_journal_of_another_database_is_refused(path: Path) -> None:
    with closing(Journal(journal_of(path), durable=True)) as journal:
        journal.append(7, encode([]))
    with pytest.raises(StoreUnavailable, match=r"store\.db\.journal goes on at 7, and the database ends at 0"):
        Writer(path, durable=True, answered=lambda *_: None)
    assert groups(path) == 1


def test_a_journal_is_waited_for_until_the_last_of_it_is_closed(path: Path) -> None:
    program = """
import pathlib, sys
from workflowsvc.stores.journal import Journal
journal = Journal(pathlib.Path(sys.argv[1]), durable=True)
print("open", flush=True)
sys.stdin.read()
journal.append(1, b"last words")
journal.close()
"""
    command = [sys.executable, "-c", program, str(journal_of(path))]
    with subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as dying:
        assert dying.stdin is not None
        assert dying.stdout is not None
        dying.stdout.readline()
        dying.stdin.close()
        with closing(Journal(journal_of(path), durable=True)) as journal:
            assert list(journal.after(0)) == [(1, b"last words")]


async def test_a_commit_whose_outcome_is_unknown_is_seen_by_whoever_looks(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is in the journal, and nobody was told: the next look has it brought to the tables."""
    append = Journal.append
    run = Run(1)

    def failing(self: Journal, number: int, body: bytes) -> None:
        append(self, number, body)
        raise StoreUnavailable("the disk")

    async with SqliteStore(path) as store:
        await store.commit([run.start()])
        await store.ping()
        for first in (3, 4, 5):
            with monkeypatch.context() as patched:
                patched.setattr(Journal, "append", failing)
                with pytest.raises(StoreUnavailable, match="the disk"):
                    await store.commit([run.commit(first)])
            if first == 3:
                assert await store.history(run.run_id, 1, 9, 9) == events(1, 3)
            elif first == 4:
                assert await store.has_committed(run.run_id, run.commit(4).action_id)
            else:
                stored = await store.load(run.run_id)
                assert stored is not None
                assert stored.events == events(1, 5)


async def test_a_change_whose_outcome_is_unknown_is_known_to_whoever_looks(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def silent(self: _Writing, *_: object) -> None:
        self._connection.shutdown(socket.SHUT_RDWR)

    async with SqliteStore(path) as store:
        with monkeypatch.context() as patched:
            patched.setattr(_Writing, "_send", silent)
            with pytest.raises(StoreUnavailable):
                await store.add_domain(domain())
        assert await store.domain(DOMAIN) == domain()
        with pytest.raises(Conflict):
            await store.add_domain(domain())
        await store.add_type(workflow_type("A"))
        assert await store.count_types(DOMAIN, TypeKind.WORKFLOW) == 1


async def test_what_fits_no_column_fails_alone(path: Path) -> None:
    """It could cross, but nowhere be kept: and the journal must hold nothing that the tables cannot take."""
    async with SqliteStore(path) as store:
        runs = [Run(1), Run(2, lane=2**63), Run(3)]
        answers = await asyncio.gather(*(store.commit([run.start()]) for run in runs), return_exceptions=True)
        assert [type(answer) for answer in answers] == [type(None), ValueError, type(None)]
        with pytest.raises(ValueError, match="too large"):
            await store.add_domain(msgspec.structs.replace(domain(), created_at=2**63))
        await store.add_domain(domain())
        assert len(await store.recoverable("", 9)) == 2


async def test_tables_that_do_not_take_what_was_judged_are_not_written_any_more(path: Path) -> None:
    """Somebody else wrote them: that is told, and nothing that was answered is dropped."""
    run = Run(1)
    async with SqliteStore(path) as store:
        await store.commit([run.start()])
        await store.ping()
        with closing(sqlite3.connect(path)) as connection, connection:
            connection.execute("INSERT INTO events SELECT id + 1, action, body FROM events ORDER BY id DESC LIMIT 1")
        await store.commit([run.commit(3)])
        for _ in range(2):
            with pytest.raises(StoreUnavailable, match="do not take what is in the journal"):
                await store.ping()
    assert groups(path) == 1


# ---- a process of its own ------------------------------------------------------------------------------------


def writers_of(path: Path) -> list[int]:
    found = subprocess.run(["pgrep", "-f", f"stores.writing .* {path}$"], capture_output=True, text=True, check=False)
    return [int(pid) for pid in found.stdout.split()]


async def test_a_writer_that_is_killed_is_replaced_and_nothing_answered_is_lost(path: Path) -> None:
    run = Run(1)
    async with SqliteStore(path, apart=True) as store:
        await store.add_domain(domain())
        await store.commit([run.start()])
        (writer,) = writers_of(path)
        os.kill(writer, signal.SIGSTOP)
        waiting = [asyncio.ensure_future(store.commit([run.commit(first)])) for first in (3, 4)]
        reading = asyncio.ensure_future(store.ping())
        await asyncio.sleep(0)
        os.kill(writer, signal.SIGKILL)
        answers = await asyncio.gather(*waiting, reading, return_exceptions=True)
        assert [type(answer) for answer in answers] == [StoreUnavailable] * 3
        assert await store.history(run.run_id, 1, 9, 9) == events(1, 2)
        await store.commit([run.commit(3)])
        assert writers_of(path) != [writer]
    assert not writers_of(path)
    async with SqliteStore(path) as store:
        assert await store.history(run.run_id, 1, 9, 9) == events(1, 3)
        assert await store.domain(DOMAIN) == domain()


async def test_nothing_is_lost_however_often_the_writer_is_killed(path: Path) -> None:
    answered = dict.fromkeys(range(8), 2)
    over = asyncio.Event()

    async def write(store: SqliteStore, lane: int) -> None:
        run = Run(lane)
        await store.commit([run.start()])
        while not over.is_set():
            try:
                await store.commit([run.commit(answered[lane] + 1)])
            except StoreUnavailable:  # perhaps it is there all the same
                known = len(await store.history(run.run_id, 1, 30_000, 30_000))
                assert known in (answered[lane], answered[lane] + 1)
                answered[lane] = known
            else:
                answered[lane] += 1

    async with SqliteStore(path, apart=True) as store:
        lanes = [asyncio.create_task(write(store, lane)) for lane in answered]
        for _ in range(5):
            before = sum(answered.values())
            while sum(answered.values()) < before + 200:  # noqa: ASYNC110 - of each writer something is answered
                await asyncio.sleep(0.001)
            (writer,) = writers_of(path)
            os.kill(writer, signal.SIGKILL)
        over.set()
        await asyncio.gather(*lanes)
    async with SqliteStore(path) as store:
        for lane, last in answered.items():
            assert await store.history(Run(lane).run_id, 1, 30_000, 30_000) == events(1, last)


async def test_a_store_whose_writer_cannot_be_had_says_so_until_it_can(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with SqliteStore(path, apart=True) as store:
        await store.commit([Run(1).start()])
        (writer,) = writers_of(path)
        with monkeypatch.context() as patched:
            patched.setattr(sys, "executable", str(path))
            os.kill(writer, signal.SIGKILL)
            with pytest.raises(StoreUnavailable):
                await store.ping()
            with pytest.raises(StoreUnavailable, match="cannot begin to write"):
                await store.commit([Run(2).start()])
        await store.commit([Run(2).start()])
        assert len(await store.recoverable("", 9)) == 2


async def test_a_writer_outlives_the_signals_that_stop_the_service(path: Path) -> None:
    async with SqliteStore(path, apart=True) as store:
        (writer,) = writers_of(path)
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            os.kill(writer, number)
        await store.commit([Run(1).start()])
        assert writers_of(path) == [writer]
    assert in_tables(path) == [(Run(1).run_id, 2)]
    assert sorted(file.name for file in path.parent.iterdir()) == ["store.db", "store.db.lock"]


async def test_a_writer_that_hangs_holds_nobody_up(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("workflowsvc.stores.pump._CLOSE_SECONDS", 0.1)
    async with SqliteStore(path, apart=True) as store:
        await store.commit([Run(1).start()])
        (writer,) = writers_of(path)
        os.kill(writer, signal.SIGSTOP)
        waiting = asyncio.ensure_future(store.commit([Run(2).start()]))
        await asyncio.sleep(0)
    with pytest.raises(StoreUnavailable):
        await waiting
    assert not writers_of(path)
    async with SqliteStore(path) as store:
        assert await store.history(Run(1).run_id, 1, 9, 9) == events(1, 2)


async def test_the_directory_that_it_is_started_in_has_no_say(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("queue.py", "workflowsvc.py"):
        (path.parent / name).write_text("raise SystemExit(1)")
    monkeypatch.chdir(path.parent)
    async with SqliteStore(path, apart=True) as store:
        await store.commit([Run(1).start()])


async def test_a_file_that_was_damaged_is_refused_by_the_process_too(path: Path) -> None:
    async with SqliteStore(path, apart=True) as store:
        await store.commit([Run(1).start()])
    journal_of(path).write_bytes(b"not a database at all " * 500)
    with pytest.raises(StoreRefused, match="file is not a database"):
        async with SqliteStore(path, apart=True):
            pass
    assert not writers_of(path)


async def test_reads_see_what_was_answered_just_before(path: Path) -> None:
    """Though it is not in the tables: a question has it brought there, and its history counts each time."""
    run = Run(1)
    async with SqliteStore(path) as store:
        await store.commit([run.start()])
        for first in range(3, 60):
            await store.commit([run.commit(first)])
            assert len(await store.history(run.run_id, 1, 99, 99)) == first
        with pytest.raises(Conflict):
            await store.commit([run.commit(59)])
        await store.commit([run.close(60)])
        assert await store.row(run.run_id, START) == run.closed()


def test_only_its_owner_reads_it(path: Path) -> None:
    with closing(Journal(journal_of(path), durable=True)) as journal:
        journal.append(1, b"x")
        files = [file for file in path.parent.iterdir() if "journal" in file.name]
        assert len(files) >= 2
        assert all(file.stat().st_mode & 0o077 == 0 for file in files)
    with closing(open_for_reading(path)) as database:
        assert database.ask("SELECT number FROM journaled") == (0,)
