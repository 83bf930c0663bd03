"""Catches workflow code that would come out differently at its next replay, or that holds up all others.

Law: nothing is patched and no import is hidden. While the code of one execution runs for the first time, the
interpreter tells this thread of each call (`sys.setprofile`); a replay runs unwatched, since what it repeats has been
looked at. A call that reads a clock or draws a lot counts if it is the user's own code that makes it; one that blocks
counts wherever it comes from, logging and imports excepted. If a debugger or profiler is at work, it has precedence.
"""

from __future__ import annotations

import random
import secrets
import socket
import sys
import sysconfig
import threading
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from types import CodeType, FrameType, ModuleType
from typing import Any, Final, NoReturn

from workers_sdk.errors import ForbiddenInWorkflow
from workers_sdk.replay.loop import WorkflowLoop

_NOW: Final = "use workers_sdk.now()"
_SLEEP: Final = "use `await asyncio.sleep(...)`: in a workflow it is a durable timer"
_RANDOM: Final = "use workers_sdk.random()"
_UUID: Final = "use workers_sdk.uuid4()"
_ACTIVITY: Final = "do it in an activity, or once and for all in workers_sdk.side_effect(...)"

#: Built-in functions by the class or module that they belong to and their name: what comes out is not the same twice.
_CHANGING: Final = {
    ("datetime", "now"): _NOW,
    ("datetime", "utcnow"): _NOW,
    ("datetime", "today"): _NOW,
    ("date", "today"): _NOW,
    ("time", "time"): _NOW,
    ("time", "time_ns"): _NOW,
    ("time", "monotonic"): _NOW,
    ("time", "monotonic_ns"): _NOW,
    ("time", "perf_counter"): _NOW,
    ("time", "perf_counter_ns"): _NOW,
    ("posix", "urandom"): _RANDOM,
    ("posix", "getenv"): _ACTIVITY,
    ("Random", "random"): _RANDOM,
    ("Random", "getrandbits"): _RANDOM,
}
#: Built-in functions that wait for the world.
_BLOCKING: Final = {
    ("time", "sleep"): _SLEEP,
    ("io", "open"): _ACTIVITY,
    ("_io", "open"): _ACTIVITY,
    ("posix", "open"): _ACTIVITY,
    ("posix", "system"): _ACTIVITY,
    ("_socket", "getaddrinfo"): _ACTIVITY,
    ("socket", "connect"): _ACTIVITY,
    ("socket", "connect_ex"): _ACTIVITY,
    ("socket", "bind"): _ACTIVITY,
    ("_posixsubprocess", "fork_exec"): _ACTIVITY,
    ("_thread", "start_new_thread"): _ACTIVITY,
}
#: Python functions of the standard library, by their code: called by the user's own.
_FUNCTIONS: Final[dict[CodeType, tuple[str, str]]] = {
    uuid.uuid4.__code__: ("uuid.uuid4()", _UUID),
    uuid.uuid1.__code__: ("uuid.uuid1()", _UUID),
    random.Random.seed.__code__: ("random.seed()", _RANDOM),
    **{
        getattr(random.Random, name).__code__: (f"random.{name}()", _RANDOM)
        for name in ("randint", "randrange", "choice", "choices", "shuffle", "sample", "uniform", "gauss")
    },
    secrets.token_hex.__code__: ("secrets.token_hex()", _UUID),
    secrets.token_bytes.__code__: ("secrets.token_bytes()", _UUID),
    secrets.token_urlsafe.__code__: ("secrets.token_urlsafe()", _UUID),
    socket.create_connection.__code__: ("socket.create_connection()", _ACTIVITY),
    threading.Thread.start.__code__: ("threading.Thread.start()", _ACTIVITY),
}
#: Who may open files and look at clocks on behalf of workflow code: it tells the outside, and comes back unchanged.
_EXCEPTED: Final = ("logging", "importlib", "_frozen_importlib", "linecache", "traceback", "warnings")

_LIBRARIES: Final = tuple({sysconfig.get_path(name) for name in ("stdlib", "platstdlib", "purelib", "platlib")})
_LOOP: Final = WorkflowLoop.run.__code__
_OURS: Final = str(Path(__file__).parents[1])


class Guard:
    """Watches the workflow code that runs in this thread while it is entered."""

    def __init__(self) -> None:
        #: what was caught: code that swallows it has been caught all the same
        self.caught: ForbiddenInWorkflow | None = None

    @contextmanager
    def watching(self) -> Iterator[None]:
        if sys.getprofile() is not None:
            yield
            return
        sys.setprofile(self._look)
        try:
            yield
        finally:
            sys.setprofile(None)

    @contextmanager
    def lifted(self) -> Iterator[None]:
        watched = sys.getprofile()
        if watched != self._look:
            yield
            return
        sys.setprofile(None)
        try:
            yield
        finally:
            sys.setprofile(watched)

    def _look(self, frame: FrameType, event: str, arg: Any) -> None:
        if event == "c_call":
            owner = getattr(arg, "__self__", None)
            key = (_home(owner), arg.__name__)
            if key in _CHANGING:
                if _is_users(frame.f_code.co_filename) and not _is_own_random(owner):
                    self._catch(f"{key[0]}.{key[1]}()", _CHANGING[key], frame)
            elif key in _BLOCKING and not _is_excepted(frame):
                self._catch(f"{key[0]}.{key[1]}()", _BLOCKING[key], frame)
        elif event == "call" and frame.f_code in _FUNCTIONS:
            what, advice = _FUNCTIONS[frame.f_code]
            caller = frame.f_back
            drawn = frame.f_locals.get("self")
            if caller is not None and _is_users(caller.f_code.co_filename) and not _is_own_random(drawn):
                self._catch(what, advice, caller)

    def _catch(self, what: str, advice: str, frame: FrameType) -> NoReturn:
        line = f"{frame.f_code.co_filename}:{frame.f_lineno} in {frame.f_code.co_qualname}"
        self.caught = ForbiddenInWorkflow(f"{what} in workflow code: {advice} ({line})")
        raise self.caught


def _home(owner: object) -> str:
    """Where a built-in function belongs: its module, its class, the class of the object that it is a method of."""
    if isinstance(owner, ModuleType):
        return owner.__name__
    kind = owner if isinstance(owner, type) else type(owner)
    # `now` of a class derived from datetime is datetime's.
    return next((one.__name__ for one in kind.__mro__ if one.__module__ == "datetime"), kind.__name__)


def _is_own_random(owner: object) -> bool:
    """An instance that somebody made with a seed; only the module's hidden one is everybody's."""
    hidden = getattr(random.random, "__self__", None)
    return isinstance(owner, random.Random) and owner is not hidden


@cache
def _is_users(filename: str) -> bool:
    """Whether a file is neither the standard library's, nor an installed one's, nor ours."""
    return not filename.startswith(("<frozen", _OURS, *_LIBRARIES))


def _is_excepted(frame: FrameType | None) -> bool:
    """Whether a module that may is at work between the workflow's code and here."""
    while frame is not None and frame.f_code is not _LOOP:
        if str(frame.f_globals.get("__name__", "")).startswith(_EXCEPTED):
            return True
        frame = frame.f_back
    return False
