"""The library for people who write workflows, deciders and workers for SWF: ours or AWS's own.

Law: HTTP only. It knows SWF's vocabulary (workflowsvc.swf) and nothing else of the service. What is named here is
public, and so is what the packages `client`, `deciders`, `errors`, `payloads`, `testing` and `worker` name. It is
loaded when it is first asked for: the pytest plugin is imported in every run of pytest, and HTTP takes its time.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from workers_sdk.client import BlockingClient, Client
    from workers_sdk.deciders import decider
    from workers_sdk.definitions.activities import Activity, activity
    from workers_sdk.definitions.children import Child, External, external
    from workers_sdk.definitions.context import Info
    from workers_sdk.definitions.lambdas import LambdaFunction, lambda_function
    from workers_sdk.definitions.options import NONE, ActivityOptions, ChildPolicy, Duration, WorkflowOptions
    from workers_sdk.definitions.retry import Retry
    from workers_sdk.definitions.signals import Signal, signal
    from workers_sdk.definitions.workflows import Workflow, workflow
    from workers_sdk.executions import Handle, find_handle, handle_of
    from workers_sdk.worker import Worker, activity_context
    from workers_sdk.workflows import (
        CancelScope,
        as_completed,
        info,
        logger,
        now,
        patched,
        random,
        record_marker,
        replaying,
        set_state,
        side_effect,
        sleep,
        uuid4,
        wait,
        wait_until,
    )

__all__ = [
    "NONE",
    "Activity",
    "ActivityOptions",
    "BlockingClient",
    "CancelScope",
    "Child",
    "ChildPolicy",
    "Client",
    "Duration",
    "External",
    "Handle",
    "Info",
    "LambdaFunction",
    "Retry",
    "Signal",
    "Worker",
    "Workflow",
    "WorkflowOptions",
    "activity",
    "activity_context",
    "as_completed",
    "decider",
    "external",
    "find_handle",
    "handle_of",
    "info",
    "lambda_function",
    "logger",
    "now",
    "patched",
    "random",
    "record_marker",
    "replaying",
    "set_state",
    "side_effect",
    "signal",
    "sleep",
    "uuid4",
    "wait",
    "wait_until",
    "workflow",
]

#: Where each of them lives.
_HOMES = {
    "NONE": "definitions.options",
    "Activity": "definitions.activities",
    "ActivityOptions": "definitions.options",
    "BlockingClient": "client",
    "CancelScope": "workflows",
    "Child": "definitions.children",
    "ChildPolicy": "definitions.options",
    "Client": "client",
    "Duration": "definitions.options",
    "External": "definitions.children",
    "Handle": "executions",
    "Info": "definitions.context",
    "LambdaFunction": "definitions.lambdas",
    "Retry": "definitions.retry",
    "Signal": "definitions.signals",
    "Worker": "worker",
    "Workflow": "definitions.workflows",
    "WorkflowOptions": "definitions.options",
    "activity": "definitions.activities",
    "activity_context": "worker",
    "as_completed": "workflows",
    "decider": "deciders",
    "external": "definitions.children",
    "find_handle": "executions",
    "handle_of": "executions",
    "info": "workflows",
    "lambda_function": "definitions.lambdas",
    "logger": "workflows",
    "now": "workflows",
    "patched": "workflows",
    "random": "workflows",
    "record_marker": "workflows",
    "replaying": "workflows",
    "set_state": "workflows",
    "side_effect": "workflows",
    "signal": "definitions.signals",
    "sleep": "workflows",
    "uuid4": "workflows",
    "wait": "workflows",
    "wait_until": "workflows",
    "workflow": "definitions.workflows",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
