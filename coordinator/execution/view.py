"""How an execution looks from outside: WorkflowExecutionInfo and WorkflowExecutionDetail.

Law: derived from the state each time; nothing is counted by hand.
"""

from __future__ import annotations

from coordinator.execution.state import Execution
from workflowsvc.swf import shapes
from workflowsvc.swf.shapes import ExecutionStatus


def info(execution: Execution) -> shapes.WorkflowExecutionInfo:
    return shapes.WorkflowExecutionInfo(
        execution=execution.name,
        workflow_type=execution.workflow_type,
        start_timestamp=execution.started_at / 1000,
        execution_status=ExecutionStatus.OPEN if execution.open else ExecutionStatus.CLOSED,
        close_status=execution.close_status,
        close_timestamp=None if execution.open else execution.closed_at / 1000,
        parent=execution.parent,
        tag_list=execution.tags,
        # "Set to true if a cancellation is requested": recordings show false once the execution is closed.
        cancel_requested=execution.open and execution.cancel_requested,
    )


def detail(execution: Execution) -> shapes.WorkflowExecutionDetail:
    latest = execution.latest_activity_at
    override = execution.override
    return shapes.WorkflowExecutionDetail(
        execution_info=info(execution),
        execution_configuration=shapes.WorkflowExecutionConfiguration(
            execution_start_to_close_timeout=execution.execution_timeout,
            task_start_to_close_timeout=execution.task_timeout,
            task_list=shapes.TaskList(name=override.task_list if override else execution.task_list),
            child_policy=execution.child_policy,
            task_priority=execution.priority,
            lambda_role=execution.lambda_role,
        ),
        open_counts=shapes.WorkflowExecutionOpenCounts(
            open_activity_tasks=len(execution.activities),
            # "A count of 0 or 1": the two that there can be count as one.
            open_decision_tasks=1 if execution.queued or execution.started else 0,
            open_timers=len(execution.timers),
            open_child_workflow_executions=len(execution.children),
            open_lambda_functions=len(execution.lambdas),
        ),
        latest_activity_task_timestamp=None if latest is None else latest / 1000,
        latest_execution_context=execution.context,
    )
