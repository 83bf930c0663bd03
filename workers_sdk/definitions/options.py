"""What a type is registered with, and what one call may say otherwise. Data only.

Law: members are SWF's, named as users say them; durations are seconds, a timedelta or NONE, and become SWF's text in
one function. What is None is not said: the type's registered default holds, or the service's.
"""

from __future__ import annotations

import math
from datetime import timedelta
from typing import Any, Final, Literal, TypeAlias

import msgspec

from workers_sdk.definitions.retry import Retry
from workflowsvc.swf import shapes

#: "NONE": this timeout is unlimited (API reference, DurationInSecondsOptional).
NONE: Final = "NONE"
Duration: TypeAlias = float | timedelta | Literal["NONE"]
ChildPolicy: TypeAlias = Literal["TERMINATE", "REQUEST_CANCEL", "ABANDON"]


def whole_seconds(duration: float | timedelta) -> int:
    """SWF counts whole seconds. A part of one becomes a whole one: what was promised is never cut short.

    Raises ValueError for what is negative or no number.
    """
    seconds = duration.total_seconds() if isinstance(duration, timedelta) else duration
    if not 0 <= seconds < math.inf:
        raise ValueError(f"a duration is a number of seconds from 0, or a timedelta, not {duration!r}")
    return math.ceil(seconds)


def seconds_text(duration: Duration | None) -> str | None:
    """SWF's DurationInSecondsOptional. Raises ValueError."""
    if duration is None or isinstance(duration, str):
        if duration not in {None, NONE}:
            raise ValueError(f'a duration in words is "NONE", not {duration!r}')
        return duration
    return str(whole_seconds(duration))


def priority_text(priority: int | None) -> str | None:
    """SWF's TaskPriority: an int32 as text."""
    return None if priority is None else str(priority)


def task_list_of(name: str | None) -> shapes.TaskList | None:
    return None if name is None else shapes.TaskList(name=name)


class ActivityOptions(msgspec.Struct, frozen=True, kw_only=True):
    """Of an activity type (RegisterActivityType: its defaults) and of one call (ScheduleActivityTask).

    `heartbeat` is how long an attempt may be silent, `start_to_close` how long it may take, `schedule_to_start` how
    long it may wait for a worker, `schedule_to_close` both together. `retry` is the decider's, SWF has none.
    `wait_for_cancel`: a cancelled call ends only when the activity has told how it ended.
    """

    task_list: str | None = None
    start_to_close: Duration | None = None
    schedule_to_start: Duration | None = None
    schedule_to_close: Duration | None = None
    heartbeat: Duration | None = None
    priority: int | None = None
    retry: Retry | None = None
    wait_for_cancel: bool = False

    def changed(self, **members: Any) -> ActivityOptions:
        """The same with these members. Raises TypeError for what is none."""
        return msgspec.structs.replace(self, **members)

    def registration(
        self, domain: str, name: str, version: str, description: str | None, task_list: str
    ) -> shapes.RegisterActivityTypeInput:
        """*task_list* is the worker's own: the default of types that name none.

        Unsaid timeouts are unlimited, but an attempt that need not report either may take five minutes: without any
        limit, an activity whose worker was killed would be waited for to the end of the execution.
        """
        attempt = NONE if self.heartbeat is not None else ATTEMPT_SECONDS
        return shapes.RegisterActivityTypeInput(
            domain=domain,
            name=name,
            version=version,
            description=description,
            default_task_list=shapes.TaskList(name=self.task_list or task_list),
            default_task_start_to_close_timeout=seconds_text(self.start_to_close) or attempt,
            default_task_schedule_to_start_timeout=seconds_text(self.schedule_to_start) or NONE,
            default_task_schedule_to_close_timeout=seconds_text(self.schedule_to_close) or NONE,
            default_task_heartbeat_timeout=seconds_text(self.heartbeat) or NONE,
            default_task_priority=priority_text(self.priority),
        )


class WorkflowOptions(msgspec.Struct, frozen=True, kw_only=True):
    """Of a workflow type (RegisterWorkflowType: its defaults) and of one execution (StartWorkflowExecution, …).

    `execution_timeout` is how long an execution may be open (at most a year), `task_timeout` how long a decision may
    take. `workflow_id` and `tags` are of one execution only. `wait_for_cancel`: a cancelled call of a child ends only
    when the child has told how it ended.
    """

    task_list: str | None = None
    execution_timeout: Duration | None = None
    task_timeout: Duration | None = None
    child_policy: ChildPolicy | None = None
    priority: int | None = None
    lambda_role: str | None = None
    tags: tuple[str, ...] | None = None
    workflow_id: str | None = None
    wait_for_cancel: bool = False

    def changed(self, **members: Any) -> WorkflowOptions:
        """The same with these members. Raises TypeError for what is none."""
        return msgspec.structs.replace(self, **members)

    def registration(
        self, domain: str, name: str, version: str, description: str | None, task_list: str
    ) -> shapes.RegisterWorkflowTypeInput:
        """*task_list* is the worker's own. Unsaid: a year for the execution, a minute for a decision, TERMINATE."""
        return shapes.RegisterWorkflowTypeInput(
            domain=domain,
            name=name,
            version=version,
            description=description,
            default_task_list=shapes.TaskList(name=self.task_list or task_list),
            default_execution_start_to_close_timeout=seconds_text(self.execution_timeout) or YEAR,
            default_task_start_to_close_timeout=seconds_text(self.task_timeout) or DECISION_SECONDS,
            default_child_policy=shapes.ChildPolicy(self.child_policy or "TERMINATE"),
            default_task_priority=priority_text(self.priority),
            default_lambda_role=self.lambda_role,
        )


#: "Workflow execution time limit: 1 year" (SWF quotas).
YEAR: Final = "31536000"
DECISION_SECONDS: Final = "60"
ATTEMPT_SECONDS: Final = "300"
