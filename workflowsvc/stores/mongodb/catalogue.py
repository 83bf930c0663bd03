"""Domains and types on the server: read each time they are asked for, as any process may have changed them.

Law: what users wrote is kept as JSON or as values, and beside it stands what lists go by. Reads that are ready
together are one question.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

import msgspec

from workflowsvc.names import region_of
from workflowsvc.ports import Conflict
from workflowsvc.records import DomainRecord, TypeKey, TypeKind, TypeRecord
from workflowsvc.stores.catalogue_rows import type_record, type_row
from workflowsvc.stores.mongodb import schema
from workflowsvc.stores.mongodb.documents import Document
from workflowsvc.stores.mongodb.gathering import Together, Turns
from workflowsvc.stores.mongodb.server import Server

_DOMAINS: Final = msgspec.json.Decoder(DomainRecord)
#: as catalogue_rows has them
_TYPE_FIELDS: Final = (
    "domain", "kind", "name", "version", "created_at", "configuration", "description", "deprecated_at",
)  # fmt: skip


class Catalogue:
    def __init__(self, server: Server) -> None:
        self._server = server
        #: writes come after those that were asked for before, even if nobody waits for them any more
        self._writes = Turns()
        self._domains = Together[str, DomainRecord](self._find_domains)
        self._types = Together[TypeKey, TypeRecord](self._find_types)

    # ---- domains -----------------------------------------------------------------------------------------------

    async def domain(self, domain: str) -> DomainRecord | None:
        return (await self._domains.get([domain])).get(domain)

    async def _find_domains(self, keys: Sequence[str]) -> Mapping[str, DomainRecord]:
        found = await self._server.find(schema.DOMAINS, _among(keys))
        return {each["_id"]: _DOMAINS.decode(each["record"]) for each in found}

    async def domains(
        self, region: str, *, deprecated: bool, after: str, limit: int, reverse: bool
    ) -> list[DomainRecord]:
        wanted = {"region": region, "deprecated": deprecated, **_behind("_id", after, reverse)}
        found = await self._server.find(schema.DOMAINS, wanted, _order("_id", reverse), limit=limit)
        return [_DOMAINS.decode(each["record"]) for each in found]

    async def count_domains(self, region: str) -> int:
        return await self._server.count(schema.DOMAINS, {"region": region})

    async def add_domain(self, record: DomainRecord) -> None:
        await self._writes.take(self._add(schema.DOMAINS, _domain(record)))

    async def replace_domain(self, record: DomainRecord, deprecate_types_at: int | None) -> None:
        await self._writes.take(self._replace_domain(record, deprecate_types_at))

    async def _replace_domain(self, record: DomainRecord, deprecate_types_at: int | None) -> None:
        """Types first: whoever finds the domain deprecated tries no more."""
        if deprecate_types_at is not None:
            await self._server.update_all(
                schema.TYPES,
                {"domain": record.domain, "deprecated": False},
                {"$set": {"deprecated": True, "deprecated_at": deprecate_types_at}},
            )
        await self._server.replace(schema.DOMAINS, _domain(record))

    # ---- types -------------------------------------------------------------------------------------------------

    async def types(self, keys: Sequence[TypeKey]) -> dict[TypeKey, TypeRecord]:
        return await self._types.get(keys) if keys else {}

    async def _find_types(self, keys: Sequence[TypeKey]) -> Mapping[TypeKey, TypeRecord]:
        found = await self._server.find(schema.TYPES, _among(map(_type_id, keys)))
        return {record.key: record for record in map(_type_record, found)}

    async def list_types(
        self,
        shelf: tuple[str, TypeKind],
        deprecated: bool,
        name: str | None,
        after: tuple[str, str],
        limit: int,
        reverse: bool,
    ) -> list[TypeRecord]:
        begin = "" if after == ("", "") else _place(*after)
        wanted: dict[str, Any] = {"domain": shelf[0], "kind": shelf[1].value, "deprecated": deprecated}
        wanted |= _behind("place", begin, reverse)
        if name is not None:
            wanted["name"] = name
        found = await self._server.find(schema.TYPES, wanted, _order("place", reverse), limit=limit)
        return list(map(_type_record, found))

    async def count_types(self, domain: str, kind: TypeKind) -> int:
        return await self._server.count(schema.TYPES, {"domain": domain, "kind": kind.value})

    async def add_type(self, record: TypeRecord) -> None:
        await self._writes.take(self._add(schema.TYPES, _type(record)))

    async def replace_type(self, record: TypeRecord) -> None:
        await self._writes.take(self._server.replace(schema.TYPES, _type(record)))

    async def delete_type(self, key: TypeKey) -> None:
        await self._writes.take(self._server.delete(schema.TYPES, {"_id": _type_id(key)}))

    async def _add(self, collection: str, document: Document) -> None:
        if await self._server.insert(collection, [document]):
            raise Conflict(f"{document['_id']} is registered")


def _among(ids: Iterable[str]) -> Document:
    return {"_id": {"$in": list(ids)}}


def _behind(field: str, after: str, reverse: bool) -> Document:
    """No key is empty: "" is before the first page, from whichever end."""
    if not after:
        return {}
    return {field: {"$lt" if reverse else "$gt": after}}


def _order(field: str, reverse: bool) -> list[tuple[str, int]]:
    return [(field, -1 if reverse else 1)]


def _domain(record: DomainRecord) -> Document:
    return {
        "_id": record.domain,
        "region": region_of(record.domain),
        "deprecated": record.deprecated,
        "record": msgspec.json.encode(record),
    }


def _type_id(key: TypeKey) -> str:
    return msgspec.json.encode((key.domain, key.kind, key.name, key.version)).decode()


def _place(name: str, version: str) -> str:
    """Names have no control characters, so that pairs sort as their texts do."""
    return f"{name}\0{version}"


def _type(record: TypeRecord) -> Document:
    key = record.key
    return {
        "_id": _type_id(key),
        **dict(zip(_TYPE_FIELDS, type_row(record), strict=True)),
        "kind": key.kind.value,
        "place": _place(key.name, key.version),
        "deprecated": record.deprecated_at is not None,
    }


def _type_record(document: Document) -> TypeRecord:
    fields = [document[field] for field in _TYPE_FIELDS]
    return type_record(tuple(int(each) if isinstance(each, int) else each for each in fields))  # bson's int is its own
