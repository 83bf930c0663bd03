"""A connection to a SQLite file, opened as this service wants it.

Law: the only file that knows sqlite3, and no error of sqlite3 leaves it. What a statement did wrong is Conflict (its
row is taken) or ValueError (its value fits no column); all else is StoreUnavailable, or StoreRefused while opening.

WAL with `synchronous=FULL`: a transaction that returned has been fsynced.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Final, cast

from workflowsvc.ports import Conflict, StoreUnavailable
from workflowsvc.stores import queries, schema
from workflowsvc.stores.errors import StoreRefused

#: STRICT tables and a JSON that is always there
_OLDEST_SQLITE: Final = (3, 38, 0)
#: All sizes of the statements of queries.insert, for each of its tables, stay prepared.
_STATEMENTS: Final = 10 * queries.CHUNK
_PRAGMAS: Final = ("cache_size = -32768", "temp_store = MEMORY")
#: A larger file is not looked through at the start, which would take it many seconds.
_CHECKED_BYTES: Final = 1 << 30
#: Checkpoints cost an fsync of their own: not before 4,000 pages (16 MiB) of log.
_WRITING: Final = ("wal_autocheckpoint = 4000", "secure_delete = OFF")

_TRANSLATIONS: Final[Sequence[tuple[type[sqlite3.Error], Callable[[str], Exception]]]] = (
    (sqlite3.IntegrityError, Conflict),
    (sqlite3.ProgrammingError, ValueError),
    (sqlite3.InterfaceError, ValueError),
    (sqlite3.DataError, ValueError),
    (sqlite3.Error, StoreUnavailable),
)


def _translated(error: sqlite3.Error) -> Exception:
    return next(ours(str(error)) for theirs, ours in _TRANSLATIONS if isinstance(error, theirs))


class Database:
    """One connection; one thread at a time may use it."""

    def __init__(self, path: Path, *pragmas: str) -> None:
        try:
            self._connection = sqlite3.connect(
                path, timeout=5, isolation_level=None, check_same_thread=False, cached_statements=_STATEMENTS
            )
        except sqlite3.Error as error:
            raise _translated(error) from error
        for pragma in (*_PRAGMAS, *pragmas):
            self.ask(f"PRAGMA {pragma}")

    def ask(self, statement: str, parameters: Sequence[object] | Mapping[str, object] = ()) -> tuple[Any, ...] | None:
        """Run a statement that has at most one row to give."""
        try:
            row: tuple[Any, ...] | None = self._connection.execute(statement, cast("Any", parameters)).fetchone()
        except sqlite3.Error as error:
            raise _translated(error) from error
        return row

    def rows(self, statement: str) -> list[tuple[Any, ...]]:
        try:
            return self._connection.execute(statement).fetchall()
        except sqlite3.Error as error:
            raise _translated(error) from error

    def run(self, statements: Iterable[tuple[str, Sequence[object]]]) -> None:
        for statement, parameters in statements:
            self.ask(statement, parameters)

    @contextmanager
    def transaction(self) -> Iterator[None]:
        self.ask("BEGIN IMMEDIATE")
        try:
            yield
            self.ask("COMMIT")
        except BaseException:
            with suppress(sqlite3.Error):  # after the worst of errors SQLite has rolled back by itself
                self._connection.execute("ROLLBACK")
            raise

    def close(self) -> None:
        with suppress(sqlite3.Error):  # what was committed is safe; the next to open the file tells what is wrong
            self._connection.close()

    def prepare(self, path: Path) -> None:
        """Make the file a database of ours and of this version, or raise StoreRefused."""
        try:
            version = self._check(path)
            for step, statements in enumerate(schema.MIGRATIONS[version:], version + 1):
                marks = f"PRAGMA application_id = {schema.APPLICATION_ID}; PRAGMA user_version = {step};"
                self._connection.executescript(f"BEGIN IMMEDIATE; {statements} {marks} COMMIT;")
        except sqlite3.Error as error:
            raise StoreRefused(f"cannot use {path}: {error}") from error

    def _check(self, path: Path) -> int:
        if sqlite3.sqlite_version_info < _OLDEST_SQLITE:
            raise StoreRefused(f"SQLite {sqlite3.sqlite_version} is too old for this program")
        asked = ("PRAGMA user_version", "PRAGMA application_id", queries.PING)
        version, application, objects = (self._connection.execute(question).fetchone()[0] for question in asked)
        known = len(schema.MIGRATIONS)
        if objects and application != schema.APPLICATION_ID:
            raise StoreRefused(f"{path} is the database of another program")
        if version > known:
            raise StoreRefused(f"{path} was written by a newer workflowsvc (schema {version}, known here: {known})")
        if self._connection.execute("PRAGMA journal_mode = WAL").fetchone() != ("wal",):
            raise StoreRefused(f"{path} lies where SQLite cannot keep a write-ahead log")
        if path.stat().st_size <= _CHECKED_BYTES:
            (health,) = self._connection.execute("PRAGMA quick_check(1)").fetchone()
            if health != "ok":
                raise StoreRefused(f"{path} is damaged: {health.splitlines()[-1]}")
        return int(version)


def open_for_writing(path: Path, *, durable: bool) -> Database:
    return Database(path, f"synchronous = {'FULL' if durable else 'OFF'}", *_WRITING)


def open_journal(path: Path, *, durable: bool) -> Database:
    """Nobody else may open it meanwhile; one that is just being closed is waited for."""
    locking = ("locking_mode = EXCLUSIVE", "journal_mode = WAL")
    return Database(path, *locking, f"synchronous = {'FULL' if durable else 'OFF'}", *_WRITING)


def open_for_reading(path: Path) -> Database:
    return Database(path, "query_only = ON")
