"""Heartbeats of the activities that run here.

Law: a thread, an event loop and connections of their own: they are sent on time though activities, workflows or the
worker's own loop block. The latest details win.
"""

from __future__ import annotations

import asyncio
import copy
import logging
from collections.abc import Generator
from contextlib import AsyncExitStack, contextmanager
from typing import Final

from workers_sdk.client import Client, ClientError
from workers_sdk.payloads import PayloadError, Payloads, PayloadStoreUnavailable
from workers_sdk.worker.cancellation import Cancellation, Why
from workers_sdk.worker.threads import LoopThread
from workflowsvc.swf.errors import Fault, ValidationException
from workflowsvc.swf.faults import UnknownResourceFault

log = logging.getLogger(__name__)

#: An activity's own heartbeats are sent this far apart at least: the later details are worth more than the earlier.
PACE: Final = 1.0
#: A heartbeat that had no answer within this time is sent again; earlier if the activity has to beat more often.
PATIENCE: Final = 10.0
_SHORTEST: Final = 0.1
#: "details: Maximum length of 2048" (RecordActivityTaskHeartbeat).
DETAILS_LIMIT: Final = 2048


class Beat:
    """The heartbeats of one attempt. *every*: seconds between two; None: only when the activity says so."""

    def __init__(self, name: str, task_token: str, every: float | None, cancellation: Cancellation) -> None:
        self.name = name
        self.task_token = task_token
        self.every = every if every is None else max(every, _SHORTEST)
        self.cancellation = cancellation
        #: whether the heartbeats' loop was ever bothered with it: most activities need no heartbeats
        self.begun = False
        self.over = False
        #: what follows is of that loop
        self.details: str | None = None
        self.wanted = asyncio.Event()
        self.sending: asyncio.Task[None] | None = None

    @property
    def pace(self) -> float:
        return PACE if self.every is None else min(PACE, self.every)

    @property
    def patience(self) -> float:
        return PATIENCE if self.every is None else min(PATIENCE, max(self.every, PACE))


class Heartbeats:
    """Between `start` and `stop`, in *thread*."""

    def __init__(self, client: Client, payloads: Payloads, thread: LoopThread) -> None:
        # A client is of the loop that enters it; the copy is entered over there.
        self._client = copy.copy(client)
        self._payloads = payloads
        self._thread = thread
        self._stack = AsyncExitStack()

    async def start(self) -> None:
        await self._thread.run(self._stack.enter_async_context(self._client))

    async def stop(self) -> None:
        await self._thread.run(self._stack.aclose())

    @contextmanager
    def of(self, name: str, task_token: str, every: float | None, cancellation: Cancellation) -> Generator[Beat]:
        """Heartbeats within the block, the first one *every* seconds after its beginning."""
        beat = Beat(name, task_token, every, cancellation)
        if every is not None:
            beat.begun = True
            self._thread.loop.call_soon_threadsafe(self._begin, beat)
        try:
            yield beat
        finally:
            beat.over = True  # before the look at `begun`: a last note from a thread then begins nothing
            if beat.begun:
                self._thread.loop.call_soon_threadsafe(_end, beat)

    def note(self, beat: Beat, details: object) -> None:
        """What an activity says of itself. Safe from any thread. Raises PayloadError."""
        text = None if details is None else self._payloads.converter.to_text(details)
        beat.begun = True
        self._thread.loop.call_soon_threadsafe(self._noted, beat, text)

    # ---- over there

    def _noted(self, beat: Beat, text: str | None) -> None:
        beat.details = text if text is not None else beat.details
        beat.wanted.set()
        self._begin(beat)

    def _begin(self, beat: Beat) -> None:
        if beat.sending is None and not beat.over:
            beat.sending = asyncio.create_task(self._send_all(beat), name=f"heartbeats of {beat.name}")

    async def _send_all(self, beat: Beat) -> None:
        loop = asyncio.get_running_loop()
        last = loop.time()
        while beat.cancellation.why is not Why.GONE:
            await _due(beat, last)
            last = loop.time()
            await self._send(beat)
            await asyncio.sleep(last + beat.pace - loop.time())

    async def _send(self, beat: Beat) -> None:
        try:
            async with asyncio.timeout(beat.patience):
                await self._ask(beat)
        except UnknownResourceFault:
            beat.cancellation.request(Why.GONE)
        except (PayloadError, ValidationException) as error:
            log.warning("heartbeat of %s: its details are left out: %s", beat.name, error)
            beat.details = None
        except (Fault, ClientError, PayloadStoreUnavailable, TimeoutError) as error:
            log.warning("heartbeat of %s: %s; again", beat.name, str(error) or "no answer in time")
        except Exception:  # of a codec, which may raise anything: without its details it is still a heartbeat
            log.exception("heartbeat of %s: its details are left out", beat.name)
            beat.details = None

    async def _ask(self, beat: Beat) -> None:
        details = await self._payloads.encode(beat.details, DETAILS_LIMIT)
        answer = await self._client.record_activity_task_heartbeat(task_token=beat.task_token, details=details)
        if answer.cancel_requested and beat.cancellation.why is None:
            beat.cancellation.request(Why.REQUESTED)


def _end(beat: Beat) -> None:
    if beat.sending is not None:
        beat.sending.cancel()


async def _due(beat: Beat, last: float) -> None:
    """When the activity beats, or *every* seconds after the last one."""
    try:
        async with asyncio.timeout_at(None if beat.every is None else last + beat.every):
            await beat.wanted.wait()
    except TimeoutError:
        pass
    beat.wanted.clear()
