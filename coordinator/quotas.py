"""What an account may have and do at most, for those who set quotas: open executions, rates of decisions.

Law: without a setting nothing is asked or kept. Each coordinator counts for itself: it knows of what it opens and
closes at once, and of what others do after a moment, so that a quota may be exceeded by what is on its way.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Final

from msgspec import Struct

from workflowsvc import names
from workflowsvc.buckets import Buckets, Rate
from workflowsvc.ports import Clock, Store
from workflowsvc.records import ExecutionQuery, TimeField
from workflowsvc.settings import Settings
from workflowsvc.swf import shapes
from workflowsvc.swf.shapes import DecisionType

#: Milliseconds after which the open executions of a domain are counted anew.
_FRESH: Final = 1_000
#: Above every time.
_NO_END: Final = 2**62

#: AWS's token buckets of decisions (SWF Developer Guide, swf-dg-limits).
RATES: Final[Mapping[DecisionType, Rate]] = {
    DecisionType.SCHEDULE_ACTIVITY_TASK: Rate(1000, 200),
    DecisionType.START_TIMER: Rate(2000, 200),
    DecisionType.SIGNAL_EXTERNAL_WORKFLOW_EXECUTION: Rate(1200, 120),
    DecisionType.REQUEST_CANCEL_EXTERNAL_WORKFLOW_EXECUTION: Rate(1200, 120),
    DecisionType.START_CHILD_WORKFLOW_EXECUTION: Rate(500, 12),
}
_UNLIMITED: Final[Mapping[DecisionType, int]] = {}


class _Counted(Struct):
    """Open executions of a domain, when they were counted, and by how many they were changed since."""

    number: int
    at: int
    change: int = 0


class Quotas:
    def __init__(self, settings: Settings, clock: Clock, store: Store) -> None:
        self._clock = clock
        self._store = store
        self._most_open = settings.quota_open_executions
        self._counted: dict[str, _Counted] = {}
        factor = settings.quota_rates
        self._buckets = {kind: Buckets(rate.times(factor)) for kind, rate in RATES.items()} if factor else {}

    async def room(self, domain: str) -> int | None:
        """How many executions may be opened in the domain; None for any number."""
        if not self._most_open:
            return None
        now = self._clock.now()
        counted = self._counted.get(domain)
        if counted is None or not 0 <= now - counted.at < _FRESH:
            counted = self._counted[domain] = _Counted(await self._store.count_executions(_open(domain, now)), now)
        return self._most_open - counted.number - counted.change

    def note(self, domain: str, change: int) -> None:
        """Executions were opened in the domain, or (below 0) closed."""
        if change and (counted := self._counted.get(domain)):
            counted.change += change

    def take(self, domain: str, decisions: Sequence[shapes.Decision]) -> Mapping[DecisionType, int]:
        """Use the rates for these decisions; how many of each type may be carried out, of those that have a rate."""
        if not self._buckets:
            return _UNLIMITED
        region, now = names.region_of(domain), self._clock.now()
        wanted = Counter(decision.decision_type for decision in decisions)
        return {kind: self._buckets[kind].take(region, wanted[kind], now) for kind in wanted.keys() & RATES.keys()}


def _open(domain: str, now: int) -> ExecutionQuery:
    return ExecutionQuery(domain=domain, open=True, by=TimeField.STARTED, oldest=0, latest=_NO_END, now=now)
