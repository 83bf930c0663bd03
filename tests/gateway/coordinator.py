"""A coordinator that answers what a test tells it to.

Law: it consumes actions from the real broker, answers by the table or waits for the test to answer.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

from tests.brokers.inbox import Inbox, never
from workflowsvc.messages import Action, Refusal, Reply, Result
from workflowsvc.ports import Broker, Delivery

Script = Callable[[Action], Result | Refusal]


class ScriptedCoordinator:
    def __init__(self, broker: Broker) -> None:
        self._broker = broker
        #: answers by the type of the request; what is not here waits in *inbox* for `answer`
        self.scripts: dict[type[Any], Script] = {}
        self.inbox: Inbox[Delivery[Action]] = Inbox()
        #: every action that came, the last delivery of it last
        self.actions: list[Action] = []
        self._jobs: set[asyncio.Task[None]] = set()

    @asynccontextmanager
    async def running(self) -> AsyncIterator[ScriptedCoordinator]:
        async with self._broker.consume(self._delivered, never):
            yield self
            await asyncio.gather(*self._jobs)

    def say(self, request: type[Any], answer: Result | Refusal) -> None:
        self.scripts[request] = lambda _: answer

    async def answer(self, delivery: Delivery[Action], answer: Result | Refusal) -> None:
        action = delivery.message
        result, refusal = (None, answer) if isinstance(answer, Refusal) else (answer, None)
        await self._broker.reply(Reply(action.reply_to, action.id, result, refusal))
        await delivery.ack()

    async def next(self) -> Delivery[Action]:
        return await self.inbox.next()

    def _delivered(self, delivery: Delivery[Action]) -> None:
        action = delivery.message
        self.actions.append(action)
        script = self.scripts.get(type(action.request))
        if script is None:
            self.inbox(delivery)
        else:
            job = asyncio.get_running_loop().create_task(self.answer(delivery, script(action)))
            self._jobs.add(job)
            job.add_done_callback(self._jobs.discard)
