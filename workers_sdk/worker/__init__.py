"""The worker: it polls a task list, runs workflows and activities, and answers.

Law: names only; these are public, the files are not.
"""

from workers_sdk.worker.app import App
from workers_sdk.worker.context import ActivityContext, ActivityInfo, activity_context
from workers_sdk.worker.errors import (
    ActivityCancelled,
    DomainMissing,
    ProcessDied,
    RegistrationMismatch,
    WorkerNotStarted,
    WorkerStopped,
)
from workers_sdk.worker.settings import WorkerSettings
from workers_sdk.worker.worker import Worker

__all__ = [
    "ActivityCancelled",
    "ActivityContext",
    "ActivityInfo",
    "App",
    "DomainMissing",
    "ProcessDied",
    "RegistrationMismatch",
    "Worker",
    "WorkerNotStarted",
    "WorkerSettings",
    "WorkerStopped",
    "activity_context",
]
