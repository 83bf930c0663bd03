"""Decision tasks: replay the workflow, or ask the decider, and answer.

Law: nothing is decided here. A decision that cannot be made is answered so that it is seen and tried again (replay's
`failing`); a task that cannot be answered at all runs into its timeout, which brings another.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Mapping, Sequence
from enum import Enum
from typing import Any, NamedTuple, TypeVar

from workers_sdk.client import Client, ClientClosed, ClientError, trail_of
from workers_sdk.deciders import Decider, History
from workers_sdk.definitions.options import whole_seconds
from workers_sdk.definitions.workflows import Workflow
from workers_sdk.payloads import Payloads, PayloadStoreUnavailable
from workers_sdk.replay.failing import failed_decision
from workers_sdk.replay.limits import fitting
from workers_sdk.replay.replay import Replay
from workers_sdk.worker.cache import Cache
from workers_sdk.worker.histories import Histories, TaskGone
from workers_sdk.worker.persistence import passes
from workers_sdk.worker.slots import Reservation
from workers_sdk.worker.stuck import END, Replaying
from workers_sdk.worker.threads import LoopThread
from workers_sdk.worker.types import Deciding, Key, key_of
from workflowsvc.swf import shapes
from workflowsvc.swf.errors import Fault
from workflowsvc.swf.faults import UnknownResourceFault

log = logging.getLogger(__name__)

T = TypeVar("T")


class Source(Enum):
    """Which of the worker's two lists a task came from."""

    COMMON = "common"
    OWN = "own"


class Routing(NamedTuple):
    """Where the next decision task is to go: nothing said, it goes where this one came from."""

    task_list: shapes.TaskList | None = None
    schedule_to_start_timeout: str | None = None


class Sticky:
    """The worker's own list, as long as it is polled."""

    def __init__(self, own_list: str, timeout: int, task_list: str, *, on: bool) -> None:
        self._here = Routing(shapes.TaskList(name=own_list), str(timeout))
        self._common = Routing(shapes.TaskList(name=task_list))
        self._on = on

    def off(self) -> None:
        self._on = False

    def kept(self, source: Source) -> Routing:
        """For an execution that stays in memory. An override holds until it is replaced: "This list overrides the
        original task list" (RespondDecisionTaskCompleted, taskList)."""
        return self._here if self._on else self.dropped(source)

    def dropped(self, source: Source) -> Routing:
        return self._common if source is Source.OWN else Routing()


class DecisionTasks:
    def __init__(
        self,
        client: Client,
        payloads: Payloads,
        deciding: Mapping[Key, Deciding],
        histories: Histories,
        cache: Cache,
        sticky: Sticky,
        replaying: Replaying,
        deciders: LoopThread,
        *,
        guarded: bool,
    ) -> None:
        self._client = client
        self._payloads = payloads
        self._deciding = deciding
        self._histories = histories
        self._cache = cache
        self._sticky = sticky
        self._replaying = replaying
        self._deciders = deciders
        self._guarded = guarded

    async def common(self, task: shapes.DecisionTask, reservation: Reservation[str]) -> None:
        await self._handle(task, Source.COMMON)

    async def own(self, task: shapes.DecisionTask, reservation: Reservation[str]) -> None:
        await self._handle(task, Source.OWN)

    async def _handle(self, task: shapes.DecisionTask, source: Source) -> None:
        what = _name(task)
        deciding = self._deciding.get(key_of(task.workflow_type))
        if deciding is None:
            # Another version of this worker may know it, and gets the task after this one's timeout.
            log.error("%s: this worker does not know its type; the task is left to time out", what)
            return
        try:
            if isinstance(deciding, Decider):
                await self._by_decider(deciding, task, source)
            else:
                await self._by_replay(deciding, task, source)
        except (UnknownResourceFault, TaskGone) as error:
            if not trail_of(error).in_doubt:  # else it may be the echo of an answer that was taken
                log.warning("%s: it timed out, or its execution closed, before it was answered", what)
        except (Fault, ClientError, PayloadStoreUnavailable) as error:
            log.warning("%s is left to time out: %s", what, error)

    # ---- workflows

    async def _by_replay(self, workflow: Workflow[..., Any], task: shapes.DecisionTask, source: Source) -> None:
        run_id = task.workflow_execution.run_id
        kept = self._cache.take(run_id, task.previous_started_event_id or 0)
        replay = kept or Replay(
            workflow, task.workflow_execution, self._client.domain, self._payloads.converter, guarded=self._guarded
        )
        keep = False
        try:
            events = await self._events(task, source, news_only=kept is not None)
            keep = await self._decide(replay, task, events, source, _limit(workflow))
        finally:
            if keep:
                self._cache.put(run_id, replay)
            else:
                self._replaying.submit(replay.close, f"the end of {_name(task)} in memory")

    async def _events(self, task: shapes.DecisionTask, source: Source, *, news_only: bool) -> list[shapes.HistoryEvent]:
        if source is Source.COMMON:
            return await self._histories.full(task)
        return await (self._histories.news(task) if news_only else self._histories.full_of_own(task))

    async def _decide(
        self,
        replay: Replay,
        task: shapes.DecisionTask,
        events: Sequence[shapes.HistoryEvent],
        source: Source,
        limit: float,
    ) -> bool:
        """Whether the execution goes on, and from where it is now in memory."""
        try:
            decoded = await self._payloads.decode_events(events)
            turn = await self._replaying.run(lambda: replay.decide(decoded, task.started_event_id), _name(task), limit)
            encoded = await self._payloads.encode_decisions(turn.decisions)
            context = await self._payloads.encode(turn.execution_context, what="the workflow's state")
            decisions = fitting(encoded)
            await self._respond(task, decisions, context, self._sticky.kept(source))
        except (ClientClosed, UnknownResourceFault):
            raise
        except Exception as error:
            if passes(error):
                raise
            await self._fail(task, error, events, source)
            return False
        # The decision that closes the execution is the last: was there room for it?
        return not (turn.closes and decisions[-1] is encoded[-1])

    async def _fail(
        self, task: shapes.DecisionTask, error: Exception, events: Sequence[shapes.HistoryEvent], source: Source
    ) -> None:
        log.error("%s cannot be decided", _name(task), exc_info=error)
        decisions = await self._payloads.encode_decisions(failed_decision(error, events))
        await self._respond(task, decisions, None, self._sticky.dropped(source))

    # ---- deciders

    async def _by_decider(self, decider: Decider, task: shapes.DecisionTask, source: Source) -> None:
        """With the whole history each time, and so by the common list."""
        events = await (self._histories.full(task) if source is Source.COMMON else self._histories.full_of_own(task))
        try:
            history = History(task, await self._payloads.decode_events(events))
            decisions = await self._deciders.run(_named(_name(task), decider.decide(history)))
            encoded = await self._payloads.encode_decisions(decisions)
        except Exception:
            # Nothing of ours is written into a history that is the decider's own.
            log.exception("%s cannot be decided; the task is left to time out", _name(task))
            return
        await self._respond(task, encoded, None, self._sticky.dropped(source))

    async def _respond(
        self, task: shapes.DecisionTask, decisions: Sequence[shapes.Decision], context: str | None, routing: Routing
    ) -> None:
        await self._client.respond_decision_task_completed(
            task_token=task.task_token,
            decisions=decisions,
            execution_context=context,
            task_list=routing.task_list,
            task_list_schedule_to_start_timeout=routing.schedule_to_start_timeout,
        )


async def _named(name: str, decided: Awaitable[T]) -> T:
    """In a task of that name: the watchdog tells who holds up the loop."""
    if task := asyncio.current_task():
        task.set_name(name)
    return await decided


def _limit(workflow: Workflow[..., Any]) -> float:
    """Seconds that a decision may take: it has to be told while the service still waits for it."""
    timeout = workflow.options.task_timeout
    return END if timeout is None or isinstance(timeout, str) else min(END, whole_seconds(timeout) / 2)


def _name(task: shapes.DecisionTask) -> str:
    type_ = task.workflow_type
    return (
        f"decision task {task.started_event_id} of {type_.name} {type_.version} ({task.workflow_execution.workflow_id})"
    )
