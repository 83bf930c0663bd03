"""Catches workflow code that would come out differently at its next replay, or that holds up all others.

Law: nothing is patched and no import is hidden. While the code of one execution runs for the first time, the
interpreter tells this thread of each call (`sys.setprofile`); a replay runs unwatched, since what it repeats has been
looked at. What counts stands in forbidden.py; logging, imports and a few more are excepted. If a debugger or profiler
is at work, it has precedence.
"""

from __future__ import annotations

import sys
import sysconfig
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from types import FrameType, ModuleType
from typing import Any, Final

from workers_sdk.errors import ForbiddenInWorkflow
from workers_sdk.replay.forbidden import BLOCKING, CHANGING, FUNCTIONS, NAMES, is_own_random
from workers_sdk.replay.loop import WorkflowLoop

#: Who may open files and look at clocks on behalf of workflow code. It tells the outside, or asks the programmer, or
#: reads what is installed, and comes back unchanged.
_EXCEPTED: Final = frozenset(
    {
        *("logging", "linecache", "traceback", "warnings", "pdb"),
        *("importlib", "_frozen_importlib", "_frozen_importlib_external"),
        *("zoneinfo", "dateutil", "pytz", "mimetypes", "gettext"),
    }
)

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
            if arg.__name__ in NAMES:
                self._look_at_builtin(frame, arg)
        elif event == "call" and frame.f_code in FUNCTIONS:
            called, caller = FUNCTIONS[frame.f_code], frame.f_back
            if caller is not None and _is_users(caller.f_code.co_filename) and not called.harmless(frame):
                self._catch(called.what, called.advice, caller)

    def _look_at_builtin(self, frame: FrameType, arg: Any) -> None:
        owner, name = getattr(arg, "__self__", None), arg.__name__
        for home in _homes(owner):
            if (home, name) in BLOCKING:
                self._catch(f"{home}.{name}()", BLOCKING[home, name], frame)
            elif (home, name) in CHANGING and _is_users(frame.f_code.co_filename) and not is_own_random(owner):
                self._catch(f"{home}.{name}()", CHANGING[home, name], frame)

    def _catch(self, what: str, advice: str, frame: FrameType) -> None:
        if _is_excepted(frame):
            return
        users = _users_frame(frame)
        line = f"{users.f_code.co_filename}:{users.f_lineno} in {users.f_code.co_qualname}"
        self.caught = ForbiddenInWorkflow(f"{what} in workflow code: {advice} ({line})")
        raise self.caught


def _homes(owner: object) -> Iterator[str]:
    """Where a built-in function belongs: its module, or its object's class and that class's bases."""
    if isinstance(owner, ModuleType):
        yield owner.__name__
        return
    kind = owner if isinstance(owner, type) else type(owner)
    for one in type.mro(kind):
        yield one.__name__


@cache
def _is_users(filename: str) -> bool:
    """Whether a file is neither the standard library's, nor an installed one's, nor ours."""
    return not filename.startswith(("<frozen", _OURS, *_LIBRARIES))


def _users_frame(frame: FrameType) -> FrameType:
    """The line in a file of the user's own that the call came from; it itself, if there is none."""
    one: FrameType | None = frame
    while one is not None and one.f_code is not _LOOP:
        if _is_users(one.f_code.co_filename) and not one.f_code.co_filename.startswith("<"):
            return one
        one = one.f_back
    return frame


def _is_excepted(frame: FrameType | None) -> bool:
    """Whether a module that may is at work between the workflow's code and here."""
    while frame is not None and frame.f_code is not _LOOP:
        if str(frame.f_globals.get("__name__", "")).partition(".")[0] in _EXCEPTED:
            return True
        frame = frame.f_back
    return False
