"""An exception raised in another thread, where nothing else ends what runs there.

Law: nothing stays pending: it is raised at once, or taken back. In Python 3.11 a thread under a profiler, as all
workflow code is that runs for the first time, stands still while another thread has an exception coming.
"""

from __future__ import annotations

import ctypes
import threading
from typing import Final

#: Seconds that a thread has to take its exception: one that runs Python does so at its next turn.
_PATIENCE: Final = 0.2
#: Jumps backwards, at any of which Python looks for what is to be raised.
_TURNS: Final = 1000


class Interrupt(KeyboardInterrupt):
    """Of the exceptions, asyncio lets only this kind through at once."""


class Interruptible:
    """A stretch of what one thread does, between `enter` and `leave`, both called by it."""

    def __init__(self) -> None:
        self.interrupted = False
        self.thread: int | None = None
        self._lock = threading.Lock()
        self._left = threading.Event()

    def enter(self) -> None:
        self.thread = threading.get_ident()

    def leave(self) -> None:
        """From here on nothing is raised in this thread: it has other things to do. May be called again, and has to be
        if an Interrupt came out of it."""
        with self._lock:
            self.thread = None
        if self.interrupted:
            _take()
        self._left.set()

    def interrupt(self) -> bool:
        """From another thread. Whether it was left by that, or before."""
        with self._lock:
            if self.thread is None:
                return True
            self.interrupted = True
            _raise_in(self.thread, Interrupt)
        if self._left.wait(_PATIENCE):
            return True
        with self._lock:
            if self.thread is None:
                return True
            _raise_in(self.thread, None)
        # That nothing is coming any more is noticed only by a thread that takes something.
        _take(Interrupt)
        return False


def _take(kind: type[BaseException] | None = None) -> None:
    """What is to be raised here, *kind* or what is coming, is raised here."""
    try:
        if kind is not None:
            _raise_in(threading.get_ident(), kind)
        for _ in range(_TURNS):
            pass
    except Interrupt:
        pass


def _raise_in(thread: int, kind: type[BaseException] | None) -> None:
    ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(thread), ctypes.py_object(kind) if kind else None)
