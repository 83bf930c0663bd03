"""One function per decision type, called after it; each makes a shapes.Decision.

Law: keyword only, and named after the members of the decision's attributes, save that a type is a pair (name,
version), or anything that has both, and a task list is its name. Timeouts are seconds, a timedelta or "NONE" and
become SWF's text; a part of a second becomes a whole one. What SWF would refuse for its form (a name too long, an id
with a colon) raises ValueError here, where it was written: it would refuse all decisions of the response. Whatever
depends on the state of the execution, and which decisions may stand together, is the service's to judge
(API reference, Decision; SWF developer guide, "Workflow decisions").
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta

from workers_sdk.deciders.making import (
    Type,
    activity_type_of,
    child_policy_of,
    decision,
    tags_of,
    workflow_type_of,
)
from workers_sdk.definitions.options import (
    ChildPolicy,
    Duration,
    priority_text,
    seconds_text,
    task_list_of,
    whole_seconds,
)
from workflowsvc.swf import shapes
from workflowsvc.swf.shapes import Decision


def cancel_timer(*, timer_id: str) -> Decision:
    """Without such a timer the decision fails, TIMER_ID_UNKNOWN."""
    return decision(shapes.CancelTimerDecisionAttributes(timer_id=timer_id))


def cancel_workflow_execution(*, details: str | None = None) -> Decision:
    """Closes the execution as CANCELED; it must be the last of its response."""
    return decision(shapes.CancelWorkflowExecutionDecisionAttributes(details=details))


def complete_workflow_execution(*, result: str | None = None) -> Decision:
    """Closes the execution as COMPLETED; it must be the last of its response."""
    return decision(shapes.CompleteWorkflowExecutionDecisionAttributes(result=result))


def continue_as_new_workflow_execution(
    *,
    input: str | None = None,
    workflow_type_version: str | None = None,
    execution_start_to_close_timeout: Duration | None = None,
    task_start_to_close_timeout: Duration | None = None,
    task_list: str | None = None,
    task_priority: int | None = None,
    child_policy: ChildPolicy | None = None,
    tag_list: Iterable[str] | None = None,
    lambda_role: str | None = None,
) -> Decision:
    """Closes the execution and starts the next of the same id; it must be the last of its response.

    What is not said is the type's default: input, tags and settings of this execution are not handed on.
    """
    return decision(
        shapes.ContinueAsNewWorkflowExecutionDecisionAttributes(
            input=input,
            workflow_type_version=workflow_type_version,
            execution_start_to_close_timeout=seconds_text(execution_start_to_close_timeout),
            task_start_to_close_timeout=seconds_text(task_start_to_close_timeout),
            task_list=task_list_of(task_list),
            task_priority=priority_text(task_priority),
            child_policy=child_policy_of(child_policy),
            tag_list=tags_of(tag_list),
            lambda_role=lambda_role,
        )
    )


def fail_workflow_execution(*, reason: str | None = None, details: str | None = None) -> Decision:
    """Closes the execution as FAILED; it must be the last of its response. *reason*: at most 256 characters."""
    return decision(shapes.FailWorkflowExecutionDecisionAttributes(reason=reason, details=details))


def record_marker(*, marker_name: str, details: str | None = None) -> Decision:
    """A note in the history."""
    return decision(shapes.RecordMarkerDecisionAttributes(marker_name=marker_name, details=details))


def request_cancel_activity_task(*, activity_id: str) -> Decision:
    """One that has not started is canceled at once; a worker hears of it with its next heartbeat."""
    return decision(shapes.RequestCancelActivityTaskDecisionAttributes(activity_id=activity_id))


def request_cancel_external_workflow_execution(
    *, workflow_id: str, run_id: str | None = None, control: str | None = None
) -> Decision:
    """Without *run_id* the one that is open. *control* is for the decider."""
    return decision(
        shapes.RequestCancelExternalWorkflowExecutionDecisionAttributes(
            workflow_id=workflow_id, run_id=run_id, control=control
        )
    )


def schedule_activity_task(
    *,
    activity: Type,
    activity_id: str,
    input: str | None = None,
    control: str | None = None,
    task_list: str | None = None,
    task_priority: int | None = None,
    schedule_to_start_timeout: Duration | None = None,
    schedule_to_close_timeout: Duration | None = None,
    start_to_close_timeout: Duration | None = None,
    heartbeat_timeout: Duration | None = None,
) -> Decision:
    """What is not said is the activity type's default; without one the decision fails, DEFAULT_..._UNDEFINED.

    *control* is for the decider; the worker does not see it.
    """
    return decision(
        shapes.ScheduleActivityTaskDecisionAttributes(
            activity_type=activity_type_of(activity),
            activity_id=activity_id,
            input=input,
            control=control,
            task_list=task_list_of(task_list),
            task_priority=priority_text(task_priority),
            schedule_to_start_timeout=seconds_text(schedule_to_start_timeout),
            schedule_to_close_timeout=seconds_text(schedule_to_close_timeout),
            start_to_close_timeout=seconds_text(start_to_close_timeout),
            heartbeat_timeout=seconds_text(heartbeat_timeout),
        )
    )


def schedule_lambda_function(
    *,
    id: str,
    name: str,
    input: str | None = None,
    control: str | None = None,
    start_to_close_timeout: Duration | None = None,
) -> Decision:
    """*name* is the function's, *id* this task's. The timeout is at most 900 seconds, which is its default."""
    return decision(
        shapes.ScheduleLambdaFunctionDecisionAttributes(
            id=id,
            name=name,
            input=input,
            control=control,
            start_to_close_timeout=seconds_text(start_to_close_timeout),
        )
    )


def signal_external_workflow_execution(
    *,
    workflow_id: str,
    signal_name: str,
    run_id: str | None = None,
    input: str | None = None,
    control: str | None = None,
) -> Decision:
    """Without *run_id* the one that is open. *control* is for the decider."""
    return decision(
        shapes.SignalExternalWorkflowExecutionDecisionAttributes(
            workflow_id=workflow_id, signal_name=signal_name, run_id=run_id, input=input, control=control
        )
    )


def start_child_workflow_execution(
    *,
    workflow: Type,
    workflow_id: str,
    input: str | None = None,
    control: str | None = None,
    execution_start_to_close_timeout: Duration | None = None,
    task_start_to_close_timeout: Duration | None = None,
    task_list: str | None = None,
    task_priority: int | None = None,
    child_policy: ChildPolicy | None = None,
    tag_list: Iterable[str] | None = None,
    lambda_role: str | None = None,
) -> Decision:
    """What is not said is the workflow type's default; without one the decision fails, DEFAULT_..._UNDEFINED.

    *child_policy* is what becomes of it if this execution is terminated or times out.
    """
    return decision(
        shapes.StartChildWorkflowExecutionDecisionAttributes(
            workflow_type=workflow_type_of(workflow),
            workflow_id=workflow_id,
            input=input,
            control=control,
            execution_start_to_close_timeout=seconds_text(execution_start_to_close_timeout),
            task_start_to_close_timeout=seconds_text(task_start_to_close_timeout),
            task_list=task_list_of(task_list),
            task_priority=priority_text(task_priority),
            child_policy=child_policy_of(child_policy),
            tag_list=tags_of(tag_list),
            lambda_role=lambda_role,
        )
    )


def start_timer(*, timer_id: str, start_to_fire_timeout: float | timedelta, control: str | None = None) -> Decision:
    """*start_to_fire_timeout*: 0 fires at once; there is no NONE."""
    return decision(
        shapes.StartTimerDecisionAttributes(
            timer_id=timer_id, start_to_fire_timeout=str(whole_seconds(start_to_fire_timeout)), control=control
        )
    )
