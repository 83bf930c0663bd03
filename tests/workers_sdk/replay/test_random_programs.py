"""Random workflows in a random world: whenever a worker loses them, the next one decides what it would have decided.

Law: a program is data, and the workflow that runs it is one function. The stage decides each task twice, by the replay
that was kept and by one that has only the history; here the kept one is thrown away at random too.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.workers_sdk.replay.stage import CONVERTER, Stage
from workers_sdk import workflows
from workers_sdk.definitions.activities import activity
from workers_sdk.definitions.retry import Retry
from workers_sdk.definitions.signals import signal
from workers_sdk.definitions.workflows import workflow
from workers_sdk.errors import WorkersError

Program = tuple[Any, ...]


@activity("charge", "1")
def charge(number: int) -> int:
    return number


@activity("refund", "1", retry=Retry(attempts=3, first=1, jitter=0.5), wait_for_cancel=True)
def refund(number: int) -> int:
    return number


go = signal("go", int)


async def run(program: Sequence[Program], trace: list[Any]) -> None:
    for name, *arguments in program:
        await _STEPS[name](trace, *arguments)


async def _call(trace: list[Any], number: int) -> None:
    trace.append(await charge(number))


async def _retried(trace: list[Any], number: int) -> None:
    try:
        trace.append(await refund(number))
    except WorkersError as error:
        trace.append(type(error).__name__)


async def _sleep(trace: list[Any], seconds: float) -> None:
    await asyncio.sleep(seconds)
    trace.append(workflows.now().timestamp())


async def _receive(trace: list[Any]) -> None:
    trace.append(await go.receive())


async def _gather(trace: list[Any], *programs: Sequence[Program]) -> None:
    await asyncio.gather(*(run(program, trace) for program in programs), return_exceptions=True)


async def _race(trace: list[Any], *programs: Sequence[Program]) -> None:
    tasks = [asyncio.create_task(run(program, trace)) for program in programs]
    done, pending = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    for task in pending:
        task.cancel()
    trace.append(len(done))


async def _limited(trace: list[Any], seconds: float, program: Sequence[Program]) -> None:
    try:
        async with asyncio.timeout(seconds):
            await run(program, trace)
    except TimeoutError:
        trace.append("late")


async def _cleaning(trace: list[Any], program: Sequence[Program], cleaning: Sequence[Program]) -> None:
    try:
        await run(program, trace)
    finally:
        await run(cleaning, trace)


async def _lot(trace: list[Any]) -> None:
    trace.append(workflows.side_effect("lot", lambda: len(trace), int))
    trace.append(workflows.random().random())


async def _patched(trace: list[Any], name: str) -> None:
    trace.append(workflows.patched(name))


_STEPS = {
    "call": _call,
    "retried": _retried,
    "sleep": _sleep,
    "receive": _receive,
    "gather": _gather,
    "race": _race,
    "limited": _limited,
    "cleaning": _cleaning,
    "lot": _lot,
    "patched": _patched,
}

numbers = st.integers(0, 9)
seconds = st.sampled_from([0, 0.5, 1, 3, 40])
leaves = st.one_of(
    st.tuples(st.just("call"), numbers),
    st.tuples(st.just("retried"), numbers),
    st.tuples(st.just("sleep"), seconds),
    st.tuples(st.just("receive")),
    st.tuples(st.just("lot")),
    st.tuples(st.just("patched"), st.sampled_from("pq")),
)


def _deeper(step: st.SearchStrategy[Program]) -> st.SearchStrategy[Program]:
    program = st.lists(step, max_size=3)
    return st.one_of(
        st.lists(program, max_size=3).map(lambda programs: ("gather", *programs)),
        st.lists(program, min_size=1, max_size=3).map(lambda programs: ("race", *programs)),
        st.tuples(st.just("limited"), seconds, program),
        st.tuples(st.just("cleaning"), program, program),
    )


programs = st.lists(st.recursive(leaves, _deeper, max_leaves=8), min_size=1, max_size=5)
#: what the world does next: a kind, and which of those that there are
worlds = st.lists(
    st.tuples(
        st.sampled_from([*["complete"] * 3, "fail", "cancel", *["pass"] * 2, "signal", "stop", "evict"]),
        st.integers(0, 5),
    ),
    max_size=25,
)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(programs, worlds)
def test_a_lost_worker_changes_nothing(program: list[Program], world: list[tuple[str, int]]) -> None:
    @workflow("order", "1")
    async def process() -> list[Any]:
        trace: list[Any] = []
        await run(program, trace)
        return trace

    stage = Stage(process).turns()
    for kind, number in world:
        if not stage.state.open:
            break
        _happen(stage, kind, number)
        stage.turns()
    # Whatever it still waits for comes.
    for _ in range(200):
        if not stage.state.open:
            break
        _happen(stage, "complete", 0)
        _happen(stage, "signal", 0)
        _happen(stage, "pass", 3)
        stage.turns()
    assert not stage.state.open
    assert not [kind for kind in stage.run.types if kind.endswith("Failed") and kind not in _ORDINARY]
    last = stage.fresh()
    last.catch_up(stage.events)
    last.close()


#: a late cancel is refused, a close that met a signal too: nothing else may be
_ORDINARY = {
    "ActivityTaskFailed",
    "WorkflowExecutionFailed",
    "RequestCancelActivityTaskFailed",
    "CancelTimerFailed",
    "CompleteWorkflowExecutionFailed",
    "FailWorkflowExecutionFailed",
    "CancelWorkflowExecutionFailed",
}


def _happen(stage: Stage, kind: str, number: int) -> None:
    run = stage.run
    if kind == "evict":
        stage.evict()
    elif kind == "pass":
        run.after(number + 1)
    elif kind == "signal":
        run.signal("go", input=CONVERTER.to_text(number))
    elif kind == "stop":
        run.request_cancel()
    else:
        _work(stage, kind, number)


def _work(stage: Stage, kind: str, number: int) -> None:
    """A worker takes one of the tasks that are open, and ends it."""
    run = stage.run
    open_ids = list(stage.state.activity_ids)
    if not open_ids:
        return
    activity_id = open_ids[number % len(open_ids)]
    run.begin(activity_id)
    if kind == "fail":
        run.fails(activity_id, reason="Error")
    elif kind == "cancel" and activity_id in stage.ids("ActivityTaskCancelRequested", "activityId"):
        run.cancels(activity_id)
    else:
        run.completes(activity_id, result="1")
