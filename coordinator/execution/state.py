"""What an execution is between two events, and nothing that could not be had by folding its history again.

Law: data only, plus questions about it. It changes in evolve.py and nowhere else. Times are integer milliseconds,
timeouts integer milliseconds or None for NONE. Dictionaries keep the order in which things were opened.
"""

from __future__ import annotations

from msgspec import Struct, field

from workflowsvc.swf.shapes import (
    ActivityType,
    ChildPolicy,
    CloseStatus,
    RequestCancelExternalWorkflowExecutionInitiatedEventAttributes,
    SignalExternalWorkflowExecutionInitiatedEventAttributes,
    StartChildWorkflowExecutionInitiatedEventAttributes,
    WorkflowExecution,
    WorkflowType,
)


def milliseconds(timeout: str | None) -> int | None:
    """A duration of the wire: whole seconds, or NONE."""
    return None if timeout is None or timeout == "NONE" else int(timeout) * 1000


class DecisionTask(Struct):
    scheduled_id: int
    scheduled_at: int
    task_list: str
    start_to_close: int | None
    schedule_to_start: int | None
    #: scheduled while the task list was overridden for a time (taskListScheduleToStartTimeout)
    temporary: bool
    started_id: int = 0
    started_at: int = 0

    def deadline(self) -> int | None:
        if self.started_id:
            return None if self.start_to_close is None else self.started_at + self.start_to_close
        return None if self.schedule_to_start is None else self.scheduled_at + self.schedule_to_start


class Activity(Struct):
    scheduled_id: int
    scheduled_at: int
    activity_id: str
    activity_type: ActivityType
    task_list: str
    priority: int
    schedule_to_start: int | None
    schedule_to_close: int | None
    start_to_close: int | None
    heartbeat: int | None
    input: str | None = None
    started_id: int = 0
    started_at: int = 0
    beat_at: int = 0
    beat_details: str | None = None
    cancel_requested_id: int = 0


class Timer(Struct):
    timer_id: str
    started_id: int
    fire_at: int


class Child(Struct):
    """A child execution, from its initiation on; *request* is there until it has started."""

    initiated_id: int
    initiated_at: int
    workflow_id: str
    workflow_type: WorkflowType
    request: StartChildWorkflowExecutionInitiatedEventAttributes | None
    started_id: int = 0


class Lambda(Struct):
    scheduled_id: int
    scheduled_at: int
    name: str
    #: seconds
    timeout: int
    input: str | None = None
    started_id: int = 0
    started_at: int = 0


class Override(Struct):
    """A task list for a time: until a decision task on it times out."""

    task_list: str
    schedule_to_start: str


class Execution(Struct):
    domain: str
    workflow_id: str
    run_id: str
    #: the id of the action that started it
    started_by: str
    workflow_type: WorkflowType
    started_at: int
    #: as on the wire: seconds, and NONE for the task's
    execution_timeout: str
    task_timeout: str
    task_list: str
    child_policy: ChildPolicy
    priority: str | None = None
    lambda_role: str | None = None
    tags: list[str | None] | None = None
    parent: WorkflowExecution | None = None
    parent_initiated_id: int = 0
    #: the run that this one continues
    continued_run_id: str | None = None

    last_event_id: int = 0
    last_event_at: int = 0

    override: Override | None = None
    #: at most one decision task waits and at most one is being worked on
    queued: DecisionTask | None = None
    started: DecisionTask | None = None
    #: DecisionTaskStarted of the last completed decision task
    previous_started_id: int = 0
    context: str | None = None

    activities: dict[int, Activity] = field(default_factory=dict)
    #: activityId of every open activity task
    activity_ids: dict[str, int] = field(default_factory=dict)
    latest_activity_at: int | None = None
    timers: dict[str, Timer] = field(default_factory=dict)
    children: dict[int, Child] = field(default_factory=dict)
    lambdas: dict[int, Lambda] = field(default_factory=dict)
    #: asked of other executions and not yet answered
    signals: dict[int, SignalExternalWorkflowExecutionInitiatedEventAttributes] = field(default_factory=dict)
    cancels: dict[int, RequestCancelExternalWorkflowExecutionInitiatedEventAttributes] = field(default_factory=dict)
    #: what other executions asked of this one: repeats are answered, not recorded again
    received: set[str] = field(default_factory=set)

    cancel_requested: bool = False
    policy_applied: bool = False
    close_status: CloseStatus | None = None
    closed_at: int = 0
    closed_id: int = 0
    close_result: str | None = None
    close_reason: str | None = None
    close_details: str | None = None
    #: what befalls the children, where this close brings that about (terminated, timed out)
    applied_policy: ChildPolicy | None = None

    @property
    def open(self) -> bool:
        return self.close_status is None

    @property
    def name(self) -> WorkflowExecution:
        return WorkflowExecution(workflow_id=self.workflow_id, run_id=self.run_id)

    def busy(self) -> bool:
        """Whether a task is open: somebody works on it, or could."""
        return self.open and bool(self.queued or self.started or self.activities or self.lambdas)

    def unsettled(self) -> bool:
        """Whether the close leaves something to be told to other executions."""
        return not self.open and (
            bool(self.signals or self.cancels)
            or (self.parent is not None and self.close_status is not CloseStatus.CONTINUED_AS_NEW)
            or any(child.request is not None for child in self.children.values())
            or (self.applied_policy not in (None, ChildPolicy.ABANDON) and bool(self.children))
        )


def received_key(source: WorkflowExecution, initiated_event_id: int) -> str:
    return f"{source.run_id}/{initiated_event_id}"
