"""The checker itself: it takes what SWF was seen to write, and refuses what SWF would never write.

Law: the trace is SWF.md §4.2, a recording of the real service with its ids; each refusal is one change to it.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import pytest

from tests.end_to_end import checker

_TYPE = {"name": "t", "version": "1"}
_LIST = {"taskList": {"name": "l"}}
_QUEUE = _LIST | {"startToCloseTimeout": "60", "scheduleToStartTimeout": "NONE"}
_TIMEOUTS = {
    "startToCloseTimeout": "60",
    "heartbeatTimeout": "NONE",
    "scheduleToStartTimeout": "NONE",
    "scheduleToCloseTimeout": "NONE",
}

Events = list[dict[str, Any]]


def _activity(completed: int, name: str) -> dict[str, Any]:
    return _LIST | _TIMEOUTS | {"activityType": _TYPE, "activityId": name, "decisionTaskCompletedEventId": completed}


def _ids(scheduled: int, started: int | None = None) -> dict[str, int]:
    return {"scheduledEventId": scheduled} | ({} if started is None else {"startedEventId": started})


#: (time in seconds, type, attributes)
_TRACE: list[tuple[int, str, dict[str, Any]]] = [
    (0, "WorkflowExecutionStarted", _LIST | {"childPolicy": "TERMINATE", "workflowType": _TYPE}),
    (0, "DecisionTaskScheduled", _QUEUE),
    (1, "DecisionTaskStarted", _ids(2)),
    (2, "DecisionTaskCompleted", _ids(2, 3)),
    (2, "ActivityTaskScheduled", _activity(4, "a")),
    (2, "ActivityTaskScheduled", _activity(4, "b")),
    (3, "ActivityTaskStarted", _ids(5)),
    (3, "ActivityTaskStarted", _ids(6)),
    (4, "ActivityTaskCompleted", _ids(5, 7)),
    (4, "DecisionTaskScheduled", _QUEUE),
    (5, "DecisionTaskStarted", _ids(10)),
    (6, "ActivityTaskCompleted", _ids(6, 8)),
    (6, "DecisionTaskScheduled", _QUEUE),
    (7, "DecisionTaskCompleted", _ids(10, 11)),
    (7, "ActivityTaskScheduled", _activity(14, "b")),
    (8, "DecisionTaskStarted", _ids(13)),
    (8, "ActivityTaskStarted", _ids(15)),
    (9, "ActivityTaskCompleted", _ids(15, 17)),
    (9, "DecisionTaskScheduled", _QUEUE),
    (10, "DecisionTaskCompleted", _ids(13, 16)),
    (10, "CompleteWorkflowExecutionFailed", {"cause": "UNHANDLED_DECISION", "decisionTaskCompletedEventId": 20}),
    (11, "DecisionTaskStarted", _ids(19)),
    (12, "DecisionTaskCompleted", _ids(19, 22)),
    (12, "WorkflowExecutionCompleted", {"decisionTaskCompletedEventId": 23}),
]


def _member(kind: str) -> str:
    return kind[0].lower() + kind[1:] + "EventAttributes"


def trace() -> Events:
    return [
        {"eventId": number, "eventTimestamp": float(at), "eventType": kind, _member(kind): copy.deepcopy(members)}
        for number, (at, kind, members) in enumerate(_TRACE, 1)
    ]


def without(number: int) -> Callable[[Events], None]:
    """The event is missing, the ids after it are dense."""

    def change(events: Events) -> None:
        del events[number - 1]
        for position, event in enumerate(events, 1):
            event["eventId"] = position

    return change


def marker_instead(number: int) -> Callable[[Events], None]:
    def change(events: Events) -> None:
        old = events[number - 1]
        members = {"markerName": "m", "decisionTaskCompletedEventId": 4}
        events[number - 1] = {
            "eventId": number,
            "eventTimestamp": old["eventTimestamp"],
            "eventType": "MarkerRecorded",
            "markerRecordedEventAttributes": members,
        }

    return change


def altered(number: int, **members: Any) -> Callable[[Events], None]:
    def change(events: Events) -> None:
        events[number - 1][_member(events[number - 1]["eventType"])] |= members

    return change


def appended(kind: str, **members: Any) -> Callable[[Events], None]:
    def change(events: Events) -> None:
        last = events[-1]
        events.append(
            {"eventId": len(events) + 1, "eventTimestamp": last["eventTimestamp"], "eventType": kind}
            | {_member(kind): members}
        )

    return change


def test_a_recorded_history_obeys_the_rules() -> None:
    """Every prefix too, but for those that end where a decision task is needed."""
    checked = checker.check(trace())
    assert (checked.open, checked.close_status) == (False, "COMPLETED")
    assert checker.check(trace()[:8]).activities == {5, 6}
    assert checker.check(trace()[:13]).decision_queued
    assert checker.check(trace()[:13]).decision_started
    with pytest.raises(AssertionError, match="needs a decision task"):
        checker.check(trace()[:9])


@pytest.mark.parametrize(
    ("change", "rule"),
    [
        (lambda events: events.pop(4), "dense"),
        (lambda events: events[4].update(eventTimestamp=1.0), "backwards"),
        (lambda events: events[4].update(eventTimestamp=2.5), "timestamp"),
        (marker_instead(10), "must come at once"),
        (without(13), "must come at once"),
        (altered(3, scheduledEventId=1), "not a DecisionTaskScheduled"),
        (altered(4, startedEventId=2), "not a DecisionTaskStarted"),
        (altered(9, startedEventId=8), "another task's start"),
        (altered(9, startedEventId=99), "not of an earlier event"),
        (altered(6, activityId="a"), "unique"),
        (altered(8, scheduledEventId=5), "at most once"),
        (altered(21, cause=None), "Invalid type"),
        (altered(21, unknown=1), "Unknown parameter"),
        (lambda events: events[8].update(activityTaskFailedEventAttributes={}), "members are"),
        (appended("WorkflowExecutionSignaled", signalName="s"), "after a close"),
        (appended("WorkflowExecutionTerminated", childPolicy="TERMINATE"), "after a close"),
    ],
)
def test_what_swf_would_not_write_is_refused(change: Callable[[Events], None], rule: str) -> None:
    """One change to the recording, and the rule that it breaks is named."""
    events = trace()
    change(events)
    with pytest.raises(AssertionError, match=rule):
        checker.check(events)


def test_a_decision_task_too_many_is_refused() -> None:
    """None is scheduled while one is queued, nor without a reason."""
    for position, rule in ((9, "at most one|nothing needs"), (4, "nothing needs"), (13, "nothing needs")):
        events = trace()[:position]
        appended("DecisionTaskScheduled", **_QUEUE)(events)
        if position == 9:
            appended("DecisionTaskScheduled", **_QUEUE)(events)
        with pytest.raises(AssertionError, match=rule):
            checker.check(events)


def test_an_early_timer_is_refused() -> None:
    """A millisecond early is early."""
    for after, early in ((4.999, True), (5.0, False)):
        events = trace()[:4]
        appended("TimerStarted", timerId="t", startToFireTimeout="5", decisionTaskCompletedEventId=4)(events)
        appended("TimerFired", timerId="t", startedEventId=5)(events)
        appended("DecisionTaskScheduled", **_QUEUE)(events)
        for event in events[5:]:
            event["eventTimestamp"] += after
        if early:
            with pytest.raises(AssertionError, match="early"):
                checker.check(events)
        else:
            assert checker.check(events).timers == set()


def test_a_signal_delivered_twice_is_refused() -> None:
    """Two histories that received the same initiated event do not agree."""

    def target() -> Events:
        events = trace()[:2]
        source = {"workflowId": "s", "runId": "source"}
        members = {"externalWorkflowExecution": source, "externalInitiatedEventId": 5}
        appended("WorkflowExecutionSignaled", signalName="n", **members)(events)
        return events

    assert checker.check_all({"one": target()})["one"].open
    with pytest.raises(AssertionError, match="delivered 2 times"):
        checker.check_all({"one": target(), "two": target()})
