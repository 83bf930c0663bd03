"""For the tests of those who use the library.

Law: nothing here is needed to run a worker. pytest loads the plugin, and with it this file, in every run, so names are
imported when they are first asked for.

    WorkflowEnvironment   the service with a clock that skips, a client, workers: thirty days in a second
    WorkflowService       that service's process
    ActivityEnvironment   one activity without any service: its heartbeats, its cancellation
    Replayer              workflow code against histories of executions; `workflowsvc-replay` for CI
    export_history        such a history, to keep
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from workers_sdk.testing.activity_environment import ActivityEnvironment
    from workers_sdk.testing.environment import WorkflowEnvironment
    from workers_sdk.testing.errors import ServiceNotStarted, TimeIsReal, UnknownWorkflow, UnusableHistory
    from workers_sdk.testing.export import export_history
    from workers_sdk.testing.replayer import Replayed, Replayer
    from workers_sdk.testing.service import WorkflowService

__all__ = [
    "ActivityEnvironment",
    "Replayed",
    "Replayer",
    "ServiceNotStarted",
    "TimeIsReal",
    "UnknownWorkflow",
    "UnusableHistory",
    "WorkflowEnvironment",
    "WorkflowService",
    "export_history",
]

_HOME: Final = {
    "ActivityEnvironment": "activity_environment",
    "Replayed": "replayer",
    "Replayer": "replayer",
    "ServiceNotStarted": "errors",
    "TimeIsReal": "errors",
    "UnknownWorkflow": "errors",
    "UnusableHistory": "errors",
    "WorkflowEnvironment": "environment",
    "WorkflowService": "service",
    "export_history": "export",
}


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOME[name]}"), name)
