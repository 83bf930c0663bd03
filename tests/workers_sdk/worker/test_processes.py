"""`def` activities in processes: they have what threads have, and a process that dies harms no workflow."""

from __future__ import annotations

import asyncio
import os
import select
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from queue import SimpleQueue
from typing import Any

import pytest

from tests.workers_sdk.worker.conftest import PATIENCE, Domain, within
from tests.workers_sdk.worker.test_activities import cancel, ended, running
from tests.workers_sdk.worker.test_context import INFO
from workers_sdk.definitions.activities import Activity, activity
from workers_sdk.worker import activity_context
from workers_sdk.worker.attempts import Attempt, Ended
from workers_sdk.worker.cancellation import Cancellation, Why
from workers_sdk.worker.processes import ProcessExecutor
from workflowsvc.swf import shapes
from workflowsvc.swf.shapes import EventType


@activity("compute", "1", start_to_close=60)
def compute(number: int) -> list[object]:
    return [number * 2, os.getpid(), activity_context().info.name]


@activity("die", "1", start_to_close=60)
def die() -> None:
    os._exit(1)


@activity("beat", "1", heartbeat=30)
def beat() -> None:
    while True:
        activity_context().heartbeat("alive")
        activity_context().wait_cancelled(0.1)


@activity("fail", "1", start_to_close=60)
def fail() -> None:
    raise OSError("in the process")


class Multiplier:
    def __init__(self, by: int) -> None:
        self.by = by

    @activity("multiply", "1", start_to_close=60)
    def multiply(self, number: int) -> list[int]:
        return [number * self.by, os.getpid()]


async def test_it_runs_in_a_process_of_its_own(domain: Domain) -> None:
    async with running(domain, compute, input="[21]", max_processes=1) as execution:
        result = (await ended(domain, execution)).result
    assert result.startswith("[42,")
    assert result.endswith(',"compute"]')
    assert str(os.getpid()) not in result


async def test_a_method_goes_with_its_instance(domain: Domain) -> None:
    till = Multiplier(3)
    async with running(domain, till, type_=("multiply", "1"), input="[2]", max_processes=1) as execution:
        assert (await ended(domain, execution)).result.startswith("[6,")


async def test_an_exception_keeps_its_trace(domain: Domain) -> None:
    async with running(domain, fail, max_processes=1) as execution:
        failed = await ended(domain, execution)
    assert failed.reason == "OSError: in the process"
    assert Path(__file__).name in failed.details


async def test_a_process_that_dies_fails_its_activity_and_is_replaced(domain: Domain) -> None:
    async with running(domain, die, compute, max_processes=1) as execution:
        assert (await ended(domain, execution)).reason.startswith("ProcessDied: ")
        decide = shapes.WorkflowType(name="scheduling", version="1")
        again = await domain.start(decide)
        assert (await ended(domain, again)).reason.startswith("ProcessDied: ")


async def test_heartbeats_and_cancellation_cross(domain: Domain) -> None:
    async with running(domain, beat, max_processes=1) as execution:
        await domain.until(execution, EventType.ACTIVITY_TASK_STARTED)
        await cancel(domain, execution)
        canceled = await ended(domain, execution)
    assert isinstance(canceled, shapes.ActivityTaskCanceledEventAttributes)


async def test_its_processes_end_with_the_worker(domain: Domain) -> None:
    async with running(domain, compute, input="[21]", max_processes=1) as execution:
        result = (await ended(domain, execution)).result
    pid = int(result.split(",")[1])
    assert await asyncio.to_thread(_ends, pid)


def _ends(pid: int) -> bool:
    """Within ten seconds: the descriptor of a process can be read when it has ended."""
    try:
        descriptor = os.pidfd_open(pid)
    except ProcessLookupError:
        return True
    try:
        return bool(select.select([descriptor], [], [], 10)[0])
    finally:
        os.close(descriptor)


KILLED = """
import asyncio, os, signal
from tests.workers_sdk.worker.test_processes import compute
from workers_sdk.worker.attempts import Attempt
from workers_sdk.worker.cancellation import Cancellation
from workers_sdk.worker.processes import ProcessExecutor
from tests.workers_sdk.worker.test_context import INFO

if __name__ == "__main__":
    ended = asyncio.run(ProcessExecutor(1).run(Attempt(compute, [1], {}, INFO, print, Cancellation())))
    print(ended.value[1], flush=True)
    os.kill(os.getpid(), signal.SIGKILL)
"""


def test_its_processes_end_though_it_was_killed(tmp_path: Path) -> None:
    program = tmp_path / "killed.py"
    program.write_text(KILLED)
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[3])}
    killed = subprocess.run(
        [sys.executable, program], env=environment, stdout=subprocess.PIPE, timeout=30, check=False, text=True
    )
    assert killed.returncode == -signal.SIGKILL
    assert _ends(int(killed.stdout))


async def test_signals_of_the_group_do_not_end_them(domain: Domain) -> None:
    async with running(domain, compute, input="[21]", max_processes=1) as execution:
        first = (await ended(domain, execution)).result
        pid = int(first.split(",")[1])
        os.kill(pid, signal.SIGINT)
        os.kill(pid, signal.SIGTERM)
        again = await domain.start(shapes.WorkflowType(name="scheduling", version="1"))
        assert (await ended(domain, again)).result == first


@activity("linger", "1", start_to_close=60)
def linger() -> None:
    activity_context().heartbeat(os.getpid())
    activity_context().wait_cancelled()


class Homeless:
    """Cannot be read in another process."""

    def __reduce__(self) -> tuple[object, ...]:
        return (_only_here, (os.getpid(),))


def _only_here(pid: int) -> Homeless:
    if pid != os.getpid():
        raise LookupError("not at home")
    return Homeless()


@activity("take", "1", start_to_close=60)
def take(guest: object) -> None: ...


@activity("give", "1", start_to_close=60)
def give() -> Homeless:
    return Homeless()


def attempt(type_: Activity[..., Any], *args: object, beats: Callable[[object], None] = print) -> Attempt:
    return Attempt(type_, args, {}, INFO, beats, Cancellation())


@pytest.fixture
def executor() -> Iterator[ProcessExecutor]:
    executor = ProcessExecutor(2)
    yield executor
    executor.close()


@pytest.mark.parametrize("one", [attempt(take, Homeless()), attempt(give)], ids=["argument", "result"])
async def test_what_cannot_be_read_fails_its_activity_alone(executor: ProcessExecutor, one: Attempt) -> None:
    """The pool would have been broken by it: its neighbours with it, again at each attempt."""
    lingering = attempt(linger, beats=(beats := SimpleQueue[object]()).put)
    neighbour = asyncio.create_task(executor.run(lingering))
    await asyncio.to_thread(beats.get, timeout=PATIENCE)
    failure = (await within(executor.run(one))).failure
    assert failure is not None
    assert failure.reason == "LookupError: not at home"
    lingering.cancellation.request(Why.REQUESTED)
    assert await within(neighbour) == Ended()


async def test_the_neighbours_of_a_process_that_died_end_with_it(executor: ProcessExecutor) -> None:
    """They would go on unheard, and be waited for at the exit of the worker."""
    beats = SimpleQueue[object]()
    neighbour = asyncio.create_task(executor.run(attempt(linger, beats=beats.put)))
    pid: Any = await asyncio.to_thread(beats.get, timeout=PATIENCE)
    assert "ProcessDied" in str((await within(executor.run(attempt(die)))).failure)
    assert "ProcessDied" in str((await within(neighbour)).failure)
    assert await asyncio.to_thread(_ends, pid)


async def test_nobody_waits_for_what_a_killed_process_held(executor: ProcessExecutor) -> None:
    """It was waiting for its cancellation, which then is told to nobody, and at once."""
    beats = SimpleQueue[object]()
    one = attempt(linger, beats=beats.put)
    running = asyncio.create_task(executor.run(one))
    pid: Any = await asyncio.to_thread(beats.get, timeout=PATIENCE)
    os.kill(pid, signal.SIGKILL)
    await asyncio.to_thread(_ends, pid)
    await within(asyncio.to_thread(one.cancellation.request, Why.REQUESTED), 5)
    assert "ProcessDied" in str((await within(running)).failure)


async def test_a_late_cancellation_does_not_hit_who_comes_next(executor: ProcessExecutor) -> None:
    first = attempt(compute, 1)
    await within(executor.run(first))
    beats = SimpleQueue[object]()
    nexts = [attempt(linger, beats=beats.put) for _ in range(2)]
    running = [asyncio.create_task(executor.run(one)) for one in nexts]
    for _ in nexts:
        await asyncio.to_thread(beats.get, timeout=PATIENCE)
    first.cancellation.request(Why.GONE)
    done, _ = await asyncio.wait(running, timeout=0.3)
    assert not done
    for one in nexts:
        one.cancellation.request(Why.REQUESTED)
    await within(asyncio.gather(*running))
