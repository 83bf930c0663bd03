"""Which executions there are."""

from __future__ import annotations

from typing import Any

import pytest

from tests.gateway.http import Client
from tests.gateway.runs import SHOP, START, add_run
from workflowsvc.clocks.manual import ManualClock
from workflowsvc.messages import TaskKind, TaskList
from workflowsvc.records import PendingTask
from workflowsvc.stores.sqlite import SqliteStore
from workflowsvc.swf.shapes import CloseStatus

SINCE = {"oldestDate": START / 1000}
OPEN = {"domain": "shop", "startTimeFilter": SINCE}


async def listed(client: Client, state: str, **arguments: Any) -> list[list[str]]:
    """The workflow ids, page by page; Count must agree."""
    found, token = [], None
    while True:
        answer = await client.call(
            f"List{state}WorkflowExecutions", {"domain": "shop", **arguments, "nextPageToken": token}
        )
        assert answer.status == 200, answer.body
        found.append([info["execution"]["workflowId"] for info in answer.json["executionInfos"]])
        token = answer.json.get("nextPageToken")
        if token is None:
            break
    counted = {k: v for k, v in arguments.items() if k not in ("maximumPageSize", "reverseOrder")}
    count = await client.call(f"Count{state}WorkflowExecutions", {"domain": "shop", **counted})
    assert count.json == {"count": sum(map(len, found)), "truncated": False}
    return found


@pytest.fixture
async def open_runs(store: SqliteStore, domain: str, clock: ManualClock) -> None:
    clock.advance(10_000)
    await add_run(store, 1, tags=["red"])
    await add_run(store, 2, started_at=START + 1_000, type_version="2")
    await add_run(store, 3, started_at=START + 2_000, type_name="refund", tags=["red", "big"])


@pytest.mark.usefixtures("open_runs")
class TestOpen:
    async def test_newest_first_and_reversed(self, client: Client) -> None:
        assert await listed(client, "Open", startTimeFilter=SINCE) == [["order-3", "order-2", "order-1"]]
        assert await listed(client, "Open", startTimeFilter=SINCE, reverseOrder=True) == [
            ["order-1", "order-2", "order-3"]
        ]

    async def test_pages_end_without_a_token(self, client: Client) -> None:
        assert await listed(client, "Open", startTimeFilter=SINCE, maximumPageSize=3) == [
            ["order-3", "order-2", "order-1"]
        ]
        assert await listed(client, "Open", startTimeFilter=SINCE, maximumPageSize=2, reverseOrder=True) == [
            ["order-1", "order-2"],
            ["order-3"],
        ]

    @pytest.mark.parametrize(
        ("filter", "expected"),
        [
            ({"executionFilter": {"workflowId": "order-2"}}, ["order-2"]),
            ({"typeFilter": {"name": "order"}}, ["order-2", "order-1"]),
            ({"typeFilter": {"name": "order", "version": ""}}, ["order-2", "order-1"]),
            ({"typeFilter": {"name": "order", "version": "2"}}, ["order-2"]),
            ({"tagFilter": {"tag": "red"}}, ["order-3", "order-1"]),
            ({"tagFilter": {"tag": "blue"}}, []),
        ],
    )
    async def test_filters(self, client: Client, filter: dict[str, Any], expected: list[str]) -> None:
        assert await listed(client, "Open", startTimeFilter=SINCE, **filter) == [expected]

    @pytest.mark.parametrize(
        ("oldest", "latest", "expected"),
        [
            (START / 1000, START / 1000 + 1, ["order-2", "order-1"]),
            (START / 1000 + 1, START / 1000 + 1, ["order-2"]),
            (START / 1000 + 0.001, START / 1000 + 1.999, ["order-2"]),
            (START / 1000 + 5, START / 1000, []),
            (-1e300, 1e300, ["order-3", "order-2", "order-1"]),
            (-(2**70), 2**70, ["order-3", "order-2", "order-1"]),
            (1e308, 1e308, []),
            (-1, 0, []),
        ],
    )
    async def test_bounds_are_inclusive_and_may_be_any_number(
        self, client: Client, oldest: float, latest: float, expected: list[str]
    ) -> None:
        period = {"oldestDate": oldest, "latestDate": latest}
        assert await listed(client, "Open", startTimeFilter=period) == [expected]

    async def test_the_latest_date_is_now_by_default(self, client: Client, store: SqliteStore) -> None:
        await add_run(store, 4, started_at=START + 60_000)
        assert "order-4" not in (await listed(client, "Open", startTimeFilter=SINCE))[0]

    async def test_an_info_is_as_it_was_stored(self, client: Client, store: SqliteStore) -> None:
        answer = await client.call("ListOpenWorkflowExecutions", {**OPEN, "executionFilter": {"workflowId": "order-1"}})
        row = await store.row(answer.json["executionInfos"][0]["execution"]["runId"], START)
        assert row is not None
        assert answer.body == b'{"executionInfos":[' + row.info + b"]}"

    async def test_nothing_is_an_empty_list(self, client: Client) -> None:
        answer = await client.call("ListOpenWorkflowExecutions", {**OPEN, "executionFilter": {"workflowId": "none"}})
        assert answer.body == b'{"executionInfos":[]}'


async def test_closed_executions(client: Client, store: SqliteStore, domain: str, clock: ManualClock) -> None:
    clock.advance(10_000)
    await add_run(store, 1)
    await add_run(store, 2, started_at=START, closed_at=START + 5_000, close_status=CloseStatus.COMPLETED)
    await add_run(store, 3, started_at=START + 1, closed_at=START + 2_000, close_status=CloseStatus.FAILED)
    assert await listed(client, "Closed", startTimeFilter=SINCE) == [["order-3", "order-2"]]
    assert await listed(client, "Closed", closeTimeFilter=SINCE) == [["order-2", "order-3"]]
    early = {"oldestDate": 0, "latestDate": START / 1000 + 2}
    assert await listed(client, "Closed", closeTimeFilter=early) == [["order-3"]]
    assert await listed(client, "Closed", closeTimeFilter=SINCE, closeStatusFilter={"status": "COMPLETED"}) == [
        ["order-2"]
    ]
    assert await listed(client, "Closed", closeTimeFilter=SINCE, maximumPageSize=1) == [["order-2"], ["order-3"]]


@pytest.mark.parametrize("name", ["ListOpen", "ListClosed", "CountOpen", "CountClosed"])
async def test_the_domain_must_exist_after_the_request_is_valid(client: Client, name: str) -> None:
    answer = await client.call(f"{name}WorkflowExecutions", OPEN)
    assert (answer.code, answer.message) == ("UnknownResourceFault", "Unknown domain: shop")
    both = {**OPEN, "tagFilter": {"tag": "t"}, "typeFilter": {"name": "n"}}
    assert (await client.call(f"{name}WorkflowExecutions", both)).code == "ValidationException"


async def test_pending_tasks_are_counted(client: Client, store: SqliteStore, domain: str) -> None:
    activities, decisions = (TaskList(SHOP, kind, "main") for kind in (TaskKind.ACTIVITY, TaskKind.DECISION))
    await add_run(store, 1, history=9, pending=[PendingTask(activities, 5), PendingTask(activities, 6)])
    await add_run(store, 2, history=2, pending=[PendingTask(decisions, 2)])
    asked = {"domain": "shop", "taskList": {"name": "main"}}
    assert (await client.call("CountPendingActivityTasks", asked)).body == b'{"count":2,"truncated":false}'
    assert (await client.call("CountPendingDecisionTasks", asked)).body == b'{"count":1,"truncated":false}'
    unused = {**asked, "taskList": {"name": "never seen"}}
    assert (await client.call("CountPendingDecisionTasks", unused)).json["count"] == 0
    unknown = await client.call("CountPendingActivityTasks", {**asked, "domain": "none"})
    assert (unknown.code, unknown.message) == ("UnknownResourceFault", "Unknown domain: none")
