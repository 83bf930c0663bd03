"""The Store on SQLite: one file and its journal, a writer, two threads that read, and the catalogue in memory.

Law: here the parts are put together and the port's methods find theirs. How SQLite is spoken to is in database.py and
queries.py, who may write in draft.py, what is written when in writer.py and tables.py, and how the writer is spoken to
in pump.py, writing.py and works.py.
"""

from __future__ import annotations

import asyncio
import os
import tempfile
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack, ExitStack, closing
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Any, Concatenate, Final, ParamSpec, Self, TypeVar

from workflowsvc.messages import TaskList
from workflowsvc.ports import StoreUnavailable
from workflowsvc.records import (
    Commit,
    Cursor,
    DomainRecord,
    Due,
    ExecutionQuery,
    ExecutionRow,
    ListedExecution,
    RunRef,
    StoredRun,
    TypeKey,
    TypeKind,
    TypeRecord,
)
from workflowsvc.stores import queries, reads
from workflowsvc.stores.catalogue import Catalogue
from workflowsvc.stores.catalogue_rows import domain_record, domain_row, key_columns, type_record, type_row
from workflowsvc.stores.database import Database, open_for_reading, open_for_writing
from workflowsvc.stores.draft import Statement
from workflowsvc.stores.errors import StoreRefused
from workflowsvc.stores.lock import locked
from workflowsvc.stores.pump import Pump
from workflowsvc.stores.reads import Ask
from workflowsvc.stores.works import Aside, Change, Forget, Settle, Sweep, Unit

P = ParamSpec("P")
T = TypeVar("T")

_READERS: Final = 2


class _Readers:
    """Threads with connections of their own; one that met an error is not used again."""

    def __init__(self, connect: Callable[[], Database]) -> None:
        self._connect = connect
        self._idle: deque[Database] = deque()
        self._threads = ThreadPoolExecutor(_READERS, "sqlite-read")

    async def answer(self, question: Callable[[Ask], T]) -> T:
        return await self.read(lambda database: question(database.ask))

    async def read(self, question: Callable[[Database], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._threads, self._answer, question)

    def close(self) -> None:
        self._threads.shutdown()
        for database in self._idle:
            database.close()

    def _answer(self, question: Callable[[Database], T]) -> T:
        database = self._idle.pop() if self._idle else self._connect()
        try:
            answer = question(database)
        except BaseException:
            database.close()
            raise
        self._idle.append(database)
        return answer


class SqliteStore:
    """ports.Store in the file *path*, or in a file of its own that goes with it.

    *apart*: it is written by a process of its own, beside which this one gets much more done; a thread takes no time to
    start. Entering raises StoreRefused.
    """

    def __init__(self, path: Path | None, *, apart: bool = False) -> None:
        self._path = path
        self._apart = apart
        self._secrets: dict[str, bytes] = {}
        self._open = False
        #: how many doubts the catalogue has taken note of, and how often it was changed
        self._certain = 0
        self._changes = 0

    async def __aenter__(self) -> Self:
        async with AsyncExitStack() as stack:
            blocking = ExitStack()
            stack.push_async_callback(asyncio.to_thread, blocking.close)
            path = await asyncio.to_thread(self._prepare, blocking)
            self._pump = Pump(path, durable=self._path is not None, apart=self._apart)
            stack.push_async_callback(self._pump.close)
            try:
                await self._pump.open()
                # Not before: the writer of a service that was killed may have had a change to make.
                self._catalogue = await self._readers.read(_catalogue)
            except StoreUnavailable as error:
                raise StoreRefused(f"cannot use {path}: {error}") from error
            self._resources = stack.pop_all()
        self._open = True
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._open = False
        await self._resources.aclose()

    def _prepare(self, stack: ExitStack) -> Path:
        path, durable = self._path, self._path is not None
        if path is None:
            directory = stack.enter_context(tempfile.TemporaryDirectory(prefix="workflowsvc-"))
            path = Path(directory, "store.db")
        stack.enter_context(locked(path))
        try:
            with closing(open_for_writing(path, durable=durable)) as first:
                first.prepare(path)
        except StoreUnavailable as error:
            raise StoreRefused(f"cannot use {path}: {error}") from error
        self._readers = _Readers(partial(open_for_reading, path))
        stack.callback(self._readers.close)
        return path

    async def _do(self, work: Aside) -> Any:
        self._require_open()
        return await self._pump.do_aside(work)

    async def _change(self, statements: Sequence[Statement], then: Callable[[Catalogue], None]) -> None:
        """*then* does the same to the catalogue in memory."""

        def changed() -> None:
            self._changes += 1
            then(self._catalogue)

        self._require_open()
        await self._pump.do_aside(Change(statements), changed)

    async def _known(self) -> Catalogue:
        """The catalogue, read anew where a change may have been made that nobody was told of."""
        while self._certain < self._pump.doubts:
            doubts, changes = self._pump.doubts, self._changes
            await self._pump.show()
            catalogue = await self._readers.read(_catalogue)
            if changes == self._changes:
                self._catalogue, self._certain = catalogue, doubts
        return self._catalogue

    async def _read(self, question: Callable[Concatenate[Ask, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Of the tables, which first are to have all that was answered."""
        self._require_open()
        await self._pump.show()
        return await self._readers.answer(lambda ask: question(ask, *args, **kwargs))

    async def _read_of(self, run_id: str, question: Callable[[Ask], T]) -> T:
        """Likewise, of one run: what was answered of others does not matter."""
        self._require_open()
        if self._pump.in_doubt or run_id in self._pump.recent:
            await self._pump.show()
        return await self._readers.answer(question)

    def _require_open(self) -> None:
        if not self._open:
            raise StoreUnavailable("the store is closed")

    # -- executions

    async def commit(self, unit: Sequence[Commit]) -> None:
        self._require_open()
        await self._pump.record(Unit(unit))

    @property
    def lags(self) -> bool:
        return False

    async def show(self, *, overtaken: bool = False) -> None:
        """A file has one process."""

    async def settle(self, run_ids: Sequence[str]) -> None:
        self._require_open()
        await self._pump.record(Settle(run_ids))

    async def purge(self, now: int, limit: int) -> int:
        gone: int = await self._do(Forget(now, limit))
        while await self._do(Sweep()):
            pass  # in between, what waits is written
        return gone

    async def load(self, run_id: str) -> StoredRun | None:
        return await self._read_of(run_id, lambda ask: reads.load(ask, run_id))

    async def find_run(self, domain: str, workflow_id: str) -> str | None:
        return await self._read(reads.find_run, domain, workflow_id)

    async def has_committed(self, run_id: str, action_id: str) -> bool:
        return await self._read_of(run_id, lambda ask: reads.has_committed(ask, run_id, action_id))

    async def due(self, at: int, after: Due | None, limit: int) -> list[Due]:
        return await self._read(reads.due, at, after, limit)

    async def recoverable(self, after: str, limit: int) -> list[RunRef]:
        return await self._read(reads.recoverable, after, limit)

    async def unsettled(self, closed_before: int, after: str, limit: int) -> list[RunRef]:
        return await self._read(reads.unsettled, closed_before, after, limit)

    async def row(self, run_id: str, now: int) -> ExecutionRow | None:
        return await self._read_of(run_id, lambda ask: reads.row(ask, run_id, now))

    async def history(self, run_id: str, first: int, last: int, limit: int, *, reverse: bool = False) -> list[bytes]:
        self._require_open()
        if self._pump.in_doubt:
            await self._pump.show()
        tail = self._pump.recent.tail(run_id)
        if tail is None:
            return await self._older(run_id, first, last, limit, reverse)
        newer = tail.between(first, last)
        if reverse:
            newer = newer[::-1][:limit]
            older = await self._older(run_id, first, min(last, tail.first - 1), limit - len(newer), reverse)
            return newer + older
        older = await self._older(run_id, first, min(last, tail.first - 1), limit, reverse)
        return (older + newer)[:limit]

    async def _older(self, run_id: str, first: int, last: int, limit: int, reverse: bool) -> list[bytes]:
        """Of the tables, which have what is not recent."""
        if first > last or limit <= 0:
            return []
        return await self._readers.answer(lambda ask: reads.history(ask, run_id, first, last, limit, reverse))

    async def executions(self, query: ExecutionQuery, after: Cursor | None, limit: int) -> list[ListedExecution]:
        return await self._read(reads.executions, query, after, limit)

    async def count_executions(self, query: ExecutionQuery) -> int:
        return await self._read(reads.count_executions, query)

    async def count_pending(self, task_list: TaskList) -> int:
        return await self._read(reads.count_pending, task_list)

    # -- catalogue

    async def domain(self, domain: str) -> DomainRecord | None:
        return (await self._known()).domain(domain)

    async def domains(
        self, region: str, *, deprecated: bool, after: str, limit: int, reverse: bool = False
    ) -> list[DomainRecord]:
        return (await self._known()).domains(region, deprecated, after, limit, reverse)

    async def count_domains(self, region: str) -> int:
        return (await self._known()).count_domains(region)

    async def add_domain(self, record: DomainRecord) -> None:
        await self._change([_row(queries.DOMAINS, domain_row(record))], lambda known: known.put_domain(record))

    async def replace_domain(self, record: DomainRecord, *, deprecate_types_at: int | None = None) -> None:
        statements = [_row(queries.REPLACE_DOMAINS, domain_row(record))]
        if deprecate_types_at is not None:
            statements.append((queries.DEPRECATE_TYPES, (deprecate_types_at, record.domain)))

        def then(known: Catalogue) -> None:
            known.put_domain(record)
            if deprecate_types_at is not None:
                known.deprecate_types(record.domain, deprecate_types_at)

        await self._change(statements, then)

    async def types(self, keys: Sequence[TypeKey]) -> dict[TypeKey, TypeRecord]:
        return (await self._known()).types(keys)

    async def list_types(
        self,
        domain: str,
        kind: TypeKind,
        *,
        deprecated: bool,
        name: str | None,
        after: tuple[str, str],
        limit: int,
        reverse: bool = False,
    ) -> list[TypeRecord]:
        return (await self._known()).list_types((domain, kind), deprecated, name, after, limit, reverse)

    async def count_types(self, domain: str, kind: TypeKind) -> int:
        return (await self._known()).count_types(domain, kind)

    async def add_type(self, record: TypeRecord) -> None:
        await self._change([_row(queries.TYPES, type_row(record))], lambda known: known.put_type(record))

    async def replace_type(self, record: TypeRecord) -> None:
        await self._change([_row(queries.REPLACE_TYPES, type_row(record))], lambda known: known.put_type(record))

    async def delete_type(self, key: TypeKey) -> None:
        await self._change([(queries.DELETE_TYPE, key_columns(key))], lambda known: known.drop_type(key))

    # -- the service itself

    async def secret(self, name: str) -> bytes:
        if name not in self._secrets:
            statements = [(queries.ADD_SECRET, (name, os.urandom(32))), (queries.SECRET, (name,))]
            (self._secrets[name],) = await self._do(Change(statements))
        return self._secrets[name]

    async def agreed(self, name: str, value: str) -> str:
        agreed: tuple[str] = await self._do(Change([(queries.ADD_AGREED, (name, value)), (queries.AGREED, (name,))]))
        return agreed[0]

    async def ping(self) -> None:
        await self._read(reads.ping)


def _row(upsert: queries.Upsert, row: tuple[object, ...]) -> Statement:
    return queries.insert(upsert, 1), row


def _catalogue(database: Database) -> Catalogue:
    return Catalogue(
        [domain_record(row) for row in database.rows(queries.ALL_DOMAINS)],
        [type_record(row) for row in database.rows(queries.ALL_TYPES)],
    )
