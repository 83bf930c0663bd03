"""Histories by hand, in wire form: (event type, attributes) pairs become events 1, 2, 3 ... a second apart.

Law: event and member names are written out as SWF.md §4 has them, and pass through the strict decoder.
"""

from __future__ import annotations

from typing import Any

import msgspec

from workers_sdk.deciders import History
from workflowsvc.swf import shapes

T0 = 1_400_000_000.0

Told = tuple[str, dict[str, Any]]

TYPE = {"name": "charge", "version": "1.0"}
ORDER = {"name": "order", "version": "1"}
CHILD = {"workflowId": "child", "runId": "run-of-child"}

STARTED: Told = (
    "WorkflowExecutionStarted",
    {
        "childPolicy": "TERMINATE",
        "taskList": {"name": "deciders"},
        "workflowType": ORDER,
        "executionStartToCloseTimeout": "3600",
        "taskStartToCloseTimeout": "30",
        "parentInitiatedEventId": 0,
        "input": "two books",
        "tagList": ["express", "gift"],
    },
)
DTS: Told = ("DecisionTaskScheduled", {"taskList": {"name": "deciders"}, "startToCloseTimeout": "30"})
FIRST: tuple[Told, ...] = (
    STARTED,
    DTS,
    ("DecisionTaskStarted", {"scheduledEventId": 2}),
    ("DecisionTaskCompleted", {"scheduledEventId": 2, "startedEventId": 3}),
)


def events(*told: Told) -> list[shapes.HistoryEvent]:
    wire = [
        {
            "eventId": number,
            "eventTimestamp": T0 + number,
            "eventType": kind,
            kind[0].lower() + kind[1:] + "EventAttributes": attributes,
        }
        for number, (kind, attributes) in enumerate(told, 1)
    ]
    return msgspec.convert(wire, list[shapes.HistoryEvent])


def task(*told: Told, **more: Any) -> shapes.DecisionTask:
    """A decision task, whose first page has these events."""
    execution = {"workflowId": "w", "runId": "r"}
    page = msgspec.to_builtins(events(*told))
    wire = {"taskToken": "t", "workflowExecution": execution, "workflowType": ORDER, "events": page, **more}
    return msgspec.convert(wire, shapes.DecisionTask)


def history(*told: Told, previous: int = 0) -> History:
    return History(events=events(*told), previous_started_event_id=previous)


def after_first(*told: Told) -> History:
    """The first decision task ends with event 4: what is *told* are events 5, 6, ..."""
    return history(*FIRST, *told, previous=3)


def scheduled(activity_id: str = "charge", **more: Any) -> Told:
    members = {"activityType": TYPE, "activityId": activity_id, "taskList": {"name": "workers"}}
    timeouts = dict.fromkeys(("scheduleToStartTimeout", "scheduleToCloseTimeout", "heartbeatTimeout"), "NONE")
    return "ActivityTaskScheduled", {**members, **timeouts, "decisionTaskCompletedEventId": 4, **more}


def timer(timer_id: str = "wait", seconds: int = 60, **more: Any) -> Told:
    return "TimerStarted", {
        "timerId": timer_id,
        "startToFireTimeout": str(seconds),
        "decisionTaskCompletedEventId": 4,
        **more,
    }


def initiated(workflow_id: str = "child", **more: Any) -> Told:
    return "StartChildWorkflowExecutionInitiated", {
        "workflowId": workflow_id,
        "workflowType": ORDER,
        "taskList": {"name": "deciders"},
        "childPolicy": "ABANDON",
        "decisionTaskCompletedEventId": 4,
        **more,
    }


def of_child(what: str, **more: Any) -> Told:
    """ChildWorkflowExecution..., of the child that event 5 initiated and event 6 told to have started."""
    ids = {"initiatedEventId": 5, "startedEventId": 6} if what != "Started" else {"initiatedEventId": 5}
    return f"ChildWorkflowExecution{what}", {"workflowExecution": CHILD, "workflowType": ORDER, **ids, **more}


def lambda_scheduled(**more: Any) -> Told:
    return "LambdaFunctionScheduled", {"id": "resize", "name": "thumbnails", "decisionTaskCompletedEventId": 4, **more}
