"""Bodies of answers: as shapes, also where the model is behind the service; as faults, also unknown ones."""

from __future__ import annotations

import msgspec
import pytest

from workers_sdk.client.answers import EXCHANGES, encode, fault_of
from workers_sdk.client.errors import ServiceFault, UnreadableAnswer
from workflowsvc.swf import faults, shapes
from workflowsvc.swf.errors import InternalFailure, SerializationException, ThrottlingException, ValidationException
from workflowsvc.swf.operations import OPERATIONS

HISTORY = EXCHANGES["GetWorkflowExecutionHistory"]
DECISION = EXCHANGES["PollForDecisionTask"]
ACTIVITY = EXCHANGES["PollForActivityTask"]


def body(value: object) -> bytes:
    return msgspec.json.encode(value)


def event(**members: object) -> dict[str, object]:
    return {"eventId": 1, "eventTimestamp": 1326592619.474, "eventType": "WorkflowExecutionStarted", **members}


def test_every_operation_can_be_exchanged() -> None:
    """By its target; two are polls."""
    assert set(EXCHANGES) == set(OPERATIONS)
    assert {exchange.target for exchange in EXCHANGES.values()} == {
        f"SimpleWorkflowService.{name}" for name in OPERATIONS
    }
    assert {name for name, exchange in EXCHANGES.items() if exchange.poll} == {
        "PollForDecisionTask",
        "PollForActivityTask",
    }


def test_an_answer_without_output_is_none() -> None:
    """ "Content-Length: 0, empty body", and {} is as good."""
    read = EXCHANGES["SignalWorkflowExecution"].read
    assert read(b"") is None
    assert read(b"{}") is None


def test_requests_leave_out_what_is_absent() -> None:
    """Zeros, empty strings and empty lists are values."""
    request = shapes.RespondDecisionTaskCompletedInput(task_token="t", decisions=[], execution_context="")  # noqa: S106  no password
    assert msgspec.json.decode(encode(request)) == {"taskToken": "t", "decisions": [], "executionContext": ""}


@pytest.mark.parametrize("empty", [{"startedEventId": 0}, {"startedEventId": 0, "taskToken": ""}])
def test_a_poll_without_a_task_is_none(empty: dict[str, object]) -> None:
    """ "taskToken, events, activityId omitted"; its documentation: "the value of taskToken is an empty string"."""
    assert ACTIVITY.read(body(empty)) is None
    assert DECISION.read(body({**empty, "previousStartedEventId": 0})) is None


def test_constraints_are_not_for_answers() -> None:
    """A name with a bar, an over-long input: refused in a request, believed in an answer."""
    task = ACTIVITY.read(
        body(
            {
                "taskToken": "t" * 2000,
                "activityId": "a|b",
                "startedEventId": 7,
                "workflowExecution": {"workflowId": "w/x", "runId": "r"},
                "activityType": {"name": "arn", "version": "1"},
                "input": "i" * 40000,
            }
        )
    )
    assert task == shapes.ActivityTask(
        task_token="t" * 2000,
        activity_id="a|b",
        started_event_id=7,
        workflow_execution=shapes.WorkflowExecution(workflow_id="w/x", run_id="r"),
        activity_type=shapes.ActivityType(name="arn", version="1"),
        input="i" * 40000,
    )


def test_an_unknown_event_type_does_not_spoil_a_history() -> None:
    """It is an EventType of that value, though none of its members; the other events are as ever."""
    strange = event(eventId=2, eventType="WorkflowExecutionPaused", workflowExecutionPausedEventAttributes={"by": "x"})
    first, second = HISTORY.read(body({"events": [event(), strange]})).events
    assert first == shapes.HistoryEvent(
        event_id=1, event_timestamp=1326592619.474, event_type=shapes.EventType.WORKFLOW_EXECUTION_STARTED
    )
    assert second.event_id == 2
    assert isinstance(second.event_type, shapes.EventType)
    assert second.event_type == second.event_type.value == second.event_type.name == "WorkflowExecutionPaused"
    assert second.event_type not in list(shapes.EventType)
    assert body(second.event_type) == b'"WorkflowExecutionPaused"'
    with pytest.raises(ValueError, match="WorkflowExecutionPaused"):
        shapes.EventType("WorkflowExecutionPaused")


def test_an_unknown_cause_does_not_spoil_an_event() -> None:
    attributes = {"timerId": "t", "cause": "NEW_CAUSE", "decisionTaskCompletedEventId": 4}
    started = event(eventType="StartTimerFailed", startTimerFailedEventAttributes=attributes)
    (failed,) = HISTORY.read(body({"events": [started], "nextPageToken": None})).events
    assert failed.start_timer_failed_event_attributes.cause == "NEW_CAUSE"
    assert failed.start_timer_failed_event_attributes.timer_id == "t"


def test_null_entries_of_a_tag_list_are_kept() -> None:
    """ "tagList:[null] was accepted and came back as [null]"; the event type is unknown, so that it is read slowly."""
    attributes = {"tagList": [None, "a"], "childPolicy": "NEW", "taskList": {"name": "l"}} | {
        "workflowType": {"name": "n", "version": "v"}
    }
    (started,) = HISTORY.read(body({"events": [event(workflowExecutionStartedEventAttributes=attributes)]})).events
    assert started.workflow_execution_started_event_attributes.tag_list == [None, "a"]


@pytest.mark.parametrize(
    ("broken", "where"),
    [
        (b"<html>", "malformed"),
        (b"", "truncated"),
        (b"[]", "object"),
        (b'{"events": [{"eventId": 1}]}', r"History\.events\[0\]\.eventTimestamp"),
        (b'{"events": {}}', r"History\.events"),
        (b'{"events": [], "nextPageToken": 7}', r"History\.nextPageToken"),
        (body({"events": [event(eventId=True)]}), r"History\.events\[0\]\.eventId"),
        (body({"events": [None]}), r"History\.events\[0\]"),
        (b'{"events": "\xff"}', "utf-8|UTF-8"),
    ],
)
def test_what_is_no_answer_is_said(broken: bytes, where: str) -> None:
    with pytest.raises(UnreadableAnswer, match=f"GetWorkflowExecutionHistory.*{where}") as caught:
        HISTORY.read(broken)
    assert caught.value.__cause__ is not None


@pytest.mark.parametrize("kind", [*faults.ModelledFault.__subclasses__(), ValidationException, ThrottlingException])
def test_a_known_code_is_its_class(kind: type[faults.ModelledFault]) -> None:
    fault = fault_of(400, body({"__type": f"com.amazonaws.swf.base.model#{kind.__name__}", "message": "why"}))
    assert type(fault) is kind
    assert fault.message == "why"


def test_the_text_of_coral_has_a_capital() -> None:
    """ "some Coral errors use `Message`"; "server bug: body is only `__type`"."""
    fault = fault_of(400, b'{"__type":"com.amazon.coral.service#SerializationException","Message":"class"}')
    assert isinstance(fault, SerializationException)
    assert fault.message == "class"
    fault = fault_of(500, b'{"__type":"com.amazon.coral.service#InternalFailure"}')
    assert isinstance(fault, InternalFailure)
    assert fault.message is None


@pytest.mark.parametrize(
    ("status", "content", "code", "text"),
    [
        (403, b'{"__type":"com.amazon.coral.service#ExpiredTokenException","message":"old"}', "ExpiredTokenException",
         "ExpiredTokenException (HTTP 403): old"),
        (503, b"<html>", "Http503", "Http503 (HTTP 503)"),
        (302, b"", "Http302", "Http302 (HTTP 302)"),
        (400, b"[]", "Http400", "Http400 (HTTP 400)"),
        (400, b'{"__type":7}', "Http400", "Http400 (HTTP 400)"),
    ],
)  # fmt: skip
def test_an_unknown_code_is_a_service_fault(status: int, content: bytes, code: str, text: str) -> None:
    fault = fault_of(status, content)
    assert isinstance(fault, ServiceFault)
    assert (fault.code, fault.status, str(fault)) == (code, status, text)
