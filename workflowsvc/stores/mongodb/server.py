"""A database on a server that speaks MongoDB's protocol, as this service wants it.

Law: the only file that knows pymongo, and no error of pymongo leaves it. A document that is there already is an answer;
what no document can hold is ValueError; all else is StoreUnavailable, or StoreRefused while opening.

Every write waits for the majority's journals, and every read is of what a majority has: what was answered survives.
Every write may be made twice with the same effect, so one whose outcome is not known is made again.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from typing import Any, Final, NamedTuple, TypeVar
from urllib.parse import urlsplit

import bson
from bson.errors import BSONError
from bson.raw_bson import RawBSONDocument
from pymongo import AsyncMongoClient, DeleteMany, IndexModel, ReadPreference, UpdateOne
from pymongo.asynchronous.collection import AsyncCollection
from pymongo.errors import (
    BulkWriteError,
    ConfigurationError,
    ConnectionFailure,
    DuplicateKeyError,
    InvalidURI,
    OperationFailure,
    PyMongoError,
    ServerSelectionTimeoutError,
)
from pymongo.read_concern import ReadConcern
from pymongo.write_concern import WriteConcern

from workflowsvc.jobs import outcome
from workflowsvc.ports import StoreUnavailable
from workflowsvc.stores.errors import StoreRefused
from workflowsvc.stores.mongodb.schema import Index

T = TypeVar("T")

Document = dict[str, Any]
Filter = Mapping[str, Any]
Order = Sequence[tuple[str, int]]

DATABASE: Final = "workflowsvc"
_OPTIONS: Final[Mapping[str, Any]] = {
    "appname": "workflowsvc",
    "serverSelectionTimeoutMS": 2_500,
    "connectTimeoutMS": 2_500,
    "socketTimeoutMS": 10_000,
}
_DURABLE: Final = WriteConcern("majority", j=True)
_COMMITTED: Final = ReadConcern("majority")
#: A document of the server's ends at 16 MiB; what is put around ours takes a little of it.
LARGEST: Final = 12 << 20
#: Seconds within which a write that met an error of the connection is begun anew.
_PATIENCE: Final = 2.0
_PAUSE: Final = 0.05

_TAKEN: Final = 11000
#: BadValue, FailedToParse, Overflow, BSONObjectTooLarge: it is the document that is wrong.
_UNFIT: Final = frozenset({2, 9, 15, 10334, 17280, 17419, 17420})


class Change(NamedTuple):
    """What becomes of the document that *filter* finds. With *upsert* it is made where there is none."""

    filter: Filter
    update: Mapping[str, Any]
    upsert: bool = False


class Encoded(NamedTuple):
    """A document in wire form: it was found fit to be written."""

    id: str
    raw: RawBSONDocument


def encoded(document: Document) -> Encoded:
    """Raises ValueError where no server could take it."""
    try:
        wire = bson.encode(document)
    except (BSONError, OverflowError, UnicodeError) as error:
        raise ValueError(str(error)) from error
    if len(wire) > LARGEST:
        raise ValueError(f"{document['_id']} has {len(wire):,} bytes: more than a document of MongoDB holds")
    return Encoded(document["_id"], RawBSONDocument(wire))


class Server:
    """One client with its pool; any number of questions at a time."""

    def __init__(self, url: str) -> None:
        self._working: set[asyncio.Future[Any]] = set()
        self._where = urlsplit(url).netloc.rpartition("@")[2] or "the address given"
        try:
            self._client = AsyncMongoClient[Document](url, **_OPTIONS)
            self._database = self._client.get_default_database(DATABASE).with_options(
                read_preference=ReadPreference.PRIMARY, write_concern=_DURABLE, read_concern=_COMMITTED
            )
        except (InvalidURI, ConfigurationError, ValueError) as error:
            raise StoreRefused(f"cannot use the MongoDB at {self._where}: {error}") from error

    async def close(self) -> None:
        if self._working:
            await asyncio.wait(self._working)
        await self._client.close()

    async def reach(self) -> None:
        """Raises StoreRefused."""
        try:
            await self._database.command("ping")
        except ServerSelectionTimeoutError as error:
            raise StoreRefused(f"no MongoDB answers at {self._where}") from error
        except PyMongoError as error:
            raise StoreRefused(f"cannot use the MongoDB at {self._where}: {_reason(error)}") from error

    async def ping(self) -> None:
        await self._asked(self._database.command("ping"))

    async def version(self) -> tuple[str, int]:
        """What the server calls itself, and the newest version of the protocol that it speaks."""
        build = await self._asked(self._database.command("buildInfo"))
        hello = await self._asked(self._database.command("hello"))
        return str(build["version"]), int(hello["maxWireVersion"])

    async def make_indexes(self, collection: str, indexes: Sequence[Index]) -> None:
        models = [
            IndexModel([(field, 1) for field in index.fields], **({"sparse": True} if index.sparse else {}))
            for index in indexes
        ]
        if models:  # a server refuses to make none
            await self._persistently(lambda: self._database[collection].create_indexes(models))

    # ---- asking ------------------------------------------------------------------------------------------------

    async def _persistently(self, write: Callable[[], Awaitable[T]]) -> T:
        """Make a write, and again while its outcome is unknown and a server answers."""
        until = time.monotonic() + _PATIENCE
        while True:
            try:
                return await self._whole(write())
            except _Again as again:
                if time.monotonic() >= until:
                    raise StoreUnavailable(str(again)) from again.__cause__
                await asyncio.sleep(_PAUSE)

    async def _asked(self, question: Awaitable[T]) -> T:
        try:
            return await self._whole(question)
        except _Again as again:
            raise StoreUnavailable(str(again)) from again.__cause__

    async def _whole(self, work: Awaitable[T]) -> T:
        """Whoever is cancelled leaves it to its end: PyMongo now and then takes a cancellation for an answer."""
        task = asyncio.create_task(_translated(work))
        self._working.add(task)
        task.add_done_callback(self._working.discard)
        return await outcome(task)

    # ---- reading -----------------------------------------------------------------------------------------------

    async def find(
        self, collection: str, wanted: Filter, order: Order = (), *, limit: int = 0, fields: Sequence[str] | None = None
    ) -> list[Document]:
        cursor = self._database[collection].find(wanted, fields, sort=order or None, limit=limit)
        return await self._asked(cursor.to_list())

    async def find_one(
        self, collection: str, wanted: Filter, order: Order = (), *, fields: Sequence[str] | None = None
    ) -> Document | None:
        found = await self.find(collection, wanted, order, limit=1, fields=fields)
        return found[0] if found else None

    async def count(self, collection: str, wanted: Filter) -> int:
        return await self._asked(self._database[collection].count_documents(wanted))

    # ---- writing -----------------------------------------------------------------------------------------------

    async def insert(self, collection: str, documents: Sequence[Document | Encoded]) -> list[int]:
        """Write those whose `_id` is free, and say which were not: their places.

        Where the outcome was in doubt on the way, that may be because they are the same documents.
        """
        raw = [document.raw if isinstance(document, Encoded) else document for document in documents]
        return await self._persistently(lambda: _insert(self._database[collection], raw))

    async def update(self, collection: str, changes: Sequence[Change]) -> None:
        """Make the changes in any order.

        An upsert whose filter did not match, though its `_id` is there, changes nothing.
        """
        await self._persistently(lambda: _update(self._database[collection], changes))

    async def update_all(self, collection: str, wanted: Filter, update: Mapping[str, Any]) -> None:
        await self._persistently(lambda: self._database[collection].update_many(wanted, update))

    async def replace(self, collection: str, document: Document) -> None:
        by_id = {"_id": document["_id"]}
        await self._persistently(lambda: self._database[collection].replace_one(by_id, document, upsert=True))

    async def delete(self, collection: str, *filters: Filter) -> None:
        requests = [DeleteMany(wanted) for wanted in filters]
        await self._persistently(lambda: self._database[collection].bulk_write(requests, ordered=False))


async def _insert(collection: AsyncCollection[Document], documents: Sequence[Any]) -> list[int]:
    try:
        await collection.insert_many(documents, ordered=False)
    except BulkWriteError as error:
        return [one["index"] for one in _taken(error)]
    return []


async def _update(collection: AsyncCollection[Document], changes: Sequence[Change]) -> None:
    try:
        await collection.bulk_write([UpdateOne(*change) for change in changes], ordered=False)
    except BulkWriteError as error:
        _taken(error)
    except KeyError:  # an answer without its counts: what FerretDB says where an `_id` is taken
        for change in changes:
            with suppress(DuplicateKeyError):
                await collection.update_one(change.filter, change.update, upsert=change.upsert)


def _taken(error: BulkWriteError) -> list[Document]:
    """The errors, where all of them are that an `_id` is taken; else raises."""
    errors: list[Document] = error.details["writeErrors"]
    if error.details.get("writeConcernErrors"):
        raise _InDoubt(str(error.details["writeConcernErrors"])) from error
    for one in errors:
        if one["code"] != _TAKEN:
            raise OperationFailure(one.get("errmsg", ""), one["code"]) from error
    return errors


class _InDoubt(ConnectionFailure):
    """It was written, but by how many is not known."""


class _Again(Exception):
    """The connection failed on the way, or two made one document at a time."""


def _reason(error: PyMongoError) -> str:
    """What the server says, without the documents that PyMongo puts behind it."""
    details = error.details if isinstance(error, OperationFailure) else None
    return str((details or {}).get("errmsg") or error)


async def _translated(work: Awaitable[T]) -> T:
    try:
        return await work
    except ServerSelectionTimeoutError as error:
        raise StoreUnavailable("no MongoDB answers") from error
    except (ConnectionFailure, DuplicateKeyError) as error:
        raise _Again(str(error)) from error
    except (BSONError, OverflowError, UnicodeError) as error:
        raise ValueError(str(error)) from error
    except OperationFailure as error:
        raise (ValueError if error.code in _UNFIT else StoreUnavailable)(_reason(error)) from error
    except PyMongoError as error:
        raise StoreUnavailable(str(error)) from error
