"""What an action did, and the faults with which every action on an execution may be refused.

Law: no action is handled here. A fault is raised before anything is recorded.
"""

from __future__ import annotations

from msgspec import Struct, field

from coordinator.execution.history import Event
from coordinator.execution.state import Activity, DecisionTask, Execution
from coordinator.execution.turn import Turn
from coordinator.execution.types import Known
from workflowsvc.messages import Action, Result
from workflowsvc.records import Heartbeat, PendingTask
from workflowsvc.swf import faults


class Call(Struct, frozen=True):
    """What comes with a request: its action, the time in milliseconds, and what the shell looked up."""

    action: Action
    at: int
    known: Known


class Outcome(Struct):
    """What an action did: to the execution (which has evolved already), and what is to be answered and sent."""

    #: None where the action found no execution and made none
    execution: Execution | None
    events: list[Event] = field(default_factory=list)
    result: Result = None
    heartbeat: Heartbeat | None = None
    scheduled: list[PendingTask] = field(default_factory=list)
    unscheduled: list[PendingTask] = field(default_factory=list)
    #: answers to other executions that follow from no event
    messages: list[Action] = field(default_factory=list)
    #: the run that continues this one, to be committed with it
    successor: Outcome | None = None


def outcome_of(turn: Turn, result: Result = None) -> Outcome:
    return Outcome(turn.execution, turn.events, result, scheduled=turn.scheduled, unscheduled=turn.unscheduled)


def unknown_execution(action: Action, run_id: str = "") -> faults.UnknownResourceFault:
    run_id = run_id or action.run_id
    if not run_id:
        return faults.UnknownResourceFault(f"Unknown execution, workflowId = {action.workflow_id}")
    return faults.UnknownResourceFault(
        f"Unknown execution: WorkflowExecution=[workflowId={action.workflow_id}, runId={run_id}]"
    )


def must_be_open(execution: Execution | None, action: Action) -> Execution:
    if execution is None or not execution.open:
        raise unknown_execution(action)
    return execution


def open_decision_task(execution: Execution | None, action: Action) -> tuple[Execution, DecisionTask]:
    execution = _must_be_open_run(execution, action)
    task = execution.started
    if task is None or task.started_id != action.task.started_event_id:
        raise faults.UnknownResourceFault(f"Unknown decision task, scheduledEventId = {action.task.scheduled_event_id}")
    return execution, task


def open_activity_task(execution: Execution | None, action: Action) -> tuple[Execution, Activity]:
    execution = _must_be_open_run(execution, action)
    activity = execution.activities.get(action.task.scheduled_event_id)
    if activity is None or activity.started_id != action.task.started_event_id or not activity.started_id:
        raise faults.UnknownResourceFault(f"Unknown activity, scheduledEventId = {action.task.scheduled_event_id}")
    return execution, activity


def _must_be_open_run(execution: Execution | None, action: Action) -> Execution:
    """A task of a closed run: the fault names the run, though the token may have been too short to."""
    if execution is not None and not execution.open:
        raise faults.UnknownResourceFault(
            f"Unknown execution: WorkflowExecution=[workflowId={execution.workflow_id}, runId={execution.run_id}]"
        )
    return must_be_open(execution, action)
