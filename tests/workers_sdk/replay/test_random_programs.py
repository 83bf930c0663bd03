"""Random workflows in a random world: whenever a worker loses them, the next one decides what it would have decided.

Law: a program is data, and the workflow that runs it is one function. The stage decides each task twice, by the replay
that was kept and by one that has only the history; here the kept one is thrown away at random too.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextvars import ContextVar
from typing import Any, NoReturn

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.coordinator.execution.scenario import Scenario, cancel, complete, fail
from tests.workers_sdk.replay.stage import CONVERTER, Stage
from workers_sdk import workflows
from workers_sdk.definitions.activities import activity
from workers_sdk.definitions.children import external
from workers_sdk.definitions.lambdas import lambda_function
from workers_sdk.definitions.retry import Retry
from workers_sdk.definitions.signals import signal
from workers_sdk.definitions.workflows import workflow
from workers_sdk.errors import DecisionFailed, WorkersError
from workers_sdk.replay.limits import MORE

Program = tuple[Any, ...]


@activity("charge", "1")
def charge(number: int) -> int:
    return number


@activity("refund", "1", retry=Retry(attempts=3, first=1, jitter=0.5), wait_for_cancel=True)
def refund(number: int) -> int:
    return number


@workflow("child", "1")
async def child(number: int) -> int:
    return number


go = signal("go", int)
resize = lambda_function("resize", int, start_to_close=30)


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
    with contextlib.suppress(TimeoutError):
        trace.append(("got", await go.receive(timeout=60)))


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


async def _handle(trace: list[Any], program: Sequence[Program]) -> None:
    async def handler(number: int) -> None:
        trace.append(("got", number))
        await _ignoring(run(program, trace))

    go.handle(handler)


async def _ignoring(awaitable: Awaitable[Any]) -> None:
    try:
        await awaitable
    except Exception as error:
        if isinstance(error, DecisionFailed):
            raise


async def _child(trace: list[Any], number: int, wait: bool, seconds: float) -> None:
    """A child that is told of, signalled as soon as it runs, and cancelled after some time."""
    one = child.with_options(wait_for_cancel=wait, execution_timeout=3600).start_child(number)
    try:
        async with asyncio.timeout(seconds):
            trace.append(len(await one.started()))
            await one.signal(go, number)
            trace.append(await one)
    except (WorkersError, TimeoutError) as error:
        trace.append(type(error).__name__)


async def _tell(trace: list[Any], workflow_id: str, request: bool) -> None:
    if workflow_id == "w" and len(trace) > 30:
        return  # a handler that signals itself would do so for ever
    other = external(workflow_id)
    try:
        await (other.request_cancel() if request else other.signal(go, 1))
    except WorkersError as error:
        trace.append(str(error))


async def _invoke(trace: list[Any]) -> None:
    try:
        trace.append(await resize(1))
    except WorkersError as error:
        trace.append(type(error).__name__)


async def _scope(trace: list[Any], seconds: float, program: Sequence[Program]) -> None:
    scope = workflows.CancelScope()

    async def end() -> None:
        await asyncio.sleep(seconds)
        scope.cancel()

    ending = asyncio.create_task(end())
    async with scope:
        await run(program, trace)
    ending.cancel()
    trace.append(scope.cancelled)


async def _shield(trace: list[Any], program: Sequence[Program]) -> None:
    await asyncio.shield(run(program, trace))


async def _group(trace: list[Any], *programs: Sequence[Program]) -> None:
    try:
        async with asyncio.TaskGroup() as group:
            for program in programs:
                group.create_task(run(program, trace))
    except* WorkersError as errors:
        trace.append(len(errors.exceptions))


async def _until(trace: list[Any], number: int, seconds: float) -> None:
    trace.append(await workflows.wait_until(lambda: len(trace) > number, seconds))


async def _share(trace: list[Any], *programs: Sequence[Program]) -> None:
    """Under a semaphore, with a queue of who is done, and a generator that cleans up."""
    free, done = asyncio.Semaphore(1), asyncio.Queue[int]()

    async def work(number: int, program: Sequence[Program]) -> None:
        try:
            async with free:
                await run(program, trace)
        finally:
            done.put_nowait(number)

    async def ended() -> AsyncGenerator[int, None]:
        try:
            for _ in programs:
                yield await done.get()
        finally:
            trace.append("ended")

    tasks = [asyncio.create_task(work(*one)) for one in enumerate(programs)]
    async with contextlib.aclosing(ended()) as numbers:
        async for number in numbers:
            trace.append(number)
            await _ignoring(tasks[number])


async def _many(trace: list[Any], activities: bool) -> None:
    """More than fits into one answer."""
    if activities:
        calls = [(refund if number % 2 else charge)(number) for number in range(101)]
        await asyncio.wait(calls, return_when=asyncio.FIRST_COMPLETED)
        for call in calls:
            call.cancel()
    else:
        for number in range(101):
            workflows.record_marker(f"marker {number}")


async def _state(trace: list[Any]) -> None:
    workflows.set_state(len(trace))


async def _again(trace: list[Any]) -> None:
    if workflows.info().continued_from is None:
        process_again.get()()


_STEPS: dict[str, Callable[..., Awaitable[None]]] = {
    "handle": _handle,
    "child": _child,
    "tell": _tell,
    "invoke": _invoke,
    "scope": _scope,
    "shield": _shield,
    "group": _group,
    "until": _until,
    "share": _share,
    "many": _many,
    "state": _state,
    "again": _again,
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

#: how the workflow that runs is continued: each test makes its own
process_again: ContextVar[Callable[[], NoReturn]] = ContextVar("process_again")

numbers = st.integers(0, 9)
seconds = st.sampled_from([0, 0.5, 1, 3, 40])
leaves = st.one_of(
    st.tuples(st.just("call"), numbers),
    st.tuples(st.just("retried"), numbers),
    st.tuples(st.just("sleep"), seconds),
    st.tuples(st.just("receive")),
    st.tuples(st.just("lot")),
    st.tuples(st.just("patched"), st.sampled_from("pq")),
    st.tuples(st.just("child"), numbers, st.booleans(), seconds),
    st.tuples(st.just("tell"), st.sampled_from(["w", "other", "nobody"]), st.booleans()),
    st.tuples(st.just("invoke")),
    st.tuples(st.just("until"), numbers, seconds),
    st.tuples(st.just("many"), st.booleans()),
    st.tuples(st.just("state")),
    st.tuples(st.just("again")),
)


def _deeper(step: st.SearchStrategy[Program]) -> st.SearchStrategy[Program]:
    program = st.lists(step, max_size=3)
    some = st.lists(program, min_size=1, max_size=3)
    return st.one_of(
        st.tuples(st.sampled_from(["gather", "race", "group", "share"]), some).map(lambda one: (one[0], *one[1])),
        st.tuples(st.just("limited"), seconds, program),
        st.tuples(st.just("cleaning"), program, program),
        st.tuples(st.just("scope"), seconds, program),
        st.tuples(st.just("shield"), program),
        st.tuples(st.just("handle"), program),
    )


programs = st.lists(st.recursive(leaves, _deeper, max_leaves=8), min_size=1, max_size=5)
#: what the world does next: a kind, and which of those that there are
worlds = st.lists(
    st.tuples(
        st.sampled_from(
            [
                *["complete"] * 3,
                *["fail", "cancel", "pass", "pass", "signal", "stop", "evict", "lose"],
                *["answer", "child", "child", "deliver", "deliver"],
            ]
        ),
        st.integers(0, 5),
        st.booleans(),
    ),
    max_size=30,
)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(programs, worlds)
def test_a_lost_worker_changes_nothing(program: list[Program], world: list[tuple[str, int, bool]]) -> None:
    traces: list[list[Any]] = []

    @workflow("order", "1")
    async def process() -> list[Any]:
        process_again.set(process.continue_as_new)
        traces.append([])
        trace = traces[-1]
        await run(program, trace)
        return trace

    stage = Stage(process, lambdaRole="role")
    Stage(child, 1, domain=stage.domain, workflowId="other")
    stages = [stage.turns()]
    for kind, number, at_once in world:
        if not stages[-1].state.open:
            break
        _happen(stages[-1], kind, number)
        if at_once:
            _decide(stages)
        elif stages[-1].waiting:
            stages[-1].turn()
    _finish(stages)
    for one in stages:
        traces.clear()
        _check(one, traces)


def _finish(stages: list[Stage]) -> None:
    """Whatever it still waits for comes."""
    for _ in range(60):
        _decide(stages)
        if not stages[-1].state.open:
            break
        for _ in range(5):
            _happen(stages[-1], "complete", 0)
        for kind in ("answer", "child"):
            _happen(stages[-1], kind, 3)
        _happen(stages[-1], "pass", 20)


def _check(stage: Stage, traces: list[list[Any]]) -> None:
    """It is closed, nothing was refused that need not be, and no signal was lost; *traces* get what a replay does."""
    assert not stage.state.open
    assert not [kind for kind in stage.run.types if kind.endswith("Failed") and kind not in _ORDINARY]
    assert {refused["timerId"] for refused in stage.run.all("StartTimerFailed")} <= {MORE}
    last = stage.fresh()
    last.catch_up(stage.events)
    known = [event for event in stage.events if event.event_id < last.last_started]
    came = sum(event.workflow_execution_signaled_event_attributes is not None for event in known)
    received = sum(isinstance(step, tuple) for trace in traces for step in trace)
    assert came == received + sum(last._run.inbox.unread.values())
    last.close()


def _decide(stages: list[Stage]) -> None:
    """All that there is to decide, also by the next run."""
    stages[-1].turns()
    while stages[-1].run.successor is not None:
        stages.append(Stage.of(stages[-1].workflow, stages[-1].run.successor, stages[-1].domain).turns())


#: a late cancel is refused, a close that met a signal too, a word to nobody, a timer for more while one is open
_ORDINARY = {
    "ActivityTaskFailed",
    "ChildWorkflowExecutionFailed",
    "LambdaFunctionFailed",
    "WorkflowExecutionFailed",
    "RequestCancelActivityTaskFailed",
    "RequestCancelExternalWorkflowExecutionFailed",
    "SignalExternalWorkflowExecutionFailed",
    "CancelTimerFailed",
    "StartTimerFailed",
    "CompleteWorkflowExecutionFailed",
    "FailWorkflowExecutionFailed",
    "CancelWorkflowExecutionFailed",
    "ContinueAsNewWorkflowExecutionFailed",
}


def _happen(stage: Stage, kind: str, number: int) -> None:
    happen = _WORLD.get(kind)
    if happen is not None:
        happen(stage, number)
    else:
        _work(stage, kind, number)


def _lose(stage: Stage, number: int) -> None:
    """A worker takes the decision task and is not heard of again."""
    if stage.waiting:
        if stage.state.started is None:
            stage.run.take()
        stage.evict().run.after(31)


def _deliver(stage: Stage, number: int) -> None:
    """The next word from one execution to another arrives."""
    if stage.domain.mail:
        stage.domain.deliver(stage.domain.mail.popleft())


def _answer(stage: Stage, number: int) -> None:
    """A function of those that are open answers."""
    scheduled = zip(stage.run.ids("LambdaFunctionScheduled"), stage.ids("LambdaFunctionScheduled", "id"), strict=True)
    open_ids = [one for event_id, one in scheduled if event_id in stage.state.lambdas]
    if open_ids:
        one = open_ids[number % len(open_ids)]
        stage.run.invoke(one).returns(one, **({"result": "1"} if number % 2 else {"reason": "Error"}))


def _end_child(stage: Stage, number: int) -> None:
    """One of the children decides to end, or is ended."""
    domain = stage.domain
    children = [run for run in domain.runs.values() if run.execution.open and run is not stage.run]
    children = [run for run in children if run.workflow_id != "other"]
    if not children:
        return
    one: Scenario = children[number % len(children)]
    if one.execution.started is None and one.execution.queued is not None:
        one.take()
    requested = "WorkflowExecutionCancelRequested" in one.types
    if number == 0 or one.execution.started is None:
        one.terminate()
    elif number == 1:
        one.decide(fail(reason="Error"))
    else:
        one.decide(cancel() if requested else complete(result="1"))
    domain.note(one)


_WORLD: dict[str, Callable[[Stage, int], object]] = {
    "evict": lambda stage, _: stage.evict(),
    "lose": _lose,
    "pass": lambda stage, number: stage.run.after(number + 1),
    "signal": lambda stage, number: stage.run.signal("go", input=CONVERTER.to_text(number)),
    "stop": lambda stage, _: stage.run.request_cancel(),
    "answer": _answer,
    "child": _end_child,
    "deliver": _deliver,
}


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
