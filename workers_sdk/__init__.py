"""The library for people who write workflows, deciders and workers for SWF: ours or AWS's own.

Law: HTTP only. It knows SWF's vocabulary (workflowsvc.swf) and nothing else of the service. What is named here is
public, and so is what the packages `client`, `deciders`, `errors`, `payloads`, `testing` and `worker` name.
"""

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
from workers_sdk.executions import Handle, handle_of
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
