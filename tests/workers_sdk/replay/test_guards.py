"""Workflow code that reads clocks, draws lots or waits for the world is caught where it does, and told what to use."""

# ruff: noqa: PLW0108  what is caught is a call by the user's own code: so it needs one

from __future__ import annotations

import asyncio
import datetime
import logging
import os
import random
import secrets
import socket
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

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
    ],
)
def test_what_is_caught(act: Callable[[], Any], what: str, advice: str) -> None:
    stage = Stage(doing(act))
    stage.run.take()
    with pytest.raises(ForbiddenInWorkflow) as caught:
        stage.kept.decide(stage.events, 3)
    assert what in str(caught.value)
    assert advice in str(caught.value)
    assert __file__ in str(caught.value) or "pathlib" in str(caught.value) or "subprocess" in str(caught.value)


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
