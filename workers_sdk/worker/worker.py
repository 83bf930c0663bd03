"""The worker: its life from registration to its end.

Law: here is said what comes before what; everything else is said elsewhere.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable, Iterator
from contextlib import AsyncExitStack
from types import TracebackType
from typing import Self, Unpack

from workers_sdk.client import Client, ClientClosed
from workers_sdk.payloads import Payloads
from workers_sdk.worker.heartbeats import Heartbeats
from workers_sdk.worker.registration import register
from workers_sdk.worker.settings import SettingsMembers, WorkerSettings
from workers_sdk.worker.shift import Shift, Side
from workers_sdk.worker.sides import ActivitySide, DecisionSide
from workers_sdk.worker.stopping import Stopping
from workers_sdk.worker.threads import LoopThread
from workers_sdk.worker.types import activities_of, elsewhere, workflows_of
from workers_sdk.worker.watchdog import watch
from workers_sdk.worker.work import Work

log = logging.getLogger(__name__)


class Worker:
    """Does the work of one task list: decisions for *workflows*, activity tasks for *activities*.

        async with Client("http://127.0.0.1:8080", domain="orders") as client:
            await Worker(client, task_list="orders", workflows=[process], activities=[charge, Payments(db)]).run()

    *workflows* are functions decorated by @workflow or @decider, *activities* by @activity, or instances of classes
    whose methods are. The settings are those of WorkerSettings. *payloads* are what all who share the domain have;
    None is the client's. A *client* that is not open is opened, and closed at the end.

    `async with worker` does the same without signals: entered, it is registered and polls; left, it ends gracefully.
    To end gracefully: polls end; running work has `grace` seconds; then activities are told to end, and have
    `cancel_grace` seconds; then they are answered as failed by WorkerStopped, so that a retry policy has them begin
    again elsewhere. Executions in memory go back to the common list, those whose next decision task waits in the
    worker's own by its timeout.

    Raises TypeError and ValueError for what it cannot be made of, or a setting that cannot be.
    """

    def __init__(
        self,
        client: Client,
        *,
        task_list: str,
        workflows: Iterable[object] = (),
        activities: Iterable[object] = (),
        payloads: Payloads | None = None,
        **settings: Unpack[SettingsMembers],
    ) -> None:
        self.task_list = task_list
        self.settings = WorkerSettings(**settings)
        self._client = client
        self._payloads = payloads or client.payloads
        self._workflows = workflows_of(workflows)
        self._activities = activities_of(activities)
        if not self._workflows and not self._activities:
            raise ValueError("a worker needs workflows or activities")
        self._stopping = Stopping()
        self._stack = AsyncExitStack()

    # ---- its life

    async def run(self) -> None:
        """Until SIGTERM or SIGINT, or `stop`; a second one ends it at once. In the main thread.

        Raises WorkerNotStarted, Fault and ClientError if it cannot begin.
        """
        with self._stopping.on_signals():
            # The service may hang: who is told to end while it registers ends.
            if not await self._stopping.unless_asked(self.__aenter__()):
                return
            try:
                await self._stopping.asked.wait()
            finally:
                await self.__aexit__(None, None, None)

    def run_blocking(self) -> None:
        """`run`, for programs that have no event loop."""
        asyncio.run(self.run())

    def stop(self) -> None:
        """What a signal does."""
        self._stopping.ask()

    async def __aenter__(self) -> Self:
        async with AsyncExitStack() as stack:
            await self._open_client(stack)
            await self._register()
            await self._start(stack)
            self._stack = stack.pop_all()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stopping.asked.set()
        await self._stack.aclose()

    # ---- its parts, each ended after those that were begun later

    async def _open_client(self, stack: AsyncExitStack) -> None:
        try:
            log.debug("the client is open: %s", self._client.endpoint)
        except ClientClosed:
            await stack.enter_async_context(self._client)

    async def _register(self) -> None:
        if self.settings.register:
            await register(
                self._client,
                self.task_list,
                self._workflows.values(),
                self._activities.values(),
                domain_days=self.settings.register_domain,
            )

    async def _start(self, stack: AsyncExitStack) -> None:
        beating, coroutines, deciders = LoopThread("heartbeats"), LoopThread("activities"), LoopThread("deciders")
        for thread in (beating, coroutines, deciders):
            thread.start()
            stack.callback(thread.stop)
        beating.submit(
            watch(coroutines, "`async def` activities", "let it await, or make it a `def`, which gets a thread")
        )
        beating.submit(watch(deciders, "deciders", "let it decide, and leave all else to activities"))
        heartbeats = Heartbeats(self._client, self._payloads, beating)
        await heartbeats.start()
        stack.push_async_callback(heartbeats.stop)
        shift = Shift(self._stopping, self.settings)
        for side in self._sides(shift.work, coroutines, deciders, heartbeats):
            stack.callback(side.close)
            shift.add(side)
        shift.begin()
        stack.push_async_callback(shift.end)
        for warning in elsewhere((*self._workflows.values(), *self._activities.values()), self.task_list):
            log.warning("%s", warning)
        log.info("worker %s polls %s in %s", self._client.identity, self.task_list, self._client.domain)

    def _sides(
        self, work: Work, coroutines: LoopThread, deciders: LoopThread, heartbeats: Heartbeats
    ) -> Iterator[Side]:
        common = (self._client, self._payloads, self.task_list)
        if self._workflows:
            yield DecisionSide(*common, self._workflows, self.settings, work, deciders)
        if self._activities:
            yield ActivitySide(*common, self._activities, self.settings, work, coroutines, heartbeats)
