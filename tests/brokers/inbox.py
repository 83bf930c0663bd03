"""What the broker suites share: messages to send, and a consumer that a test can wait on."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Generic, TypeVar

from workflowsvc.messages import Action, Task, TaskKind, TaskList, Wake
from workflowsvc.ports import Broker

#: Seconds after which something that should have happened never will.
PATIENCE = 15

DECISIONS = TaskList("eu/orders", TaskKind.DECISION, "main")
ACTIVITIES = TaskList("eu/orders", TaskKind.ACTIVITY, "main")

T = TypeVar("T")


def action(id: str, lane: int = 0, run_id: str = "") -> Action:
    return Action(id, lane, "eu/orders", "order-1", run_id or f"run of {id}", Wake())


def task(run_id: str, priority: int = 0, task_list: TaskList = ACTIVITIES) -> Task:
    return Task(task_list, 0, task_list.domain, "order-1", run_id, 5, priority)


def never(*_: object) -> None:
    """For what this broker does not do."""
    raise AssertionError("it cannot have lost anything")


def whatever(*_: object) -> None:
    """For what is another test's business."""


class Inbox(Generic[T]):
    """A consumer: call it with what comes in."""

    def __init__(self) -> None:
        self._arrived: asyncio.Queue[T] = asyncio.Queue()

    def __call__(self, arrived: T) -> None:
        self._arrived.put_nowait(arrived)

    @property
    def empty(self) -> bool:
        return self._arrived.empty()

    async def next(self) -> T:
        async with asyncio.timeout(PATIENCE):
            return await self._arrived.get()

    async def take(self, number: int) -> list[T]:
        return [await self.next() for _ in range(number)]


@asynccontextmanager
async def publishing(broker: Broker, *actions: Action) -> AsyncIterator[asyncio.Task[None]]:
    """Publish in the background; leaving waits until that is confirmed."""
    async with asyncio.timeout(PATIENCE), asyncio.TaskGroup() as group:
        yield group.create_task(broker.publish(actions))
