"""One process per file: an advisory lock that the kernel drops with its holder, however that dies.

Law: the lock is a file of its own beside the database, for SQLite opens and locks the database as it likes.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from workflowsvc.stores.errors import StoreRefused


@contextmanager
def locked(database: Path) -> Iterator[None]:
    """Hold the lock of *database*, and have made the file, readable by its owner only: it holds secrets."""
    lock = database.with_name(database.name + ".lock")
    try:
        descriptor = os.open(lock, os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as error:
        raise StoreRefused(f"cannot write {lock}: {error.strerror}") from error
    try:
        _take(descriptor, database)
        _make(database)
        yield
    finally:
        os.close(descriptor)


def _take(descriptor: int, database: Path) -> None:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        holder = os.pread(descriptor, 20, 0).decode(errors="replace").strip() or "unknown"
        raise StoreRefused(f"{database} is in use by another process (pid {holder})") from error
    os.ftruncate(descriptor, 0)
    os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)


def _make(database: Path) -> None:
    try:
        os.close(os.open(database, os.O_RDWR | os.O_CREAT, 0o600))
    except OSError as error:
        raise StoreRefused(f"cannot write {database}: {error.strerror}") from error
