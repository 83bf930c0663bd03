"""boto3 on one domain, in the words of a story: start, decide, work, look.

Law: a thin layer. Whatever is not here is called on `client`; nothing is retried, nothing is hidden.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import cache
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from tests.end_to_end import checker

WORKFLOW = {"name": "order", "version": "1"}
ACTIVITY = {"name": "ship", "version": "1"}
BEGINNING = datetime(2000, 1, 1, tzinfo=UTC)
EVER = {"oldestDate": BEGINNING}
#: Seconds within which what must come has come.
PATIENCE = 15.0

_DEFAULTS: dict[str, Any] = {
    "defaultTaskStartToCloseTimeout": "60",
    "defaultExecutionStartToCloseTimeout": "3600",
    "defaultTaskList": {"name": "deciders"},
    "defaultChildPolicy": "TERMINATE",
}
_ACTIVITY_DEFAULTS: dict[str, Any] = {
    "defaultTaskStartToCloseTimeout": "60",
    "defaultTaskHeartbeatTimeout": "NONE",
    "defaultTaskScheduleToStartTimeout": "NONE",
    "defaultTaskScheduleToCloseTimeout": "NONE",
    "defaultTaskList": {"name": "workers"},
}


@cache
def client(url: str, region: str = "us-east-1") -> Any:
    """boto3 without its own checks and retries: a test sees what the service says to everything."""
    config = Config(
        retries={"total_max_attempts": 1},
        read_timeout=75,
        connect_timeout=5,
        max_pool_connections=50,
        parameter_validation=False,
    )
    return boto3.session.Session().client("swf", endpoint_url=url, region_name=region, config=config)


def decision(kind: str, **members: Any) -> dict[str, Any]:
    """A decision of this type with these attributes; without any, the struct is left out."""
    named = {"decisionType": kind}
    return named | {kind[0].lower() + kind[1:] + "DecisionAttributes": members} if members else named


def schedule(activity_id: str, **members: Any) -> dict[str, Any]:
    return decision("ScheduleActivityTask", activityId=activity_id, activityType=ACTIVITY, **members)


def timer(timer_id: str, seconds: int) -> dict[str, Any]:
    return decision("StartTimer", timerId=timer_id, startToFireTimeout=str(seconds))


def complete(**members: Any) -> dict[str, Any]:
    return decision("CompleteWorkflowExecution", **members)


def until(condition: Callable[[], Any], seconds: float = PATIENCE) -> Any:
    """The condition's first true value. It is polled; what it waits for is announced to nobody."""
    deadline = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < deadline, "it never came true"
        time.sleep(0.01)
    return found


@contextmanager
def refused(fault: str, message: str | None = None, *, matching: str | None = None) -> Iterator[None]:
    """The call is refused with this fault; its message is exactly this, or has this in it."""
    with pytest.raises(ClientError) as caught:
        yield
    error = caught.value.response["Error"]
    assert error["Code"] == fault, error
    assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 400
    # botocore makes a class of its own for each fault of the model: users write `except client.exceptions.X`.
    if fault.endswith("Fault"):
        assert type(caught.value).__name__ == fault
    if message is not None:
        assert error["Message"] == message
    if matching is not None:
        assert matching in error["Message"]


class Swf:
    """A domain with a workflow type `order` 1 and an activity type `ship` 1, all of whose settings have defaults."""

    def __init__(self, url: str, region: str = "us-east-1", retention: str = "1") -> None:
        self.url = url
        self.client = client(url, region)
        self.domain = f"d-{uuid.uuid4().hex[:12]}"
        self.client.register_domain(name=self.domain, workflowExecutionRetentionPeriodInDays=retention)
        self.client.register_workflow_type(domain=self.domain, **WORKFLOW, **_DEFAULTS)
        self.client.register_activity_type(domain=self.domain, **ACTIVITY, **_ACTIVITY_DEFAULTS)

    # ---- clients

    def start(self, workflow_id: str = "w", **more: Any) -> str:
        members = {"workflowType": WORKFLOW} | more
        run_id: str = self.client.start_workflow_execution(domain=self.domain, workflowId=workflow_id, **members)[
            "runId"
        ]
        return run_id

    def signal(self, name: str = "s", workflow_id: str = "w", **more: Any) -> None:
        self.client.signal_workflow_execution(domain=self.domain, workflowId=workflow_id, signalName=name, **more)

    def describe(self, run_id: str, workflow_id: str = "w") -> dict[str, Any]:
        execution = {"workflowId": workflow_id, "runId": run_id}
        found: dict[str, Any] = self.client.describe_workflow_execution(domain=self.domain, execution=execution)
        return found

    def history(self, run_id: str, workflow_id: str = "w", **more: Any) -> list[dict[str, Any]]:
        pages = self.client.get_paginator("get_workflow_execution_history")
        execution = {"workflowId": workflow_id, "runId": run_id}
        found = pages.paginate(domain=self.domain, execution=execution, **more)
        return [event for page in found for event in page["events"]]

    def types(self, run_id: str, workflow_id: str = "w") -> list[str]:
        return checker.types(self.history(run_id, workflow_id))

    def await_event(self, run_id: str, kind: str, workflow_id: str = "w", seconds: float = PATIENCE) -> dict[str, Any]:
        """The attributes of the last event of this type, once there is one."""

        def look() -> list[dict[str, Any]]:
            return [e for e in self.history(run_id, workflow_id) if e["eventType"] == kind]

        found: list[dict[str, Any]] = until(look, seconds)
        return dict(checker.attributes(found[-1]))

    # ---- deciders and workers

    def poll(self, task_list: str = "deciders", **more: Any) -> dict[str, Any]:
        """A decision task; one must come."""
        task: dict[str, Any] = self.client.poll_for_decision_task(
            domain=self.domain, taskList={"name": task_list}, **more
        )
        assert "taskToken" in task, "no decision task came"
        return task

    def respond(self, task: dict[str, Any], *decisions: dict[str, Any], **more: Any) -> None:
        self.client.respond_decision_task_completed(taskToken=task["taskToken"], decisions=list(decisions), **more)

    def decide(self, *decisions: dict[str, Any], task_list: str = "deciders", **more: Any) -> dict[str, Any]:
        """Take a decision task and answer it."""
        task = self.poll(task_list)
        self.respond(task, *decisions, **more)
        return task

    def work(self, task_list: str = "workers", **more: Any) -> dict[str, Any]:
        """An activity task; one must come."""
        task: dict[str, Any] = self.client.poll_for_activity_task(
            domain=self.domain, taskList={"name": task_list}, **more
        )
        assert "taskToken" in task, "no activity task came"
        return task

    # ---- afterwards

    def runs(self) -> list[tuple[str, str]]:
        """(workflowId, runId) of every execution that can still be seen."""
        found = []
        for operation in ("list_open_workflow_executions", "list_closed_workflow_executions"):
            for page in self.client.get_paginator(operation).paginate(domain=self.domain, startTimeFilter=EVER):
                found += [(i["execution"]["workflowId"], i["execution"]["runId"]) for i in page["executionInfos"]]
        return found

    def check_histories(self, at_most: int = 100) -> dict[str, checker.Checked]:
        """Every history of the domain obeys the rules."""
        histories = {run: self.history(run, workflow_id) for workflow_id, run in self.runs()[:at_most]}
        return checker.check_all(histories)
