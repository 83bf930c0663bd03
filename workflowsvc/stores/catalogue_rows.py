"""Domains and types as rows of their tables, there and back.

Law: pure; the columns stand in queries.py in the order that is used here.
"""

from __future__ import annotations

from typing import Any, Final

import msgspec

from workflowsvc.records import DomainRecord, TypeKey, TypeKind, TypeRecord
from workflowsvc.swf import shapes

_TAGS: Final = msgspec.json.Decoder(dict[str, str])
_CONFIGURATIONS: Final = {
    TypeKind.WORKFLOW: shapes.WorkflowTypeConfiguration,
    TypeKind.ACTIVITY: shapes.ActivityTypeConfiguration,
}


def domain_row(record: DomainRecord) -> tuple[object, ...]:
    tags = msgspec.json.encode(record.tags).decode()
    return record.domain, record.created_at, record.retention, record.description, record.deprecated, tags


def domain_record(row: tuple[Any, ...]) -> DomainRecord:
    domain, created_at, retention, description, deprecated, tags = row
    return DomainRecord(
        domain=domain,
        created_at=created_at,
        retention=retention,
        description=description,
        deprecated=bool(deprecated),
        tags=_TAGS.decode(tags),
    )


def key_columns(key: TypeKey) -> tuple[str, ...]:
    return key.domain, key.kind, key.name, key.version


def type_row(record: TypeRecord) -> tuple[object, ...]:
    configuration = msgspec.json.encode(record.configuration)
    return *key_columns(record.key), record.created_at, configuration, record.description, record.deprecated_at


def type_record(row: tuple[Any, ...]) -> TypeRecord:
    domain, kind, name, version, created_at, configuration, description, deprecated_at = row
    key = TypeKey(domain, TypeKind(kind), name, version)
    return TypeRecord(
        key=key,
        created_at=created_at,
        configuration=msgspec.json.decode(configuration, type=_CONFIGURATIONS[key.kind]),
        description=description,
        deprecated_at=deprecated_at,
    )
