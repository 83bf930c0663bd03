"""Domains and types in memory: every read of the catalogue, without a thread or a wait.

Law: a write-through copy. It changes only after the file has, on the loop's own thread. Nobody else has the file open;
where it is not known whether a change was made, another copy takes its place.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right, insort
from collections import defaultdict
from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Generic, TypeVar

from msgspec.structs import replace

from workflowsvc.names import region_of
from workflowsvc.records import DomainRecord, TypeKey, TypeKind, TypeRecord

K = TypeVar("K", str, tuple[str, str])
V = TypeVar("V")


class Shelf(Generic[K, V]):
    """A mapping in the order of its keys. Python compares text by code point, which is the order of its UTF-8."""

    def __init__(self) -> None:
        self._keys: list[K] = []
        self._values: dict[K, V] = {}

    def __len__(self) -> int:
        return len(self._keys)

    def put(self, key: K, value: V) -> None:
        if key not in self._values:
            insort(self._keys, key)
        self._values[key] = value

    def drop(self, key: K) -> None:
        if key in self._values:
            del self._values[key]
            del self._keys[bisect_left(self._keys, key)]

    def get(self, key: K) -> V | None:
        return self._values.get(key)

    def after(self, key: K, first: K, *, reverse: bool) -> Iterator[V]:
        """Values behind *key*; all of them where it is *first*, which is no key."""
        if reverse:
            end = len(self._keys) if key == first else bisect_left(self._keys, key)
            return (self._values[self._keys[place]] for place in range(end - 1, -1, -1))
        return (self._values[self._keys[place]] for place in range(bisect_right(self._keys, key), len(self._keys)))


class Catalogue:
    def __init__(self, domains: Sequence[DomainRecord], types: Sequence[TypeRecord]) -> None:
        self._domains: defaultdict[str, Shelf[str, DomainRecord]] = defaultdict(Shelf)
        self._types: defaultdict[tuple[str, TypeKind], Shelf[tuple[str, str], TypeRecord]] = defaultdict(Shelf)
        for domain in domains:
            self.put_domain(domain)
        for kind in types:
            self.put_type(kind)

    # -- reading

    def domain(self, domain: str) -> DomainRecord | None:
        shelf = self._domains.get(region_of(domain))
        return shelf.get(domain) if shelf else None

    def domains(self, region: str, deprecated: bool, after: str, limit: int, reverse: bool) -> list[DomainRecord]:
        shelf = self._domains.get(region, Shelf[str, DomainRecord]()).after(after, "", reverse=reverse)
        return list(islice((record for record in shelf if record.deprecated == deprecated), limit))

    def count_domains(self, region: str) -> int:
        return len(self._domains[region])

    def types(self, keys: Sequence[TypeKey]) -> dict[TypeKey, TypeRecord]:
        found = {}
        for key in keys:
            shelf = self._types.get((key.domain, key.kind))
            record = shelf.get((key.name, key.version)) if shelf else None
            if record is not None:
                found[key] = record
        return found

    def list_types(
        self,
        shelf: tuple[str, TypeKind],
        deprecated: bool,
        name: str | None,
        after: tuple[str, str],
        limit: int,
        reverse: bool,
    ) -> list[TypeRecord]:
        wanted = (
            record
            for record in self._types[shelf].after(after, ("", ""), reverse=reverse)
            if (record.deprecated_at is not None) == deprecated and name in (None, record.key.name)
        )
        return list(islice(wanted, limit))

    def count_types(self, domain: str, kind: TypeKind) -> int:
        return len(self._types[domain, kind])

    # -- following the file

    def put_domain(self, record: DomainRecord) -> None:
        self._domains[region_of(record.domain)].put(record.domain, record)

    def put_type(self, record: TypeRecord) -> None:
        key = record.key
        self._types[key.domain, key.kind].put((key.name, key.version), record)

    def drop_type(self, key: TypeKey) -> None:
        self._types[key.domain, key.kind].drop((key.name, key.version))

    def deprecate_types(self, domain: str, at: int) -> None:
        for kind in TypeKind:
            for record in list(self._types[domain, kind].after(("", ""), ("", ""), reverse=False)):
                if record.deprecated_at is None:
                    self.put_type(replace(record, deprecated_at=at))
