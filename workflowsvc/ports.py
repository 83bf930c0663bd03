"""The promises: Clock, Broker, Store. Written once, here and only here; adapters add no promise of their own.

Law: no code but types. Times are integer milliseconds since the epoch. Every port is opened and closed by its
adapter's own `async with`; lifetimes belong to the caller's AsyncExitStack.

One behavioural suite per port (tests/ports) runs over every adapter.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Protocol, TypeVar

from workflowsvc.messages import Action, Reply, Task, TaskList
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

# ---- Clock ---------------------------------------------------------------------------------------------------


class Clock(Protocol):
    """Time. Nothing else in the project reads a clock."""

    def now(self) -> int:
        """Milliseconds since the epoch."""

    async def wait_until(self, at: int) -> None:
        """Return as soon as `now() >= at`; never before. Cancelling forgets the wait."""

    def hold(self, what: Hashable) -> None:
        """A message is on its way or being handled: time must not be moved at all until *what* is released.

        Holding it twice is holding it once. Adapters on which time is not moved ignore all four of these.
        """

    def release(self, what: Hashable) -> None:
        """Undo `hold`. Releasing what is not held does nothing."""

    def occupy(self, run_id: str) -> None:
        """A task of the run is open: time is not skipped over it, but may be moved by hand."""

    def vacate(self, run_id: str) -> None:
        """Undo `occupy`, likewise."""


class TimeControl(Protocol):
    """What a test may do to a clock that skips."""

    def now(self) -> int: ...

    @property
    def locks(self) -> int:
        """How many locks are held; time is skipped only at 0."""

    def lock(self) -> None: ...

    def unlock(self) -> None:
        """Raises ValueError where no lock is held."""

    async def advance(self, milliseconds: int) -> None:
        """Move time by hand, from deadline to deadline, each handled before the next comes. Locks do not matter."""


# ---- Broker --------------------------------------------------------------------------------------------------


class BrokerUnavailable(Exception):
    """The broker cannot take responsibility now; nothing is known to have been delivered."""


M_co = TypeVar("M_co", covariant=True)


class Delivery(Protocol[M_co]):
    """A message lent to a consumer until it is settled, once, by one of the three verbs."""

    @property
    def message(self) -> M_co: ...

    @property
    def redelivered(self) -> bool:
        """True where an earlier delivery of the message may have been handled."""

    async def ack(self) -> None:
        """Done: the broker forgets the message, at the latest when what travelled with it is settled too."""

    async def requeue(self) -> None:
        """Not done: deliver again, redelivered, in its old place as far as the broker can."""

    async def reject(self, reason: str) -> None:
        """It cannot be handled: park it in `poison` with the reason, never drop it silently."""


class Ownership(Protocol):
    def owns(self, lane: int) -> bool:
        """Whether the actions of the lane come here, as far as can be known: another may be just taking over."""


class TaskConsumer(Protocol):
    def credit(self, wanted: int) -> None:
        """Take at most *wanted* further tasks; each delivery uses one up. 0 stops, and a later call sets anew."""


class Broker(Protocol):
    """Moves messages. Every message is a hint: it may be late, repeated, reordered or, after a disaster, lost."""

    @property
    def horizon(self) -> int | None:
        """Milliseconds: a delay may lie as far ahead. What is farther has to wait elsewhere. None: any distance."""

    @property
    def confirms_handling(self) -> bool:
        """Whether a confirmed action has been handled, and not merely will not be lost unless the broker is."""

    async def publish(self, actions: Sequence[Action]) -> None:
        """Hand actions to the partitions of their lanes. Returned means confirmed: the broker will not lose them.

        An in-process broker forgets all when its process dies, so it confirms only what its consumer acknowledged.
        Actions of one lane arrive in the order in which they were published.
        Raises BrokerUnavailable.
        """

    async def request(self, action: Action) -> None:
        """Hand over one action that names a `reply_to`: its reply will be its confirmation, so none need be awaited.

        Raises BrokerUnavailable, also where it cannot be told whether the action will arrive.
        """

    async def reply(self, reply: Reply) -> None:
        """Send a reply to the address that its action named. A requester that has gone is no error."""

    async def offer(self, tasks: Sequence[Task]) -> None:
        """Put tasks on their lists, confirmed. Higher priority is delivered first, then the longest waiting.

        Raises BrokerUnavailable.
        """

    async def withdraw(self, tasks: Sequence[Task]) -> None:
        """Forget tasks that are not to be had any more where the broker can; elsewhere they come and are stale."""

    async def delay(self, action: Action, at: int) -> None:
        """Publish *action* to its partition at the time *at*, not before, or at most one second after.

        At most one delayed action per run is wanted: where the broker can, the newest replaces the older.
        Raises BrokerUnavailable.
        """

    async def undelay(self, run_id: str) -> None:
        """Forget the delayed action of the run where the broker can; elsewhere it comes and finds nothing to do."""

    async def remembers(self) -> bool:
        """Whether all that it confirmed is there, as far as can be known.

        False before the first `recovered`, and again after the broker lost its data. Raises BrokerUnavailable.
        """

    async def recovered(self) -> None:
        """All that must be in flight has been sent anew. Raises BrokerUnavailable."""

    # Entering one of these three raises BrokerUnavailable likewise. A delivery that is settled twice, or after its
    # consumer has left, is left as it is.

    def consume(
        self, consumer: Callable[[Delivery[Action]], None], lost: Callable[[int], None]
    ) -> AbstractAsyncContextManager[Ownership]:
        """Have the actions delivered to *consumer*, one active consumer per partition; the others stand by.

        On leaving, or on death, what was not settled goes to the next consumer, redelivered, in order. A consumer
        that stays may lose a partition too: *lost* is called with its number, before anything of it is delivered
        again, and what was delivered before is settled in vain. Whatever is remembered of its lanes may be stale.
        """

    def replies(self, consumer: Callable[[Reply], None], lost: Callable[[], None]) -> AbstractAsyncContextManager[str]:
        """Open an address of one's own for replies; entering gives the address.

        *lost* is called when replies on their way may have gone, and the address is good again.
        """

    def tasks(
        self, task_list: TaskList, consumer: Callable[[Delivery[Task]], None]
    ) -> AbstractAsyncContextManager[TaskConsumer]:
        """Have tasks of one list delivered to *consumer* as far as its credit goes (0 at first)."""

    async def ping(self) -> None:
        """Raises BrokerUnavailable where the broker does not answer."""


# ---- Store ---------------------------------------------------------------------------------------------------


class StoreUnavailable(Exception):
    """The store did not take the write, or cannot be read, now."""


class Conflict(Exception):
    """Somebody else wrote first: an event id, an open workflow id or a catalogue key is taken; nothing was written."""


class Store(Protocol):
    """The truth. A write that returned survives `kill -9` and power loss; a read sees every write that returned.

    Of a commit that another process made, what is asked of one run by its run id sees all, and lists, counts and
    `find_run` see as much as its `show` has seen to. When that process dies before, whoever loads the run sees to it.
    Any method may raise StoreUnavailable.
    """

    # -- executions: writing

    async def commit(self, unit: Sequence[Commit]) -> None:
        """Write all commits of *unit* or none, in this order; units that are ready together share one write.

        Of a run's row only `info` and what tells of its close may change after the first commit, and a closed run
        stays closed. `info` and events are UTF-8 text. Raises ValueError where a value cannot be stored.

        The event ids are the lock: Conflict where one is taken, where the first is not the successor of the run's
        last, or where another run of the workflow id is open at that point of the unit.
        A row with `closed_at` frees the workflow id, and a later commit of the same unit may take it.
        """

    @property
    def lags(self) -> bool:
        """Whether there are other processes, which see the commits of this one later."""

    async def show(self, *, overtaken: bool = False) -> None:
        """Return when every process sees what was committed here before.

        *overtaken*: another process may have gone on with these runs.
        """

    async def settle(self, run_ids: Sequence[str]) -> None:
        """The messages of these closed runs were handled: clear `unsettled`."""

    async def purge(self, now: int, limit: int) -> int:
        """Remove at most *limit* settled runs that expired at *now* or before, with all that is theirs; how many."""

    # -- executions: reading

    async def load(self, run_id: str) -> StoredRun | None:
        """All there is of a run, expired or not."""

    async def find_run(self, domain: str, workflow_id: str) -> str | None:
        """The open run of the workflow id, else its newest closed one, else None."""

    async def has_committed(self, run_id: str, action_id: str) -> bool:
        """Whether a commit of this action is in the run's history."""

    async def due(self, at: int, after: Due | None, limit: int) -> list[Due]:
        """Open runs whose `wake_at` is *at* or before, those after *after*, by `wake_at` and run id."""

    async def recoverable(self, after: str, limit: int) -> list[RunRef]:
        """Runs that are open, or closed and unsettled, with run ids above *after*, ascending by run id."""

    async def unsettled(self, closed_before: int, after: str, limit: int) -> list[RunRef]:
        """Unsettled runs that closed before that time, with run ids above *after*, ascending by run id."""

    async def row(self, run_id: str, now: int) -> ExecutionRow | None:
        """The visibility row; None where it is unknown or expired. While the run is open, its `info` may be old."""

    async def history(self, run_id: str, first: int, last: int, limit: int, *, reverse: bool = False) -> list[bytes]:
        """At most *limit* events with ids in first..last, ascending, or descending from *last* with *reverse*."""

    async def executions(self, query: ExecutionQuery, after: Cursor | None, limit: int) -> list[ListedExecution]:
        """At most *limit* runs that the query finds, in its order, those after the cursor."""

    async def count_executions(self, query: ExecutionQuery) -> int: ...

    async def count_pending(self, task_list: TaskList) -> int:
        """Tasks of the list that are scheduled and not started, of open runs."""

    # -- catalogue

    async def domain(self, domain: str) -> DomainRecord | None: ...

    async def domains(
        self, region: str, *, deprecated: bool, after: str, limit: int, reverse: bool = False
    ) -> list[DomainRecord]:
        """Domains of a region by name in byte order, those after the scoped key *after* ("" for the first page)."""

    async def count_domains(self, region: str) -> int:
        """Deprecated ones too."""

    async def add_domain(self, record: DomainRecord) -> None:
        """Raises Conflict where the key is taken."""

    async def replace_domain(self, record: DomainRecord, *, deprecate_types_at: int | None = None) -> None:
        """Write the record anew; with a time, its types that are not deprecated become so, in the same write."""

    async def types(self, keys: Sequence[TypeKey]) -> dict[TypeKey, TypeRecord]:
        """Those of the types that exist, in one read."""

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
        """Types by (name, version) in byte order, those after the pair *after* (("", "") for the first page)."""

    async def count_types(self, domain: str, kind: TypeKind) -> int:
        """Deprecated ones too."""

    async def add_type(self, record: TypeRecord) -> None:
        """Raises Conflict where the key is taken."""

    async def replace_type(self, record: TypeRecord) -> None:
        """Write the record, whether or not there was one."""

    async def delete_type(self, key: TypeKey) -> None: ...

    # -- the service itself

    async def secret(self, name: str) -> bytes:
        """32 random bytes, made at the first call for the name and the same ever after, in every process."""

    async def agreed(self, name: str, value: str) -> str:
        """*value* at the first call for the name, and the same ever after, in every process."""

    async def ping(self) -> None: ...
