"""Threads of a worker's own: bounded, with the caller's context, and in nobody's way at the end."""

from __future__ import annotations

import asyncio
import contextvars
import gc
import subprocess
import sys
import threading
from typing import Any

import pytest

from tests.workers_sdk.worker.conftest import within
from workers_sdk.worker.threads import LoopThread, Threads

VARIABLE = contextvars.ContextVar[str]("variable")


async def test_no_more_threads_than_the_limit_and_no_more_than_needed() -> None:
    threads = Threads("few", 2)
    names = {await threads.run(lambda: threading.current_thread().name) for _ in range(5)}
    assert names == {"few-1"}
    together = threading.Barrier(2)
    assert len(await asyncio.gather(threads.run(together.wait), threads.run(together.wait))) == 2
    threads.close()


async def test_a_function_has_the_contextvars_of_its_caller_and_a_copy_of_its_own() -> None:
    threads = Threads("few", 1)
    VARIABLE.set("callers")
    assert await threads.run(VARIABLE.get) == "callers"
    await threads.run(lambda: VARIABLE.set("changed"))
    assert VARIABLE.get() == "callers"
    threads.close()


async def test_whatever_a_function_raises_is_raised_to_its_caller() -> None:
    threads = Threads("few", 1)

    def leave() -> None:
        sys.exit(3)

    assert isinstance(threads.submit(leave).exception(5), SystemExit)
    assert await threads.run(lambda: "and goes on") == "and goes on"
    threads.close()


async def test_a_function_that_was_left_fails_and_is_not_reported() -> None:
    """Its caller was cancelled, as when a worker stops: nobody is there to see what it raises."""
    reported: list[dict[str, Any]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: reported.append(context))
    threads = Threads("few", 1)
    told = threading.Event()

    def fail() -> None:
        told.wait()
        raise ValueError("nobody hears of it")

    waiting = asyncio.create_task(threads.run(fail))
    await asyncio.sleep(0)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    del waiting
    told.set()
    await threads.run(lambda: None)
    gc.collect()
    await asyncio.sleep(0)
    assert reported == []
    threads.close()


def test_a_thread_that_does_not_end_keeps_no_process_from_ending() -> None:
    program = (
        "import threading\n"
        "from workers_sdk.worker.threads import Threads\n"
        "begun = threading.Event()\n"
        "Threads('stuck', 1).submit(lambda: (begun.set(), threading.Event().wait()))\n"
        "begun.wait()\n"
    )
    assert subprocess.run([sys.executable, "-c", program], timeout=20, check=False).returncode == 0


def test_nor_does_one_that_asyncio_began() -> None:
    """`await asyncio.to_thread(...)` is what an `async def` activity does with code that blocks."""
    program = (
        "import asyncio, threading\n"
        "from workers_sdk.worker.threads import LoopThread\n"
        "begun = threading.Event()\n"
        "thread = LoopThread('loop')\n"
        "thread.start()\n"
        "thread.submit(asyncio.to_thread(lambda: (begun.set(), threading.Event().wait())))\n"
        "begun.wait()\n"
        "thread.stop()\n"
    )
    assert subprocess.run([sys.executable, "-c", program], timeout=20, check=False).returncode == 0


async def test_a_loop_in_a_thread_runs_coroutines_and_is_cancelled_with_the_caller() -> None:
    thread = LoopThread("loop")
    thread.start()
    cancelled = threading.Event()

    async def wait() -> None:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            cancelled.set()
            raise

    async def name() -> str:
        return threading.current_thread().name

    assert await thread.run(name()) == "loop"
    with pytest.raises(TimeoutError):
        await within(thread.run(wait()), 0.01)
    assert cancelled.wait(5)
    thread.stop()
    assert not any(other.name == "loop" for other in threading.enumerate())
