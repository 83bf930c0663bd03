"""What workflow code must not call, and what it is told to use instead. Data, but for what makes a call harmless.

Law: two kinds. What comes out differently each time counts if the user's own code calls it; what waits for the world,
or changes it, counts wherever the call comes from.
"""

from __future__ import annotations

import asyncio
import os
import pathlib
import queue
import random
import secrets
import socket
import threading
import uuid
from collections.abc import Callable, Collection, Iterator, Mapping
from concurrent.futures import Future as ThreadFuture
from types import CodeType, FrameType, FunctionType
from typing import Final, NamedTuple

_NOW: Final = "use workers_sdk.now()"
_SLEEP: Final = "use `await asyncio.sleep(...)`: in a workflow it is a durable timer"
_RANDOM: Final = "use workers_sdk.random()"
_UUID: Final = "use workers_sdk.uuid4()"
_ACTIVITY: Final = "do it in an activity, or once and for all in workers_sdk.side_effect(...)"
_WAIT: Final = "wait for asyncio's own, or for workers_sdk.wait_until(...): this holds up every other execution"
_ORDER: Final = "use workers_sdk.as_completed(), which begins them in order: asyncio's begins them in any order"

#: Built-in functions by the class or module that they belong to and their name: what comes out is not the same twice.
CHANGING: Final = {
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
    ("time", "process_time"): _NOW,
    ("time", "clock_gettime"): _NOW,
    ("posix", "urandom"): _RANDOM,
    ("Random", "random"): _RANDOM,
    ("Random", "getrandbits"): _RANDOM,
    ("posix", "stat"): _ACTIVITY,
}
#: Built-in functions that wait for the world, or change it.
BLOCKING: Final = {
    ("time", "sleep"): _SLEEP,
    ("builtins", "input"): _ACTIVITY,
    **{("io", name): _ACTIVITY for name in ("open", "open_code")},
    **{("_io", name): _ACTIVITY for name in ("open", "open_code")},
    **{
        ("posix", name): _ACTIVITY
        for name in (
            *(
                "open",
                "listdir",
                "scandir",
                "mkdir",
                "rmdir",
                "remove",
                "unlink",
                "rename",
                "replace",
                "link",
                "symlink",
            ),
            *("system", "fork", "forkpty", "posix_spawn", "posix_spawnp", "execv", "execve", "waitpid"),
        )
    },
    **{("_socket", name): _ACTIVITY for name in ("getaddrinfo", "gethostbyname", "gethostbyaddr")},
    **{
        ("socket", name): _ACTIVITY
        for name in ("connect", "connect_ex", "bind", "send", "sendall", "sendto", "recv", "recv_into", "recvfrom")
    },
    **{("_SSLSocket", name): _ACTIVITY for name in ("do_handshake", "read", "write")},
    ("select", "select"): _ACTIVITY,
    ("_sqlite3", "connect"): _ACTIVITY,
    ("_posixsubprocess", "fork_exec"): _ACTIVITY,
    ("_thread", "start_new_thread"): _ACTIVITY,
    ("_thread", "start_joinable_thread"): _ACTIVITY,
}
NAMES: Final = frozenset(name for _, name in (*CHANGING, *BLOCKING))


class Function(NamedTuple):
    """A Python function of the standard library. *harmless*: whether this call, by its frame, is all the same."""

    what: str
    advice: str
    harmless: Callable[[FrameType], bool] = lambda _: False


def is_own_random(owner: object) -> bool:
    """An instance that somebody made with a seed; the module's hidden one is everybody's, the system's has none."""
    hidden = getattr(random.random, "__self__", None)
    return isinstance(owner, random.Random) and owner is not hidden and not isinstance(owner, random.SystemRandom)


def _draws_its_own(frame: FrameType) -> bool:
    return is_own_random(frame.f_locals.get("self"))


def _is_seeded(frame: FrameType) -> bool:
    return frame.f_locals.get("x") is not None


def _is_of_no_environment(frame: FrameType) -> bool:
    return frame.f_locals.get("self") is not os.environ


def _has_futures_only(frame: FrameType) -> bool:
    """Coroutines would be begun in the order of their addresses."""
    awaitables = frame.f_locals.get("fs")
    return isinstance(awaitables, Collection) and all(map(asyncio.isfuture, awaitables))


def _of_random(kind: type[random.Random]) -> Iterator[tuple[CodeType, Function]]:
    for name, function in vars(kind).items():
        if isinstance(function, FunctionType) and not name.startswith("_") and name not in {"getstate", "setstate"}:
            yield function.__code__, Function(f"random.{name}()", _RANDOM, _draws_its_own)


#: By their code: called by the user's own.
FUNCTIONS: Final[dict[CodeType, Function]] = {
    **dict(_of_random(random.Random)),
    **dict(_of_random(random.SystemRandom)),
    random.Random.__init__.__code__: Function("random.Random() without a seed", _RANDOM, _is_seeded),
    uuid.uuid4.__code__: Function("uuid.uuid4()", _UUID),
    uuid.uuid1.__code__: Function("uuid.uuid1()", _UUID),
    secrets.token_hex.__code__: Function("secrets.token_hex()", _UUID),
    secrets.token_bytes.__code__: Function("secrets.token_bytes()", _UUID),
    secrets.token_urlsafe.__code__: Function("secrets.token_urlsafe()", _UUID),
    secrets.randbelow.__code__: Function("secrets.randbelow()", _RANDOM),
    os.getenv.__code__: Function("os.getenv()", _ACTIVITY),
    type(os.environ).__getitem__.__code__: Function("os.environ", _ACTIVITY, _is_of_no_environment),
    Mapping.get.__code__: Function("os.environ", _ACTIVITY, _is_of_no_environment),
    os.path.exists.__code__: Function("os.path.exists()", _ACTIVITY),
    os.path.isfile.__code__: Function("os.path.isfile()", _ACTIVITY),
    os.path.isdir.__code__: Function("os.path.isdir()", _ACTIVITY),
    pathlib.Path.exists.__code__: Function("pathlib.Path.exists()", _ACTIVITY),
    pathlib.Path.is_file.__code__: Function("pathlib.Path.is_file()", _ACTIVITY),
    pathlib.Path.is_dir.__code__: Function("pathlib.Path.is_dir()", _ACTIVITY),
    pathlib.Path.stat.__code__: Function("pathlib.Path.stat()", _ACTIVITY),
    socket.create_connection.__code__: Function("socket.create_connection()", _ACTIVITY),
    threading.Thread.start.__code__: Function("threading.Thread.start()", _ACTIVITY),
    threading.Thread.join.__code__: Function("threading.Thread.join()", _WAIT),
    threading.Event.wait.__code__: Function("threading.Event.wait()", _WAIT),
    threading.Condition.wait.__code__: Function("threading.Condition.wait()", _WAIT),
    queue.Queue.get.__code__: Function("queue.Queue.get()", _WAIT),
    ThreadFuture.result.__code__: Function("concurrent.futures.Future.result()", _WAIT),
    asyncio.as_completed.__code__: Function("asyncio.as_completed() of coroutines", _ORDER, _has_futures_only),
}
