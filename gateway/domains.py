"""Does the domain exist?

Law: a domain that once was there stays ("no delete-domain", SWF.md §7.1), so knowing it is no state that could be
wrong; one that was not there is looked for again each time.
"""

from __future__ import annotations

from workflowsvc import names
from workflowsvc.ports import Store
from workflowsvc.records import DomainRecord
from workflowsvc.swf.faults import UnknownResourceFault


class Domains:
    def __init__(self, store: Store) -> None:
        self._store = store
        self._known: set[str] = set()

    async def key(self, region: str, name: str) -> str:
        """The scoped key of a domain that exists, deprecated or not. Raises UnknownResourceFault."""
        key = names.scoped(region, name)
        if key not in self._known:
            await self.record(region, name)
            self._known.add(key)
        return key

    async def record(self, region: str, name: str) -> DomainRecord:
        """Raises UnknownResourceFault."""
        record = await self._store.domain(names.scoped(region, name))
        if record is None:
            raise UnknownResourceFault(f"Unknown domain: {name}")
        return record
