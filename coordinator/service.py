"""The shell around the core: take actions, act, commit, release, acknowledge.

Law: the store is the truth. Nothing is answered or sent that is not committed; what cannot be committed is dropped
from memory and comes again. Actions of one lane are handled one after the other, in batches that share a commit;
lanes do not wait for each other.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Coroutine
from contextlib import AsyncExitStack
from types import TracebackType
from typing import Any, Self

from msgspec import Struct, field

from coordinator.cache import Cached, Executions
from coordinator.catalog import change_catalog, is_catalog
from coordinator.commits import commit_of
from coordinator.execution.act import act, again
from coordinator.execution.deadlines import next_deadline
from coordinator.execution.effects import Effects, effects_of, outstanding
from coordinator.execution.outcome import Outcome
from coordinator.execution.types import Known
from coordinator.lookups import look_up
from coordinator.recovery import resume_all
from coordinator.retention import purge_for_ever
from workflowsvc import names
from workflowsvc.messages import Action, GivenDecisionTask, Refusal, Reply, Result, Resume, Wake
from workflowsvc.ports import Broker, BrokerUnavailable, Clock, Conflict, Delivery, Store, StoreUnavailable
from workflowsvc.records import Commit
from workflowsvc.settings import Settings
from workflowsvc.swf.errors import Fault, InternalFailure, ServiceUnavailableException
from workflowsvc.swf.shapes import DescribeWorkflowExecutionInput

log = logging.getLogger(__name__)

#: Actions of one lane that share a commit at most.
BATCH = 64
#: Seconds before something that nobody waits for is tried again, while store or broker are away.
RETRY_SECONDS = 1.0


class Handled(Struct):
    """One action of a batch, between acting and releasing."""

    delivery: Delivery[Action]
    reply: Reply | None = None
    effects: Effects = field(default_factory=Effects)
    touched: list[Cached] = field(default_factory=list)
    #: closed runs whose messages are among the effects
    to_settle: list[str] = field(default_factory=list)
    #: set where the action must come again, or cannot be handled at all
    conflict: bool = False
    unavailable: bool = False
    defect: str | None = None


class Coordinator:
    """Consumes actions while it is entered. On leaving, what it has begun is finished, the rest is given back."""

    def __init__(self, settings: Settings, clock: Clock, broker: Broker, store: Store) -> None:
        self._settings = settings
        self._clock = clock
        self._broker = broker
        self._store = store
        self._executions = Executions(store, settings.cached_executions)
        self._nothing = Known(lambda_available=bool(settings.lambda_endpoint))
        self._lanes: dict[int, deque[Delivery[Action]]] = {}
        self._working: set[asyncio.Task[None]] = set()
        #: what waits for others: given up when the coordinator leaves, and set going again by whoever resumes the run
        self._waiting: set[asyncio.Task[None]] = set()
        self._stack = AsyncExitStack()

    async def __aenter__(self) -> Self:
        self._stack.push_async_callback(self._finish)
        await self._stack.enter_async_context(self._broker.consume(self._receive))
        self._spawn(resume_all(self._store, self._broker, self._clock), self._waiting)
        self._spawn(purge_for_ever(self._store, self._clock, self._settings.retention_seconds), self._waiting)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._stack.aclose()

    async def _finish(self) -> None:
        while self._working:
            await asyncio.wait(self._working)
        for task in self._waiting:
            task.cancel()
        await asyncio.gather(*self._waiting, return_exceptions=True)

    @staticmethod
    def _spawn(work: Coroutine[Any, Any, None], among: set[asyncio.Task[None]]) -> None:
        task = asyncio.create_task(work)
        among.add(task)
        task.add_done_callback(among.discard)

    # ---- lanes -------------------------------------------------------------------------------------------------

    def _receive(self, delivery: Delivery[Action]) -> None:
        lane = delivery.message.lane
        waiting = self._lanes.get(lane)
        if waiting is None:
            waiting = self._lanes[lane] = deque()
            self._spawn(self._work(lane, waiting), self._working)
        waiting.append(delivery)

    async def _work(self, lane: int, waiting: deque[Delivery[Action]]) -> None:
        while waiting:
            batch = [waiting.popleft() for _ in range(min(len(waiting), BATCH))]
            await self._turn(batch)
            self._executions.trim()
        del self._lanes[lane]

    async def _turn(self, batch: list[Delivery[Action]]) -> None:
        commits: list[Commit] = []
        handled = [await self._handle(delivery, commits) for delivery in batch]
        try:
            if any(one.unavailable and one.touched for one in handled):
                raise StoreUnavailable("it failed when the core had changed an execution in memory")
            if commits:
                await self._store.commit(commits)
        except (Conflict, StoreUnavailable) as error:
            self._forget(handled)
            for one in handled:
                one.conflict = isinstance(error, Conflict)
                one.unavailable = not one.conflict
        except Exception as error:
            # What can never be stored must not take the lane along, nor its neighbours: each is tried by itself.
            log.exception("a commit of %d actions", len(batch))
            self._forget(handled)
            if len(batch) > 1:
                for delivery in batch:
                    await self._turn([delivery])
                return
            handled[0].defect = repr(error)
        for one in handled:
            await self._conclude(one)

    # ---- act ---------------------------------------------------------------------------------------------------

    async def _handle(self, delivery: Delivery[Action], commits: list[Commit]) -> Handled:
        action = delivery.message
        handled = Handled(delivery)
        try:
            if is_catalog(action):
                await change_catalog(self._store, action, self._clock.now())
                result: Result = None
            else:
                result = await self._act(action, handled, commits)
            if action.reply_to:
                handled.reply = Reply(action.reply_to, action.id, result)
        except Fault as fault:
            handled.reply = Reply(action.reply_to, action.id, refusal=Refusal(fault.code, fault.message))
        except Conflict:
            handled.conflict = True
        except StoreUnavailable:
            handled.unavailable = True
        except Exception as error:
            log.exception("%s %s on %s", type(action.request).__name__, action.id, action.run_id or action.workflow_id)
            handled.defect = repr(error)
        return handled

    async def _act(self, action: Action, handled: Handled, commits: list[Commit]) -> Result:
        redelivered = handled.delivery.redelivered
        cached = await self._executions.find(action, redelivered=redelivered)
        if cached and await self._has_expired(action, cached):
            cached = None
        execution = cached.execution if cached else None
        if cached and redelivered and await self._store.has_committed(cached.execution.run_id, action.id):
            # Committed, and then the effects, the reply or the acknowledgement were lost.
            handled.touched.append(cached)
            handled.effects = outstanding(cached.execution)
            if not cached.execution.open:
                handled.to_settle.append(cached.execution.run_id)
            return self._with_history(again(cached.execution, action), cached)
        known = await look_up(self._store, action, execution, self._nothing)
        # From here on the core changes the execution in place: a defect must not leave it half changed in memory.
        if cached:
            handled.touched.append(cached)
        try:
            outcome = act(execution, action, self._clock.now(), known)
        except Fault:
            handled.touched.clear()
            raise
        if isinstance(action.request, Resume) and cached:
            handled.effects = outstanding(cached.execution)
            if not cached.execution.open:
                handled.to_settle.append(cached.execution.run_id)
        if isinstance(action.request, Wake | Resume) and cached:
            cached.armed_at = None
        await self._take_in(outcome, cached, action.id, handled, commits)
        return self._with_history(outcome.result, handled.touched[0] if handled.touched else None)

    async def _has_expired(self, action: Action, cached: Cached) -> bool:
        """A closed run may be stored beyond its retention for a while; to whoever asks it is gone at once."""
        if cached.execution.open or not isinstance(action.request, DescribeWorkflowExecutionInput):
            return False
        return await self._store.row(cached.execution.run_id, self._clock.now()) is None

    async def _take_in(
        self, outcome: Outcome, cached: Cached | None, action_id: str, handled: Handled, commits: list[Commit]
    ) -> None:
        """Bring what the core decided into the cache, the commit and the effects."""
        execution = outcome.execution
        handled.effects.messages += outcome.messages
        if execution is None:
            return
        if cached is None or cached.execution is not execution:
            cached = Cached(execution, [])
            handled.touched.append(cached)
        domain = None if execution.open else await self._store.domain(execution.domain)
        commit = commit_of(outcome, cached, action_id, domain)
        if commit is not None:
            commits.append(commit)
            self._executions.put(cached)
            if commit.row is not None and commit.row.unsettled:
                handled.to_settle.append(execution.run_id)
        # Settled is all or nothing: what was sent before and is not confirmed goes along with the farewell.
        settling = execution.run_id in handled.to_settle
        effects = outstanding(execution) if settling else effects_of(execution, outcome.events)
        handled.effects.tasks += effects.tasks
        handled.effects.messages += effects.messages
        if outcome.successor is not None and outcome.successor.execution is not None:
            await self._take_in(outcome.successor, None, outcome.successor.execution.started_by, handled, commits)

    @staticmethod
    def _with_history(result: Result, cached: Cached | None) -> Result:
        """A decision task takes its history along while that is small: the gateway need not read it."""
        if not isinstance(result, GivenDecisionTask) or cached is None or cached.history is None:
            return result
        return GivenDecisionTask(
            result.workflow_execution,
            result.workflow_type,
            result.task,
            result.previous_started_event_id,
            cached.history[: result.task.started_event_id],
        )

    # ---- release -----------------------------------------------------------------------------------------------

    async def _conclude(self, handled: Handled) -> None:
        """Answer, release and acknowledge what is committed; send back what is not."""
        delivery, action = handled.delivery, handled.delivery.message
        if handled.defect is not None:
            self._forget([handled])
            await self._refuse(action, InternalFailure())
            await delivery.reject(handled.defect)
        elif handled.conflict:
            await delivery.requeue()
        elif handled.unavailable and action.reply_to:
            await self._refuse(action, ServiceUnavailableException())
            await delivery.ack()
        elif handled.unavailable:
            self._spawn(self._requeue_later(delivery), self._waiting)
        else:
            await self._release(handled)

    async def _release(self, handled: Handled) -> None:
        # The answer need not wait for the effects: they follow from what is committed, whatever happens now.
        if handled.reply is not None and handled.reply.to:
            await self._broker.reply(handled.reply)
        try:
            if handled.effects.tasks:
                await self._broker.offer(handled.effects.tasks)
            for cached in handled.touched:
                await self._arm(cached)
        except BrokerUnavailable:
            self._spawn(self._requeue_later(handled.delivery), self._waiting)
            return
        if handled.effects.messages or handled.to_settle:
            # Confirmed messages may wait for other lanes, and those for this one: it must not wait for them.
            self._spawn(self._send(handled), self._waiting)
        else:
            await handled.delivery.ack()

    async def _send(self, handled: Handled) -> None:
        try:
            if handled.effects.messages:
                await self._broker.publish(handled.effects.messages)
            if handled.to_settle:
                await self._store.settle(handled.to_settle)
            await handled.delivery.ack()
        except (BrokerUnavailable, StoreUnavailable):
            await self._requeue_later(handled.delivery)

    async def _arm(self, cached: Cached) -> None:
        """One wake-up per execution: only the earliest deadline is armed, and only when it moves earlier."""
        execution = cached.execution
        if execution.busy():
            self._clock.occupy(execution.run_id)
        else:
            self._clock.vacate(execution.run_id)
        deadline = next_deadline(execution)
        if deadline is None:
            await self._broker.undelay(execution.run_id)
            self._executions.drop(execution.run_id)
        elif cached.armed_at is None or deadline < cached.armed_at:
            wake = Action(
                # Not of the deadline alone: a timer of 0 can come due in the millisecond of the wake-up before.
                id=names.derived_id(deadline, execution.run_id, execution.last_event_id, "wake"),
                lane=names.lane_of(execution.domain, execution.workflow_id),
                domain=execution.domain,
                workflow_id=execution.workflow_id,
                run_id=execution.run_id,
                request=Wake(),
            )
            await self._broker.delay(wake, deadline)
            cached.armed_at = deadline

    def _forget(self, handled: list[Handled]) -> None:
        for one in handled:
            for cached in one.touched:
                self._executions.drop(cached.execution.run_id)

    async def _refuse(self, action: Action, fault: Fault) -> None:
        if action.reply_to:
            await self._broker.reply(Reply(action.reply_to, action.id, refusal=Refusal(fault.code, fault.message)))

    @staticmethod
    async def _requeue_later(delivery: Delivery[Action]) -> None:
        await asyncio.sleep(RETRY_SECONDS)
        await delivery.requeue()
