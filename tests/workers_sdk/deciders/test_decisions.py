"""What each builder makes on the wire (SWF.md §3.2), and what it refuses."""

from __future__ import annotations

import inspect
from datetime import timedelta
from functools import cache
from typing import Any

import botocore.loaders
import botocore.model
import botocore.validate
import msgspec
import pytest

from workers_sdk.deciders import decider, decisions
from workers_sdk.definitions.options import NONE
from workflowsvc.swf import shapes
from workflowsvc.swf.decisions import DECISIONS
from workflowsvc.swf.shapes import Decision, DecisionType

ORDER = {"name": "order", "version": "1"}
SETTINGS: dict[str, Any] = {
    "input": "in",
    "execution_start_to_close_timeout": timedelta(hours=1),
    "task_start_to_close_timeout": 30,
    "task_list": "deciders",
    "task_priority": -7,
    "child_policy": "REQUEST_CANCEL",
    "tag_list": ("a", "b"),
    "lambda_role": "arn:aws:iam::1:role/r",
}
SET = {
    "input": "in",
    "executionStartToCloseTimeout": "3600",
    "taskStartToCloseTimeout": "30",
    "taskList": {"name": "deciders"},
    "taskPriority": "-7",
    "childPolicy": "REQUEST_CANCEL",
    "tagList": ["a", "b"],
    "lambdaRole": "arn:aws:iam::1:role/r",
}

FULL: list[tuple[Decision, str, dict[str, Any]]] = [
    (decisions.cancel_timer(timer_id="wait"), "CancelTimer", {"timerId": "wait"}),
    (decisions.cancel_workflow_execution(details="d"), "CancelWorkflowExecution", {"details": "d"}),
    (decisions.complete_workflow_execution(result="r"), "CompleteWorkflowExecution", {"result": "r"}),
    (
        decisions.continue_as_new_workflow_execution(workflow_type_version="2", **SETTINGS),
        "ContinueAsNewWorkflowExecution",
        {"workflowTypeVersion": "2", **SET},
    ),
    (
        decisions.fail_workflow_execution(reason="r", details="d"),
        "FailWorkflowExecution",
        {"reason": "r", "details": "d"},
    ),
    (
        decisions.record_marker(marker_name="paid", details="d"),
        "RecordMarker",
        {"markerName": "paid", "details": "d"},
    ),
    (
        decisions.request_cancel_activity_task(activity_id="charge"),
        "RequestCancelActivityTask",
        {"activityId": "charge"},
    ),
    (
        decisions.request_cancel_external_workflow_execution(workflow_id="w", run_id="r", control="c"),
        "RequestCancelExternalWorkflowExecution",
        {"workflowId": "w", "runId": "r", "control": "c"},
    ),
    (
        decisions.schedule_activity_task(
            activity=("charge", "1.0"),
            activity_id="charge-1",
            input="in",
            control="c",
            task_list="workers",
            task_priority=2147483647,
            schedule_to_start_timeout=0,
            schedule_to_close_timeout=NONE,
            start_to_close_timeout=timedelta(minutes=2),
            heartbeat_timeout=1.5,
        ),
        "ScheduleActivityTask",
        {
            "activityType": {"name": "charge", "version": "1.0"},
            "activityId": "charge-1",
            "input": "in",
            "control": "c",
            "taskList": {"name": "workers"},
            "taskPriority": "2147483647",
            "scheduleToStartTimeout": "0",
            "scheduleToCloseTimeout": "NONE",
            "startToCloseTimeout": "120",
            "heartbeatTimeout": "2",
        },
    ),
    (
        decisions.schedule_lambda_function(id="i", name="f", input="in", control="c", start_to_close_timeout=900),
        "ScheduleLambdaFunction",
        {"id": "i", "name": "f", "input": "in", "control": "c", "startToCloseTimeout": "900"},
    ),
    (
        decisions.signal_external_workflow_execution(
            workflow_id="w", signal_name="s", run_id="r", input="in", control="c"
        ),
        "SignalExternalWorkflowExecution",
        {"workflowId": "w", "signalName": "s", "runId": "r", "input": "in", "control": "c"},
    ),
    (
        decisions.start_child_workflow_execution(
            workflow=("order", "1"), workflow_id="RUNID:1", control="c", **SETTINGS
        ),
        "StartChildWorkflowExecution",
        {"workflowType": ORDER, "workflowId": "RUNID:1", "control": "c", **SET},
    ),
    (
        decisions.start_timer(timer_id="wait", start_to_fire_timeout=timedelta(days=1), control="c"),
        "StartTimer",
        {"timerId": "wait", "startToFireTimeout": "86400", "control": "c"},
    ),
]


def struct(kind: str) -> str:
    return kind[0].lower() + kind[1:] + "DecisionAttributes"


@cache
def model() -> Any:
    loaded = botocore.loaders.Loader().load_service_model("swf", "service-2", api_version="2012-01-25")
    return botocore.model.ServiceModel(loaded).shape_for("Decision")


@pytest.mark.parametrize(("made", "kind", "attributes"), FULL, ids=[kind for _, kind, _ in FULL])
def test_every_member_on_the_wire(made: Decision, kind: str, attributes: dict[str, Any]) -> None:
    """The type, its structure and nothing else; AWS's own model finds nothing wrong with it."""
    wire = msgspec.to_builtins(made)
    assert wire == {"decisionType": kind, struct(kind): attributes}
    assert botocore.validate.ParamValidator().validate(wire, model()).generate_report() == ""


def test_all_thirteen_were_shown_with_all_their_members() -> None:
    assert {kind for _, kind, _ in FULL} == {str(kind) for kind in DecisionType}
    for _, kind, attributes in FULL:
        shape = DECISIONS[DecisionType(kind)].attributes
        assert set(attributes) == set(shape.__struct_encode_fields__), kind


def test_each_decision_type_has_a_builder_that_is_named_after_it_and_takes_its_members_by_name() -> None:
    renamed = {"activity_type": "activity", "workflow_type": "workflow"}
    for kind, shape in DECISIONS.items():
        builder = getattr(decisions, kind.name.lower())
        parameters = inspect.signature(builder).parameters
        assert set(parameters) == {renamed.get(name, name) for name in shape.attributes.__struct_fields__}
        assert {parameter.kind for parameter in parameters.values()} == {inspect.Parameter.KEYWORD_ONLY}


def test_what_is_not_said_is_not_sent() -> None:
    """Absent is the registered default; "" is a value (SWF.md §11.16)."""
    bare = decisions.schedule_activity_task(activity=("charge", "1.0"), activity_id="a", input="")
    assert msgspec.to_builtins(bare)[struct("ScheduleActivityTask")] == {
        "activityType": {"name": "charge", "version": "1.0"},
        "activityId": "a",
        "input": "",
    }
    assert msgspec.to_builtins(decisions.complete_workflow_execution()) == {
        "decisionType": "CompleteWorkflowExecution",
        struct("CompleteWorkflowExecution"): {},
    }


def test_a_type_is_a_pair_or_has_a_name_and_a_version() -> None:
    @decider("order", "1")
    def decorated(_: object) -> list[Decision]:
        return []

    pair = decisions.start_child_workflow_execution(workflow=("order", "1"), workflow_id="c")
    shape = shapes.WorkflowType(name="order", version="1")
    assert decisions.start_child_workflow_execution(workflow=shape, workflow_id="c") == pair
    assert decisions.start_child_workflow_execution(workflow=decorated, workflow_id="c") == pair

    charge = shapes.ActivityType(name="charge", version="1.0")
    assert decisions.schedule_activity_task(activity=charge, activity_id="a") == decisions.schedule_activity_task(
        activity=("charge", "1.0"), activity_id="a"
    )


@pytest.mark.parametrize(
    ("builder", "arguments", "message"),
    [
        ("record_marker", {"marker_name": "m" * 257}, r"RecordMarker: .*256.*markerName"),
        ("record_marker", {"marker_name": "m", "details": "d" * 32769}, r"RecordMarker: .*32768.*details"),
        ("cancel_timer", {"timer_id": ""}, r"CancelTimer: .*timerId"),
        ("start_timer", {"timer_id": "a:b", "start_to_fire_timeout": 1}, r"StartTimer: .*timerId"),
        ("start_timer", {"timer_id": "a", "start_to_fire_timeout": 10**8}, r"StartTimer: .*startToFireTimeout"),
        ("start_timer", {"timer_id": "a", "start_to_fire_timeout": -1}, r"-1"),
        ("fail_workflow_execution", {"reason": "r" * 257}, r"FailWorkflowExecution: .*256.*reason"),
        ("continue_as_new_workflow_execution", {"tag_list": "abcdef"}, r"ContinueAsNewWorkflowExecution: .*tagList"),
        ("continue_as_new_workflow_execution", {"child_policy": "ADOPT"}, r"ADOPT"),
        (
            "schedule_activity_task",
            {"activity": ("a", "1"), "activity_id": "a", "task_priority": 2**31},
            r"ScheduleActivityTask: .*taskPriority",
        ),
        (
            "schedule_activity_task",
            {"activity": ("", "1"), "activity_id": "a"},
            r"ScheduleActivityTask: .*activityType.name",
        ),
    ],
)
def test_what_swf_would_refuse_for_its_form_is_refused_where_it_is_written(
    builder: str, arguments: dict[str, Any], message: str
) -> None:
    """SWF.md §3.1.1: "Bad enum, missing required member, over-long member ...: one VE, nothing applied"."""
    with pytest.raises(ValueError, match=message):
        getattr(decisions, builder)(**arguments)


def test_the_longest_that_swf_takes() -> None:
    """input 32,768 characters, not bytes (SWF.md §9)."""
    decisions.complete_workflow_execution(result="ü" * 32768)
