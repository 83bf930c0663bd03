"""What closed runs tell others, until those have heard it: for a broker that confirms less than that.

Law: a run is settled when every message that it left was answered, for then the histories of its receivers have it,
whatever becomes of the broker. An answer that the service is away is not the receiver's; what is not answered is sent
again, and changes nothing where it was heard. What is awaited here is unsettled in the store: whoever leaves abandons
it to the sweeper.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine, Iterable, Sequence
from contextlib import AsyncExitStack
from types import TracebackType
from typing import Any, Final, Self

from msgspec import Struct, structs

from coordinator import release
from workflowsvc.messages import Action, Reply
from workflowsvc.ports import Broker, BrokerUnavailable, Store, StoreUnavailable
from workflowsvc.swf.errors import InternalFailure, ServiceUnavailableException

log: Final = logging.getLogger(__name__)

#: Seconds after which an answer is taken for lost; twice as long each time, as the receiver may be what is slow.
PATIENCE_SECONDS = 30.0
MOST_SECONDS: Final = 600.0


class _Word(Struct, eq=False):
    action: Action
    heard: asyncio.Future[None]
    patience: float
    #: on the loop's clock
    again_at: float


class Words:
    """One reply address. While it is entered, what was told and not answered is told again."""

    def __init__(self, broker: Broker, store: Store, beside: Callable[[Coroutine[Any, Any, None]], object]) -> None:
        """*beside* runs what nobody waits for, until the coordinator leaves."""
        self._broker = broker
        self._store = store
        self._beside = beside
        self._address = ""
        #: by the ids of their actions
        self._unheard: dict[str, _Word] = {}
        self._runs: set[str] = set()
        self._stack = AsyncExitStack()

    async def __aenter__(self) -> Self:
        self._loop = asyncio.get_running_loop()
        self._address = await self._stack.enter_async_context(self._broker.replies(self._replied, self._lost))
        self._beside(self._tell_again_for_ever())
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._stack.aclose()

    def awaits(self, run_id: str) -> bool:
        return run_id in self._runs

    async def tell(self, messages: Iterable[Action], run_ids: Sequence[str]) -> None:
        """Returned means that the broker has them; the runs are settled by and by. Raises BrokerUnavailable."""
        self._runs.update(run_ids)
        words = [self._word(message) for message in messages]
        await self._broker.publish([word.action for word in words])
        self._beside(self._settle([word.heard for word in words], run_ids))

    def _word(self, message: Action) -> _Word:
        word = self._unheard.get(message.id)
        if word is None:
            action = structs.replace(message, reply_to=self._address)
            word = _Word(action, self._loop.create_future(), PATIENCE_SECONDS, self._loop.time() + PATIENCE_SECONDS)
            self._unheard[message.id] = word
        return word

    async def _settle(self, heard: Sequence[asyncio.Future[None]], run_ids: Sequence[str]) -> None:
        await asyncio.wait(heard)
        while True:
            try:
                await self._store.settle(run_ids)
            except StoreUnavailable:
                await asyncio.sleep(release.RETRY_SECONDS)
                continue
            self._runs.difference_update(run_ids)
            return

    # ---- answers

    def _replied(self, reply: Reply) -> None:
        word = self._unheard.get(reply.action_id)
        if word is None:
            return
        refused = reply.refusal and reply.refusal.code
        if refused == ServiceUnavailableException.__name__:
            self._ask(word, release.RETRY_SECONDS)
            return
        if refused == InternalFailure.__name__:
            log.error("%s to %s is in poison: nobody will hear it", word.action.id, word.action.workflow_id)
        del self._unheard[reply.action_id]
        word.heard.set_result(None)

    def _lost(self) -> None:
        for word in self._unheard.values():
            self._ask(word, 0.0)

    def _ask(self, word: _Word, seconds: float) -> None:
        word.patience = PATIENCE_SECONDS
        word.again_at = self._loop.time() + seconds

    async def _tell_again_for_ever(self) -> None:
        while True:
            await asyncio.sleep(release.RETRY_SECONDS)
            now = self._loop.time()
            await asyncio.gather(*[self._tell_again(word) for word in self._unheard.values() if word.again_at <= now])

    async def _tell_again(self, word: _Word) -> None:
        word.again_at = self._loop.time() + word.patience
        word.patience = min(2 * word.patience, MOST_SECONDS)
        try:
            await self._broker.publish([structs.replace(word.action, repeated=True)])
        except BrokerUnavailable:
            self._ask(word, release.RETRY_SECONDS)
