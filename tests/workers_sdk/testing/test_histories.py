"""Histories in every form in which they are kept: what comes out is the same."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest

from tests.workers_sdk.histories.make import HISTORIES
from workers_sdk.testing import UnusableHistory
from workers_sdk.testing.histories import read_history
from workflowsvc.swf.shapes import WorkflowExecution

TEXT = (HISTORIES / "sequence.json").read_bytes()
DOCUMENT: dict[str, Any] = json.loads(TEXT)
EVENTS: list[dict[str, Any]] = DOCUMENT["events"]
WANTED = read_history(TEXT)


def timed(change: Any) -> list[dict[str, Any]]:
    return [{**event, "eventTimestamp": change(event["eventTimestamp"])} for event in EVENTS]


def iso(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat()


#: All that holds the very same events.
FORMS: dict[str, object] = {
    "AWS CLI 1: seconds": json.dumps({"events": EVENTS}),
    "AWS CLI 2: ISO 8601": json.dumps({"events": timed(iso)}),
    "ISO 8601 with Z": json.dumps({"events": timed(lambda at: iso(at).replace("+00:00", "Z"))}),
    "ISO 8601 of another time zone": json.dumps(
        {"events": timed(lambda at: datetime.fromtimestamp(at, UTC).astimezone().isoformat())}
    ),
    "ISO 8601 without a time zone": json.dumps({"events": timed(lambda at: iso(at).replace("+00:00", ""))}),
    "boto3": {"events": timed(lambda at: datetime.fromtimestamp(at, UTC)), "ResponseMetadata": {"RetryAttempts": 0}},
    "a list": EVENTS,
    "a list as text": json.dumps(EVENTS),
    "an event a line": "\n".join(map(json.dumps, EVENTS)),
    "pages in a list": [{"events": EVENTS[:7], "nextPageToken": "x"}, {"events": EVENTS[7:]}],
    "pages one after the other": json.dumps({"events": EVENTS[:7]}) + "\n" + json.dumps({"events": EVENTS[7:]}),
    "pages that overlap": [{"events": EVENTS[:9]}, {"events": EVENTS[7:]}],
    "the last first": json.dumps({"events": EVENTS[::-1]}),
    "bytes": json.dumps({"events": EVENTS}).encode(),
    "UTF-8 with a mark": json.dumps({"events": EVENTS}).encode("utf-8-sig"),
    "UTF-16": json.dumps({"events": EVENTS}).encode("utf-16"),
    "the events of a handle": WANTED.events,
    "a generator": (event for event in WANTED.events),
}


@pytest.mark.parametrize("form", FORMS.values(), ids=FORMS)
def test_every_form_gives_the_same_events(form: object) -> None:
    events = read_history(form).events
    assert [msgspec.structs.replace(event, event_timestamp=0) for event in events] == [
        msgspec.structs.replace(event, event_timestamp=0) for event in WANTED.events
    ]
    at = [event.event_timestamp for event in events]
    assert at == pytest.approx([event["eventTimestamp"] for event in EVENTS], abs=1e-6)


def test_our_export_tells_the_execution_and_its_domain() -> None:
    assert WANTED.execution == WorkflowExecution(
        workflow_id=DOCUMENT["execution"]["workflowId"], run_id=DOCUMENT["execution"]["runId"]
    )
    assert WANTED.domain == DOCUMENT["domain"]


def test_a_decision_task_tells_the_execution_too() -> None:
    """PollForDecisionTask: workflowExecution."""
    task = {"taskToken": "t", "workflowExecution": {"workflowId": "w", "runId": "r"}, "events": EVENTS}
    assert read_history(task).execution == WorkflowExecution(workflow_id="w", run_id="r")


def test_the_aws_cli_does_not_tell_the_execution() -> None:
    history = read_history({"events": EVENTS})
    assert (history.execution, history.domain) == (None, None)


def test_an_event_type_of_tomorrow_is_read() -> None:
    tomorrow = {"eventId": 25, "eventType": "MoonRisen", "eventTimestamp": 1.0, "moonRisenEventAttributes": {}}
    last = read_history([*EVENTS, tomorrow]).events[-1]
    assert (last.event_id, last.event_type.value) == (25, "MoonRisen")


REFUSED: dict[str, tuple[object, str]] = {
    "no text": ("", "no event"),
    "no events": ({"events": []}, "no event"),
    "no JSON": ("eventId: 1", "no JSON"),
    "half of it": (json.dumps(EVENTS)[:-10], "no JSON"),
    "bytes of no text": (b"\xff\xff\xff\xff", "no JSON"),
    "another answer": ({"executionInfos": []}, "executionInfos"),
    "a number": ([1], "neither events nor a history: 1"),
    "the first page is missing": ({"events": EVENTS[5:]}, "begins with event 6"),
    "a page between is missing": ([EVENTS[:5], EVENTS[8:]], "event 6 is missing.* before 9"),
    "an event without its type": ([{"eventId": 1, "eventTimestamp": 1.0}], "event 1 is none of SWF.*eventType"),
    "a time that is none": ([{**EVENTS[0], "eventTimestamp": "yesterday"}], "event 1.*eventTimestamp"),
    "an execution that is none": ({"execution": {"runId": 5}, "events": EVENTS}, "execution"),
}


@pytest.mark.parametrize(("given", "message"), REFUSED.values(), ids=REFUSED)
def test_what_is_no_history_is_refused(given: object, message: str) -> None:
    with pytest.raises(UnusableHistory, match=message):
        read_history(given)
