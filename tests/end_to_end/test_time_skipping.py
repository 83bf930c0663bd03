"""Time that is skipped: weeks in a second, and a clock that a test can lock and move.

Law: DESIGN.md §4 and gateway/timecontrol.py. By itself the clock moves only when no task is open: what nobody works
on is not what anybody waits for. A silent worker is waited for by hand, with `advance`.
"""

from __future__ import annotations

import json
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest

from tests.end_to_end import checker
from tests.end_to_end.service import Service
from tests.end_to_end.swf import WORKFLOW, Swf, complete, decision, refused, schedule, timer

DAY = 24 * 60 * 60


class Clock:
    """The service's clock, over plain HTTP."""

    def __init__(self, url: str) -> None:
        self._url = url + "/time-skipping"

    def look(self) -> tuple[float, int]:
        """Now, and how many locks are held."""
        return self._ask("GET", "")

    def lock(self) -> tuple[float, int]:
        return self._ask("POST", "/lock")

    def unlock(self) -> tuple[float, int]:
        return self._ask("POST", "/unlock")

    def advance(self, seconds: float) -> tuple[float, int]:
        return self._ask("POST", "/advance", json.dumps({"seconds": seconds}).encode())

    def _ask(self, method: str, path: str, body: bytes = b"") -> tuple[float, int]:
        request = urllib.request.Request(self._url + path, body, method=method)  # noqa: S310  it is our own URL
        with urllib.request.urlopen(request, timeout=20) as response:  # noqa: S310
            found = json.load(response)
            return found["now"], found["locks"]


@pytest.fixture
def skipping(private: Callable[..., Service]) -> Iterator[tuple[Swf, Clock]]:
    service = private("--time-skipping")
    swf = Swf(service.url, retention="90")
    yield swf, Clock(service.url)
    swf.check_histories()


def passed(events: list[dict[str, Any]], first: int, last: int) -> timedelta:
    """The time between two events, by their ids."""
    found: timedelta = events[last - 1]["eventTimestamp"] - events[first - 1]["eventTimestamp"]
    return found


def test_thirty_days_pass_in_a_second(skipping: tuple[Swf, Clock]) -> None:
    """A timer, a worker that falls silent, and the end of the execution's own time; the timestamps follow the clock."""
    swf, clock = skipping
    since = time.monotonic()
    run = swf.start(executionStartToCloseTimeout=str(30 * DAY))
    swf.decide(timer("t", 20 * DAY))
    fired = swf.decide(schedule("a", heartbeatTimeout="3600", startToCloseTimeout="NONE"))
    assert fired["events"][-3]["eventType"] == "TimerFired"
    worker = swf.work()
    swf.client.record_activity_task_heartbeat(taskToken=worker["taskToken"], details="alive")
    clock.advance(3600)
    timed_out = swf.poll()["events"]
    assert checker.attributes(timed_out[-3]) == {
        "timeoutType": "HEARTBEAT",
        "scheduledEventId": worker["startedEventId"] - 1,
        "startedEventId": worker["startedEventId"],
        "details": "alive",
    }
    # the decider falls silent too: a decision task that times out comes again, and nobody takes it
    clock.advance(11 * DAY)
    closed = swf.await_event(run, "WorkflowExecutionTimedOut")
    assert closed == {"timeoutType": "START_TO_CLOSE", "childPolicy": "TERMINATE"}
    real = time.monotonic() - since
    assert real < 5

    events = swf.history(run)
    at = {event["eventType"]: event["eventId"] for event in reversed(events)}
    slack = timedelta(seconds=5)
    for first, last, seconds in (
        ("TimerStarted", "TimerFired", 20 * DAY),
        ("ActivityTaskStarted", "ActivityTaskTimedOut", 3600),
        ("WorkflowExecutionStarted", "WorkflowExecutionTimedOut", 30 * DAY),
    ):
        wanted = timedelta(seconds=seconds)
        assert wanted <= passed(events, at[first], at[last]) < wanted + slack
    info = swf.describe(run)["executionInfo"]
    assert info["closeTimestamp"] - info["startTimestamp"] >= timedelta(days=30)


def test_an_execution_without_tasks_runs_into_its_timeout_by_itself(skipping: tuple[Swf, Clock]) -> None:
    """Nothing is open but the execution: the next deadline is its end, and the clock goes there."""
    swf, _ = skipping
    since = time.monotonic()
    run = swf.start(executionStartToCloseTimeout=str(365 * DAY))
    swf.decide()
    swf.await_event(run, "WorkflowExecutionTimedOut")
    assert time.monotonic() - since < 5


def test_many_timers_fire_in_their_order(skipping: tuple[Swf, Clock]) -> None:
    """Each at its time, each with a decision task, a year and more in sum."""
    swf, _ = skipping
    run = swf.start(executionStartToCloseTimeout=str(365 * DAY))
    days = [30, 1, 200, 7, 90]
    swf.decide(*(timer(str(n), n * DAY) for n in days))
    for _ in days[1:]:
        swf.decide()
    swf.decide(complete())
    events = swf.history(run)
    fired = [event for event in events if event["eventType"] == "TimerFired"]
    assert [checker.attributes(event)["timerId"] for event in fired] == [str(n) for n in sorted(days)]
    for event, number in zip(fired, sorted(days), strict=True):
        wanted = timedelta(days=number)
        started = checker.attributes(event)["startedEventId"]
        assert wanted <= passed(events, started, event["eventId"]) < wanted + timedelta(seconds=5)


def test_a_lock_holds_time_so_that_a_signal_is_first(skipping: tuple[Swf, Clock]) -> None:
    """Under lock the timer of an hour does not fire; the signal comes before it; after unlock time leaps."""
    swf, clock = skipping
    run = swf.start()
    before, locks = clock.lock()
    assert locks == 1
    swf.decide(timer("t", 1800))
    swf.signal("first")
    task = swf.decide()
    assert task["events"][-1]["eventType"] == "DecisionTaskStarted"
    now, _ = clock.look()
    assert now - before < 60
    assert "TimerFired" not in swf.types(run)
    assert clock.unlock()[1] == 0
    swf.decide(complete())
    kinds = swf.types(run)
    assert kinds.index("WorkflowExecutionSignaled") < kinds.index("TimerFired")
    assert clock.look()[0] - before >= 1800


def test_time_is_advanced_by_hand(skipping: tuple[Swf, Clock]) -> None:
    """By just so much, also under lock and while a task is open; what comes due on the way happens at its time."""
    swf, clock = skipping
    clock.lock()
    run = swf.start(executionStartToCloseTimeout=str(DAY))
    swf.decide(timer("t", 600), schedule("a", scheduleToStartTimeout="900"))
    before, _ = clock.look()
    now, _ = clock.advance(599)
    assert 599 <= now - before < 601
    now, locks = clock.advance(1000)
    assert 1599 <= now - before < 1605
    assert locks == 1
    events = swf.history(run)
    [fired] = [event["eventId"] for event in events if event["eventType"] == "TimerFired"]
    [timed_out] = [event["eventId"] for event in events if event["eventType"] == "ActivityTaskTimedOut"]
    assert fired < timed_out
    assert timedelta(seconds=600) <= passed(events, 5, fired) < timedelta(seconds=605)
    assert timedelta(seconds=900) <= passed(events, 6, timed_out) < timedelta(seconds=905)


def test_an_open_task_holds_time(skipping: tuple[Swf, Clock]) -> None:
    """While a worker is at it, or a task waits for one, the clock does not leap to the timer."""
    swf, clock = skipping
    run = swf.start()
    swf.decide(schedule("a"), timer("t", 1800))
    before, _ = clock.look()
    token = swf.work()["taskToken"]
    for _ in range(20):
        assert swf.client.record_activity_task_heartbeat(taskToken=token)["cancelRequested"] is False
    assert clock.look()[0] - before < 60
    assert "TimerFired" not in swf.types(run)
    swf.client.respond_activity_task_completed(taskToken=token)
    swf.decide()
    task = swf.decide(complete())
    assert "TimerFired" in checker.types(task["events"])


def test_children_and_continued_runs_skip_too(skipping: tuple[Swf, Clock]) -> None:
    """A child that sleeps a week, continued as new to sleep another, then tells its parent."""
    swf, _ = skipping
    week = 7 * DAY
    settings = {"executionStartToCloseTimeout": str(30 * DAY), "taskList": {"name": "children"}}
    run = swf.start(executionStartToCloseTimeout=str(30 * DAY))
    swf.decide(decision("StartChildWorkflowExecution", workflowId="child", workflowType=WORKFLOW, **settings))
    swf.decide()  # ChildWorkflowExecutionStarted
    for close in (decision("ContinueAsNewWorkflowExecution", **settings), complete(result="rested")):
        swf.decide(timer("sleep", week), task_list="children")
        swf.decide(close, task_list="children")
    swf.decide(complete())
    events = swf.history(run)
    heard = next(event for event in events if event["eventType"] == "ChildWorkflowExecutionCompleted")
    assert checker.attributes(heard)["result"] == "rested"
    assert passed(events, 1, heard["eventId"]) >= timedelta(seconds=2 * week)


def test_retention_ends_when_its_days_have_passed(skipping: tuple[Swf, Clock]) -> None:
    """Visible for ninety days after the close, then gone from history and lists."""
    swf, clock = skipping
    run = swf.start()
    swf.decide(complete())
    clock.advance(90 * DAY - 60)
    assert swf.types(run)[-1] == "WorkflowExecutionCompleted"
    clock.advance(120)
    with refused("UnknownResourceFault", f"Unknown execution: WorkflowExecution=[workflowId=w, runId={run}]"):
        swf.history(run)
    assert swf.runs() == []


def test_a_page_token_lives_a_day(skipping: tuple[Swf, Clock]) -> None:
    """Good for twenty-four hours; then it "has exceeded its maximum lifetime"."""
    swf, clock = skipping
    clock.lock()
    ask = {"domain": swf.domain, "execution": {"workflowId": "w", "runId": swf.start()}, "maximumPageSize": 1}
    token = swf.client.get_workflow_execution_history(**ask)["nextPageToken"]
    clock.advance(DAY - 60)
    assert swf.client.get_workflow_execution_history(**ask, nextPageToken=token)["events"]
    clock.advance(120)
    with refused("ValidationException", "Specified token has exceeded its maximum lifetime"):
        swf.client.get_workflow_execution_history(**ask, nextPageToken=token)


def test_the_clock_says_what_it_cannot_do(skipping: tuple[Swf, Clock]) -> None:
    """An unlock without a lock is a conflict, time does not run backwards; nothing changed."""
    _, clock = skipping
    with pytest.raises(urllib.error.HTTPError) as caught:
        clock.unlock()
    assert caught.value.code == 409
    caught.value.close()
    with pytest.raises(urllib.error.HTTPError) as caught:
        clock.advance(-1)
    assert caught.value.code == 400
    caught.value.close()
    assert clock.lock()[1] == 1
    assert clock.lock()[1] == 2
    assert clock.unlock()[1] == 1


def test_time_is_in_nobodys_hands_where_it_is_real(url: str) -> None:
    """Without --time-skipping there is no such route."""
    with pytest.raises(urllib.error.HTTPError) as caught:
        Clock(url).advance(1)
    assert caught.value.code in (400, 404)
    caught.value.close()
