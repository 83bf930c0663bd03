"""PollForDecisionTask and PollForActivityTask on the wire."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from gateway.gateway import Gateway
from gateway.tokens import Signer, TaskTokens
from tests.gateway.coordinator import ScriptedCoordinator
from tests.gateway.http import Answer, Client, Wire, request
from tests.gateway.runs import SHOP, add_run, event, events, run_id, wire
from workflowsvc import names
from workflowsvc.brokers.inprocess import InProcessBroker
from workflowsvc.clocks.manual import ManualClock
from workflowsvc.messages import (
    Action,
    GivenActivityTask,
    GivenDecisionTask,
    Refusal,
    StartTask,
    Task,
    TaskKind,
    TaskList,
    TaskRef,
)
from workflowsvc.records import DomainRecord
from workflowsvc.settings import Settings
from workflowsvc.stores.sqlite import SqliteStore
from workflowsvc.swf import shapes

DECISION = {"domain": "shop", "taskList": {"name": "main"}}
EXECUTION = shapes.WorkflowExecution(run_id=run_id(1), workflow_id="order-1")
TYPE = shapes.WorkflowType(name="order", version="1")


@pytest.fixture
async def impatient(
    clock: ManualClock, broker: InProcessBroker, store: SqliteStore, domain: str
) -> AsyncIterator[Client]:
    """A client of a gateway that holds polls for a moment only."""
    async with (
        Gateway(Settings(poll_seconds=0.01), clock, broker, store) as gateway,
        Client(await gateway.listen("127.0.0.1", 0)) as client,
    ):
        yield client


def task(kind: TaskKind) -> Task:
    return Task(TaskList(SHOP, kind, "main"), names.lane_of(SHOP, "order-1"), SHOP, "order-1", run_id(1), 8)


def decision(history: list[bytes] | None, previous: int = 0) -> GivenDecisionTask:
    return GivenDecisionTask(EXECUTION, TYPE, TaskRef(8, 9), previous, history)


async def poll(
    client: Client, broker: InProcessBroker, coordinator: ScriptedCoordinator, given: Any, **arguments: Any
) -> Answer:
    coordinator.say(StartTask, given)
    await broker.offer([task(TaskKind.DECISION)])
    return await client.call("PollForDecisionTask", {**DECISION, **arguments})


def ids(answer: Answer) -> list[int]:
    return [e["eventId"] for e in answer.json["events"]]


# ---- empty -----------------------------------------------------------------------------------------------------


async def test_an_empty_poll_has_no_token(impatient: Client) -> None:
    """SWF.md §1.4"""
    decision = await impatient.call("PollForDecisionTask", DECISION)
    assert (decision.status, decision.body) == (200, b'{"previousStartedEventId":0,"startedEventId":0}')
    activity = await impatient.call("PollForActivityTask", DECISION)
    assert (activity.status, activity.body) == (200, b'{"startedEventId":0}')


async def test_the_domain_must_exist(client: Client, coordinator: ScriptedCoordinator) -> None:
    for name in ("PollForDecisionTask", "PollForActivityTask"):
        answer = await client.call(name, DECISION)
        assert (answer.status, answer.code, answer.message) == (400, "UnknownResourceFault", "Unknown domain: shop")


async def test_a_deprecated_domain_still_polls(impatient: Client, store: SqliteStore) -> None:
    await store.replace_domain(DomainRecord(domain=SHOP, created_at=1, retention="1", deprecated=True))
    assert (await impatient.call("PollForDecisionTask", DECISION)).status == 200


# ---- activity tasks --------------------------------------------------------------------------------------------


async def test_an_activity_task(
    client: Client, broker: InProcessBroker, coordinator: ScriptedCoordinator, store: SqliteStore, domain: str
) -> None:
    kind = shapes.ActivityType(name="pay", version="2")
    coordinator.say(StartTask, GivenActivityTask(EXECUTION, TaskRef(8, 9), "pay-1", kind, ""))
    await broker.offer([task(TaskKind.ACTIVITY)])
    answer = await client.call("PollForActivityTask", {**DECISION, "identity": "worker"})
    token = answer.json.pop("taskToken")
    assert answer.json.keys() - {"taskToken"} == {
        "activityId",
        "activityType",
        "input",
        "startedEventId",
        "workflowExecution",
    }
    assert {k: v for k, v in answer.json.items() if k != "taskToken"} == {
        "activityId": "pay-1",
        "activityType": {"name": "pay", "version": "2"},
        "input": "",
        "startedEventId": 9,
        "workflowExecution": wire(EXECUTION),
    }
    opened = TaskTokens(Signer(await store.secret("tokens"))).open("us-east-1", TaskKind.ACTIVITY, token)
    assert (opened.domain, opened.workflow_id, opened.run_id) == (SHOP, "order-1", run_id(1))
    assert (opened.lane, opened.task) == (names.lane_of(SHOP, "order-1"), TaskRef(8, 9))
    [action] = coordinator.actions
    assert action.request == StartTask(TaskKind.ACTIVITY, "worker")


# ---- decision tasks --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("from_store", [False, True])
async def test_a_decision_task(
    client: Client,
    broker: InProcessBroker,
    coordinator: ScriptedCoordinator,
    store: SqliteStore,
    domain: str,
    from_store: bool,
) -> None:
    """ "A task's history ends at its own DecisionTaskStarted" (SWF.md §5)."""
    await add_run(store, 1, history=12)
    answer = await poll(client, broker, coordinator, decision(None if from_store else events(1, 9)))
    assert answer.body.startswith(b'{"events":[' + event(1) + b"," + event(2))
    body = answer.json
    assert ids(answer) == list(range(1, 10))
    assert (body["previousStartedEventId"], body["startedEventId"]) == (0, 9)
    assert body["workflowExecution"] == wire(EXECUTION)
    assert body["workflowType"] == {"name": "order", "version": "1"}
    assert body["taskToken"]
    assert "nextPageToken" not in body


async def pages(client: Client, first: Answer, arguments: dict[str, Any]) -> list[Answer]:
    found = [first]
    while token := found[-1].json.get("nextPageToken"):
        found.append(await client.call("PollForDecisionTask", {**DECISION, **arguments, "nextPageToken": token}))
        assert found[-1].status == 200, found[-1].body
    return found


@pytest.mark.parametrize("from_store", [False, True])
@pytest.mark.parametrize(
    ("arguments", "previous", "expected"),
    [
        ({"maximumPageSize": 4}, 0, [[1, 2, 3, 4], [5, 6, 7, 8], [9]]),
        ({"maximumPageSize": 3}, 5, [[1, 2, 3], [4, 5, 6], [7, 8, 9]]),
        ({"maximumPageSize": 9}, 0, [[1, 2, 3, 4, 5, 6, 7, 8, 9]]),
        ({"maximumPageSize": 4, "reverseOrder": True}, 0, [[9, 8, 7, 6], [5, 4, 3, 2], [1]]),
        ({"maximumPageSize": 3, "reverseOrder": True}, 0, [[9, 8, 7], [6, 5, 4], [3, 2, 1]]),
        ({"startAtPreviousStartedEvent": True}, 5, [[5, 6, 7, 8, 9]]),
        ({"startAtPreviousStartedEvent": True}, 0, [[1, 2, 3, 4, 5, 6, 7, 8, 9]]),
        ({"startAtPreviousStartedEvent": True, "maximumPageSize": 2}, 5, [[5, 6], [7, 8], [9]]),
        (
            {"startAtPreviousStartedEvent": True, "maximumPageSize": 2, "reverseOrder": True},
            5,
            [[9, 8], [7, 6], [5]],
        ),
    ],
)
async def test_pages_of_one_task(
    client: Client,
    broker: InProcessBroker,
    coordinator: ScriptedCoordinator,
    store: SqliteStore,
    domain: str,
    arguments: dict[str, Any],
    previous: int,
    expected: list[list[int]],
    from_store: bool,
) -> None:
    await add_run(store, 1, history=12)
    history = None if from_store else events(1, 9)
    first = await poll(client, broker, coordinator, decision(history, previous), **arguments)
    found = await pages(client, first, arguments)
    assert [ids(page) for page in found] == expected
    same = ("taskToken", "startedEventId", "previousStartedEventId", "workflowExecution", "workflowType")
    assert all(page.json[name] == first.json[name] for page in found for name in same)
    assert len(coordinator.actions) == 1, "another page never claims another task"


async def test_the_next_page_wants_unchanged_arguments(
    client: Client, broker: InProcessBroker, coordinator: ScriptedCoordinator, store: SqliteStore, domain: str
) -> None:
    await add_run(store, 1, history=9)
    first = await poll(client, broker, coordinator, decision(None), maximumPageSize=4)
    token = first.json["nextPageToken"]
    for changed in ({"maximumPageSize": 5}, {"taskList": {"name": "other"}}, {"reverseOrder": True}):
        answer = await client.call(
            "PollForDecisionTask", {**DECISION, "maximumPageSize": 4, "nextPageToken": token, **changed}
        )
        assert (answer.code, answer.message) == ("ValidationException", "Invalid token")


async def test_a_refused_start_is_503_for_the_poll(
    client: Client, broker: InProcessBroker, coordinator: ScriptedCoordinator, domain: str
) -> None:
    answer = await poll(client, broker, coordinator, Refusal("ServiceUnavailableException"))
    assert (answer.status, answer.code) == (503, "ServiceUnavailableException")


async def waiting(gateway: Gateway) -> None:
    """Returns once a poll is held."""
    while not gateway._polls._lines:  # noqa: ASYNC110  nothing tells
        await asyncio.sleep(0)


# ---- the socket ------------------------------------------------------------------------------------------------


async def test_a_client_that_hangs_up_leaves_the_task_to_the_next(
    url: str, client: Client, broker: InProcessBroker, coordinator: ScriptedCoordinator, gateway: Gateway, domain: str
) -> None:
    def give(action: Action) -> GivenDecisionTask:
        return decision(events(1, 9))

    coordinator.scripts[StartTask] = give
    body = b'{"domain":"shop","taskList":{"name":"main"},"identity":"gone"}'
    async with Wire(url) as gone:
        await gone.send(request("PollForDecisionTask", body))
        await waiting(gateway)
    await gateway._endpoint.idle()  # the hang-up has been noticed
    await broker.offer([task(TaskKind.DECISION)])
    answer = await client.call("PollForDecisionTask", {**DECISION, "identity": "alive"})
    assert ids(answer) == list(range(1, 10))
    assert [a.request for a in coordinator.actions] == [StartTask(TaskKind.DECISION, "alive")]
