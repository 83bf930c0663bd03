"""Lists and counts of executions. Law: SWF.md §8; "a read that begins after a call was answered sees its effect"."""

from __future__ import annotations

import itertools
from datetime import timedelta
from typing import Any

import pytest

from tests.end_to_end.swf import EVER, WORKFLOW, Swf, complete, decision, refused


def listed(swf: Swf, which: str, **more: Any) -> list[str]:
    """The workflowIds, in the order of the pages."""
    pages = swf.client.get_paginator(f"list_{which}_workflow_executions").paginate(domain=swf.domain, **more)
    return [info["execution"]["workflowId"] for page in pages for info in page["executionInfos"]]


def counted(swf: Swf, which: str, **more: Any) -> int:
    count = getattr(swf.client, f"count_{which}_workflow_executions")(domain=swf.domain, **more)
    assert count["truncated"] is False
    return int(count["count"])


@pytest.fixture
def crowd(swf: Swf) -> Swf:
    """Open: o1, o2, o3. Closed, in this order: failed, canceled, completed, terminated."""
    swf.client.register_workflow_type(domain=swf.domain, name="order", version="2")
    swf.client.register_workflow_type(domain=swf.domain, name="other", version="1")
    settings = {
        "taskList": {"name": "deciders"},
        "executionStartToCloseTimeout": "600",
        "taskStartToCloseTimeout": "60",
        "childPolicy": "ABANDON",
    }
    closes = {
        "failed": decision("FailWorkflowExecution"),
        "canceled": decision("CancelWorkflowExecution"),
        "completed": complete(),
    }
    swf.start("completed", tagList=["even", "red"])
    swf.start("canceled", tagList=["red"])
    swf.start("failed")
    tasks = {task["workflowExecution"]["workflowId"]: task for task in (swf.poll(), swf.poll(), swf.poll())}
    for name, close in closes.items():
        swf.respond(tasks[name], close)
    swf.start("terminated", workflowType={"name": "order", "version": "2"}, **settings)
    swf.client.terminate_workflow_execution(domain=swf.domain, workflowId="terminated")
    swf.start("o1", tagList=["red"])
    swf.start("o2", tagList=["even"], workflowType={"name": "other", "version": "1"}, **settings)
    swf.start("o3", workflowType={"name": "order", "version": "2"}, **settings)
    return swf


CLOSED = ["terminated", "completed", "canceled", "failed"]  # newest close first


@pytest.mark.parametrize(
    ("which", "filters", "wanted"),
    [
        ("open", {}, ["o3", "o2", "o1"]),
        ("open", {"executionFilter": {"workflowId": "o2"}}, ["o2"]),
        ("open", {"executionFilter": {"workflowId": "completed"}}, []),
        ("open", {"typeFilter": {"name": "order"}}, ["o3", "o1"]),
        ("open", {"typeFilter": {"name": "order", "version": "2"}}, ["o3"]),
        ("open", {"typeFilter": WORKFLOW}, ["o1"]),
        ("open", {"typeFilter": {"name": "none"}}, []),
        ("open", {"tagFilter": {"tag": "even"}}, ["o2"]),
        ("open", {"tagFilter": {"tag": "blue"}}, []),
        ("open", {"reverseOrder": True}, ["o1", "o2", "o3"]),
        ("open", {"maximumPageSize": 2}, ["o3", "o2", "o1"]),
        ("open", {"maximumPageSize": 1, "reverseOrder": True}, ["o1", "o2", "o3"]),
        ("closed", {}, ["terminated", "failed", "canceled", "completed"]),  # by start time
        ("closed", {"reverseOrder": True}, ["completed", "canceled", "failed", "terminated"]),
        ("closed", {"executionFilter": {"workflowId": "failed"}}, ["failed"]),
        ("closed", {"typeFilter": {"name": "order", "version": "2"}}, ["terminated"]),
        ("closed", {"tagFilter": {"tag": "red"}}, ["canceled", "completed"]),
        ("closed", {"closeStatusFilter": {"status": "TERMINATED"}}, ["terminated"]),
        ("closed", {"closeStatusFilter": {"status": "COMPLETED"}}, ["completed"]),
        ("closed", {"closeStatusFilter": {"status": "FAILED"}}, ["failed"]),
        ("closed", {"closeStatusFilter": {"status": "CANCELED"}}, ["canceled"]),
        ("closed", {"closeStatusFilter": {"status": "TIMED_OUT"}}, []),
        ("closed", {"closeStatusFilter": {"status": "CONTINUED_AS_NEW"}}, []),
        ("closed", {"maximumPageSize": 3}, ["terminated", "failed", "canceled", "completed"]),
    ],
)
def test_point_34_lists_and_counts_filter_alike(
    crowd: Swf, which: str, filters: dict[str, Any], wanted: list[str]
) -> None:
    """Newest start first; reverseOrder precedes paging; the count of a filter is the length of its list."""
    assert listed(crowd, which, startTimeFilter=EVER, **filters) == wanted
    asked = {name: value for name, value in filters.items() if name not in ("reverseOrder", "maximumPageSize")}
    assert counted(crowd, which, startTimeFilter=EVER, **asked) == len(wanted)


def test_a_close_time_filter_orders_by_close_time(crowd: Swf) -> None:
    """Newest close first, in pages too."""
    for size in (1, 2, 3, 4, 0):
        assert listed(crowd, "closed", closeTimeFilter=EVER, maximumPageSize=size) == CLOSED
        found = listed(crowd, "closed", closeTimeFilter=EVER, maximumPageSize=size, reverseOrder=True)
        assert found == CLOSED[::-1]
    assert counted(crowd, "closed", closeTimeFilter=EVER) == 4


def test_bounds_of_time_are_inclusive(crowd: Swf) -> None:
    """An execution at the bound is in; a millisecond beyond, out; the future and the empty interval match nothing."""
    infos = crowd.client.list_open_workflow_executions(domain=crowd.domain, startTimeFilter=EVER)["executionInfos"]
    at = {info["execution"]["workflowId"]: info["startTimestamp"] for info in infos}
    tick = timedelta(milliseconds=1)
    one = {"executionFilter": {"workflowId": "o2"}}
    for oldest, latest, wanted in (
        (at["o2"], at["o2"], ["o2"]),
        (at["o2"] + tick, at["o2"] + tick, []),
        (at["o2"] - tick, at["o2"] - tick, []),
        (at["o2"] + tick, at["o2"] - tick, []),
        (at["o2"] + timedelta(days=1), at["o2"] + timedelta(days=2), []),
    ):
        period = {"oldestDate": oldest, "latestDate": latest}
        assert listed(crowd, "open", startTimeFilter=period, **one) == wanted
        assert counted(crowd, "open", startTimeFilter=period, **one) == len(wanted)


def test_infos_say_what_is_known(swf: Swf) -> None:
    """Empty tag lists and cancelRequested are sent; close members only of the closed."""
    run = swf.start("closed")
    swf.decide(complete())
    swf.start("open", tagList=["b", "a"])
    infos = {
        info["execution"]["workflowId"]: info
        for which in ("open", "closed")
        for info in getattr(swf.client, f"list_{which}_workflow_executions")(domain=swf.domain, startTimeFilter=EVER)[
            "executionInfos"
        ]
    }
    assert infos["closed"] == swf.describe(run, "closed")["executionInfo"]
    assert infos["open"]["tagList"] == ["b", "a"]
    assert (infos["open"]["executionStatus"], infos["open"]["cancelRequested"]) == ("OPEN", False)
    assert not {"closeTimestamp", "closeStatus", "parent"} & set(infos["open"])
    assert infos["closed"]["closeTimestamp"] >= infos["closed"]["startTimestamp"]


def test_equal_timestamps_are_listed_in_the_order_of_the_calls(swf: Swf) -> None:
    """Children of one batch may start in the same millisecond; pages neither skip nor repeat them."""
    swf.start(taskList={"name": "parents"})
    names = [f"c{n:02}" for n in range(30)]
    swf.decide(
        *(decision("StartChildWorkflowExecution", workflowId=name, workflowType=WORKFLOW) for name in names),
        complete(),
        task_list="parents",
    )
    for _ in names:
        assert "taskToken" in swf.poll()
    whole = listed(swf, "open", startTimeFilter=EVER)
    assert sorted(whole) == names
    for size in (1, 7, 10, 29, 30):
        assert listed(swf, "open", startTimeFilter=EVER, maximumPageSize=size) == whole
        assert listed(swf, "open", startTimeFilter=EVER, maximumPageSize=size, reverseOrder=True) == whole[::-1]


def test_point_35_pages_end_exactly(crowd: Swf) -> None:
    """nextPageToken is absent on the last page even if that is exactly full; a token is bound to its arguments."""
    ask = {"domain": crowd.domain, "startTimeFilter": EVER, "maximumPageSize": 2}
    first = crowd.client.list_closed_workflow_executions(**ask)
    second = crowd.client.list_closed_workflow_executions(**ask, nextPageToken=first["nextPageToken"])
    assert len(first["executionInfos"]) == len(second["executionInfos"]) == 2
    assert "nextPageToken" not in second
    others: list[dict[str, Any]] = [
        {"maximumPageSize": 3},
        {"reverseOrder": True},
        {"tagFilter": {"tag": "red"}},
        {"domain": Swf(crowd.url).domain},
    ]
    for other in others:
        with refused("ValidationException", "Invalid token"):
            crowd.client.list_closed_workflow_executions(**ask | other, nextPageToken=first["nextPageToken"])
    with refused("ValidationException", "Invalid token"):
        crowd.client.list_open_workflow_executions(**ask, nextPageToken=first["nextPageToken"])
    with refused("ValidationException", "Invalid token"):
        crowd.client.list_closed_workflow_executions(**ask, nextPageToken="garbage")
    for size in (1001, -1):
        with refused("ValidationException", matching="maximumPageSize"):
            crowd.client.list_closed_workflow_executions(**ask | {"maximumPageSize": size})


_FILTERS: dict[str, Any] = {
    "executionFilter": {"workflowId": "w"},
    "typeFilter": {"name": "order"},
    "tagFilter": {"tag": "t"},
    "closeStatusFilter": {"status": "FAILED"},
}


@pytest.mark.parametrize("pair", list(itertools.combinations(_FILTERS, 2)))
@pytest.mark.parametrize("verb", ["list", "count"])
def test_filters_exclude_each_other(swf: Swf, verb: str, pair: tuple[str, str]) -> None:
    """At most one filter besides the time."""
    for which in ("closed",) if "closeStatusFilter" in pair else ("open", "closed"):
        call = getattr(swf.client, f"{verb}_{which}_workflow_executions")
        with refused(
            "ValidationException", matching="Cannot specify more than one exclusive filters in the same query: "
        ):
            call(domain=swf.domain, startTimeFilter=EVER, **{name: _FILTERS[name] for name in pair})


@pytest.mark.parametrize("verb", ["list", "count"])
def test_closed_executions_need_exactly_one_time_filter(swf: Swf, verb: str) -> None:
    """Neither and both are refused, in AWS's words; open ones need the start time."""
    closed = getattr(swf.client, f"{verb}_closed_workflow_executions")
    with refused("ValidationException", "Must specify time filter"):
        closed(domain=swf.domain)
    with refused("ValidationException", "Cannot specify both a startTimeFilter and a closeTimeFilter"):
        closed(domain=swf.domain, startTimeFilter=EVER, closeTimeFilter=EVER)
    with refused(
        "ValidationException",
        "1 validation error detected: Value null at 'startTimeFilter' failed to satisfy constraint: "
        "Member must not be null",
    ):
        getattr(swf.client, f"{verb}_open_workflow_executions")(domain=swf.domain)
    with refused("ValidationException", matching="closeStatusFilter.status"):
        closed(domain=swf.domain, startTimeFilter=EVER, closeStatusFilter={"status": "GONE"})
