"""What the properties are tried on: a small catalogue, decisions and actions of few names, so that they collide.

Law: strategies and builders only; nothing here knows what is right.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any

from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st

from coordinator.execution.types import Known
from workflowsvc import names
from workflowsvc.messages import NO_TASK, Action, TaskRef
from workflowsvc.records import DomainRecord, TypeKey, TypeKind, TypeRecord
from workflowsvc.swf import shapes
from workflowsvc.swf.decisions import DECISIONS
from workflowsvc.swf.shapes import ChildPolicy, DecisionType

DOMAIN = "us-east-1/orders"
START = 1_700_000_000_000

#: A step of a program does a dozen checks, so that a slow machine must not make a slow example an error.
PROFILE = settings(
    deadline=None,
    derandomize="CI" in os.environ,
    # Without the explanations, which take minutes.
    phases=[Phase.explicit, Phase.reuse, Phase.generate, Phase.shrink],
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much, HealthCheck.data_too_large],
)

MAIN = shapes.TaskList(name="main")
FULL, BARE, OLD, MISSING = "Full", "Bare", "Old", "Missing"


def _record(kind: TypeKind, name: str) -> TypeRecord:
    configuration: Any
    if kind is TypeKind.WORKFLOW:
        configuration = shapes.WorkflowTypeConfiguration(
            default_child_policy=ChildPolicy.TERMINATE,
            default_execution_start_to_close_timeout="1000",
            default_task_list=MAIN,
            default_task_start_to_close_timeout="10",
        )
    else:
        configuration = shapes.ActivityTypeConfiguration(
            default_task_heartbeat_timeout="3",
            default_task_list=MAIN,
            default_task_schedule_to_close_timeout="30",
            default_task_schedule_to_start_timeout="8",
            default_task_start_to_close_timeout="9",
        )
    if name == BARE:
        configuration = type(configuration)()
    return TypeRecord(
        key=TypeKey(DOMAIN, kind, name, "1"),
        created_at=START,
        configuration=configuration,
        deprecated_at=START if name == OLD else None,
    )


_RECORDS = [_record(kind, name) for kind in TypeKind for name in (FULL, BARE, OLD)]
KNOWN = Known(
    DomainRecord(domain=DOMAIN, created_at=START, retention="1"),
    {record.key: record for record in _RECORDS},
    lambda_available=True,
)
#: the same where no function can be invoked
KNOWN_WITHOUT_LAMBDA = Known(KNOWN.domain, KNOWN.types, lambda_available=False)


def workflow_type(name: str) -> shapes.WorkflowType:
    return shapes.WorkflowType(name=name, version="1")


def action_id(number: int) -> str:
    return names.action_id(START, number.to_bytes(10, "big"))


def action(number: int, workflow_id: str, request: Any, run_id: str = "", task: TaskRef = NO_TASK) -> Action:
    return Action(
        action_id(number), names.lane_of(DOMAIN, workflow_id), DOMAIN, workflow_id, run_id, request, task, "gateway"
    )


def start_of(workflow_id: str, **given: Any) -> shapes.StartWorkflowExecutionInput:
    return shapes.StartWorkflowExecutionInput(
        **{"domain": "orders", "workflow_id": workflow_id, "workflow_type": workflow_type(FULL), **given}
    )


def decision(kind: DecisionType, **given: Any) -> shapes.Decision:
    shape = DECISIONS[kind]
    members: dict[str, Any] = {shape.member: shape.attributes(**given)}
    return shapes.Decision(decision_type=kind, **members)


# ---- strategies ------------------------------------------------------------------------------------------------

ids = st.sampled_from(["a", "b", "c"])
task_timeouts = st.sampled_from([None, None, "0", "2", "5", "NONE"])
run_timeouts = st.sampled_from([None, None, "0", "7", "60", "NONE"])
policies = st.sampled_from([None, *ChildPolicy])
#: most of the time a type that works
type_names = st.sampled_from([*[FULL] * 12, BARE, OLD, MISSING])
task_lists = st.sampled_from([None, None, MAIN, shapes.TaskList(name="other")])
priorities = st.sampled_from([None, None, "-1", "5"])

_RUN_SETTINGS: dict[str, st.SearchStrategy[Any]] = {
    "child_policy": policies,
    "execution_start_to_close_timeout": run_timeouts,
    "task_start_to_close_timeout": task_timeouts,
    "task_list": task_lists,
    "task_priority": priorities,
    "lambda_role": st.sampled_from([None, "role"]),
    "tag_list": st.sampled_from([None, ["red"]]),
}


def _decisions(workflow_ids: st.SearchStrategy[str]) -> dict[DecisionType, dict[str, st.SearchStrategy[Any]]]:
    run_ids = st.sampled_from([None, None, None, "nobody"])
    return {
        DecisionType.SCHEDULE_ACTIVITY_TASK: {
            "activity_id": ids,
            "activity_type": st.builds(shapes.ActivityType, name=type_names, version=st.just("1")),
            "schedule_to_start_timeout": task_timeouts,
            "schedule_to_close_timeout": task_timeouts,
            "start_to_close_timeout": task_timeouts,
            "heartbeat_timeout": task_timeouts,
            "task_list": task_lists,
            "task_priority": priorities,
        },
        DecisionType.REQUEST_CANCEL_ACTIVITY_TASK: {"activity_id": ids},
        DecisionType.START_TIMER: {"timer_id": ids, "start_to_fire_timeout": st.sampled_from(["0", "1", "4", "20"])},
        DecisionType.CANCEL_TIMER: {"timer_id": ids},
        DecisionType.RECORD_MARKER: {"marker_name": ids},
        DecisionType.COMPLETE_WORKFLOW_EXECUTION: {"result": st.sampled_from([None, "", "done"])},
        DecisionType.FAIL_WORKFLOW_EXECUTION: {"reason": st.sampled_from([None, "why"])},
        DecisionType.CANCEL_WORKFLOW_EXECUTION: {"details": st.sampled_from([None, "what"])},
        DecisionType.CONTINUE_AS_NEW_WORKFLOW_EXECUTION: {
            **_RUN_SETTINGS,
            "workflow_type_version": st.sampled_from([None, None, "1", "2"]),
        },
        DecisionType.START_CHILD_WORKFLOW_EXECUTION: {
            **_RUN_SETTINGS,
            "workflow_id": workflow_ids,
            "workflow_type": type_names.map(workflow_type),
            "control": st.sampled_from([None, "mine"]),
        },
        DecisionType.SIGNAL_EXTERNAL_WORKFLOW_EXECUTION: {
            "workflow_id": workflow_ids,
            "run_id": run_ids,
            "signal_name": ids,
        },
        DecisionType.REQUEST_CANCEL_EXTERNAL_WORKFLOW_EXECUTION: {"workflow_id": workflow_ids, "run_id": run_ids},
        DecisionType.SCHEDULE_LAMBDA_FUNCTION: {
            "id": ids,
            "name": ids,
            "start_to_close_timeout": st.sampled_from([None, "1", "10", "NONE", "901"]),
        },
    }


def decisions_of(
    workflow_ids: st.SearchStrategy[str], kinds: Sequence[DecisionType] = tuple(DecisionType)
) -> st.SearchStrategy[shapes.Decision]:
    """Any decision, or any of some *kinds*, about executions of these workflow ids."""
    tables = _decisions(workflow_ids)
    made = {
        kind: st.fixed_dictionaries(given).map(lambda given, kind=kind: decision(kind, **given))
        for kind, given in tables.items()
    }
    return st.sampled_from(kinds).flatmap(made.__getitem__)


CLOSES = (
    DecisionType.COMPLETE_WORKFLOW_EXECUTION,
    DecisionType.FAIL_WORKFLOW_EXECUTION,
    DecisionType.CANCEL_WORKFLOW_EXECUTION,
    DecisionType.CONTINUE_AS_NEW_WORKFLOW_EXECUTION,
)
