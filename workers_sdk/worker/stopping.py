"""When a worker is to end: by a signal, by a call, by a second signal at once.

Law: the first request is the graceful one, the second forces.
"""

from __future__ import annotations

import asyncio
import logging
import signal
from collections.abc import Coroutine, Generator
from contextlib import contextmanager
from typing import Any, Final

log = logging.getLogger(__name__)

_SIGNALS: Final = (signal.SIGTERM, signal.SIGINT)


class Stopping:
    def __init__(self) -> None:
        self.asked = asyncio.Event()
        self.forced = asyncio.Event()

    def ask(self) -> None:
        (self.forced if self.asked.is_set() else self.asked).set()

    async def unless_asked(self, beginning: Coroutine[Any, Any, object]) -> bool:
        """Whether *beginning* ran to its end; it is cancelled when somebody asks before. Raises what it raises."""
        begun, asking = asyncio.ensure_future(beginning), asyncio.ensure_future(self.asked.wait())
        try:
            await asyncio.wait({begun, asking}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            asking.cancel()
            begun.cancel()
            await asyncio.wait({begun})
        if begun.cancelled():
            return False
        begun.result()
        return True

    @contextmanager
    def on_signals(self) -> Generator[None]:
        """SIGTERM and SIGINT ask, within the block. Raises ValueError outside of the main thread."""
        loop = asyncio.get_running_loop()
        before = {number: signal.getsignal(number) for number in _SIGNALS}
        for number in _SIGNALS:
            loop.add_signal_handler(number, self._signaled, number)
        try:
            yield
        finally:
            for number, handler in before.items():
                loop.remove_signal_handler(number)
                signal.signal(number, handler)

    def _signaled(self, number: signal.Signals) -> None:
        again = self.asked.is_set()
        log.warning("%s: %s", number.name, "ending at once" if again else "ending; once more ends at once")
        self.ask()
