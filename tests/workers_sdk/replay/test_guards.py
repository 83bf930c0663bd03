"""Workflow code that reads clocks, draws lots or waits for the world is caught where it does, and told what to use."""

# ruff: noqa: PLW0108  what is caught is a call by the user's own code: so it needs one

from __future__ import annotations

import asyncio
import datetime
import importlib
import io
import logging
import os
import pdb  # noqa: T100
import queue
import random
import secrets
import socket
import sqlite3
import subprocess
import sys
import threading
import time
import types
import urllib.request
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from time import time as clock
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from tests.workers_sdk.replay.stage import Stage
from tests.workers_sdk.replay.test_activities import charge
from workers_sdk import workflows
from workers_sdk.definitions.workflows import Workflow, workflow
from workers_sdk.errors import ForbiddenInWorkflow


def doing(act: Callable[[], Any]) -> Workflow[[], None]:
    @workflow("order", "1")
    async def process() -> None:
        act()

    return process


def _connect() -> None:
    with socket.socket() as one:
        one.connect(("127.0.0.1", 9))


def _talk() -> None:
    """Over a connection that was there before, as a pool has it."""
    _PAIR[0].sendall(b"")


_PAIR = socket.socketpair()
_SYSTEM = random.SystemRandom()


class Stamp(datetime.datetime):
    """What is derived from it reads the same clock."""


@dataclass
class Filled:
    """Its `__init__` is the user's own, though nobody wrote it."""

    id: uuid.UUID = field(default_factory=uuid.uuid4)


@pytest.mark.parametrize(
    ("act", "what", "advice"),
    [
        (lambda: time.sleep(0), "time.sleep()", "asyncio.sleep"),
        (lambda: time.time(), "time.time()", "workers_sdk.now()"),
        (lambda: time.monotonic(), "time.monotonic()", "workers_sdk.now()"),
        (lambda: datetime.datetime.now(), "datetime.now()", "workers_sdk.now()"),
        (lambda: datetime.datetime.now(datetime.UTC), "datetime.now()", "workers_sdk.now()"),
        (lambda: datetime.date.today(), "date.today()", "workers_sdk.now()"),
        (lambda: random.random(), "Random.random()", "workers_sdk.random()"),
        (lambda: random.randint(1, 6), "random.randint()", "workers_sdk.random()"),
        (lambda: random.choice([1]), "random.choice()", "workers_sdk.random()"),
        (lambda: uuid.uuid4(), "uuid.uuid4()", "workers_sdk.uuid4()"),
        (lambda: os.urandom(1), "posix.urandom()", "workers_sdk.random()"),
        (lambda: secrets.token_hex(), "secrets.token_hex()", "workers_sdk.uuid4()"),
        (lambda: open(os.devnull), "open()", "activity"),  # noqa: SIM115, PTH123
        (lambda: Path(os.devnull).read_bytes(), "open()", "activity"),
        (lambda: _connect(), "socket.connect()", "activity"),
        (lambda: socket.create_connection(("127.0.0.1", 9)), "socket.create_connection()", "activity"),
        (lambda: subprocess.run(["true"], check=True), "fork_exec()", "activity"),
        (lambda: threading.Thread(target=int).start(), "threading.Thread.start()", "activity"),
        (lambda: clock(), "time.time()", "workers_sdk.now()"),
        (lambda: Stamp.now(), "datetime.now()", "workers_sdk.now()"),
        (lambda: random.Random().random(), "random.Random() without a seed", "workers_sdk.random()"),
        (lambda: _SYSTEM.random(), "random.random()", "workers_sdk.random()"),
        (lambda: random.expovariate(1), "random.expovariate()", "workers_sdk.random()"),
        (lambda: secrets.choice([1]), "random.choice()", "workers_sdk.random()"),
        (lambda: secrets.randbelow(2), "secrets.randbelow()", "workers_sdk.random()"),
        (lambda: os.getenv("HOME"), "os.getenv()", "activity"),
        (lambda: os.environ["HOME"], "os.environ", "activity"),
        (lambda: os.environ.get("HOME"), "os.environ", "activity"),
        (lambda: os.listdir(), "posix.listdir()", "activity"),  # noqa: PTH208
        (lambda: Path("none").unlink(), "posix.unlink()", "activity"),
        (lambda: Path("none").exists(), "exists()", "activity"),
        (lambda: os.stat("none"), "posix.stat()", "activity"),  # noqa: PTH116
        (lambda: sqlite3.connect(":memory:"), "_sqlite3.connect()", "activity"),
        (lambda: _talk(), "socket.sendall()", "activity"),
        (lambda: urllib.request.urlopen("http://127.0.0.1:9"), "socket.getaddrinfo()", "activity"),
        (lambda: threading.Event().wait(0), "threading.Event.wait()", "asyncio"),
        (lambda: queue.Queue[int]().get(timeout=0), "queue.Queue.get()", "asyncio"),
        (lambda: Filled(), "uuid.uuid4()", "workers_sdk.uuid4()"),
    ],
)
def test_what_is_caught(act: Callable[[], Any], what: str, advice: str) -> None:
    stage = Stage(doing(act))
    stage.run.take()
    with pytest.raises(ForbiddenInWorkflow) as caught:
        stage.kept.decide(stage.events, 3)
    assert what in str(caught.value)
    assert advice in str(caught.value)
    assert __file__ in str(caught.value)


def test_code_that_swallows_it_is_caught_all_the_same() -> None:
    @workflow("order", "1")
    async def process() -> None:
        try:
            time.sleep(0)  # noqa: ASYNC251
        except Exception:
            return

    stage = Stage(process)
    stage.run.take()
    with pytest.raises(ForbiddenInWorkflow):
        stage.kept.decide(stage.events, 3)


def test_threads_of_asyncio_are_refused() -> None:
    @workflow("order", "1")
    async def process() -> None:
        await asyncio.to_thread(int)

    stage = Stage(process)
    stage.run.take()
    with pytest.raises(ForbiddenInWorkflow, match="threads"):
        stage.kept.decide(stage.events, 3)


def test_what_is_allowed(tmp_path: Path) -> None:
    """Logging to a file, generators of one's own with a seed, times that are computed, side effects."""
    handler = logging.FileHandler(tmp_path / "log", delay=True)
    log = logging.getLogger("tests.guards")
    log.addHandler(handler)

    @workflow("order", "1")
    async def process() -> list[Any]:
        log.warning("a line")
        drawn = random.Random(7).random()
        day = datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC) + datetime.timedelta(days=1)
        there = workflows.side_effect("there", Path(os.devnull).exists, bool)
        called = workflows.side_effect("clock", lambda: min(time.time(), 1.0), float)
        workflows.logger.warning("another")
        return [drawn, day.isoformat(), there, called == 1.0, workflows.random().random() < 1]

    try:
        assert Stage(process).turns().result[1:] == ["2026-01-02T00:00:00+00:00", True, True, True]
    finally:
        log.removeHandler(handler)
        handler.close()
    assert "a line" in (tmp_path / "log").read_text()


class Stamped(logging.Formatter):
    """A user's own, which reads the clock, as most of them do."""

    def format(self, record: logging.LogRecord) -> str:
        return f"{datetime.datetime.now(datetime.UTC).year} {record.getMessage()}"


def test_formatters_of_logs_may_read_the_clock() -> None:
    told = io.StringIO()
    handler = logging.StreamHandler(told)
    handler.setFormatter(Stamped())
    log = logging.getLogger("tests.guards.stamped")
    log.addHandler(handler)
    log.propagate = False
    assert Stage(doing(lambda: log.warning("a line"))).turns().result is None
    assert "a line" in told.getvalue()


def test_modules_may_do_what_they_do_when_they_are_imported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "late.py").write_text("import time, os\nBEGAN = time.time()\nHOME = os.getenv('HOME')\n")
    monkeypatch.syspath_prepend(tmp_path)
    assert Stage(doing(lambda: importlib.import_module("late"))).turns().result is None
    assert sys.modules.pop("late").BEGAN


def test_module_that_is_only_named_like_one_that_may_is_caught() -> None:
    module = types.ModuleType("logging_of_ours")
    exec("import time\ndef act(): time.sleep(0)", vars(module))  # noqa: S102
    stage = Stage(doing(module.act))
    stage.run.take()
    with pytest.raises(ForbiddenInWorkflow):
        stage.kept.decide(stage.events, 3)


def test_time_zones_may_be_read() -> None:
    ZoneInfo.clear_cache()

    @workflow("order", "1")
    async def process() -> str:
        return str(workflows.now().astimezone(ZoneInfo("Europe/Berlin")).tzinfo)

    assert Stage(process).turns().result == "Europe/Berlin"


def test_debugger_may_be_entered(monkeypatch: pytest.MonkeyPatch) -> None:
    told = io.StringIO()
    debugger = pdb.Pdb(stdin=io.StringIO("continue\n" * 2), stdout=told, readrc=False)
    monkeypatch.setattr(sys, "breakpointhook", lambda: debugger.set_trace(sys._getframe(1)))
    assert Stage(doing(breakpoint)).turns().result is None
    assert "(Pdb)" in told.getvalue()


@pytest.mark.parametrize("collect", [list, iter])
def test_as_completed_of_asyncio_is_for_futures(collect: Callable[[Any], Any]) -> None:
    """It puts coroutines into a set before it makes tasks of them: they would begin in the order of their addresses."""

    @workflow("order", "1")
    async def process() -> None:
        coroutines = [asyncio.sleep(1) for _ in range(2)]
        try:
            next(iter(asyncio.as_completed(collect(coroutines))))
        finally:
            for one in coroutines:
                one.close()

    stage = Stage(process)
    stage.run.take()
    with pytest.raises(ForbiddenInWorkflow, match=r"use workers_sdk\.as_completed\(\)"):
        stage.kept.decide(stage.events, 3)

    @workflow("order", "1")
    async def of_futures() -> list[int]:
        return [await one for one in asyncio.as_completed([charge(1), charge(2)])]

    assert Stage(of_futures).turns().does("2", 2).does("1", 1).result == [2, 1]


def test_replays_are_not_watched() -> None:
    """What they repeat was looked at: a history made before the guard was there replays."""
    clock = [0.0]

    @workflow("order", "1")
    async def process() -> None:
        clock[0] = time.time()
        await charge(1)

    stage = Stage(process)
    stage.run.take()
    unguarded = stage.fresh(guarded=False).decide(stage.events, 3)
    stage.run.decide(*stage.wire(unguarded.decisions))
    stage.fresh().catch_up(stage.events)
    assert clock[0]


def test_a_profiler_has_precedence() -> None:
    seen: list[str] = []
    stage = Stage(doing(lambda: time.time()))
    stage.run.take()
    sys.setprofile(lambda frame, event, arg: seen.append(event))
    try:
        stage.kept.decide(stage.events, 3)
        assert sys.getprofile() is not None
    finally:
        sys.setprofile(None)
    assert seen
