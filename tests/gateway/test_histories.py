"""GetWorkflowExecutionHistory."""

from __future__ import annotations

from typing import Any

import pytest

from tests.gateway.http import Client
from tests.gateway.runs import SHOP, add_run, event, run_id, wire
from workflowsvc.records import Commit, DomainRecord
from workflowsvc.stores.sqlite import SqliteStore


async def all_pages(client: Client, arguments: dict[str, Any]) -> list[list[int]]:
    found, token = [], None
    while True:
        answer = await client.call("GetWorkflowExecutionHistory", {**arguments, "nextPageToken": token})
        assert answer.status == 200, answer.body
        found.append([e["eventId"] for e in answer.json["events"]])
        token = answer.json.get("nextPageToken")
        if token is None:
            return found


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ({}, [[1, 2, 3, 4, 5, 6]]),
        ({"maximumPageSize": 4}, [[1, 2, 3, 4], [5, 6]]),
        ({"maximumPageSize": 3}, [[1, 2, 3], [4, 5, 6]]),
        ({"maximumPageSize": 6}, [[1, 2, 3, 4, 5, 6]]),
        ({"maximumPageSize": 4, "reverseOrder": True}, [[6, 5, 4, 3], [2, 1]]),
        ({"reverseOrder": True, "maximumPageSize": 0}, [[6, 5, 4, 3, 2, 1]]),
    ],
)
async def test_pages(
    client: Client, store: SqliteStore, domain: str, arguments: dict[str, Any], expected: list[list[int]]
) -> None:
    execution = await add_run(store, 1, history=6)
    assert await all_pages(client, {"domain": "shop", "execution": wire(execution), **arguments}) == expected


async def test_events_leave_as_they_were_stored(client: Client, store: SqliteStore, domain: str) -> None:
    execution = await add_run(store, 1, history=2)
    answer = await client.call("GetWorkflowExecutionHistory", {"domain": "shop", "execution": wire(execution)})
    assert answer.body == b'{"events":[' + event(1) + b"," + event(2) + b"]}"


async def test_pages_go_on_up_to_the_present_end(client: Client, store: SqliteStore, domain: str) -> None:
    execution = await add_run(store, 1, history=3)
    asked = {"domain": "shop", "execution": wire(execution), "maximumPageSize": 2}
    token = (await client.call("GetWorkflowExecutionHistory", asked)).json["nextPageToken"]
    more = Commit(
        run_id=execution.run_id, domain=SHOP, workflow_id="order-1", action_id="b", first=4, events=[event(4)]
    )
    await store.commit([more])
    answer = await client.call("GetWorkflowExecutionHistory", {**asked, "nextPageToken": token})
    assert [e["eventId"] for e in answer.json["events"]] == [3, 4]
    assert "nextPageToken" not in answer.json


@pytest.mark.parametrize(
    ("workflow_id", "run"), [("order-1", run_id(2)), ("order-2", run_id(1)), ("order-9", run_id(9))]
)
async def test_an_unknown_execution(
    client: Client, store: SqliteStore, domain: str, workflow_id: str, run: str
) -> None:
    await add_run(store, 1)
    await add_run(store, 2)
    asked = {"domain": "shop", "execution": {"workflowId": workflow_id, "runId": run}}
    answer = await client.call("GetWorkflowExecutionHistory", asked)
    assert (answer.status, answer.code) == (400, "UnknownResourceFault")
    assert answer.message == f"Unknown execution: WorkflowExecution=[workflowId={workflow_id}, runId={run}]"


async def test_an_execution_of_another_domain_is_unknown(client: Client, store: SqliteStore, domain: str) -> None:
    await store.add_domain(DomainRecord(domain="us-east-1/other", created_at=1, retention="1"))
    execution = await add_run(store, 1)
    for name, code in (("other", "UnknownResourceFault"), ("none", "UnknownResourceFault"), ("shop", "")):
        answer = await client.call("GetWorkflowExecutionHistory", {"domain": name, "execution": wire(execution)})
        assert answer.code == code
