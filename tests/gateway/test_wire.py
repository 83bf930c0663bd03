"""Serialize with ours, parse with botocore; serialize with botocore, read with ours."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import botocore.loaders
import botocore.model
import botocore.parsers
import botocore.serialize
import msgspec
import pytest

from gateway import wire
from tests.gateway.values import sample
from workflowsvc.swf import errors, faults, shapes
from workflowsvc.swf.errors import Fault
from workflowsvc.swf.events import EVENTS
from workflowsvc.swf.operations import OPERATIONS
from workflowsvc.swf.shapes import EventType, HistoryEvent

MODEL = botocore.model.ServiceModel(botocore.loaders.Loader().load_service_model("swf", "service-2"), "swf")
PARSER = botocore.parsers.create_parser("json")
SERIALIZER = botocore.serialize.create_serializer("json")

WITH_OUTPUT = [op for op in OPERATIONS.values() if op.output is not None]


def parsed(body: bytes, operation: str) -> Any:
    response = {"body": body, "headers": {}, "status_code": 200}
    found = PARSER.parse(response, MODEL.operation_model(operation).output_shape)
    del found["ResponseMetadata"]
    return plain(found)


def plain(value: Any) -> Any:
    """Times as seconds."""
    if isinstance(value, dict):
        return {name: plain(member) for name, member in value.items()}
    if isinstance(value, list):
        return list(map(plain, value))
    return value.timestamp() if isinstance(value, datetime) else value


def timed(value: Any) -> Any:
    """Seconds as times, where a time belongs."""
    if isinstance(value, dict):
        return {
            name: datetime.fromtimestamp(member, UTC) if isinstance(member, float) else timed(member)
            for name, member in value.items()
        }
    return value


@pytest.mark.parametrize("full", [True, False], ids=["full", "required"])
@pytest.mark.parametrize("operation", WITH_OUTPUT, ids=lambda op: op.name)
def test_every_output_reads_back_in_botocore(operation: Any, full: bool) -> None:
    value = sample(operation.output, full=full)
    assert parsed(wire.encode(msgspec.convert(value, operation.output)), operation.name) == value


@pytest.mark.parametrize("shape", EVENTS, ids=lambda shape: shape.__name__)
def test_every_event_reads_back_in_botocore(shape: Any) -> None:
    event = EVENTS[shape]
    attributes = sample(shape)
    written = HistoryEvent(
        event_id=1,
        event_timestamp=1_700_000_000.474,
        event_type=event.type,
        **{event.member: msgspec.convert(attributes, shape)},
    )
    frame = shapes.History(events=[], next_page_token="token")  # noqa: S106
    page = wire.splice(frame, [wire.encode(written)] * 2)
    expected = {
        "eventId": 1,
        "eventTimestamp": 1_700_000_000.474,
        "eventType": event.type.value,
        event.wire: attributes,
    }
    assert parsed(page, "GetWorkflowExecutionHistory") == {"events": [expected] * 2, "nextPageToken": "token"}


def test_there_is_an_event_of_every_type() -> None:
    assert {event.type for event in EVENTS.values()} == set(EventType)


@pytest.mark.parametrize("full", [True, False], ids=["full", "required"])
@pytest.mark.parametrize("operation", OPERATIONS.values(), ids=lambda op: op.name)
def test_every_input_of_botocore_is_read_by_ours(operation: Any, full: bool) -> None:
    value = sample(operation.input, full=full)
    request = SERIALIZER.serialize_to_request(timed(value), MODEL.operation_model(operation.name))
    read = msgspec.json.decode(request["body"], type=operation.input)
    assert msgspec.to_builtins(read) == value


@pytest.mark.parametrize(
    "kind",
    [k for m in (errors, faults) for k in vars(m).values() if isinstance(k, type) and issubclass(k, Fault)],
)
def test_every_fault_reads_back_in_botocore(kind: type[Fault]) -> None:
    if not hasattr(kind, "namespace"):
        return
    response = {"body": wire.fault(kind("Because.")), "headers": {}, "status_code": kind.status}
    found = PARSER.parse(response, MODEL.operation_model("StartWorkflowExecution").output_shape)
    assert found["Error"] == {"Code": kind.__name__, "Message": "Because."}


def test_a_fault_without_a_text_is_only_its_type() -> None:
    assert wire.fault(errors.InternalFailure()) == b'{"__type":"com.amazon.coral.service#InternalFailure"}'
    assert wire.fault(faults.WorkflowExecutionAlreadyStartedFault("")) == (
        b'{"__type":"com.amazonaws.swf.base.model#WorkflowExecutionAlreadyStartedFault","message":""}'
    )


def test_members_go_out_compact_sorted_and_never_null() -> None:
    info = shapes.DomainInfo(name="shop", status=shapes.RegistrationStatus.REGISTERED, description="")
    assert wire.encode(info) == b'{"description":"","name":"shop","status":"REGISTERED"}'


def test_no_items_make_an_empty_list() -> None:
    assert wire.splice(shapes.History(events=[]), []) == b'{"events":[]}'


def test_a_void_answer_is_empty() -> None:
    assert wire.encode(None) == b""
