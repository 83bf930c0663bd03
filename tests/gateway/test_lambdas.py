"""Lambda functions invoked, and what is told of it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest
from aiohttp import web

from gateway import lambdas
from gateway.calls import Calls
from gateway.lambdas import Lambdas
from tests.brokers.inbox import PATIENCE
from tests.gateway.coordinator import ScriptedCoordinator
from workflowsvc.brokers.inprocess import InProcessBroker
from workflowsvc.clocks.manual import ManualClock
from workflowsvc.messages import (
    LAMBDA_TASKS,
    Action,
    FinishLambda,
    GivenLambda,
    Refusal,
    Stale,
    StartTask,
    Task,
    TaskKind,
    TaskRef,
)
from workflowsvc.swf import shapes

EXECUTION = shapes.WorkflowExecution(run_id="22run=", workflow_id="order")
TASK = Task(LAMBDA_TASKS, 7, "us-east-1/shop", "order", "22run=", 5)


class Functions:
    """Something that speaks Lambda's Invoke API."""

    def __init__(self) -> None:
        self.answer: Callable[[web.BaseRequest], Awaitable[web.StreamResponse]] = self._echo
        self.calls: list[tuple[str, str, bytes]] = []
        self.running = 0
        self.most = 0

    async def __call__(self, request: web.BaseRequest) -> web.StreamResponse:
        self.running += 1
        self.most = max(self.most, self.running)
        kind = request.headers["X-Amz-Invocation-Type"]
        self.calls.append(
            (request.raw_path if hasattr(request, "raw_path") else request.path, kind, await request.read())
        )
        try:
            return await self.answer(request)
        finally:
            self.running -= 1

    async def _echo(self, request: web.BaseRequest) -> web.StreamResponse:
        return web.Response(body=await request.read())

    def say(self, status: int, body: bytes, **headers: str) -> None:
        async def answer(_: web.BaseRequest) -> web.StreamResponse:
            return web.Response(status=status, body=body, headers=headers)

        self.answer = answer


@pytest.fixture
async def functions() -> Functions:
    return Functions()


@pytest.fixture
async def endpoint(functions: Functions) -> AsyncIterator[str]:
    runner = web.ServerRunner(web.Server(functions))
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    yield f"http://127.0.0.1:{runner.addresses[0][1]}/"
    await runner.cleanup()


@pytest.fixture
async def running(
    clock: ManualClock, broker: InProcessBroker, coordinator: ScriptedCoordinator, endpoint: str
) -> AsyncIterator[None]:
    coordinator.say(StartTask, GivenLambda(EXECUTION, TaskRef(5, 6), "resize", 300, '{"a":1}'))
    async with Calls(clock, broker) as calls, Lambdas(broker, calls, endpoint):
        yield


async def finished(broker: InProcessBroker, coordinator: ScriptedCoordinator) -> Any:
    await broker.offer([TASK])
    delivery = await coordinator.next()
    await delivery.ack()
    action = delivery.message
    assert (action.lane, action.domain, action.workflow_id, action.run_id, action.task) == (
        7,
        "us-east-1/shop",
        "order",
        "22run=",
        TaskRef(5, 6),
    )
    return action.request


@pytest.mark.usefixtures("running")
class TestInvocation:
    async def test_a_result(
        self, broker: InProcessBroker, coordinator: ScriptedCoordinator, functions: Functions
    ) -> None:
        assert await finished(broker, coordinator) == FinishLambda(result='{"a":1}')
        path, kind, body = functions.calls[0]
        assert (path, kind, body) == (
            "/2015-03-31/functions/resize/invocations",
            "RequestResponse",
            b'{"a":1}',
        )
        assert coordinator.actions[0].request == StartTask(TaskKind.LAMBDA)

    async def test_no_input_is_an_empty_object(
        self, broker: InProcessBroker, coordinator: ScriptedCoordinator, functions: Functions
    ) -> None:
        coordinator.say(StartTask, GivenLambda(EXECUTION, TaskRef(5, 6), "a b/c", 300))
        assert await finished(broker, coordinator) == FinishLambda(result="{}")
        assert functions.calls[0][0] == "/2015-03-31/functions/a%20b%2Fc/invocations"

    @pytest.mark.parametrize("reason", ["Handled", "Unhandled"])
    async def test_an_error_of_the_function(
        self, broker: InProcessBroker, coordinator: ScriptedCoordinator, functions: Functions, reason: str
    ) -> None:
        functions.say(200, b'{"errorMessage":"no"}', **{"X-Amz-Function-Error": reason})
        expected = FinishLambda(reason=reason, details='{"errorMessage":"no"}')
        assert await finished(broker, coordinator) == expected

    @pytest.mark.parametrize(
        ("body", "headers", "expected"),
        [
            (
                b'{"Type":"User","Message":"Function not found: resize"}',
                {"x-amzn-errortype": "ResourceNotFoundException:http://internal/"},
                FinishLambda(reason="ResourceNotFoundException", details="Function not found: resize"),
            ),
            (
                b'{"__type":"a.b#TooManyRequestsException","message":"slow down"}',
                {},
                FinishLambda(reason="TooManyRequestsException", details="slow down"),
            ),
            (b"gone", {}, FinishLambda(reason="HTTP 404", details="gone")),
            (b"[1]", {}, FinishLambda(reason="HTTP 404", details="[1]")),
            (b"", {"x-amzn-errortype": "E" * 300}, FinishLambda(reason="E" * 256, details="")),
            (b"x" * 40_000, {}, FinishLambda(reason="HTTP 404", details="x" * 32_768)),
        ],
    )
    async def test_an_error_of_the_service(
        self,
        broker: InProcessBroker,
        coordinator: ScriptedCoordinator,
        functions: Functions,
        body: bytes,
        headers: dict[str, str],
        expected: FinishLambda,
    ) -> None:
        functions.say(404, body, **headers)
        assert await finished(broker, coordinator) == expected

    async def test_a_result_of_32768_characters_and_one_more(
        self, broker: InProcessBroker, coordinator: ScriptedCoordinator, functions: Functions
    ) -> None:
        functions.say(200, "ä".encode() * 32_768)
        assert await finished(broker, coordinator) == FinishLambda(result="ä" * 32_768)
        functions.say(200, b"x" * 32_769)
        failed = await finished(broker, coordinator)
        assert (failed.result, failed.reason) == (None, "ResultTooLong")
        functions.say(200, b"x" * 3_000_000)
        assert (await finished(broker, coordinator)).reason == "ResultTooLong"

    async def test_a_connection_that_is_cut(
        self, broker: InProcessBroker, coordinator: ScriptedCoordinator, functions: Functions
    ) -> None:
        async def cut(request: web.BaseRequest) -> web.StreamResponse:
            assert request.transport is not None
            request.transport.abort()
            return web.Response()

        functions.answer = cut
        assert (await finished(broker, coordinator)).reason == "ServiceException"

    async def test_a_timeout_is_left_to_the_coordinator(
        self, broker: InProcessBroker, coordinator: ScriptedCoordinator, functions: Functions
    ) -> None:
        async def hang(_: web.BaseRequest) -> web.StreamResponse:
            await asyncio.Event().wait()
            return web.Response()

        functions.answer = hang
        patient = coordinator.scripts[StartTask]
        coordinator.say(StartTask, GivenLambda(EXECUTION, TaskRef(5, 6), "slow", 0))
        await broker.offer([TASK])
        while len(coordinator.actions) < 1:  # noqa: ASYNC110  nothing tells
            await asyncio.sleep(0)
        functions.answer = functions._echo
        coordinator.scripts[StartTask] = patient
        assert (await finished(broker, coordinator)).result == '{"a":1}'
        assert [type(action.request) for action in coordinator.actions] == [StartTask, StartTask, FinishLambda]

    @pytest.mark.parametrize("answer", [Stale(), Refusal("UnknownResourceFault")])
    async def test_a_stale_task_is_not_invoked(
        self, broker: InProcessBroker, coordinator: ScriptedCoordinator, functions: Functions, answer: Any
    ) -> None:
        good = coordinator.scripts[StartTask]
        coordinator.scripts[StartTask] = lambda action: answer if action.run_id == "stale" else good(action)
        await broker.offer([Task(LAMBDA_TASKS, 7, "us-east-1/shop", "order", "stale", 5, priority=1)])
        await finished(broker, coordinator)
        assert len(functions.calls) == 1


async def test_an_endpoint_that_is_not_there(
    clock: ManualClock, broker: InProcessBroker, coordinator: ScriptedCoordinator
) -> None:
    coordinator.say(StartTask, GivenLambda(EXECUTION, TaskRef(5, 6), "resize", 300))
    async with Calls(clock, broker) as calls, Lambdas(broker, calls, "http://127.0.0.1:1"):
        assert (await finished(broker, coordinator)).reason == "ServiceException"


async def test_no_more_than_so_many_run_at_a_time(
    clock: ManualClock,
    broker: InProcessBroker,
    coordinator: ScriptedCoordinator,
    functions: Functions,
    endpoint: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(lambdas, "CONCURRENCY", 3)

    def given(action: Action) -> GivenLambda:
        return GivenLambda(EXECUTION, TaskRef(action.task.scheduled_event_id, 6), "resize", 300)

    coordinator.scripts[StartTask] = given
    coordinator.say(FinishLambda, None)
    everything = asyncio.Event()
    async with asyncio.timeout(PATIENCE), Calls(clock, broker) as calls, Lambdas(broker, calls, endpoint):
        done: list[Action] = []

        def count(action: Action) -> None:
            done.append(action)
            if len(done) == 20:
                everything.set()

        coordinator.scripts[FinishLambda] = count
        await broker.offer([Task(LAMBDA_TASKS, 7, "d", "w", "22run=", number) for number in range(20)])
        await everything.wait()
    assert functions.most <= 3
