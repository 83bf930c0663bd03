"""The members of the options, for type checkers: what `@activity`, `@workflow` and `with_options` take by keyword.

Law: the same names and types as in options.py; a test compares them.
"""

from __future__ import annotations

from typing import TypedDict

from workers_sdk.definitions.options import ChildPolicy, Duration
from workers_sdk.definitions.retry import Retry


class ActivityMembers(TypedDict, total=False):
    task_list: str | None
    start_to_close: Duration | None
    schedule_to_start: Duration | None
    schedule_to_close: Duration | None
    heartbeat: Duration | None
    priority: int | None
    retry: Retry | None
    wait_for_cancel: bool


class WorkflowDefaults(TypedDict, total=False):
    task_list: str | None
    execution_timeout: Duration | None
    task_timeout: Duration | None
    child_policy: ChildPolicy | None
    priority: int | None
    lambda_role: str | None


class WorkflowMembers(WorkflowDefaults, total=False):
    tags: tuple[str, ...] | None
    workflow_id: str | None
    wait_for_cancel: bool
