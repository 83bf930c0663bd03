"""The journal: a file beside the database to which a group of commits is appended in one small write.

Law: it keeps bodies by their numbers, which rise by one, and knows nothing of what is in them. What has come to the
tables leaves it. It belongs to one writer at a time: SQLite's own lock on it lasts as long as it is open, and has the
next writer wait for the last words of one whose process was killed.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from workflowsvc.ports import StoreUnavailable
from workflowsvc.stores.database import open_journal

_TABLE: Final = "CREATE TABLE IF NOT EXISTS groups (number INTEGER PRIMARY KEY, body BLOB NOT NULL) STRICT"
_APPEND: Final = "INSERT INTO groups (number, body) VALUES (?, ?)"
_NEXT: Final = "SELECT number, body FROM groups WHERE number > ? ORDER BY number LIMIT 1"
_TRIM: Final = "DELETE FROM groups WHERE number <= ?"


def journal_of(database: Path) -> Path:
    return database.with_name(database.name + ".journal")


def remove_journal(database: Path) -> None:
    """When its writer has ended, by who keeps others from the database: the next writer may wait for this very file."""
    journal_of(database).unlink(missing_ok=True)


class Journal:
    """Opening raises StoreUnavailable."""

    def __init__(self, path: Path, *, durable: bool) -> None:
        self._path = path
        try:
            # Histories are nobody else's business: SQLite makes the files beside it as readable as it is.
            os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
        except OSError as error:
            raise StoreUnavailable(f"cannot write {path}: {error.strerror}") from error
        self._database = open_journal(path, durable=durable)
        try:
            self._database.ask(_TABLE)
        except BaseException:
            self._database.close()
            raise

    def append(self, number: int, body: bytes) -> None:
        """Durable when it returns."""
        self._database.ask(_APPEND, (number, body))

    def after(self, number: int) -> Iterator[tuple[int, bytes]]:
        """Raises StoreUnavailable where what should come next is missing: it is the journal of another database."""
        while (found := self._database.ask(_NEXT, (number,))) is not None:
            if found[0] != number + 1:
                raise StoreUnavailable(f"{self._path} goes on at {found[0]}, and the database ends at {number}")
            number = found[0]
            yield number, found[1]

    def trim(self, number: int) -> None:
        """Drop all up to *number*."""
        self._database.ask(_TRIM, (number,))

    def close(self) -> None:
        self._database.close()
