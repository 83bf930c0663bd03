"""A store of payloads in a directory: on this machine, or on a file system that all programs share.

Law: a reader sees a whole object or none, whatever is killed when; what was put survives a loss of power.
"""

from __future__ import annotations

import asyncio
import os
import uuid
from pathlib import Path

from workers_sdk.payloads.errors import PayloadMissing, PayloadStoreUnavailable
from workers_sdk.payloads.store import checked


class DirectoryStore:
    """An ObjectStore in *directory*, which is made if need be: ``DIRECTORY/ab/abcdef...``. Modes are the umask's.

    A process that is killed while it writes may leave a file ``.KEY.RANDOM.tmp``, which nobody reads.
    """

    def __init__(self, directory: str | os.PathLike[str]) -> None:
        self._directory = Path(directory)

    async def put(self, key: str, data: bytes) -> None:
        """As of ObjectStore."""
        await asyncio.to_thread(self._put, checked(key), data)

    async def get(self, key: str) -> bytes:
        """As of ObjectStore."""
        return await asyncio.to_thread(self._get, checked(key))

    def _path(self, key: str) -> Path:
        return self._directory / key[:2] / key

    def _get(self, key: str) -> bytes:
        try:
            return self._path(key).read_bytes()
        except (FileNotFoundError, NotADirectoryError):
            raise PayloadMissing(key) from None
        except OSError as error:
            raise PayloadStoreUnavailable(f"{self._path(key)} cannot be read: {error}") from error

    def _put(self, key: str, data: bytes) -> None:
        path = self._path(key)
        try:
            if not _renewed(path, len(data)):
                _make(path.parent)
                _write(path, data)
            _sync(path.parent)
            _sync(self._directory)
        except OSError as error:
            raise PayloadStoreUnavailable(f"{path} cannot be written: {error}") from error


def _renewed(path: Path, size: int) -> bool:
    """Whether the object is there already; if so, its age begins anew."""
    try:
        os.utime(path)
        return path.stat().st_size == size
    except FileNotFoundError:
        return False


def _make(directory: Path) -> None:
    if not directory.is_dir():
        _make(directory.parent)
        directory.mkdir(exist_ok=True)
        _sync(directory.parent)


def _write(path: Path, data: bytes) -> None:
    draft = path.with_name(f".{path.name[:100]}.{uuid.uuid4().hex}.tmp")
    try:
        with draft.open("xb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(path)
    except BaseException:
        draft.unlink(missing_ok=True)
        raise


def _sync(directory: Path) -> None:
    """A name is durable when its directory is. Windows has no such thing, and refuses to open one."""
    if os.name != "posix":
        return
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
