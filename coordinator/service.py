"""The shell around the core: take actions, act, commit, release, acknowledge.

Law: the store is the truth. Nothing is answered or sent that is not committed; what cannot be committed is dropped
from memory and comes again. Actions of one lane are handled one after the other, in batches that share a commit;
lanes do not wait for each other.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from contextlib import AsyncExitStack
from types import TracebackType
from typing import Final, Self

from coordinator import release
from coordinator.acks import Acks
from coordinator.cache import Cached, Executions
from coordinator.catalog import Change, change_catalog, is_catalog
from coordinator.commits import commit_of
from coordinator.execution import effects
from coordinator.execution.act import act, again
from coordinator.execution.outcome import Outcome
from coordinator.execution.state import Execution
from coordinator.execution.types import Known
from coordinator.handled import Handled
from coordinator.lookups import look_up
from coordinator.quotas import Quotas
from coordinator.recovery import resume
from coordinator.registered import Registered, news
from coordinator.release import Releases
from coordinator.retention import Retentions, purge_for_ever
from coordinator.returned import Returned
from coordinator.sweeper import sweep_for_ever
from coordinator.unsettled import Unsettled
from coordinator.wakes import Wakes
from coordinator.words import Words
from workflowsvc import names
from workflowsvc.jobs import Hands, Jobs
from workflowsvc.messages import (
    Action,
    CancelExternal,
    CatalogChanged,
    GivenDecisionTask,
    Refusal,
    Reply,
    Result,
    Resume,
    Show,
    SignalExternal,
    StartTask,
    Wake,
    Word,
)
from workflowsvc.ports import Broker, Clock, Conflict, Delivery, Store, StoreUnavailable
from workflowsvc.records import Commit, RunRef
from workflowsvc.settings import Settings
from workflowsvc.swf.errors import Fault, InternalFailure, ServiceUnavailableException
from workflowsvc.swf.shapes import CloseStatus, DescribeWorkflowExecutionInput

log = logging.getLogger(__name__)

#: Actions of one lane that share a commit at most.
BATCH = 64
#: Seconds that what was begun is given when the coordinator leaves: with a store or a broker that hangs, in vain.
FINISH_SECONDS = 3.0


#: What looks whether something is due, and so has the next wake-up armed anew.
_WAKING: Final = (Wake, Resume)
_KNOWN_AGAIN: Final = (SignalExternal, CancelExternal)


def _batch(waiting: deque[Delivery[Action]]) -> list[Delivery[Action]]:
    """Up to the first action that came twice: whether the store has it is known when the first one is committed."""
    if len(waiting) == 1:
        return [waiting.popleft()]
    batch: dict[str, Delivery[Action]] = {}
    while waiting and len(batch) < BATCH and waiting[0].message.id not in batch:
        delivery = waiting.popleft()
        batch[delivery.message.id] = delivery
    return list(batch.values())


class Coordinator:
    """Consumes actions while it is entered. On leaving, what it has begun is finished if it soon can be.

    All else is given back, or is not acknowledged: it comes again, and changes nothing where it was committed.
    """

    def __init__(self, settings: Settings, clock: Clock, broker: Broker, store: Store) -> None:
        self._settings = settings
        self._clock = clock
        self._broker = broker
        self._store = store
        self._executions = Executions(store, settings.cached_executions, settings.cached_megabytes << 20)
        self._nothing = Known(lambda_available=bool(settings.lambda_endpoint))
        self._wakes = Wakes(clock, broker)
        self._registered = Registered(store)
        self._quotas = Quotas(settings, clock, store)
        self._retentions = Retentions(store)
        self._lanes: dict[int, deque[Delivery[Action]]] = {}
        #: the partitions of which something came since they were last lost
        self._had: set[int] = set()
        #: how often each partition was lost
        self._losses = dict.fromkeys(range(settings.partitions), 0)
        self._working = Jobs()
        self._hands = Hands(self._working, self._work)
        #: what waits for others: given up when the coordinator leaves, and set going again by whoever resumes the run
        self._waiting = Jobs()
        self._beside = self._waiting.start
        self._stack = AsyncExitStack()
        self._words = None if broker.confirms_handling else Words(broker, store, self._beside)
        self._acks = Acks(store, self._beside)
        self._returned = Returned()
        self._releases = Releases(
            clock, broker, store, self._executions, self._wakes, self._beside, self._words, self._acks
        )

    async def __aenter__(self) -> Self:
        async with AsyncExitStack() as stack:
            words = await stack.enter_async_context(self._words) if self._words is not None else None
            stack.push_async_callback(self._finish)
            ownership = await stack.enter_async_context(self._broker.consume(self._receive, self._lose))
            unsettled = Unsettled(self._store, self._broker, words, ownership) if words is not None else None
            self._beside(sweep_for_ever(self._store, self._broker, self._clock, self._wakes, ownership, unsettled))
            self._beside(purge_for_ever(self._store, self._clock, self._settings.retention_seconds))
            self._stack = stack.pop_all()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._stack.aclose()

    async def _finish(self) -> None:
        # The broker has them back already: only what was begun is finished.
        for waiting in self._lanes.values():
            waiting.clear()
        self._hands.dismiss()
        if not await self._working.end(after=FINISH_SECONDS):
            log.warning("what was begun could not be finished in %g s: it comes again elsewhere", FINISH_SECONDS)
        await self._waiting.end()

    # ---- lanes -------------------------------------------------------------------------------------------------

    def _receive(self, delivery: Delivery[Action]) -> None:
        lane, request = delivery.message.lane, delivery.message.request
        if (partition := self._partition(lane)) not in self._had:
            self._had.add(partition)
            self._registered.forget()
        if isinstance(request, CatalogChanged):
            self._registered.forget()
            self._working.start(delivery.ack())
            return
        if isinstance(request, Show):
            self._beside(self._show(partition, delivery))
            return
        if delivery.redelivered:
            self._returned.came(partition, delivery)
        waiting = self._lanes.get(lane)
        if waiting is None:
            waiting = self._lanes[lane] = deque()
            self._hands.give(lane)
        waiting.append(delivery)

    def _lose(self, partition: int) -> None:
        """Another handles its lanes now, or did in between: what is remembered of them may be stale."""
        self._losses[partition] += 1
        self._had.discard(partition)
        self._returned.lost(partition)
        self._beside(self._acks.flush(overtaken=True))
        self._executions.drop_lanes(lambda lane: self._partition(lane) == partition)
        for lane, waiting in self._lanes.items():
            if self._partition(lane) == partition:
                waiting.clear()

    def _partition(self, lane: int) -> int:
        return names.partition_of(lane, self._settings.partitions)

    async def _work(self, lane: int) -> None:
        waiting = self._lanes[lane]
        partition = self._partition(lane)
        while waiting:
            batch = _batch(waiting)
            losses = self._losses[partition]
            await self._turn(batch)
            if self._losses[partition] != losses:
                self._executions.drop_lanes(lambda other: other == lane)
            self._executions.trim()
            self._registered.trim()
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
            if one.delivery.redelivered:
                self._returned.concluded(self._partition(one.delivery.message.lane), one.delivery)

    # ---- act ---------------------------------------------------------------------------------------------------

    async def _handle(self, delivery: Delivery[Action], commits: list[Commit]) -> Handled:
        action = delivery.message
        handled = Handled(delivery)
        try:
            if is_catalog(action):
                await self._change_catalog(action, again=delivery.redelivered or action.repeated)
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
            self._forget([handled])
        return handled

    async def _change_catalog(self, action: Action, *, again: bool) -> None:
        try:
            settings = self._settings
            change = Change(self._store, action, self._clock.now(), settings.quota_domains, settings.quota_types)
            await change_catalog(change, again=again)
        finally:
            if told := list(news(action, self._settings.partitions)):
                await release.insist(lambda: self._broker.publish(told))

    async def _act(self, action: Action, handled: Handled, commits: list[Commit]) -> Result:
        # A request that its client's gateway sent once more is as good as redelivered. Words of other executions, for
        # which an answer may be wanted too, the core knows again by itself.
        asked_again = action.repeated and bool(action.reply_to) and not isinstance(action.request, Word)
        redelivered = handled.delivery.redelivered or asked_again
        cached = await self._executions.find(action, redelivered=redelivered)
        if cached and await self._has_expired(action, cached):
            cached = None
        if cached and (redelivered or action.repeated):
            cached = await self._executions.that_received(action, cached)
        execution = cached.execution if cached else None
        if cached and redelivered and await self._is_done(action, cached):
            return await self._do_over(action, cached, handled)
        known = await look_up(self._registered, self._quotas, action, execution, self._nothing)
        # From here on the core changes the execution in place: a defect must not leave it half changed in memory.
        if cached:
            handled.touched.append(cached)
        try:
            outcome = act(execution, action, self._clock.now(), known)
        except Fault:
            handled.touched.clear()
            raise
        if isinstance(action.request, Resume) and cached:
            if cached.execution.open:
                handled.effects = effects.again(cached.execution)
            else:
                handled.to_settle.append(cached.execution.run_id)
                await self._resume_successor(cached.execution, action.lane, handled)
        if cached and isinstance(action.request, _WAKING):
            cached.armed_at = None
        await self._take_in(outcome, cached, action.id, handled, commits)
        return self._with_history(outcome.result, handled.touched[0] if handled.touched else None)

    async def _is_done(self, action: Action, cached: Cached) -> bool:
        """Committed, and then the effects, the reply or the acknowledgement were lost."""
        if isinstance(action.request, _KNOWN_AGAIN):
            return False  # the core knows these again, and answers them each time
        return await self._store.has_committed(cached.execution.run_id, action.id)

    async def _do_over(self, action: Action, cached: Cached, handled: Handled) -> Result:
        """Release all that is outstanding, as if it had never been, and answer as the first time."""
        execution = cached.execution
        handled.touched.append(cached)
        cached.armed_at = None
        handled.effects = effects.again(execution)
        if not execution.open:
            handled.to_settle.append(execution.run_id)
        await self._resume_successor(execution, action.lane, handled)
        return self._with_history(again(execution, action), cached)

    async def _resume_successor(self, execution: Execution, lane: int, handled: Handled) -> None:
        """The run that continues this one, if any, was begun by the same commit: what it set going may be lost too."""
        if execution.close_status is not CloseStatus.CONTINUED_AS_NEW:
            return
        begun = names.run_id(names.successor_action_id(execution.run_id, execution.closed_at))
        successor = await self._executions.run(begun, lane)
        if successor is not None:
            handled.touched.append(successor)
            handled.effects.tasks += effects.outstanding(successor.execution).tasks

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
        retention = None if execution.open else await self._retentions.of(execution.domain)
        commit = commit_of(outcome, cached, action_id, retention, self._wakes)
        if commit is not None:
            commits.append(commit)
            self._executions.put(cached)
            self._quotas.note(execution.domain, (commit.first == 1) - (not execution.open))
            if commit.row is not None and commit.row.unsettled:
                handled.to_settle.append(execution.run_id)
        # Settled is all or nothing: what was sent before and is not confirmed goes along with the farewell.
        settling = execution.run_id in handled.to_settle
        new = effects.again(execution) if settling else effects.effects_of(execution, outcome.events)
        handled.effects.tasks += new.tasks
        # A task that was started has left its list by itself.
        if outcome.unscheduled and not isinstance(handled.delivery.message.request, StartTask):
            handled.effects.gone += effects.gone(execution, outcome.unscheduled)
        handled.effects.messages += new.messages
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

    async def _show(self, partition: int, delivery: Delivery[Action]) -> None:
        action = delivery.message
        if not await self._returned.over(partition):
            return
        try:
            await self._store.show()
            await self._broker.reply(Reply(action.reply_to, action.id))
        except StoreUnavailable:
            await self._refuse(action, ServiceUnavailableException())
        await delivery.ack()

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
            if handled.touched:
                self._beside(self._make_sure(handled))
            else:
                await delivery.ack()
        elif handled.unavailable:
            self._beside(self._requeue_later(delivery))
        else:
            await self._releases.release(handled)

    def _forget(self, handled: list[Handled]) -> None:
        for one in handled:
            for cached in one.touched:
                self._executions.drop(cached.execution.run_id)

    async def _refuse(self, action: Action, fault: Fault) -> None:
        if action.reply_to:
            await self._broker.reply(Reply(action.reply_to, action.id, refusal=Refusal(fault.code, fault.message)))

    async def _make_sure(self, handled: Handled) -> None:
        """It may have been committed all the same: what follows from it is to follow, though nobody asks again."""
        executions = [cached.execution for cached in handled.touched]
        lane = handled.delivery.message.lane
        runs = [RunRef(one.run_id, lane, one.domain, one.workflow_id) for one in executions]
        await release.insist(lambda: self._broker.publish([resume(run) for run in runs]))
        await handled.delivery.ack()

    @staticmethod
    async def _requeue_later(delivery: Delivery[Action]) -> None:
        await asyncio.sleep(release.RETRY_SECONDS)
        await delivery.requeue()
