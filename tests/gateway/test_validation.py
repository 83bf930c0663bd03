"""Every constraint of the model, broken once: AWS's words at AWS's path."""

from __future__ import annotations

import re
from typing import Any

import msgspec
import pytest

from gateway.validation import reader_of
from tests.gateway.http import Client
from tests.gateway.values import broken, sample
from workflowsvc.swf import shapes
from workflowsvc.swf.decisions import DECISIONS
from workflowsvc.swf.errors import SerializationException, ValidationException
from workflowsvc.swf.operations import OPERATIONS

operations = pytest.mark.parametrize("operation", OPERATIONS.values(), ids=list(OPERATIONS))


def read(name: str, value: Any) -> Any:
    body = value if isinstance(value, bytes) else msgspec.json.encode(value)
    return reader_of(OPERATIONS[name])(body)


def refusal(name: str, value: Any) -> str:
    with pytest.raises(ValidationException) as refused:
        read(name, value)
    return str(refused.value)


@operations
def test_each_constraint_broken_once_is_named_with_its_path(operation: Any) -> None:
    reader = reader_of(operation)
    tried = 0
    for path, value, rule in broken(operation.input):
        tried += 1
        if rule:
            with pytest.raises(ValidationException) as refused:
                reader(msgspec.json.encode(value))
            expected = rf" at '{re.escape(path)}' failed to satisfy constraint: {re.escape(rule)}"
            assert re.search(expected, str(refused.value)), (path, rule, str(refused.value))
            assert re.match(r"\d+ validation errors? detected: Value ", str(refused.value))
        else:
            with pytest.raises(SerializationException, match="can not be converted to"):
                reader(msgspec.json.encode(value))
    assert tried > 0


@operations
async def test_each_broken_request_is_answered_400_with_the_path(operation: Any, client: Client) -> None:
    path, value, rule = next(b for b in broken(operation.input) if b.rule)
    answer = await client.call(operation.name, value)
    assert (answer.status, answer.code) == (400, "ValidationException")
    assert f"at '{path}' failed to satisfy constraint: {rule}" in (answer.message or "")


def test_all_violations_are_counted_and_come_in_order() -> None:
    assert refusal("StartWorkflowExecution", {"workflowId": "", "taskPriority": "high"}) == (
        "4 validation errors detected: "
        "Value null at 'domain' failed to satisfy constraint: Member must not be null; "
        "Value 'high' at 'taskPriority' failed to satisfy constraint: "
        "Member must satisfy regular expression pattern: "
        f"{_pattern_of(shapes.TaskPriority)}; "
        "Value '' at 'workflowId' failed to satisfy constraint: "
        "Member must have length greater than or equal to 1; "
        "Value null at 'workflowType' failed to satisfy constraint: Member must not be null"
    )


def _pattern_of(alias: Any) -> str:
    return str(alias.__metadata__[0].pattern)


def test_one_violation_is_one_error() -> None:
    assert refusal("DescribeDomain", {}) == (
        "1 validation error detected: Value null at 'name' failed to satisfy constraint: Member must not be null"
    )


def test_decision_types_are_listed_in_the_services_own_order() -> None:
    text = refusal("RespondDecisionTaskCompleted", {"taskToken": "t", "decisions": [{"decisionType": "Nonsense"}]})
    assert text == (
        "1 validation error detected: Value 'Nonsense' at 'decisions.1.member.decisionType' failed to satisfy "
        "constraint: Member must satisfy enum value set: [CompleteWorkflowExecution, StartTimer, "
        "RequestCancelExternalWorkflowExecution, SignalExternalWorkflowExecution, CancelTimer, RecordMarker, "
        "ScheduleActivityTask, ContinueAsNewWorkflowExecution, ScheduleLambdaFunction, FailWorkflowExecution, "
        "RequestCancelActivityTask, StartChildWorkflowExecution, CancelWorkflowExecution]"
    )


# ---- decisions -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", DECISIONS)
def test_a_decision_without_its_attributes_has_empty_ones(kind: shapes.DecisionType) -> None:
    request = {"taskToken": "t", "decisions": [{"decisionType": kind.value}]}
    shape = DECISIONS[kind]
    required = [f.encode_name for f in msgspec.structs.fields(shape.attributes) if f.required]
    if not required:
        [decision] = read("RespondDecisionTaskCompleted", request).decisions
        assert getattr(decision, shape.member) == shape.attributes()
        return
    text = refusal("RespondDecisionTaskCompleted", request)
    assert re.findall(r"Value null at '([^']+)'", text) == [
        f"decisions.1.member.{shape.wire}.{name}" for name in required
    ]


def test_attributes_of_another_decision_are_checked_too() -> None:
    foreign = {"decisionType": "CompleteWorkflowExecution", "startTimerDecisionAttributes": {"timerId": "a:b"}}
    text = refusal("RespondDecisionTaskCompleted", {"taskToken": "t", "decisions": [foreign]})
    assert text.startswith("2 validation errors detected: ")
    assert "'decisions.1.member.startTimerDecisionAttributes.startToFireTimeout'" in text
    assert "'a:b' at 'decisions.1.member.startTimerDecisionAttributes.timerId'" in text


# ---- nulls, numbers, names -------------------------------------------------------------------------------------


def test_null_is_absent_and_unknown_members_are_ignored() -> None:
    found = read("DescribeDomain", {"name": "shop", "unheardOf": [{}], "alsoThis": None})
    assert found == shapes.DescribeDomainInput(name="shop")
    listed = read("ListDomains", {"registrationStatus": "REGISTERED", "maximumPageSize": None, "nextPageToken": None})
    assert listed.maximum_page_size is None


def test_a_null_inside_a_list_is_named() -> None:
    value = {**sample(shapes.UntagResourceInput), "tagKeys": ["a", None]}
    assert refusal("UntagResource", value) == (
        "1 validation error detected: Value null at 'tagKeys.2.member' failed to satisfy constraint: "
        "Member must not be null"
    )


def test_a_null_tag_of_an_execution_is_kept() -> None:
    """SWF.md §1: `tagList:[null]` was accepted and came back as `[null]`."""
    value = {**sample(shapes.StartWorkflowExecutionInput), "tagList": ["a", None], "input": None}
    assert read("StartWorkflowExecution", value).tag_list == ["a", None]


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (7, "class java.lang.Short can not be converted to an String"),
        (70_000, "class java.lang.Integer can not be converted to an String"),
        (2**40, "class java.lang.Long can not be converted to an String"),
        (2**80, "class java.math.BigInteger can not be converted to an String"),
        (1.5, "class java.lang.Double can not be converted to an String"),
        (True, "class java.lang.Boolean can not be converted to an String"),
        ([], "class java.util.ArrayList can not be converted to an String"),
        ({}, "class java.util.HashMap can not be converted to an String"),
    ],
)
def test_a_wrong_json_type_is_named_as_java_does(value: Any, text: str) -> None:
    with pytest.raises(SerializationException, match=f"^{text}$"):
        read("DescribeDomain", {"name": value})


@pytest.mark.parametrize(
    "body",
    [
        b"[]",
        b'"text"',
        b"7",
        b"null",
        b"{",
        b"\xff",
        b'{"name":"\xff"}',
        b'{"name":"\\ud800"}',
        b'{"name":NaN}',
        b"[" * 100_000,
        b'{"x":' * 100_000,
        b'{"name":"shop","x":' + b"[" * 100_000,
        b'{"name":1' + b"0" * 10_000 + b"}",
    ],
)
def test_what_is_not_a_json_object_cannot_be_read(body: bytes) -> None:
    with pytest.raises(SerializationException):
        read("DescribeDomain", body)


@pytest.mark.parametrize("number", [b"1e999", b"1" + b"0" * 400, b"-1" + b"0" * 5000])
def test_a_time_beyond_numbers_cannot_be_read(number: bytes) -> None:
    with pytest.raises(SerializationException):
        read("CountOpenWorkflowExecutions", b'{"domain":"d","startTimeFilter":{"oldestDate":' + number + b"}}")


def test_an_empty_body_is_an_empty_object() -> None:
    assert "at 'name'" in refusal("DescribeDomain", b"")


@pytest.mark.parametrize("name", ["a:b", "a/b", "a|b", "a\x00", "a\x7f", "a\x9f", " a", "a ", "arn", "a\n"])
def test_names_keep_out_what_the_documentation_forbids(name: str) -> None:
    assert "regular expression pattern" in refusal("DescribeDomain", {"name": name})


def test_a_workflow_id_may_hold_a_colon_and_a_name_may_hold_anything_else() -> None:
    value = {**sample(shapes.SignalWorkflowExecutionInput), "workflowId": "22abc=:7", "signalName": "a:/|\n"}
    assert read("SignalWorkflowExecution", value).workflow_id == "22abc=:7"
    assert read("DescribeDomain", {"name": "arn-ähnlich \U0001f600 x"}).name == "arn-ähnlich \U0001f600 x"


# ---- rules -----------------------------------------------------------------------------------------------------


TIME = {"oldestDate": 1}
STATUS, RUN = {"status": "COMPLETED"}, {"workflowId": "w"}


@pytest.mark.parametrize("name", ["ListClosedWorkflowExecutions", "CountClosedWorkflowExecutions"])
def test_closed_executions_are_asked_for_by_one_time(name: str) -> None:
    assert refusal(name, {"domain": "d"}) == "Must specify time filter"
    both = {"domain": "d", "startTimeFilter": TIME, "closeTimeFilter": TIME}
    assert refusal(name, both) == "Cannot specify both a startTimeFilter and a closeTimeFilter"


@pytest.mark.parametrize("state", ["Open", "Closed"])
@pytest.mark.parametrize("verb", ["List", "Count"])
def test_at_most_one_other_filter(verb: str, state: str) -> None:
    value: dict[str, Any] = {"domain": "d", "startTimeFilter": TIME, "executionFilter": RUN}
    assert read(f"{verb}{state}WorkflowExecutions", value)
    text = refusal(f"{verb}{state}WorkflowExecutions", {**value, "tagFilter": {"tag": "t"}})
    assert text == ("Cannot specify more than one exclusive filters in the same query: [executionFilter, tagFilter]")


def test_a_flood_of_violations_is_not_answered_with_another() -> None:
    """So many are named and so much of each value shown that a refusal stays smaller than its request."""
    decisions = [{"decisionType": "x" * 5_000}] * 200
    text = refusal("RespondDecisionTaskCompleted", {"taskToken": "t", "decisions": decisions})
    assert text.startswith("100 validation errors detected: ")
    assert len(text) < 200_000
