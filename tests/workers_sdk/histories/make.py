"""Makes the histories of the corpus that are not there, by running its workflows.

    python -m tests.workers_sdk.histories.make

Law: a history that is there is never touched. To have one made anew, for a reason worth telling, delete it.
"""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import Awaitable, Callable, Iterable
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any

import pytest

from tests.workers_sdk import corpus
from workers_sdk.client import Client
from workers_sdk.definitions.workflows import Workflow, workflow
from workers_sdk.errors import ExecutionFailed
from workers_sdk.executions import Handle
from workers_sdk.testing import WorkflowEnvironment, export_history
from workers_sdk.worker import Worker
from workflowsvc.swf.shapes import RespondDecisionTaskCompletedInput, Shape

HISTORIES = Path(__file__).parent
ROOT = HISTORIES.parents[2]
#: What a history says of who worked on it.
IDENTITY = "corpus"

Making = Callable[[WorkflowEnvironment], Awaitable[Handle[Any]]]


def worker(env: WorkflowEnvironment, changed: Iterable[Workflow[..., Any]] = ()) -> AbstractAsyncContextManager[Worker]:
    """With the workflows of the corpus, but for those that are *changed*."""
    names = {one.name for one in changed}
    workflows = [*changed, *(one for one in corpus.WORKFLOWS if one.name not in names)]
    return env.worker(workflows=workflows, activities=corpus.ACTIVITIES)


def runs(workflow_: Workflow[..., Any], *arguments: object) -> Making:
    """It needs nothing but a worker."""

    async def make(env: WorkflowEnvironment) -> Handle[Any]:
        async with worker(env):
            handle = await workflow_.with_options(workflow_id=workflow_.name).start(env.client, *arguments)
            first = Handle[Any](env.client, handle.workflow_id, handle.run_id)
            await handle.result(30)
            return first

    return make


async def signals(env: WorkflowEnvironment) -> Handle[Any]:
    async with worker(env), env.time_locked():
        handle = await corpus.signals.with_options(workflow_id="signals").start(env.client)
        for number in (1, 2, 39):
            await handle.signal(corpus.add, number)
        await env.await_event(handle, "DecisionTaskCompleted")
        await handle.signal(corpus.stop, None)
        await handle.result(30)
        return handle


async def cancelled(env: WorkflowEnvironment) -> Handle[Any]:
    async with worker(env), env.time_locked():
        handle = await corpus.cancelled.with_options(workflow_id="cancelled").start(env.client)
        await env.await_event(handle, "ActivityTaskStarted")
        await handle.request_cancel()
        await env.await_event(handle, "ActivityTaskCancelRequested")
        with pytest.raises(ExecutionFailed, match="CANCELED"):
            await handle.result(30)
        return handle


async def retries(env: WorkflowEnvironment) -> Handle[Any]:
    async with worker(env):
        handle = await corpus.retries.with_options(workflow_id="retries").start(env.client)
        for attempt in (4, 5):  # after three of `refuse`
            await env.await_event(handle, "ActivityTaskStarted", count=attempt)
            await env.advance(61)
        await handle.result(30)
        return handle


class Meddler(Client):
    """Signals the execution just before its second decision is answered."""

    decisions = 0

    async def call(self, operation: str, request: Shape, *, timeout: float | None = None) -> Any:  # noqa: ASYNC109
        if isinstance(request, RespondDecisionTaskCompletedInput):
            self.decisions += 1
            if self.decisions == 2:
                await self.signal_workflow_execution(workflow_id="unhandled", signal_name="add", input="42")
        return await super().call(operation, request, timeout=timeout)


async def unhandled(env: WorkflowEnvironment) -> Handle[Any]:
    meddler = Meddler(env.client.endpoint, domain=env.domain, credentials="none", identity=IDENTITY)
    async with meddler, Worker(meddler, task_list="tests", workflows=corpus.WORKFLOWS, activities=corpus.ACTIVITIES):
        handle = await corpus.unhandled.with_options(workflow_id="unhandled").start(env.client)
        assert await handle.result(30) == 2
        return handle


@workflow("patched", "1.0")
async def before_patch() -> int:
    return await corpus.double(await corpus.double(1))


async def patched_before(env: WorkflowEnvironment) -> Handle[Any]:
    async with worker(env, changed=[before_patch]):
        handle = await before_patch.with_options(workflow_id="patched").start(env.client)
        await handle.result(30)
        return handle


@workflow("mended", "1.0")
async def broken() -> int:
    time.sleep(0.01)  # noqa: ASYNC251  just so
    return await corpus.double(4)


async def mended(env: WorkflowEnvironment) -> Handle[Any]:
    async with env.time_locked():
        async with worker(env, changed=[broken]):
            handle = await corpus.mended.with_options(workflow_id="mended").start(env.client)
            await env.await_event(handle, "MarkerRecorded")
        async with worker(env):
            await env.advance(11)
            await handle.result(30)
    return handle


MAKINGS: dict[str, Making] = {
    "sequence": runs(corpus.sequence, 4),
    "fan_out": runs(corpus.fan_out, 5),
    "many": runs(corpus.many),
    "timers": runs(corpus.timers),
    "signals": signals,
    "unhandled": unhandled,
    "parent": runs(corpus.parent),
    "cancelled": cancelled,
    "retries": retries,
    "again": runs(corpus.again, 1),
    "chance": runs(corpus.chance),
    "patched": runs(corpus.patched_workflow),
    "patched_before": patched_before,
    "mended": mended,
}


async def main() -> None:
    missing = {name: make for name, make in MAKINGS.items() if not _path(name).exists()}
    async with WorkflowEnvironment.start() as shared:
        for name, make in missing.items():
            async with WorkflowEnvironment.connect(shared.client.endpoint) as env:
                env.client.identity = IDENTITY
                handle = await make(env)
                _path(name).write_text(_anywhere(await export_history(env.client, handle)))


def _path(name: str) -> Path:
    return HISTORIES / f"{name}.json"


def _anywhere(history: bytes) -> str:
    """Traces name files, but not where they were on the machine that made it."""
    return history.decode().replace(f"{ROOT}/", "").replace(sys.base_prefix, "python")


if __name__ == "__main__":
    asyncio.run(main())
