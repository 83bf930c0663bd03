"""The executions that this coordinator keeps in memory, so that an action on one of them reads nothing.

Law: a cached execution is what its committed history says. Whoever changed one and could not commit drops it.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable

import msgspec
from msgspec import Struct

from coordinator.execution import snapshot
from coordinator.execution.evolve import beat, create, evolve
from coordinator.execution.history import decode
from coordinator.execution.state import Execution, received_key
from coordinator.execution.turn import EVENT_LIMIT
from coordinator.wakes import armed_by
from workflowsvc import names
from workflowsvc.messages import Action, CancelExternal, SignalExternal, StartChild, Wake
from workflowsvc.ports import Store
from workflowsvc.records import StoredRun
from workflowsvc.swf import shapes

#: How far back a repeated signal is looked for along runs that continue each other: repeats come soon or never.
PREDECESSORS = 10
#: Histories up to this many bytes are kept beside the state: their decision tasks need not be read from the store.
SMALL_HISTORY = 16 * 1024
#: So many runs are remembered as closed.
_CLOSED = 100_000


class Cached(Struct):
    execution: Execution
    #: the history in wire form while it is small, else None
    history: list[bytes] | None
    history_bytes: int = 0
    #: the event after which the store has a snapshot
    snapshot_at: int = 0
    #: the deadline that the broker was last asked to wake the run for
    armed_at: int | None = None
    #: by when the store says that the run is to be looked at
    look_at: int | None = None

    #: what it was last reckoned to hold of its clients' data
    held_bytes: int = 0

    def reckon(self) -> int:
        """The bytes of histories, inputs and contexts that it keeps in memory now; the rest of a run is small."""
        execution = self.execution
        held = len(execution.context or "") + (self.history_bytes if self.history is not None else 0)
        for with_input in (execution.activities, execution.lambdas, execution.signals):
            for one in with_input.values():
                held += len(one.input or "")
        for child in execution.children.values():
            held += len(child.request.input or "") if child.request else 0
        return held

    def append(self, events: list[bytes]) -> None:
        if self.history is None:
            return
        self.history_bytes += sum(map(len, events))
        if self.history_bytes > SMALL_HISTORY:
            self.history = None
        else:
            self.history += events


class Executions:
    """A bounded cache before the store, by run id and, for open runs, by workflow id."""

    def __init__(self, store: Store, capacity: int, capacity_bytes: int) -> None:
        self._store = store
        self._capacity = capacity
        self._capacity_bytes = capacity_bytes
        self._held_bytes = 0
        self._runs: OrderedDict[str, Cached] = OrderedDict()
        #: runs that have closed, the longest ago first: their last wake-up is still to come
        self._closed: OrderedDict[str, None] = OrderedDict()
        self._open: dict[tuple[str, str], str] = {}

    def put(self, cached: Cached) -> None:
        execution = cached.execution
        key = (execution.domain, execution.workflow_id)
        former = self._runs.get(execution.run_id, cached)
        if former is not cached:
            self._held_bytes -= former.held_bytes
        self._runs[execution.run_id] = cached
        self._runs.move_to_end(execution.run_id)
        self._held_bytes -= cached.held_bytes
        cached.held_bytes = cached.reckon()
        self._held_bytes += cached.held_bytes
        if execution.open:
            self._open[key] = execution.run_id
        elif self._open.get(key) == execution.run_id:
            del self._open[key]

    def trim(self) -> None:
        """Called between batches: what one holds uncommitted must not be read anew from the store by the same."""
        while len(self._runs) > self._capacity or (self._held_bytes > self._capacity_bytes and self._runs):
            self.drop(next(iter(self._runs)))

    def drop(self, run_id: str) -> None:
        cached = self._runs.pop(run_id, None)
        if cached is None:
            return
        self._held_bytes -= cached.held_bytes
        cached.held_bytes = 0
        key = (cached.execution.domain, cached.execution.workflow_id)
        if self._open.get(key) == run_id:
            del self._open[key]

    def retire(self, run_id: str) -> None:
        """Drop a run whose close is committed."""
        self.drop(run_id)
        self._closed[run_id] = None
        while len(self._closed) > _CLOSED:
            self._closed.popitem(last=False)

    def drop_lanes(self, dropped: Callable[[int], bool]) -> None:
        for run_id, cached in tuple(self._runs.items()):
            if dropped(names.lane_of(cached.execution.domain, cached.execution.workflow_id)):
                self.drop(run_id)

    async def find(self, action: Action, *, redelivered: bool) -> Cached | None:
        """The execution that the action addresses.

        A start is not looked up in the store at first: the commit itself finds out whether the workflow id is taken,
        and the action comes back, redelivered.
        """
        if isinstance(action.request, Wake) and await self._has_closed(action.run_id):
            return None
        if action.run_id:
            cached = await self.run(action.run_id, action.lane)
            return cached if cached and _is_meant(cached.execution, action) else None
        open_id = self._open.get((action.domain, action.workflow_id))
        if (begun := _run_it_begins(action)) is not None:
            # Its own run comes first: that may have closed, and another be open by now.
            if (redelivered or open_id not in (None, begun)) and (
                cached := await self.run(begun, action.lane)
            ) is not None:
                return cached
            if open_id is None and not redelivered:
                return None
        newest = open_id or await self._store.find_run(action.domain, action.workflow_id)
        return await self.run(newest, action.lane) if newest else None

    async def _has_closed(self, run_id: str) -> bool:
        """Most wake-ups are for runs that have closed by then: those are not read whole to find nothing to do."""
        if run_id in self._runs:
            return False
        if run_id in self._closed:
            return True
        row = await self._store.row(run_id, 0)
        return row is not None and row.closed_at is not None

    def has_replaced(self, cached: Cached) -> bool:
        """Whether the run was read anew since: then that one counts."""
        return self._runs.get(cached.execution.run_id, cached) is not cached

    async def that_received(self, action: Action, cached: Cached) -> Cached:
        """The run that had this signal or cancel before, where it is *cached* or one of those that it continues."""
        request = action.request
        if action.run_id or not isinstance(request, SignalExternal | CancelExternal):
            return cached
        key = received_key(request.source, request.initiated_event_id)
        earlier: Cached | None = cached
        for _ in range(PREDECESSORS):
            if earlier is None or key in earlier.execution.received:
                return earlier or cached
            before = earlier.execution.continued_run_id
            earlier = await self.run(before, action.lane) if before else None
        return cached

    async def run(self, run_id: str, lane: int) -> Cached | None:
        """The run, if it belongs to the lane: another's is not read into memory, as that may be changing it."""
        if cached := self._runs.get(run_id):
            self._runs.move_to_end(run_id)
            return cached
        stored = await self._store.load(run_id)
        if stored is None or stored.row.lane != lane:
            return None
        execution = snapshot.thaw(stored.snapshot)
        if stored.snapshot is not None and execution is None:
            events = await self._store.history(run_id, 1, EVENT_LIMIT + 1, EVENT_LIMIT + 1)
            stored = msgspec.structs.replace(stored, events=events, snapshot=None, snapshot_at=0)
        # Two actions of one lane are never handled at once, so nothing newer can have come meanwhile.
        cached = _restore(stored, execution)
        self.put(cached)
        return cached


def _is_meant(execution: Execution, action: Action) -> bool:
    """A run id given with another workflow id or domain names nothing; a task token may hold neither."""
    return action.domain in ("", execution.domain) and action.workflow_id in ("", execution.workflow_id)


def _run_it_begins(action: Action) -> str | None:
    request = action.request
    if isinstance(request, shapes.StartWorkflowExecutionInput):
        return names.run_id(action.id)
    if isinstance(request, StartChild):
        return names.run_id(
            names.child_action_id(request.parent.run_id, request.initiated_event_id, request.initiated_at)
        )
    return None


def _restore(stored: StoredRun, execution: Execution | None) -> Cached:
    row, events = stored.row, [decode(event) for event in stored.events]
    whole = execution is None
    if execution is None:
        execution = create(events.pop(0), row.domain, row.workflow_id, row.run_id, row.started_by)
    for event in events:
        evolve(execution, event)
    for heartbeat in stored.heartbeats:
        beat(execution, heartbeat)
    cached = Cached(execution, [] if whole else None, snapshot_at=stored.snapshot_at)
    cached.armed_at = armed_by(stored.wake_at)
    cached.look_at = stored.wake_at
    cached.append(stored.events)
    return cached
