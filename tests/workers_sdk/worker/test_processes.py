"""`def` activities in processes: they have what threads have, and a process that dies harms no workflow."""

from __future__ import annotations

import asyncio
import os
import select
import signal
import subprocess
import sys
from pathlib import Path

from tests.workers_sdk.worker.conftest import Domain
from tests.workers_sdk.worker.test_activities import cancel, ended, running
from workers_sdk.definitions.activities import activity
from workers_sdk.worker import activity_context
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
