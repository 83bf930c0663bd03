"""Domains and types as they are registered, remembered by each coordinator.

Law: a deprecation holds from its answer on. Who changes what others may remember tells every partition, and is
answered only then: whatever is asked for afterwards comes to its partition behind that. Who takes a partition over
remembers nothing, since another may have been told there. What is not registered is not remembered.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from typing import Final

from workflowsvc import names
from workflowsvc.messages import Action, CatalogChanged
from workflowsvc.ports import Store
from workflowsvc.records import DomainRecord, TypeKey, TypeRecord
from workflowsvc.swf import shapes

#: So many domains, and types, are remembered at most.
_MOST: Final = 10_000
#: Seconds after which all is read anew: a write that the store gave no answer to may come after the news of it.
_LONGEST: Final = 30.0
#: Requests that change nothing which anybody remembers.
_UNSEEN: Final = (
    shapes.RegisterDomainInput,
    shapes.RegisterWorkflowTypeInput,
    shapes.RegisterActivityTypeInput,
    shapes.TagResourceInput,
    shapes.UntagResourceInput,
)


class Registered:
    def __init__(self, store: Store) -> None:
        self._store = store
        # Asking for the loop costs a system call each time (until Python 3.12).
        self._loop = asyncio.get_running_loop()
        self._domains: dict[str, DomainRecord] = {}
        self._types: dict[TypeKey, TypeRecord] = {}
        self._forgotten = 0
        #: on the loop's clock
        self._since = 0.0

    async def domain(self, domain: str) -> DomainRecord | None:
        known = self._domains.get(domain)
        if known is None:
            forgotten = self._forgotten
            known = await self._store.domain(domain)
            if known is not None and forgotten == self._forgotten:
                self._domains[domain] = known
        return known

    async def types(self, keys: Sequence[TypeKey]) -> dict[TypeKey, TypeRecord]:
        """Those of the types that exist."""
        found = {key: self._types[key] for key in keys if key in self._types}
        if len(found) < len(keys) and (unknown := [key for key in keys if key not in found]):
            forgotten = self._forgotten
            read = await self._store.types(unknown)
            if forgotten == self._forgotten:
                self._types |= read
            found |= read
        return found

    def forget(self) -> None:
        """Also what is just being read."""
        self._forgotten += 1
        self._since = self._loop.time()
        self._domains.clear()
        self._types.clear()

    def trim(self) -> None:
        age = self._loop.time() - self._since
        if age > _LONGEST or len(self._domains) + len(self._types) > _MOST:
            self.forget()


def news(action: Action, partitions: int) -> Iterable[Action]:
    """What every partition is told when the action was done, or may have been."""
    if isinstance(action.request, _UNSEEN):
        return
    for partition in range(partitions):
        yield Action(
            id=names.derived_id(0, action.id, partition),
            lane=partition,
            domain=action.domain,
            workflow_id="",
            run_id="",
            request=CatalogChanged(),
        )
