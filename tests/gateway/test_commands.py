"""Where each command's action goes."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from gateway.commands import _PLACES, _TASK_KINDS
from gateway.tokens import Signer, TaskToken, TaskTokens
from tests.gateway.coordinator import ScriptedCoordinator
from tests.gateway.http import Client
from tests.gateway.values import sample
from workflowsvc import names
from workflowsvc.messages import NO_TASK, TaskKind, TaskRef
from workflowsvc.stores.sqlite import SqliteStore
from workflowsvc.swf import shapes
from workflowsvc.swf.operations import OPERATIONS

KEY = "us-east-1/30"  # the sample of a name is "30"
TOKEN = TaskToken(9, KEY, "order", "22run=", 5, 6)
ARN = "arn:aws:swf:us-east-1:123456789012:/domain/30"


def operation_of(shape: type[shapes.Shape]) -> Any:
    return next(op for op in OPERATIONS.values() if op.input is shape)


@pytest.fixture
async def tokens(store: SqliteStore) -> TaskTokens:
    return TaskTokens(Signer(await store.secret("tokens")))


@pytest.mark.parametrize("shape", _PLACES, ids=lambda s: s.__name__)
async def test_a_command_goes_to_its_lane_as_it_was_written(
    client: Client, coordinator: ScriptedCoordinator, shape: Any
) -> None:
    operation = operation_of(shape)
    result = None if operation.output is None else msgspec.convert(sample(operation.output), operation.output)
    coordinator.say(shape, result)
    value = sample(shape) | ({"resourceArn": ARN} if "resource_arn" in shape.__struct_fields__ else {})
    answer = await client.call(operation.name, value)
    assert (answer.status, answer.body) == (200, b"" if result is None else msgspec.json.encode(result))
    [action] = coordinator.actions
    assert action.request == msgspec.convert(value, shape)
    assert (action.domain, action.task) == (KEY, NO_TASK)
    of_execution = "workflow_id" in shape.__struct_fields__ or "execution" in shape.__struct_fields__
    assert action.workflow_id == ("30" if of_execution else "")
    assert action.lane == names.lane_of(KEY, action.workflow_id)
    assert action.run_id == ("30" if of_execution and shape is not shapes.StartWorkflowExecutionInput else "")


@pytest.mark.parametrize("shape", _TASK_KINDS, ids=lambda s: s.__name__)
async def test_a_task_command_goes_where_its_token_says(
    client: Client, coordinator: ScriptedCoordinator, tokens: TaskTokens, shape: Any
) -> None:
    operation = operation_of(shape)
    result = None if operation.output is None else shapes.ActivityTaskStatus(cancel_requested=False)
    coordinator.say(shape, result)
    value = {"taskToken": tokens.seal("us-east-1", _TASK_KINDS[shape], TOKEN)}
    answer = await client.call(operation.name, value)
    assert (answer.status, answer.body) == (200, b"" if result is None else b'{"cancelRequested":false}')
    [action] = coordinator.actions
    assert (action.lane, action.domain, action.workflow_id, action.run_id) == (9, KEY, "order", "22run=")
    assert action.task == TaskRef(5, 6)


@pytest.mark.parametrize("shape", _TASK_KINDS, ids=lambda s: s.__name__)
async def test_a_token_of_the_other_kind_or_garbage_is_invalid(
    client: Client, coordinator: ScriptedCoordinator, tokens: TaskTokens, shape: Any
) -> None:
    other = TaskKind.ACTIVITY if _TASK_KINDS[shape] is TaskKind.DECISION else TaskKind.DECISION
    good = tokens.seal("us-east-1", _TASK_KINDS[shape], TOKEN)
    for token, region in ((tokens.seal("us-east-1", other, TOKEN), ""), ("garbage", ""), (good, "eu-west-1")):
        answer = await client.call(operation_of(shape).name, {"taskToken": token}, region=region)
        assert (answer.status, answer.code, answer.message) == (400, "ValidationException", "Invalid token")
    assert not coordinator.actions


async def test_no_run_id_is_the_open_run(client: Client, coordinator: ScriptedCoordinator) -> None:
    coordinator.say(shapes.TerminateWorkflowExecutionInput, None)
    for value in ({}, {"runId": ""}, {"runId": None}):
        await client.call("TerminateWorkflowExecution", {"domain": "shop", "workflowId": "order", **value})
    assert [action.run_id for action in coordinator.actions] == ["", "", ""]


@pytest.mark.parametrize(
    "arn",
    [
        "shop",
        "arn:aws:swf:us-east-1:123456789012:/domain/",
        "arn:aws:swf:us-east-1:123456789012:domain/shop",
        "arn:aws:swf:eu-west-1:123456789012:/domain/shop",
        "arn:aws:s3:us-east-1:123456789012:/domain/shop",
    ],
)
async def test_an_arn_that_names_no_domain_here_is_unknown(client: Client, domain: str, arn: str) -> None:
    for name, value in (
        ("TagResource", {"tags": []}),
        ("UntagResource", {"tagKeys": []}),
        ("ListTagsForResource", {}),
    ):
        answer = await client.call(name, {"resourceArn": arn, **value})
        assert (answer.status, answer.code) == (400, "UnknownResourceFault")
