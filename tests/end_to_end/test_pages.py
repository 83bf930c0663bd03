"""Histories in pages, by GetWorkflowExecutionHistory and by PollForDecisionTask. Law: SWF.md §2.3, §5, §8."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.end_to_end import checker
from tests.end_to_end.service import Service
from tests.end_to_end.swf import EVER, Swf, complete, decision, refused

MARKERS = 25


@pytest.fixture
def long(swf: Swf) -> tuple[Swf, str]:
    """A run whose second decision task, not taken yet, will have 33 events."""
    run = swf.start()
    markers = [decision("RecordMarker", markerName=f"m{n}") for n in range(MARKERS)]
    task = swf.poll()
    swf.signal()
    swf.respond(task, *markers)
    return swf, run


def history_pages(swf: Swf, run: str, **more: Any) -> list[list[int]]:
    pages = []
    ask = {"domain": swf.domain, "execution": {"workflowId": "w", "runId": run}} | more
    while True:
        page = swf.client.get_workflow_execution_history(**ask)
        pages.append([event["eventId"] for event in page["events"]])
        if "nextPageToken" not in page:
            return pages
        ask["nextPageToken"] = page["nextPageToken"]


def cut(ids: list[int], size: int) -> list[list[int]]:
    return [ids[n : n + size] for n in range(0, len(ids), size)]


@pytest.mark.parametrize("reverse", [False, True])
def test_a_history_is_cut_into_pages(long: tuple[Swf, str], reverse: bool) -> None:
    """Forward and reverse, without holes or repeats, and no token on a last page that is exactly full."""
    swf, run = long
    ids = [event["eventId"] for event in swf.history(run)]
    assert ids == list(range(1, 32))
    if reverse:
        ids.reverse()
    for size in (1, 2, 10, 30, 31, 32, 1000):
        assert history_pages(swf, run, maximumPageSize=size, reverseOrder=reverse) == cut(ids, size)
    assert history_pages(swf, run, maximumPageSize=0, reverseOrder=reverse) == [ids]


@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize("size", [1, 10, 32, 33, 1000])
def test_point_08_a_decision_task_comes_in_pages_of_itself(long: tuple[Swf, str], size: int, reverse: bool) -> None:
    """Each page is of the same task, with the same token and ids, and comes at once; later events are in none."""
    swf, run = long
    ask = {"domain": swf.domain, "taskList": {"name": "deciders"}, "maximumPageSize": size, "reverseOrder": reverse}
    pages = [swf.client.poll_for_decision_task(**ask)]
    swf.signal("later")
    while token := pages[-1].get("nextPageToken"):
        pages.append(swf.client.poll_for_decision_task(**ask, nextPageToken=token))
    last = pages[0]["startedEventId"]
    ids = list(range(1, last + 1))
    if reverse:
        ids.reverse()
    assert [[event["eventId"] for event in page["events"]] for page in pages] == cut(ids, size)
    for member in ("taskToken", "startedEventId", "previousStartedEventId", "workflowExecution", "workflowType"):
        assert {str(page[member]) for page in pages} == {str(pages[0][member])}
    assert (pages[0]["previousStartedEventId"], pages[0]["workflowExecution"]["runId"]) == (3, run)
    swf.respond(pages[-1])  # the token of any page is the task's
    assert checker.types(swf.history(run)).count("DecisionTaskStarted") == 2


def test_a_decision_task_can_start_at_the_previous_one(long: tuple[Swf, str]) -> None:
    """startAtPreviousStartedEvent: from previousStartedEventId on, inclusive, in pages too; a first task is whole."""
    swf, _ = long
    ask: dict[str, Any] = {"startAtPreviousStartedEvent": True, "maximumPageSize": 20}
    first = swf.poll(**ask)
    assert [event["eventId"] for event in first["events"]] == list(range(3, 23))
    again = {"domain": swf.domain, "taskList": {"name": "deciders"}} | ask
    rest = swf.client.poll_for_decision_task(**again, nextPageToken=first["nextPageToken"])
    assert [event["eventId"] for event in rest["events"]] == list(range(23, first["startedEventId"] + 1))
    assert "nextPageToken" not in rest
    swf.respond(first, complete())
    swf.start("fresh")
    assert [event["eventId"] for event in swf.poll(startAtPreviousStartedEvent=True)["events"]] == [1, 2, 3]


def test_a_poll_s_page_token_is_bound_to_its_arguments(long: tuple[Swf, str]) -> None:
    """Domain, list, size, order: everything must be unchanged; a token of another operation is no token."""
    swf, run = long
    ask: dict[str, Any] = {"domain": swf.domain, "taskList": {"name": "deciders"}, "maximumPageSize": 5}
    task = swf.client.poll_for_decision_task(**ask)
    token = task["nextPageToken"]
    assert len(token) <= 2048
    changes: list[dict[str, Any]] = [
        {"maximumPageSize": 6},
        {"reverseOrder": True},
        {"taskList": {"name": "other"}},
        {"startAtPreviousStartedEvent": True},
        {"domain": Swf(swf.url).domain},
        {"nextPageToken": "garbage"},
        {"nextPageToken": task["taskToken"]},
    ]
    for change in changes:
        with refused("ValidationException", "Invalid token"):
            swf.client.poll_for_decision_task(**{"nextPageToken": token} | ask | change)
    execution = {"workflowId": "w", "runId": run}
    with refused("ValidationException", "Invalid token"):
        swf.client.get_workflow_execution_history(
            domain=swf.domain, execution=execution, maximumPageSize=5, nextPageToken=token
        )
    # an unchanged repeat gives the same page again
    pages = [swf.client.poll_for_decision_task(**ask, nextPageToken=token) for _ in range(2)]
    assert pages[0]["events"] == pages[1]["events"]
    assert pages[0]["events"][0]["eventId"] == 6


def test_a_history_s_page_token_is_bound_to_its_arguments(long: tuple[Swf, str]) -> None:
    """Another run, size or order makes it invalid."""
    swf, run = long
    other = swf.start("other")
    ask: dict[str, Any] = {
        "domain": swf.domain,
        "execution": {"workflowId": "w", "runId": run},
        "maximumPageSize": 5,
    }
    token = swf.client.get_workflow_execution_history(**ask)["nextPageToken"]
    changes: list[dict[str, Any]] = [
        {"maximumPageSize": 6},
        {"reverseOrder": True},
        {"execution": {"workflowId": "other", "runId": other}},
    ]
    for change in changes:
        with refused("ValidationException", "Invalid token"):
            swf.client.get_workflow_execution_history(**ask | change, nextPageToken=token)
    for size in (1001, -1):
        with refused("ValidationException", matching="maximumPageSize"):
            swf.client.get_workflow_execution_history(**ask | {"maximumPageSize": size})


def test_tokens_survive_a_restart(private: Callable[..., Service]) -> None:
    """Page tokens of lists, histories and decision tasks, and the task's own, are good at the next process."""
    service = private()
    swf = Swf(service.url)
    run = swf.start()
    swf.start("another")
    ask: dict[str, Any] = {"domain": swf.domain, "taskList": {"name": "deciders"}, "maximumPageSize": 2}
    task = swf.client.poll_for_decision_task(**ask)
    history: dict[str, Any] = {
        "domain": swf.domain,
        "execution": {"workflowId": "w", "runId": run},
        "maximumPageSize": 1,
    }
    events = swf.client.get_workflow_execution_history(**history)
    listing: dict[str, Any] = {"domain": swf.domain, "startTimeFilter": EVER, "maximumPageSize": 1}
    runs = swf.client.list_open_workflow_executions(**listing)

    assert service.stop() == 0
    service.start()

    page = swf.client.poll_for_decision_task(**ask, nextPageToken=task["nextPageToken"])
    assert [event["eventId"] for event in page["events"]] == [3]
    assert page["taskToken"] == task["taskToken"]
    page = swf.client.get_workflow_execution_history(**history, nextPageToken=events["nextPageToken"])
    assert [event["eventId"] for event in page["events"]] == [2]
    page = swf.client.list_open_workflow_executions(**listing, nextPageToken=runs["nextPageToken"])
    assert [info["execution"]["workflowId"] for info in page["executionInfos"]] == ["w"]
    swf.respond(task, complete())
    assert swf.types(run)[-1] == "WorkflowExecutionCompleted"
    swf.check_histories()
