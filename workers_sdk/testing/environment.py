"""What a test of workflows works with: a service whose time it has in its hands, a domain of its own, workers.

Law: nothing of one test is left for the next: executions that are still open at its end are terminated, since a task of
theirs would hold up the clock for everybody.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from datetime import datetime, timedelta
from types import TracebackType
from typing import Final, Self, Unpack
from uuid import uuid4

from workers_sdk.client import Client
from workers_sdk.payloads import Payloads
from workers_sdk.testing.clock import ServiceClock
from workers_sdk.testing.export import Run
from workers_sdk.testing.service import WorkflowService
from workers_sdk.worker.settings import SettingsMembers
from workers_sdk.worker.worker import Worker
from workflowsvc.swf.faults import UnknownResourceFault
from workflowsvc.swf.shapes import EventType, ExecutionTimeFilter, HistoryEvent

#: "Register test domains with a long one (90 days)": retention follows the clock too (docs/time-skipping.md).
_RETENTION_DAYS: Final = "90"
#: A test is over when its worker ends: nobody wants to wait for what still runs.
_WORKER: Final[SettingsMembers] = {"grace": 0.0, "cancel_grace": 1.0}
#: Seconds between two looks at a history.
_PAUSE: Final = 0.01
_PATIENCE: Final = 10.0
_EPOCH: Final = ExecutionTimeFilter(oldest_date=0.0)


class WorkflowEnvironment:
    """A service whose clock skips, while it is entered.

        async with WorkflowEnvironment.start() as env, env.worker(workflows=[remind], activities=[mail]):
            handle = await remind.start(env.client, "tomorrow")
            assert await handle.result() == "reminded"

    While no task is open, and no request is handled, time jumps to the next timer or timeout of an execution: thirty
    days of sleep are over at once. Timeouts of tasks are not jumped to, however long an activity takes: they come when
    a test moves time past them, by `advance`.
    """

    def __init__(self, service: WorkflowService | str, payloads: Payloads | None = None) -> None:
        """*service*: one to be started and stopped, or the address of one that runs."""
        #: a fresh one, in which the client works
        self.domain = f"tests-{uuid4()}"
        self._service = service
        self._payloads = payloads or Payloads()
        self._stack = AsyncExitStack()
        self._client: Client
        self._clock: ServiceClock

    @classmethod
    def start(cls, *, payloads: Payloads | None = None) -> Self:
        """With a service of its own, in a process that lives as long as the environment is entered.

        To enter it raises ServiceNotStarted.
        """
        return cls(WorkflowService(), payloads)

    @classmethod
    def connect(cls, url: str, *, payloads: Payloads | None = None) -> Self:
        """With a service that runs already: `workflowsvc dev --ephemeral --time-skipping`.

        To enter it raises TimeIsReal, and ConnectionError if nothing is there.
        """
        return cls(url, payloads)

    # ---- what it is for

    @property
    def client(self) -> Client:
        """Open, unsigned, in the environment's domain."""
        return self._client

    def worker(
        self,
        *,
        task_list: str = "tests",
        workflows: Iterable[object] = (),
        activities: Iterable[object] = (),
        **settings: Unpack[SettingsMembers],
    ) -> Worker:
        """A worker in the environment's domain, with its payloads, to be entered by `async with`.

        All as of Worker, but for its end: activities are told to end at once, and have a second to do so.
        """
        merged: SettingsMembers = {**_WORKER, **settings}
        return Worker(
            self._client,
            task_list=task_list,
            workflows=workflows,
            activities=activities,
            payloads=self._payloads,
            **merged,
        )

    async def now(self) -> datetime:
        """The service's time, in UTC: real time, and all that was skipped."""
        return await self._clock.now()

    async def advance(self, duration: float | timedelta) -> datetime:
        """Move time by *duration* (seconds, or a timedelta), from deadline to deadline; the time after that.

        Every deadline on the way comes, those of tasks that are worked on too: nobody has time to answer or to beat in
        between. So move it just past the timeout that you want to see. Raises ValueError if *duration* is negative.
        """
        seconds = duration.total_seconds() if isinstance(duration, timedelta) else duration
        return await self._clock.advance(seconds)

    @asynccontextmanager
    async def time_locked(self) -> AsyncIterator[None]:
        """Within, time does not jump by itself: for a signal that is to come before the next timer. `advance` works."""
        await self._clock.lock()
        try:
            yield
        finally:
            await self._clock.unlock()

    async def await_event(
        self,
        run: Run,
        type_: EventType | str,
        *,
        count: int = 1,
        timeout: float = _PATIENCE,  # noqa: ASYNC109
    ) -> HistoryEvent:
        """The *count*-th event of a type in the history of *run* (a Handle), as soon as it is there: for instance
        "ActivityTaskStarted", before time is moved past one of the activity's timeouts.

        Raises TimeoutError after *timeout* seconds of real time.
        """
        wanted = EventType(type_)
        async with asyncio.timeout(timeout):
            while True:
                events = [event async for event in self._client.history(run.workflow_id, run.run_id)]
                found = [event for event in events if event.event_type is wanted]
                if len(found) >= count:
                    return found[count - 1]
                await asyncio.sleep(_PAUSE)

    # ---- its life

    async def __aenter__(self) -> Self:
        async with AsyncExitStack() as stack:
            url = await self._url(stack)
            self._clock = await stack.enter_async_context(ServiceClock(url))
            self._client = await stack.enter_async_context(
                Client(url, domain=self.domain, credentials="none", payloads=self._payloads)
            )
            await self._client.register_domain(
                name=self.domain, workflow_execution_retention_period_in_days=_RETENTION_DAYS
            )
            stack.push_async_callback(self._terminate_all)
            self._stack = stack.pop_all()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._stack.aclose()

    async def _url(self, stack: AsyncExitStack) -> str:
        service = self._service
        if isinstance(service, str):
            return service
        stack.push_async_callback(asyncio.to_thread, service.stop)
        await asyncio.to_thread(service.start)
        return service.url

    async def _terminate_all(self) -> None:
        client = self._client
        still_open = [info.execution async for info in client.each_open_workflow_execution(start_time_filter=_EPOCH)]
        for one in still_open:
            with suppress(UnknownResourceFault):
                await client.terminate_workflow_execution(workflow_id=one.workflow_id, run_id=one.run_id)
