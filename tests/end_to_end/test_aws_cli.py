"""The AWS CLI drives one execution from the domain to the history.

Law: what a user types, and JSON that a program can read.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from tests.end_to_end import checker

AWS = Path(sys.executable).with_name("aws")


class Cli:
    def __init__(self, url: str) -> None:
        self._url = url

    def __call__(self, operation: str, *options: str, fails: bool = False) -> Any:
        """The answer, or what was said on standard error by a call that must fail."""
        command = [str(AWS), "swf", operation, "--endpoint-url", self._url, "--output", "json", *options]
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=90)
        if fails:
            assert done.returncode != 0
            return done.stderr
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout) if done.stdout else None


def test_the_aws_cli_drives_an_execution(url: str) -> None:
    """register-domain to get-workflow-execution-history, each answer checked."""
    aws = Cli(url)
    domain = ("--domain", "typed-by-hand")
    # Operations without output print nothing.
    assert aws("register-domain", "--name", domain[1], "--workflow-execution-retention-period-in-days", "7") is None
    stderr = aws(
        "register-domain", "--name", domain[1], "--workflow-execution-retention-period-in-days", "7", fails=True
    )
    assert "(DomainAlreadyExistsFault)" in stderr
    assert stderr.strip().endswith(domain[1])
    infos = aws("list-domains", "--registration-status", "REGISTERED")["domainInfos"]
    assert domain[1] in [info["name"] for info in infos]

    aws(
        "register-workflow-type",
        *domain,
        *("--name", "order", "--workflow-version", "1", "--default-task-list", "name=deciders"),
        *("--default-task-start-to-close-timeout", "60", "--default-execution-start-to-close-timeout", "3600"),
        *("--default-child-policy", "TERMINATE"),
    )
    aws(
        "register-activity-type",
        *domain,
        *("--name", "ship", "--activity-version", "1", "--default-task-list", "name=workers"),
        *("--default-task-start-to-close-timeout", "60", "--default-task-heartbeat-timeout", "NONE"),
        *("--default-task-schedule-to-start-timeout", "NONE", "--default-task-schedule-to-close-timeout", "NONE"),
    )
    run = aws(
        "start-workflow-execution",
        *domain,
        *("--workflow-id", "w-1", "--workflow-type", "name=order,version=1", "--input", "17", "--tag-list", "a", "b"),
    )["runId"]
    execution = {"workflowId": "w-1", "runId": run}

    task = aws("poll-for-decision-task", *domain, "--task-list", "name=deciders")
    assert (task["workflowExecution"], task["startedEventId"]) == (execution, 3)
    scheduling = {
        "decisionType": "ScheduleActivityTask",
        "scheduleActivityTaskDecisionAttributes": {
            "activityId": "a",
            "activityType": {"name": "ship", "version": "1"},
            "input": "fragile",
        },
    }
    token = ("--task-token", task["taskToken"])
    assert aws("respond-decision-task-completed", *token, "--decisions", json.dumps([scheduling])) is None

    work = aws("poll-for-activity-task", *domain, "--task-list", "name=workers", "--identity", "me")
    assert (work["activityId"], work["input"]) == ("a", "fragile")
    token = ("--task-token", work["taskToken"])
    assert aws("record-activity-task-heartbeat", *token) == {"cancelRequested": False}
    assert aws("respond-activity-task-completed", *token, "--result", "shipped") is None

    task = aws("poll-for-decision-task", *domain, "--task-list", "name=deciders")
    closing = {
        "decisionType": "CompleteWorkflowExecution",
        "completeWorkflowExecutionDecisionAttributes": {"result": "done"},
    }
    token = ("--task-token", task["taskToken"])
    aws("respond-decision-task-completed", *token, "--decisions", json.dumps([closing]))

    described = aws("describe-workflow-execution", *domain, "--execution", json.dumps(execution))
    assert described["executionInfo"]["closeStatus"] == "COMPLETED"
    assert described["executionInfo"]["tagList"] == ["a", "b"]
    # The CLI itself goes from page to page.
    events = aws("get-workflow-execution-history", *domain, "--execution", json.dumps(execution), "--page-size", "4")[
        "events"
    ]
    assert checker.types(events) == [
        "WorkflowExecutionStarted",
        "DecisionTaskScheduled",
        "DecisionTaskStarted",
        "DecisionTaskCompleted",
        "ActivityTaskScheduled",
        "ActivityTaskStarted",
        "ActivityTaskCompleted",
        "DecisionTaskScheduled",
        "DecisionTaskStarted",
        "DecisionTaskCompleted",
        "WorkflowExecutionCompleted",
    ]
    assert checker.attributes(events[-1]) == {"result": "done", "decisionTaskCompletedEventId": 10}
