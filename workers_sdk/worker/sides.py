"""The two halves of a worker, put together: one for activity tasks, one for decision tasks.

Law: composition only. A half has polls to run, and an end in stages; which it has of the parts, nobody else knows.
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Mapping
from typing import Any, Final

from workers_sdk.client import Client
from workers_sdk.definitions.activities import Activity
from workers_sdk.payloads import Payloads
from workers_sdk.worker.activities import ActivityTasks
from workers_sdk.worker.attempts import Kind
from workers_sdk.worker.cache import Cache
from workers_sdk.worker.decisions import DecisionTasks, Sticky
from workers_sdk.worker.executors import AsyncExecutor, Executor, ThreadExecutor
from workers_sdk.worker.heartbeats import Heartbeats
from workers_sdk.worker.histories import Histories
from workers_sdk.worker.pollers import Pollers
from workers_sdk.worker.processes import ProcessExecutor
from workers_sdk.worker.settings import WorkerSettings
from workers_sdk.worker.slots import Slots
from workers_sdk.worker.stuck import Replaying
from workers_sdk.worker.threads import LoopThread, Threads
from workers_sdk.worker.types import Deciding, Key
from workers_sdk.worker.work import Work
from workflowsvc.swf import shapes

#: Threads that replay: Python runs one at a time, the others are there in case one does not come to rest.
_REPLAYING: Final = 4
_NAME_LIMIT: Final = 256
#: What a name of SWF may not have (Name: "must not contain : / | or any control characters").
_FORBIDDEN: Final = re.compile(r"[:/|\x00-\x1f\x7f-\x9f\s]+")


class ActivitySide:
    def __init__(
        self,
        client: Client,
        payloads: Payloads,
        task_list: str,
        activities: Mapping[Key, Activity[..., Any]],
        settings: WorkerSettings,
        work: Work,
        coroutines: LoopThread,
        heartbeats: Heartbeats,
    ) -> None:
        self._executors = _executors(activities, settings, coroutines)
        self._tasks = ActivityTasks(
            client, payloads, activities, self._executors, heartbeats, auto_heartbeat=settings.auto_heartbeat
        )
        limits = {Kind.ASYNC: settings.max_async, Kind.THREAD: settings.max_threads}
        limits[Kind.PROCESS] = settings.max_processes
        slots = Slots({kind: limits[kind] for kind in self._executors})
        name = shapes.TaskList(name=task_list)
        self.pollers = [
            Pollers(
                f"for activity tasks of {task_list}",
                lambda: client.poll_for_activity_task(task_list=name),
                self._tasks.handle,
                slots,
                work,
                min(settings.max_pollers, slots.least),
            )
        ]

    def leave(self) -> None:
        pass

    def cancel(self) -> None:
        self._tasks.cancel_all()

    def close(self) -> None:
        for executor in self._executors.values():
            executor.close()


class DecisionSide:
    def __init__(
        self,
        client: Client,
        payloads: Payloads,
        task_list: str,
        deciding: Mapping[Key, Deciding],
        settings: WorkerSettings,
        work: Work,
        deciders: LoopThread,
    ) -> None:
        sticky = settings.sticky and settings.cached_workflows > 0
        own_list = own_list_name(task_list, client.identity)
        self._replaying = replaying = Replaying(Threads("replay", min(_REPLAYING, settings.max_decisions)))
        self._cache = Cache(
            settings.cached_workflows if sticky else 0,
            lambda replay: replaying.submit(replay.close, "the end of a workflow in memory"),
        )
        self._sticky = Sticky(own_list, settings.sticky_timeout, task_list, on=sticky)
        histories = Histories(client, task_list, own_list)
        tasks = DecisionTasks(
            client,
            payloads,
            deciding,
            histories,
            self._cache,
            self._sticky,
            replaying,
            deciders,
            guarded=settings.guarded,
        )
        slots = Slots({"decision": settings.max_decisions})
        lists = [(task_list, histories.poll, tasks.common), (own_list, histories.poll_own, tasks.own)]
        lists = lists if sticky else lists[:1]
        most = min(settings.max_pollers, slots.least // len(lists))
        self.pollers = [
            Pollers(f"for decision tasks of {name}", poll, handle, slots, work, most) for name, poll, handle in lists
        ]

    def leave(self) -> None:
        """The own list is polled no more: what is answered from now on goes back to the common one. What waits in it
        goes back by its schedule-to-start timeout."""
        self._sticky.off()

    def cancel(self) -> None:
        """A decision takes no longer than that."""

    def close(self) -> None:
        self._cache.clear()
        self._replaying.close()


def own_list_name(task_list: str, identity: str) -> str:
    """A name that no other worker has, and in which a person finds both."""
    tail = f"@{_FORBIDDEN.sub('-', identity)[:64]}-{uuid.uuid4().hex[:12]}"
    return task_list[: _NAME_LIMIT - len(tail)] + tail


def _executors(
    activities: Mapping[Key, Activity[..., Any]], settings: WorkerSettings, coroutines: LoopThread
) -> Mapping[Kind, Executor]:
    """Those that are needed."""
    executors: dict[Kind, Executor] = {}
    if any(activity.is_async for activity in activities.values()):
        executors[Kind.ASYNC] = AsyncExecutor(coroutines)
    if not all(activity.is_async for activity in activities.values()):
        if settings.max_processes:
            executors[Kind.PROCESS] = ProcessExecutor(settings.max_processes)
        else:
            executors[Kind.THREAD] = ThreadExecutor(settings.max_threads)
    return executors
