"""Token buckets of the operations (SWF.md §9): off unless set, each region apart, refilled as time goes by."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from gateway.rates import RATES, RUN_RATES
from gateway.tokens import Signer, TaskToken, TaskTokens
from tests.gateway.coordinator import ScriptedCoordinator
from tests.gateway.http import Client
from workflowsvc.buckets import Rate
from workflowsvc.clocks.manual import ManualClock
from workflowsvc.messages import TaskKind
from workflowsvc.settings import Settings
from workflowsvc.stores.sqlite import SqliteStore
from workflowsvc.swf import shapes
from workflowsvc.swf.operations import OPERATIONS

LIST_DOMAINS = {"registrationStatus": "REGISTERED"}


@pytest.fixture
def settings(settings: Settings) -> Settings:
    """A hundredth of AWS's rates: one ListDomains, two Describe..., twenty of what is done most."""
    return msgspec.structs.replace(settings, quota_rates=0.01)


def test_every_operation_has_a_rate() -> None:
    assert set(RATES) == {operation.input for operation in OPERATIONS.values()}
    assert set(RUN_RATES) <= set(RATES)


@pytest.mark.parametrize(
    ("name", "rate"),
    [
        ("StartWorkflowExecution", Rate(2000, 200)),
        ("RecordActivityTaskHeartbeat", Rate(2000, 160)),
        ("TerminateWorkflowExecution", Rate(2000, 60)),
        ("SignalWorkflowExecution", Rate(2000, 30)),
        ("DescribeWorkflowExecution", Rate(2000, 6)),
        ("RegisterWorkflowType", Rate(200, 60)),
        ("ListOpenWorkflowExecutions", Rate(200, 48)),
        ("ListClosedWorkflowExecutions", Rate(200, 6)),
        ("ListDomains", Rate(100, 6)),
        ("TagResource", Rate(50, 30)),
    ],
)
def test_rates_are_aws_s(name: str, rate: Rate) -> None:
    assert RATES[OPERATIONS[name].input] == rate


async def test_what_comes_too_fast_is_throttled_until_time_has_gone_by(client: Client, clock: ManualClock) -> None:
    assert (await client.call("ListDomains", LIST_DOMAINS)).status == 200
    refused = await client.call("ListDomains", LIST_DOMAINS)
    assert (refused.status, refused.code, refused.message) == (400, "ThrottlingException", "Rate exceeded")
    assert refused.json["__type"] == "com.amazon.coral.availability#ThrottlingException"
    assert (await client.call("ListDomains", LIST_DOMAINS, region="eu-west-1")).status == 200
    clock.advance(16_000)  # 0.06 a second
    assert (await client.call("ListDomains", LIST_DOMAINS)).code == "ThrottlingException"
    clock.advance(1_000)
    assert (await client.call("ListDomains", LIST_DOMAINS)).status == 200


async def test_what_is_wrong_is_said_before_that_it_came_too_fast(client: Client) -> None:
    for _ in range(2):
        assert (await client.call("ListDomains", {})).code == "ValidationException"


async def test_a_run_has_a_rate_of_its_own(client: Client, coordinator: ScriptedCoordinator, domain: str) -> None:
    """GetWorkflowExecutionHistory: 4 of a run, 20 of all."""

    async def read(run_id: str) -> str:
        execution = {"workflowId": "w", "runId": run_id}
        return (await client.call("GetWorkflowExecutionHistory", {"domain": "shop", "execution": execution})).code

    assert [await read("one") for _ in range(5)] == ["UnknownResourceFault"] * 4 + ["ThrottlingException"]
    assert await read("two") == "UnknownResourceFault"


@pytest.mark.parametrize("shape", [shapes.RequestCancelWorkflowExecutionInput, shapes.SignalWorkflowExecutionInput])
async def test_signals_and_cancels_go_by_the_run_that_they_name(
    client: Client, coordinator: ScriptedCoordinator, shape: Any
) -> None:
    coordinator.say(shape, None)
    name = shape.__name__.removesuffix("Input")
    most = int(RUN_RATES[shape].size / 100)

    async def ask(workflow_id: str) -> int:
        return (await client.call(name, {"domain": "shop", "workflowId": workflow_id, "signalName": "s"})).status

    assert [await ask("one") for _ in range(most + 1)] == [200] * most + [400]
    assert await ask("two") == 200


async def test_heartbeats_go_by_the_run_of_their_token(
    client: Client, coordinator: ScriptedCoordinator, store: SqliteStore
) -> None:
    coordinator.say(shapes.RecordActivityTaskHeartbeatInput, shapes.ActivityTaskStatus(cancel_requested=False))
    tokens = TaskTokens(Signer(await store.secret("tokens")))

    async def beat(run_id: str) -> int:
        token = TaskToken(1, "us-east-1/shop", "order", run_id, 5, 6)
        sealed = tokens.seal("us-east-1", TaskKind.ACTIVITY, token)
        return (await client.call("RecordActivityTaskHeartbeat", {"taskToken": sealed})).status

    assert [await beat("22one=") for _ in range(11)] == [200] * 10 + [400]
    assert await beat("22two=") == 200
    assert (await client.call("RecordActivityTaskHeartbeat", {"taskToken": "garbage"})).message == "Invalid token"
