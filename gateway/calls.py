"""Ask the coordinator: publish an action, await its reply by the action's id.

Law: the reply is the answer; no reply in time, or no way to get one, is ServiceUnavailableException, which SDKs
retry. A requester that goes away stops waiting; its action goes on. An action that is asked for again keeps its id, by
which the coordinator knows it.
"""

from __future__ import annotations

import asyncio
import logging
import random
import secrets
from contextlib import AsyncExitStack
from types import TracebackType
from typing import Final, NamedTuple

import msgspec

from workflowsvc import names
from workflowsvc.jobs import Jobs
from workflowsvc.messages import NO_TASK, Action, Reply, Request, Result, TaskRef
from workflowsvc.ports import Broker, BrokerUnavailable, Clock
from workflowsvc.swf import errors, faults
from workflowsvc.swf.errors import Fault, InternalFailure, ServiceUnavailableException

_LOG: Final = logging.getLogger(__name__)

#: Between two attempts to ask again: replies may be heard before requests can be sent.
_RETRY_SECONDS: Final = 0.25
_ENTROPY_BYTES: Final = 10
#: Leaves room above for what is counted within one millisecond.
_ENTROPY_BITS: Final = 8 * _ENTROPY_BYTES - 1

#: Every fault by the name under which a refusal carries it.
_FAULTS: Final[dict[str, type[Fault]]] = {
    name: kind
    for module in (errors, faults)
    for name, kind in vars(module).items()
    if isinstance(kind, type) and issubclass(kind, Fault)
}


class ActionIds:
    """Ids that only ever rise within the process: later in one millisecond is the random part plus one."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._at = 0
        self._entropy = 0
        # Ids must not meet those of another process; nobody gains by guessing one.
        self._draw = random.Random(secrets.randbits(256)).getrandbits  # noqa: S311

    def next(self) -> str:
        now = self._clock.now()
        if now > self._at:
            self._at = now
            self._entropy = self._draw(_ENTROPY_BITS)
        else:
            self._entropy += 1
        return names.action_id(self._at, self._entropy.to_bytes(_ENTROPY_BYTES, "big"))


class _Waiting(NamedTuple):
    action: Action
    #: the loop's time
    until: float
    answer: asyncio.Future[Reply]


class Calls:
    """One reply address and those who wait at it."""

    def __init__(self, clock: Clock, broker: Broker, *, timeout: float = 30.0) -> None:
        self._broker = broker
        self._timeout = timeout
        self._ids = ActionIds(clock)
        self._address = ""
        self._waiting: dict[str, _Waiting] = {}
        self._sweeping: asyncio.TimerHandle | None = None
        self._asking = Jobs()
        self._stack = AsyncExitStack()

    async def __aenter__(self) -> Calls:
        self._loop = asyncio.get_running_loop()
        self._address = await self._stack.enter_async_context(self._broker.replies(self._replied, self._ask_again))
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._sweeping is not None:
            self._sweeping.cancel()
        await self._asking.end()
        await self._stack.aclose()

    async def call(
        self, lane: int, domain: str, workflow_id: str, run_id: str, request: Request, task: TaskRef = NO_TASK
    ) -> Result:
        """What the coordinator answers. Raises the Fault that it refuses with."""
        action = Action(self._ids.next(), lane, domain, workflow_id, run_id, request, task, self._address)
        loop = self._loop
        answer: asyncio.Future[Reply] = loop.create_future()
        self._waiting[action.id] = _Waiting(action, loop.time() + self._timeout, answer)
        if self._sweeping is None:
            self._sweeping = loop.call_later(self._timeout, self._sweep)
        try:
            await self._broker.request(action)
            reply = await answer
        except BrokerUnavailable:
            raise ServiceUnavailableException from None
        finally:
            del self._waiting[action.id]
        if reply.refusal is not None:
            raise _fault(reply.refusal.code, reply.refusal.message)
        return reply.result

    async def tell(
        self, lane: int, domain: str, workflow_id: str, run_id: str, request: Request, task: TaskRef = NO_TASK
    ) -> None:
        """Publish and want no reply. Raises BrokerUnavailable."""
        await self._broker.publish([Action(self._ids.next(), lane, domain, workflow_id, run_id, request, task)])

    def _replied(self, reply: Reply) -> None:
        waiting = self._waiting.get(reply.action_id)
        if waiting is not None and not waiting.answer.done():
            waiting.answer.set_result(reply)

    def _ask_again(self) -> None:
        """Replies may be lost: every action that waits for one is sent once more, and answered as the first time."""
        for waiting in self._waiting.values():
            self._asking.start(self._request_again(waiting))

    async def _request_again(self, waiting: _Waiting) -> None:
        again = msgspec.structs.replace(waiting.action, repeated=True)
        while again.id in self._waiting and not waiting.answer.done():
            try:
                await self._broker.request(again)
            except BrokerUnavailable:
                await asyncio.sleep(_RETRY_SECONDS)
            else:
                return

    def _sweep(self) -> None:
        """Give up what has waited too long. One timer serves all: they wait equally long, so the oldest come first."""
        loop = self._loop
        self._sweeping = None
        for waiting in tuple(self._waiting.values()):
            if waiting.until > loop.time():
                self._sweeping = loop.call_at(waiting.until, self._sweep)
                return
            if not waiting.answer.done():
                waiting.answer.set_exception(ServiceUnavailableException())


def _fault(code: str, message: str | None) -> Fault:
    kind = _FAULTS.get(code)
    if kind is None:
        _LOG.error("the coordinator refused with %s, which is no fault: %s", code, message)
        return InternalFailure()
    return kind(message)
