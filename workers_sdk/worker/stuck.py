"""Replays that do not come to rest: `while True: pass` in a workflow's code.

Law: first it is said where the code stands, then the code is ended by an exception, and where that does not reach it,
its thread is left behind and replaced. Other executions go on meanwhile.
"""

from __future__ import annotations

import logging
import sys
import threading
import time
import traceback
from collections.abc import Callable
from concurrent.futures import Future, InvalidStateError
from types import FrameType
from typing import Any, Final, Generic, TypeVar

from workers_sdk.errors import WorkflowStuck
from workers_sdk.worker.interrupts import Interruptible
from workers_sdk.worker.threads import Threads, outcome

log = logging.getLogger(__name__)

T = TypeVar("T")

#: Seconds after which it is said, and after which the code is ended: replaying 25,000 events takes half a second.
SAY: Final = 2.0
END: Final = 20.0
#: Seconds that the code has to be gone once it was ended; seconds between two looks.
_LEAVE: Final = 5.0
_LOOK: Final = 1.0


class _Call(Generic[T]):
    def __init__(self, function: Callable[[], T], name: str, limit: float) -> None:
        self.name = name
        self.limit = limit
        self.outcome = Future[T]()
        self.began: float | None = None
        self.said = False
        self.stretch = Interruptible()
        self._function = function

    def __call__(self) -> T:
        self.began = time.monotonic()
        self.stretch.enter()
        try:
            try:
                result = self._function()
            finally:
                self.stretch.leave()
        except BaseException as error:
            self.stretch.leave()  # it may have hit the first time
            if self.stretch.interrupted:
                raise self._stuck("was ended") from error
            raise
        if self.stretch.interrupted:  # the code caught it: what it decided then is not what it decides at a replay
            raise self._stuck("was ended")
        return result

    def give_up(self) -> bool:
        """Whether nothing of it is known yet: the thread may come back at this very moment."""
        return _tell(self.outcome.set_exception, self._stuck("does not let itself be ended"))

    def frame(self) -> FrameType | None:
        return sys._current_frames().get(self.stretch.thread or 0)

    def _stuck(self, end: str) -> WorkflowStuck:
        return WorkflowStuck(f"the code did not come to rest within {self.limit:g} s, and {end}")


class Replaying:
    """Calls functions in *threads*, and ends those that do not come to rest."""

    def __init__(self, threads: Threads, *, say: float = SAY, look: float = _LOOK, leave: float = _LEAVE) -> None:
        self._threads = threads
        self._say = say
        self._look = look
        self._give_up = leave
        self._calls: set[_Call[Any]] = set()
        self._over = threading.Event()
        self._watcher: threading.Thread | None = None

    async def run(self, function: Callable[[], T], name: str, limit: float = END) -> T:
        """What *function* gives, or raises; WorkflowStuck if it takes more than *limit* seconds. Not cancelled with the
        caller."""
        return await outcome(self.submit(function, name, limit))

    def submit(self, function: Callable[[], T], name: str, limit: float = END) -> Future[T]:
        call = _Call(function, name, limit)
        self._calls.add(call)
        call.outcome.add_done_callback(lambda _: self._calls.discard(call))
        self._threads.submit(call).add_done_callback(lambda done: _copy(done, call.outcome))
        if self._watcher is None:
            self._watcher = threading.Thread(target=self._watch, name="replay-watch", daemon=True)
            self._watcher.start()
        return call.outcome

    def close(self) -> None:
        self._over.set()
        self._threads.close()

    def _watch(self) -> None:
        while not self._over.wait(self._look):
            for call in list(self._calls):
                if call.began is not None:
                    self._judge(call, time.monotonic() - call.began)

    def _judge(self, call: _Call[Any], seconds: float) -> None:
        if seconds > self._say and not call.said:
            call.said = True
            where = "".join(traceback.format_stack(call.frame())[-3:])
            log.warning("%s has not come to rest for %.1f s: does its code loop?\n%s", call.name, seconds, where)
        if seconds > call.limit + self._give_up:
            if call.give_up():
                log.error("%s does not let itself be ended: its thread is left behind", call.name)
                self._threads.replace_one()
        elif seconds > call.limit:
            call.stretch.interrupt()


def _copy(done: Future[T], outcome: Future[T]) -> None:
    error = done.exception()
    if error is not None:
        _tell(outcome.set_exception, error)
    else:
        _tell(outcome.set_result, done.result())


def _tell(tell: Callable[[Any], None], what: object) -> bool:
    """False: it was told otherwise before."""
    try:
        tell(what)
    except InvalidStateError:
        return False
    return True
