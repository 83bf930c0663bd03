"""One action's turn at an execution: what it records, and the rules that hold whatever it records.

Law: every event but a run's first (starts.py) is made here, with the next id and the turn's time, and evolves the
execution at once. Three rules live here and nowhere else: nothing follows a close; event 25,001 is the end; an event
worth deciding on brings a decision task.
"""

from __future__ import annotations

from collections.abc import Iterator

from coordinator.execution.evolve import evolve
from coordinator.execution.history import Event
from coordinator.execution.state import Execution
from workflowsvc.messages import TaskKind, TaskList
from workflowsvc.records import PendingTask
from workflowsvc.swf import shapes

#: "Maximum number of events in workflow execution history: 25,000. This is a hard limit."
EVENT_LIMIT = 25_000

#: Events after which a decision task is needed (the column +D of the reference's table of events).
NEEDS_DECISION: frozenset[type[shapes.Shape]] = frozenset(
    {
        shapes.WorkflowExecutionStartedEventAttributes,
        shapes.WorkflowExecutionCancelRequestedEventAttributes,
        shapes.WorkflowExecutionSignaledEventAttributes,
        shapes.CompleteWorkflowExecutionFailedEventAttributes,
        shapes.FailWorkflowExecutionFailedEventAttributes,
        shapes.CancelWorkflowExecutionFailedEventAttributes,
        shapes.ContinueAsNewWorkflowExecutionFailedEventAttributes,
        shapes.DecisionTaskTimedOutEventAttributes,
        shapes.ScheduleActivityTaskFailedEventAttributes,
        shapes.ActivityTaskCompletedEventAttributes,
        shapes.ActivityTaskFailedEventAttributes,
        shapes.ActivityTaskTimedOutEventAttributes,
        shapes.ActivityTaskCanceledEventAttributes,
        shapes.RequestCancelActivityTaskFailedEventAttributes,
        shapes.TimerFiredEventAttributes,
        shapes.StartTimerFailedEventAttributes,
        shapes.CancelTimerFailedEventAttributes,
        shapes.RecordMarkerFailedEventAttributes,
        shapes.StartChildWorkflowExecutionFailedEventAttributes,
        shapes.ChildWorkflowExecutionStartedEventAttributes,
        shapes.ChildWorkflowExecutionCompletedEventAttributes,
        shapes.ChildWorkflowExecutionFailedEventAttributes,
        shapes.ChildWorkflowExecutionTimedOutEventAttributes,
        shapes.ChildWorkflowExecutionCanceledEventAttributes,
        shapes.ChildWorkflowExecutionTerminatedEventAttributes,
        shapes.SignalExternalWorkflowExecutionFailedEventAttributes,
        shapes.RequestCancelExternalWorkflowExecutionFailedEventAttributes,
        shapes.ExternalWorkflowExecutionSignaledEventAttributes,
        shapes.ExternalWorkflowExecutionCancelRequestedEventAttributes,
        shapes.LambdaFunctionCompletedEventAttributes,
        shapes.LambdaFunctionFailedEventAttributes,
        shapes.LambdaFunctionTimedOutEventAttributes,
        shapes.ScheduleLambdaFunctionFailedEventAttributes,
        shapes.StartLambdaFunctionFailedEventAttributes,
    }
)

_CLOSES: frozenset[type[shapes.Shape]] = frozenset(
    {
        shapes.WorkflowExecutionCompletedEventAttributes,
        shapes.WorkflowExecutionFailedEventAttributes,
        shapes.WorkflowExecutionCanceledEventAttributes,
        shapes.WorkflowExecutionTerminatedEventAttributes,
        shapes.WorkflowExecutionTimedOutEventAttributes,
        shapes.WorkflowExecutionContinuedAsNewEventAttributes,
    }
)
_SCHEDULES: dict[type[shapes.Shape], TaskKind] = {
    shapes.DecisionTaskScheduledEventAttributes: TaskKind.DECISION,
    shapes.ActivityTaskScheduledEventAttributes: TaskKind.ACTIVITY,
}
#: Events that take a task off its list, if it had not left it by being started.
_UNSCHEDULES: dict[type[shapes.Shape], TaskKind] = {
    shapes.DecisionTaskStartedEventAttributes: TaskKind.DECISION,
    shapes.DecisionTaskTimedOutEventAttributes: TaskKind.DECISION,
    shapes.ActivityTaskStartedEventAttributes: TaskKind.ACTIVITY,
    shapes.ActivityTaskTimedOutEventAttributes: TaskKind.ACTIVITY,
    shapes.ActivityTaskCanceledEventAttributes: TaskKind.ACTIVITY,
}


def waiting_tasks(execution: Execution) -> Iterator[PendingTask]:
    """Every task of an open execution that waits for a poller. Lambda tasks do not: somebody always takes them."""
    if execution.queued:
        task_list = TaskList(execution.domain, TaskKind.DECISION, execution.queued.task_list)
        yield PendingTask(task_list, execution.queued.scheduled_id)
    for activity in execution.activities.values():
        if not activity.started_id:
            task_list = TaskList(execution.domain, TaskKind.ACTIVITY, activity.task_list)
            yield PendingTask(task_list, activity.scheduled_id)


class Turn:
    """Records events on one execution, all at one time (never before the execution's last event)."""

    def __init__(self, execution: Execution, at: int) -> None:
        self.execution = execution
        self.at = max(at, execution.last_event_at)
        self.events: list[Event] = []
        #: tasks that became pending, and tasks that ceased to be
        self.scheduled: list[PendingTask] = []
        self.unscheduled: list[PendingTask] = []

    def record(self, attributes: shapes.Shape) -> int:
        """Record one event and give its id; 0 where the execution is closed, or was closed instead."""
        if not self.execution.open:
            return 0
        if self.execution.last_event_id >= EVENT_LIMIT:
            attributes = shapes.WorkflowExecutionTerminatedEventAttributes(
                child_policy=self.execution.child_policy,
                cause=shapes.WorkflowExecutionTerminatedCause.EVENT_LIMIT_EXCEEDED,
            )
        event = Event(self.execution.last_event_id + 1, self.at, attributes)
        self._note_pending(event)
        evolve(self.execution, event)
        self.events.append(event)
        return event.id if event.id <= EVENT_LIMIT else 0

    def happen(self, attributes: shapes.Shape) -> int:
        """Record an event, and the decision task that it needs, at once: also while another is worked on."""
        recorded = self.record(attributes)
        if type(attributes) in NEEDS_DECISION:
            self.schedule_decision()
        return recorded

    def schedule_decision(self) -> None:
        """One decision task at most is waiting; what comes later is seen with it."""
        execution = self.execution
        if execution.queued or not execution.open:
            return
        override = execution.override
        self.record(
            shapes.DecisionTaskScheduledEventAttributes(
                task_list=shapes.TaskList(name=override.task_list if override else execution.task_list),
                start_to_close_timeout=execution.task_timeout,
                schedule_to_start_timeout=override.schedule_to_start if override else "NONE",
                task_priority=execution.priority,
            )
        )

    def _note_pending(self, event: Event) -> None:
        a = event.attributes
        kind = type(a)
        if kind in _CLOSES:
            self.unscheduled += waiting_tasks(self.execution)
        elif kind in _SCHEDULES:
            task_list = TaskList(self.execution.domain, _SCHEDULES[kind], a.task_list.name)
            self.scheduled.append(PendingTask(task_list, event.id))
        elif kind in _UNSCHEDULES and not getattr(a, "started_event_id", 0):
            queued = self.execution.queued
            decision = _UNSCHEDULES[kind] is TaskKind.DECISION and queued
            waiting = queued if decision and queued else self.execution.activities[a.scheduled_event_id]
            task_list = TaskList(self.execution.domain, _UNSCHEDULES[kind], waiting.task_list)
            self.unscheduled.append(PendingTask(task_list, a.scheduled_event_id))
