"""What follows from a commit: the answer, tasks on their lists, a wake-up, messages to other executions.

Law: what is committed is never handled again for want of its effects, since by then the action could find another
run than the one it changed: the effects alone are tried until they are out. All of them are safe to repeat.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from typing import TYPE_CHECKING, Any

from coordinator.cache import Cached, Executions
from coordinator.handled import Handled
from coordinator.wakes import Wakes
from workflowsvc.messages import Action
from workflowsvc.ports import Broker, BrokerUnavailable, Clock, Store, StoreUnavailable

if TYPE_CHECKING:
    from coordinator.acks import Acks
    from coordinator.words import Words

#: Seconds before something that nobody waits for is tried again, while store or broker are away.
RETRY_SECONDS = 1.0


async def insist(send: Callable[[], Awaitable[None]]) -> None:
    """Send it, however long the broker is away."""
    while True:
        try:
            return await send()
        except BrokerUnavailable:
            await asyncio.sleep(RETRY_SECONDS)


class Releases:
    def __init__(
        self,
        clock: Clock,
        broker: Broker,
        store: Store,
        executions: Executions,
        wakes: Wakes,
        beside: Callable[[Coroutine[Any, Any, None]], object],
        words: Words | None,
        acks: Acks,
    ) -> None:
        """*beside* runs what the lanes must not wait for. *words*: None where the broker confirms what was handled."""
        self._clock = clock
        self._broker = broker
        self._store = store
        self._executions = executions
        self._wakes = wakes
        self._beside = beside
        self._words = words
        self._acks = acks

    async def release(self, handled: Handled) -> None:
        # The answer need not wait for the effects: they follow from what is committed, whatever happens now.
        if handled.reply is not None and handled.reply.to:
            await self._broker.reply(handled.reply)
        try:
            await self._set_going(handled)
        except BrokerUnavailable:
            self._beside(self._insist(handled))
            return
        if handled.effects.messages or handled.to_settle:
            # Confirmed messages may wait for other lanes, and those for this one: it must not wait for them.
            self._beside(self._send(handled))
        else:
            await self._acks.done(handled.delivery)

    async def _set_going(self, handled: Handled) -> None:
        if handled.effects.tasks:
            await self._broker.offer(handled.effects.tasks)
        if handled.effects.gone:
            await self._broker.withdraw(handled.effects.gone)
        for cached in handled.touched:
            await self._arm(cached)

    async def _insist(self, handled: Handled) -> None:
        await asyncio.sleep(RETRY_SECONDS)
        await insist(lambda: self._set_going(handled))
        await self._send(handled)

    async def _send(self, handled: Handled) -> None:
        while True:
            try:
                await self._tell(handled.effects.messages, handled.to_settle)
            except (BrokerUnavailable, StoreUnavailable):
                await asyncio.sleep(RETRY_SECONDS)
                continue
            return await self._acks.done(handled.delivery)

    async def _tell(self, messages: list[Action], to_settle: list[str]) -> None:
        if self._words is not None and messages and to_settle:
            # Whether they were heard is not waited for: what is not acknowledged fills the room for what is to come,
            # and two partitions could wait for each other for ever.
            await self._words.tell(messages, to_settle)
            return
        if messages:
            await self._broker.publish(messages)
        if to_settle:
            await self._store.settle(to_settle)

    async def _arm(self, cached: Cached) -> None:
        execution = cached.execution
        if self._executions.has_replaced(cached):
            return
        if execution.busy():
            self._clock.occupy(execution.run_id)
        else:
            self._clock.vacate(execution.run_id)
        if not await self._wakes.arm(cached):
            self._executions.retire(execution.run_id)
