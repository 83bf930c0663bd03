"""GetWorkflowExecutionHistory.

Law: events leave as the bytes they were stored as; only the one behind a page is read, for its id. Pages go on up to
the end that the history has when they are read.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

import msgspec

from gateway import wire
from gateway.caller import Caller, Handler
from gateway.domains import Domains
from gateway.pages import page_size
from gateway.tokens import PageTokens
from workflowsvc.ports import Clock, Store
from workflowsvc.swf import shapes
from workflowsvc.swf.faults import UnknownResourceFault

#: Above every event id.
_END: Final = 2**31 - 1

_EVENTS: Final = msgspec.json.Decoder(shapes.HistoryEvent)


class Histories:
    def __init__(self, clock: Clock, store: Store, domains: Domains, pages: PageTokens) -> None:
        self._clock = clock
        self._store = store
        self._domains = domains
        self._pages = pages

    def handlers(self) -> Iterable[tuple[type[shapes.Shape], Handler]]:
        return ((shapes.GetWorkflowExecutionHistoryInput, self._get),)

    async def _get(self, caller: Caller, arguments: shapes.GetWorkflowExecutionHistoryInput) -> bytes:
        position = self._pages.open(caller.region, arguments, int)
        domain = await self._domains.key(caller.region, arguments.domain)
        run_id = await self._run(domain, arguments.execution)
        limit = page_size(arguments)
        if arguments.reverse_order:
            events = await self._store.history(run_id, 1, position or _END, limit + 1, reverse=True)
        else:
            events = await self._store.history(run_id, position or 1, _END, limit + 1)
        token = None
        if len(events) > limit:
            token = self._pages.seal(caller.region, arguments, _EVENTS.decode(events[limit]).event_id)
        return wire.splice(shapes.History(events=[], next_page_token=token), events[:limit])

    async def _run(self, domain: str, execution: shapes.WorkflowExecution) -> str:
        row = await self._store.row(execution.run_id, self._clock.now())
        if row is None or row.domain != domain or row.workflow_id != execution.workflow_id:
            raise UnknownResourceFault(
                f"Unknown execution: WorkflowExecution=[workflowId={execution.workflow_id}, "
                f"runId={execution.run_id}]"  # SWF.md §1.3
            )
        return row.run_id
