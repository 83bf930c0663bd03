"""What the stories share: a client, polls that wait, checks, and a history that a person likes to read.

Law: nothing here decides or works; what a story does to the service stands in the story itself.
"""

from __future__ import annotations

import argparse
import os
import secrets
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

DEFAULT_ENDPOINT = "http://127.0.0.1:8080"
DOMAIN = "examples"

#: A poll is held for 60 seconds: a client must listen for longer than that.
READ_TIMEOUT = 70
#: How long a story waits for something that ought to come, unless a poll holds it longer.
PATIENCE_SECONDS = 20.0


class NotAsTold(Exception):
    """Something did not end as the story tells it; the sentence says what."""


# ---- the client ------------------------------------------------------------------------------------------------


def connect(endpoint: str) -> Any:
    """A boto3 client that works with no AWS configuration at all: the service does not check signatures."""
    named = os.environ.keys() & {"AWS_ACCESS_KEY_ID", "AWS_PROFILE"}
    credentials = {} if named else {"aws_access_key_id": "example", "aws_secret_access_key": "example"}
    return boto3.client(
        "swf",
        endpoint_url=endpoint,
        region_name=os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION") or "us-east-1",
        # No proxies: the service is nearby. More connections than the default of ten: stories poll from many threads.
        config=Config(read_timeout=READ_TIMEOUT, proxies={}, max_pool_connections=50, retries={"mode": "standard"}),
        **credentials,
    )


def fresh(word: str) -> str:
    """A name that no earlier run of a story used: what that left behind is not in the way."""
    return f"{word}-{secrets.token_hex(3)}"


def register(call: Callable[..., object], **arguments: Any) -> None:
    """Register a domain or a type, unless an earlier run has done so."""
    try:
        call(**arguments)
    except ClientError as error:
        if error.response["Error"]["Code"] not in {"DomainAlreadyExistsFault", "TypeAlreadyExistsFault"}:
            raise


# ---- polls that wait -------------------------------------------------------------------------------------------


def decision_task(swf: Any, task_list: str) -> dict[str, Any]:
    """The next decision task of the list, with its whole history in `events`."""
    where = {"domain": DOMAIN, "taskList": {"name": task_list}, "identity": "the decider"}
    task = _given(lambda: swf.poll_for_decision_task(**where), f"a decision task on {task_list}")
    events = task["events"]
    while token := task.get("nextPageToken"):
        task = swf.poll_for_decision_task(**where, nextPageToken=token)
        events += task["events"]
    return {**task, "events": events}


def activity_task(swf: Any, task_list: str) -> dict[str, Any]:
    where = {"domain": DOMAIN, "taskList": {"name": task_list}, "identity": "the worker"}
    return _given(lambda: swf.poll_for_activity_task(**where), f"an activity task on {task_list}")


def _given(poll: Callable[[], dict[str, Any]], what: str) -> dict[str, Any]:
    """Poll until there is a task: an answer without a taskToken says that none came while the poll was held."""

    def task() -> dict[str, Any] | None:
        answer = poll()
        return answer if answer.get("taskToken") else None

    given: dict[str, Any] = until(task, what)
    return given


def until(question: Callable[[], Any], what: str) -> Any:
    """Ask until the answer is true, and return it."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not (answer := question()):
        if time.monotonic() > deadline:
            raise NotAsTold(f"waited {PATIENCE_SECONDS:.0f} seconds for {what}")
        time.sleep(0.05)
    return answer


def closed(swf: Any, execution: dict[str, str]) -> str:
    """Wait until the execution is closed; its close status."""
    status: str = until(lambda: describe(swf, execution).get("closeStatus"), f"the end of {execution['workflowId']}")
    return status


def describe(swf: Any, execution: dict[str, str]) -> dict[str, Any]:
    info: dict[str, Any] = swf.describe_workflow_execution(domain=DOMAIN, execution=execution)["executionInfo"]
    return info


# ---- histories -------------------------------------------------------------------------------------------------


def history(swf: Any, execution: dict[str, str]) -> list[dict[str, Any]]:
    pages = swf.get_paginator("get_workflow_execution_history").paginate(domain=DOMAIN, execution=execution)
    return [event for page in pages for event in page["events"]]


def attributes(event: dict[str, Any]) -> dict[str, Any]:
    kind: str = event["eventType"]
    found: dict[str, Any] = event[f"{kind[0].lower()}{kind[1:]}EventAttributes"]
    return found


def those(events: Sequence[dict[str, Any]], kind: str) -> list[dict[str, Any]]:
    """The attributes of all events of one type."""
    return [attributes(event) for event in events if event["eventType"] == kind]


# ---- telling ---------------------------------------------------------------------------------------------------

#: What says most about an event, in this order, and what it is called here; what is not named is left out.
_ESSENTIAL = {
    "workflowType": "type",
    "activityType": "type",
    "workflowExecution": "execution",
    "parentWorkflowExecution": "parent",
    "workflowId": "workflowId",
    "activityId": "activityId",
    "timerId": "timerId",
    "signalName": "signalName",
    "markerName": "markerName",
    "timeoutType": "timeoutType",
    "cause": "cause",
    "result": "result",
    "reason": "reason",
    "details": "details",
    "input": "input",
    "startToFireTimeout": "seconds",
    "taskList": "taskList",
    "childPolicy": "childPolicy",
    "scheduledEventId": "scheduled",
    "startedEventId": "started",
    "initiatedEventId": "initiated",
}
_LONGEST_VALUE = 40

_RED, _GREEN, _YELLOW = 31, 32, 33
_COLOURS = {
    "Failed": _RED,
    "TimedOut": _RED,
    "Terminated": _RED,
    "Completed": _GREEN,
    "Fired": _GREEN,
    "Canceled": _YELLOW,
    "CancelRequested": _YELLOW,
}


def say(sentence: str) -> None:
    print(sentence, flush=True)


def check(fact: object, sentence: str) -> None:
    """Tell the sentence if it is true. Raises NotAsTold."""
    if not fact:
        raise NotAsTold(sentence)
    say(f"  ok  {sentence}")


def show(title: str, events: Sequence[dict[str, Any]]) -> None:
    """Print a history: event id, seconds since the start, type, and what is essential of the attributes."""
    say(f"\n  {title}")
    width = max(len(event["eventType"]) for event in events)
    begin = events[0]["eventTimestamp"]
    for event in events:
        seconds = (event["eventTimestamp"] - begin).total_seconds()
        kind = _coloured(event["eventType"], width)
        say(f"  {event['eventId']:>4}  {seconds:>+8.3f}  {kind}  {'  '.join(_essential(event))}".rstrip())


def _essential(event: dict[str, Any]) -> Iterator[str]:
    found = attributes(event)
    return (f"{label}={_short(found[name])}" for name, label in _ESSENTIAL.items() if name in found)


def _short(value: Any) -> str:
    text: str
    match value:
        case {"workflowId": workflow_id}:
            text = workflow_id
        case {"name": name, "version": version}:
            text = f"{name} {version}"
        case {"name": name}:
            text = name
        case _:
            text = str(value)
    return text if len(text) <= _LONGEST_VALUE else text[: _LONGEST_VALUE - 3] + "..."


def _coloured(kind: str, width: int) -> str:
    padded = kind.ljust(width)
    colour = next((code for ending, code in _COLOURS.items() if kind.endswith(ending)), None)
    if colour is None or not sys.stdout.isatty() or os.environ.get("NO_COLOR"):
        return padded
    return f"\x1b[{colour}m{padded}\x1b[0m"


# ---- running ---------------------------------------------------------------------------------------------------


def run(story: Callable[[Any], None], description: str) -> int:
    """The main function of a story that is run alone; its exit code."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument(
        "--endpoint-url",
        default=os.environ.get("AWS_ENDPOINT_URL_SWF") or DEFAULT_ENDPOINT,
        help=f"where the service is (default: AWS_ENDPOINT_URL_SWF, else {DEFAULT_ENDPOINT})",
    )
    return told(story, parser.parse_args().endpoint_url)


def told(story: Callable[[Any], None], endpoint: str) -> int:
    """0 if the story ended as it tells, else 1 and a line on standard error that says what did not."""
    try:
        story(connect(endpoint))
    except NotAsTold as error:
        print(f"NOT AS TOLD: {error}", file=sys.stderr)
    except (BotoCoreError, ClientError) as error:
        print(f"THE SERVICE DID NOT ANSWER AS EXPECTED: {error}", file=sys.stderr)
    else:
        return 0
    return 1
