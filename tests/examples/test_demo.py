"""The stories, run as their readers run them: as programs, against a service over HTTP."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from examples.demo import service
from tests.servers import MANAGEMENT_URL

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def endpoint(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with service(tmp_path_factory.mktemp("data")) as url:
        yield url


def run(module: str, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run an example with no AWS configuration but *variables*."""
    plain = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "WORKFLOWSVC_"))}
    return subprocess.run(
        [sys.executable, "-m", f"examples.{module}", *arguments],
        cwd=ROOT,
        env=plain | variables,
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )


STORIES = {
    "simpleclient": (
        "ok  the execution is closed: COMPLETED",
        "ActivityTaskCompleted       result=receipt 4711  scheduled=5  started=6",
        "WorkflowExecutionCompleted  result=receipt 4711",
    ),
    "timeoutclient": (
        "WorkflowExecutionTimedOut  timeoutType=START_TO_CLOSE",
        "DecisionTaskTimedOut        timeoutType=START_TO_CLOSE",
        "DecisionTaskTimedOut        timeoutType=SCHEDULE_TO_START  scheduled=6  started=0",
        "ActivityTaskTimedOut        timeoutType=SCHEDULE_TO_START",
        "ActivityTaskTimedOut        timeoutType=SCHEDULE_TO_CLOSE",
        "ActivityTaskTimedOut        timeoutType=START_TO_CLOSE",
        "ActivityTaskTimedOut        timeoutType=HEARTBEAT  details=row 17 of 100",
        "TimerFired                  timerId=tea",
        "LambdaFunctionTimedOut is left out",
    ),
    "terminateclient": (
        "WorkflowExecutionTerminated  cause=CHILD_POLICY_APPLIED",
        "WorkflowExecutionCancelRequested  cause=CHILD_POLICY_APPLIED",
        "  TERMINATE       TERMINATED  TERMINATED",
        "  REQUEST_CANCEL  TERMINATED  CANCELED",
        "  ABANDON         TERMINATED  COMPLETED",
    ),
}


@pytest.mark.parametrize("story", STORIES)
def test_a_story_ends_as_it_tells(story: str, endpoint: str) -> None:
    told = run(story, "--endpoint-url", endpoint)
    assert (told.returncode, told.stderr) == (0, "")
    for line in STORIES[story]:
        assert line in told.stdout


def test_a_story_can_be_told_twice_on_one_service(endpoint: str) -> None:
    for _ in range(2):
        assert run("terminateclient", "--endpoint-url", endpoint).returncode == 0


def test_a_story_finds_the_service_by_the_variable_of_the_sdks(endpoint: str) -> None:
    assert run("simpleclient", AWS_ENDPOINT_URL_SWF=endpoint).returncode == 0


def test_a_story_without_a_service_says_so_and_fails() -> None:
    told = run("simpleclient", "--endpoint-url", "http://127.0.0.1:1")
    assert told.returncode == 1
    assert "THE SERVICE DID NOT ANSWER AS EXPECTED" in told.stderr
    assert "Traceback" not in told.stderr


def test_the_demo_starts_a_service_tells_all_stories_and_stops_it() -> None:
    told = run("demo")
    assert (told.returncode, told.stderr) == (0, "")
    assert "3 of 3 stories ended as told" in told.stdout
    assert "the service stopped when it was asked to, with exit code 0" in told.stdout
    assert "\x1b" not in told.stdout


def test_the_demo_of_the_distributed_form_does_the_same(amqp_url: str, mongodb_url: str) -> None:
    told = run("demo", "--distributed", **servers(amqp_url, mongodb_url))
    assert (told.returncode, told.stderr) == (0, "")
    assert "workflowsvc coordinator is ready" in told.stdout
    assert "3 of 3 stories ended as told" in told.stdout
    assert "the service stopped when it was asked to, with exit code 0" in told.stdout


def test_the_demo_fails_where_the_service_does_not_start() -> None:
    told = run("demo", "--distributed", **servers("http://127.0.0.1:1", "mongodb://127.0.0.1:1"))
    assert told.returncode == 1
    assert "NOT AS TOLD: the service did not start" in told.stderr
    assert "Traceback" not in told.stderr


def servers(amqp_url: str, mongodb_url: str) -> dict[str, str]:
    """What the demo is to use in place of servers of its own."""
    return {
        "WORKFLOWSVC_TEST_AMQP_URL": amqp_url,
        "WORKFLOWSVC_TEST_MANAGEMENT_URL": MANAGEMENT_URL or "",
        "WORKFLOWSVC_TEST_MONGODB_URL": mongodb_url,
    }
