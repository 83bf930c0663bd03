"""What a type leaves open and what it settles: the effective settings of a new run or task.

Law: "the value in the request, else the type's default, else undefined", and which is missed first. Nothing here
raises or records: the caller words the answer (a fault for a request, a cause for a decision).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from msgspec import Struct

from coordinator.execution.limits import within_a_year
from workflowsvc.records import DomainRecord, TypeKey, TypeKind, TypeRecord
from workflowsvc.swf import shapes
from workflowsvc.swf.shapes import DecisionType


class Known(Struct, frozen=True):
    """What the shell looked up for an action: the core asks nobody."""

    domain: DomainRecord | None = None
    #: those of the types named by the action that exist
    types: Mapping[TypeKey, TypeRecord] = {}
    #: whether Lambda functions can be invoked at all
    lambda_available: bool = False
    #: how many executions may be opened in the domain; None for any number
    room: int | None = None
    #: how many decisions of each type may be carried out now; of others, any number
    rates: Mapping[DecisionType, int] = {}

    def workflow_type(self, domain: str, named: shapes.WorkflowType) -> TypeRecord | None:
        return self.types.get(TypeKey(domain, TypeKind.WORKFLOW, named.name, named.version))

    def activity_type(self, domain: str, named: shapes.ActivityType) -> TypeRecord | None:
        return self.types.get(TypeKey(domain, TypeKind.ACTIVITY, named.name, named.version))


#: Settings that a run must have, in the order in which the service misses them.
RUN_REQUIRED = (
    "execution_start_to_close_timeout",
    "task_list",
    "task_start_to_close_timeout",
    "child_policy",
)
RUN_OPTIONAL = ("task_priority", "lambda_role")
#: Settings that an activity task must have, likewise; the type's defaults call the timeouts defaultTask...
ACTIVITY_REQUIRED = {
    "task_list": "default_task_list",
    "schedule_to_start_timeout": "default_task_schedule_to_start_timeout",
    "schedule_to_close_timeout": "default_task_schedule_to_close_timeout",
    "start_to_close_timeout": "default_task_start_to_close_timeout",
    "heartbeat_timeout": "default_task_heartbeat_timeout",
}

#: Effective settings by the name that requests, decisions and events share.
Effective = dict[str, Any]


def run_settings(given: shapes.Shape, record: TypeRecord) -> Effective:
    """The effective settings of a run that a start, a child start or a continue-as-new asks for."""
    effective = {
        setting: _first(getattr(given, setting), getattr(record.configuration, f"default_{setting}"))
        for setting in (*RUN_REQUIRED, *RUN_OPTIONAL)
    }
    timeout = effective["execution_start_to_close_timeout"]
    effective["execution_start_to_close_timeout"] = None if timeout is None else within_a_year(timeout)
    return effective


def activity_settings(given: shapes.Shape, record: TypeRecord) -> Effective:
    """The effective settings of an activity task that a decision asks for."""
    pairs = {**ACTIVITY_REQUIRED, "task_priority": "default_task_priority"}
    return {
        setting: _first(getattr(given, setting), getattr(record.configuration, default))
        for setting, default in pairs.items()
    }


def first_undefined(effective: Effective) -> str | None:
    """The first setting that neither the request nor the type defines; priority and role may stay undefined."""
    optional = RUN_OPTIONAL
    return next((setting for setting, value in effective.items() if value is None and setting not in optional), None)


def _first(given: Any, default: Any) -> Any:
    return default if given is None else given
