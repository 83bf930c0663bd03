"""A domain of one's own in the shared service, and a client on it.

Law: what a test starts it can wait for: by the execution's own history, which SWF holds ready for whoever asks.
"""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator, Awaitable, Sequence
from contextlib import asynccontextmanager
from typing import Any

import pytest

from workers_sdk.client import Client, Retries
from workflowsvc.swf import shapes
from workflowsvc.swf.faults import UnknownResourceFault
from workflowsvc.swf.shapes import EventType

#: Seconds within which what must come has come, on a machine that does much else.
PATIENCE = 40.0

_ENDS = {
    EventType.WORKFLOW_EXECUTION_COMPLETED,
    EventType.WORKFLOW_EXECUTION_FAILED,
    EventType.WORKFLOW_EXECUTION_CANCELED,
    EventType.WORKFLOW_EXECUTION_TERMINATED,
    EventType.WORKFLOW_EXECUTION_TIMED_OUT,
}


class Domain:
    """A fresh domain: its client, and what tests ask of it."""

    def __init__(self, client: Client) -> None:
        self.client = client

    async def start(self, workflow: Any, input: str | None = None, **members: Any) -> shapes.WorkflowExecution:
        """*workflow*: anything with a name and a version."""
        workflow_id = members.pop("workflow_id", f"w-{uuid.uuid4().hex[:8]}")
        run = await self.client.start_workflow_execution(
            workflow_id=workflow_id,
            workflow_type=shapes.WorkflowType(name=workflow.name, version=workflow.version),
            input=input,
            **members,
        )
        assert run.run_id
        return shapes.WorkflowExecution(workflow_id=workflow_id, run_id=run.run_id)

    async def events(self, execution: shapes.WorkflowExecution) -> list[shapes.HistoryEvent]:
        return [event async for event in self.client.history(execution.workflow_id, execution.run_id)]

    async def until(
        self, execution: shapes.WorkflowExecution, *types: EventType, count: int = 1
    ) -> list[shapes.HistoryEvent]:
        """The history, once it has so many events of these types. It is polled: SWF tells nobody of a new event."""
        async with asyncio.timeout(PATIENCE):
            while True:
                events = await self.events(execution)
                if sum(event.event_type in types for event in events) >= count:
                    return events
                await asyncio.sleep(0.02)

    async def end(self, execution: shapes.WorkflowExecution) -> shapes.HistoryEvent:
        """The event that closed the execution."""
        return (await self.until(execution, *_ENDS))[-1]

    async def result(self, execution: shapes.WorkflowExecution) -> str | None:
        closed = await self.end(execution)
        completed = closed.workflow_execution_completed_event_attributes
        assert completed, closed
        return completed.result


@asynccontextmanager
async def fresh_domain(url: str, **options: Any) -> AsyncIterator[Domain]:
    options.setdefault("retries", Retries(attempts=3))
    async with Client(url, domain=f"d-{uuid.uuid4().hex[:12]}", credentials="none", **options) as client:
        await client.register_domain(name=client.domain, workflow_execution_retention_period_in_days="1")
        yield Domain(client)


@pytest.fixture
async def domain(url: str) -> AsyncIterator[Domain]:
    async with fresh_domain(url) as domain:
        yield domain


async def started(domain: Domain, workflow: object, input: str | None = None) -> shapes.WorkflowExecution:
    """An execution, as soon as a worker has registered its type."""
    async with asyncio.timeout(PATIENCE):
        while True:
            try:
                return await domain.start(workflow, input)
            except UnknownResourceFault:
                await asyncio.sleep(0.05)


def types_of(events: Sequence[shapes.HistoryEvent]) -> list[str]:
    return [event.event_type.value for event in events]


async def within(awaitable: Awaitable[Any], seconds: float = PATIENCE) -> Any:
    async with asyncio.timeout(seconds):
        return await awaitable
