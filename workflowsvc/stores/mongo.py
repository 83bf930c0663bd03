"""The Store on a server that speaks MongoDB's protocol: many processes, each with a client of its own.

Law: here the parts are put together and the port's methods find theirs. How the server is spoken to is in
mongodb/server.py, the only file that knows pymongo; who may write in mongodb/judging.py; what is written in
mongodb/writer.py and mongodb/following.py, and when in mongodb/backlog.py; what a crash left undone in
mongodb/standing.py. A question that goes by what follows commits shows first what was committed here.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Sequence
from contextlib import suppress
from types import TracebackType
from typing import Final, Self, TypeVar, cast

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
from workflowsvc.stores.errors import StoreRefused
from workflowsvc.stores.mongodb import migration, retention, schema
from workflowsvc.stores.mongodb.backlog import Backlog
from workflowsvc.stores.mongodb.catalogue import Catalogue
from workflowsvc.stores.mongodb.gathering import Groups
from workflowsvc.stores.mongodb.histories import Histories
from workflowsvc.stores.mongodb.judging import begins, claim_of
from workflowsvc.stores.mongodb.reader import Reader
from workflowsvc.stores.mongodb.server import Server
from workflowsvc.stores.mongodb.standing import Standing
from workflowsvc.stores.mongodb.writer import Unit, Writer

T = TypeVar("T", str, bytes)

#: Seconds that what is not followed yet is given at the end.
_SHOW_SECONDS: Final = 2.0


class MongoStore:
    """ports.Store in the database that *url* names ("workflowsvc" where it names none).

    Entering raises StoreRefused.
    """

    def __init__(self, url: str) -> None:
        self._url = url
        self._secrets: dict[str, bytes] = {}

    async def __aenter__(self) -> Self:
        self._server = Server(self._url)
        try:
            await self._server.reach()
            await migration.migrate(self._server)
        except StoreUnavailable as error:
            await self._server.close()
            raise StoreRefused(f"cannot use the MongoDB: {error}") from error
        except BaseException:
            await self._server.close()
            raise
        histories = Histories(self._server)
        self._standing = Standing(self._server, histories)
        self._reader = Reader(self._server, histories, self._standing)
        self._catalogue = Catalogue(self._server)
        self._backlog = Backlog(self._server, self._standing)
        self._groups = Groups[Unit](Writer(self._server, self._standing, self._backlog).write)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            await self._groups.finish()
            with suppress(StoreUnavailable, TimeoutError):  # whoever has the runs next sees to what is not followed
                async with asyncio.timeout(_SHOW_SECONDS):
                    await self._backlog.show()
        finally:
            await self._server.close()

    # -- executions: writing

    async def commit(self, unit: Sequence[Commit]) -> None:
        keys = {key for commit in unit for key in (commit.run_id, (claim_of(commit),))}
        await self._groups.submit(tuple(unit), keys, apart=any(map(begins, unit)))

    @property
    def lags(self) -> bool:
        return True

    async def show(self, *, overtaken: bool = False) -> None:
        await self._backlog.show(overtaken=overtaken)

    async def settle(self, run_ids: Sequence[str]) -> None:
        if run_ids:
            await self._backlog.show()
            unsettled = {"_id": {"$in": list(run_ids)}, "unsettled": True}
            await self._server.update_all(schema.CLOSED, unsettled, {"$set": {"unsettled": False}})

    async def purge(self, now: int, limit: int) -> int:
        await self._backlog.show()
        return await retention.purge(self._server, self._standing, now, limit)

    # -- executions: reading

    async def load(self, run_id: str) -> StoredRun | None:
        await self._backlog.show()
        return await self._reader.load(run_id)

    async def find_run(self, domain: str, workflow_id: str) -> str | None:
        await self._backlog.show()
        return await self._reader.find_run(domain, workflow_id)

    async def has_committed(self, run_id: str, action_id: str) -> bool:
        return await self._reader.has_committed(run_id, action_id)

    async def due(self, at: int, after: Due | None, limit: int) -> list[Due]:
        await self._backlog.show()
        return await self._reader.due(at, after, limit)

    async def recoverable(self, after: str, limit: int) -> list[RunRef]:
        await self._backlog.show()
        return await self._reader.recoverable(after, limit)

    async def unsettled(self, closed_before: int, after: str, limit: int) -> list[RunRef]:
        await self._backlog.show()
        return await self._reader.unsettled(closed_before, after, limit)

    async def row(self, run_id: str, now: int) -> ExecutionRow | None:
        return await self._reader.row(run_id, now)

    async def history(self, run_id: str, first: int, last: int, limit: int, *, reverse: bool = False) -> list[bytes]:
        return await self._reader.history(run_id, first, last, limit, reverse=reverse)

    async def executions(self, query: ExecutionQuery, after: Cursor | None, limit: int) -> list[ListedExecution]:
        await self._backlog.show()
        return await self._reader.executions(query, after, limit)

    async def count_executions(self, query: ExecutionQuery) -> int:
        await self._backlog.show()
        return await self._reader.count_executions(query)

    async def count_pending(self, task_list: TaskList) -> int:
        await self._backlog.show()
        return await self._reader.count_pending(task_list)

    # -- catalogue

    async def domain(self, domain: str) -> DomainRecord | None:
        return await self._catalogue.domain(domain)

    async def domains(
        self, region: str, *, deprecated: bool, after: str, limit: int, reverse: bool = False
    ) -> list[DomainRecord]:
        return await self._catalogue.domains(region, deprecated=deprecated, after=after, limit=limit, reverse=reverse)

    async def count_domains(self, region: str) -> int:
        return await self._catalogue.count_domains(region)

    async def add_domain(self, record: DomainRecord) -> None:
        await self._catalogue.add_domain(record)

    async def replace_domain(self, record: DomainRecord, *, deprecate_types_at: int | None = None) -> None:
        await self._catalogue.replace_domain(record, deprecate_types_at)

    async def types(self, keys: Sequence[TypeKey]) -> dict[TypeKey, TypeRecord]:
        return await self._catalogue.types(keys)

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
        return await self._catalogue.list_types((domain, kind), deprecated, name, after, limit, reverse)

    async def count_types(self, domain: str, kind: TypeKind) -> int:
        return await self._catalogue.count_types(domain, kind)

    async def add_type(self, record: TypeRecord) -> None:
        await self._catalogue.add_type(record)

    async def replace_type(self, record: TypeRecord) -> None:
        await self._catalogue.replace_type(record)

    async def delete_type(self, key: TypeKey) -> None:
        await self._catalogue.delete_type(key)

    # -- the service itself

    async def secret(self, name: str) -> bytes:
        if name not in self._secrets:
            self._secrets[name] = await self._first(f"secret:{name}", os.urandom(32))
        return self._secrets[name]

    async def agreed(self, name: str, value: str) -> str:
        return await self._first(f"agreed:{name}", value)

    async def _first(self, name: str, value: T) -> T:
        """What was the first value for the name, in whichever process."""
        if not await self._server.insert(schema.SERVICE, [{"_id": name, "value": value}]):
            return value
        found = await self._server.find_one(schema.SERVICE, {"_id": name})
        return value if found is None else cast("T", found["value"])

    async def ping(self) -> None:
        await self._server.ping()
