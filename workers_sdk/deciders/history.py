"""What a decider reads: the history of an execution up to its decision task.

Law: immutable, and derived from the events alone. What is not asked for is not computed, and all that is asked for
together costs a few passes over the events.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cached_property

from workers_sdk.deciders import views
from workers_sdk.deciders.events import attributes_as
from workers_sdk.deciders.externals import Child, ExternalCancel, ExternalSignal
from workers_sdk.deciders.facts import Marker, Signal, failure_of, marker_of, signal_of
from workers_sdk.deciders.gathering import Gathered, gather
from workers_sdk.deciders.states import Kind
from workers_sdk.deciders.tasks import Activity, LambdaFunction, Timer
from workflowsvc.swf import shapes
from workflowsvc.swf.shapes import EventType, HistoryEvent


class History:
    """The events, oldest first and from the first on, and what they say.

    Made from a decision task: *events* are then those of all its pages, or, if the task has but one page, left out.
    Made without one, in a test: *events*, and whatever else the decider asks for.
    """

    def __init__(
        self,
        task: shapes.DecisionTask | None = None,
        events: Sequence[HistoryEvent] = (),
        previous_started_event_id: int = 0,
        started_event_id: int = 0,
        execution: shapes.WorkflowExecution | None = None,
        workflow_type: shapes.WorkflowType | None = None,
    ) -> None:
        self.events: tuple[HistoryEvent, ...] = tuple(events or (task.events if task else ()))
        #: DecisionTaskStarted of the last decision task that was completed, 0 before the first; and of this one.
        self.previous_started_event_id = previous_started_event_id or (task and task.previous_started_event_id) or 0
        self.started_event_id = started_event_id or (task.started_event_id if task else 0)
        self._execution = execution or (task.workflow_execution if task else None)
        self._workflow_type = workflow_type or (task.workflow_type if task else None)

    def __iter__(self) -> Iterator[HistoryEvent]:
        return iter(self.events)

    def __len__(self) -> int:
        return len(self.events)

    @property
    def execution(self) -> shapes.WorkflowExecution:
        """workflowId and runId. Raises ValueError if it was made without."""
        if self._execution is None:
            raise ValueError("this history was made without its execution: History(events=..., execution=...)")
        return self._execution

    @property
    def workflow_type(self) -> shapes.WorkflowType:
        """Name and version."""
        return self._workflow_type or self.started.workflow_type

    # ---- the events

    def event(self, event_id: int) -> HistoryEvent:
        """Raises KeyError."""
        return self._by_id[event_id]

    @cached_property
    def new(self) -> tuple[HistoryEvent, ...]:
        """Those since the last completed decision task started: what the decider has not seen yet."""
        return tuple(event for event in self.events if event.event_id > self.previous_started_event_id)

    @cached_property
    def _by_id(self) -> dict[int, HistoryEvent]:
        return {event.event_id: event for event in self.events}

    # ---- the execution

    @property
    def started(self) -> shapes.WorkflowExecutionStartedEventAttributes:
        """All that the execution was started with. Raises ValueError if its first event is not there."""
        if not self.events or self.events[0].event_type is not EventType.WORKFLOW_EXECUTION_STARTED:
            raise ValueError(f"a history begins with {EventType.WORKFLOW_EXECUTION_STARTED}")
        return attributes_as(self.events[0], shapes.WorkflowExecutionStartedEventAttributes)

    @property
    def input(self) -> str | None:
        """The execution's, as it was sent."""
        return self.started.input

    @property
    def tags(self) -> tuple[str, ...]:
        """Those that the execution was started with."""
        return tuple(tag for tag in self.started.tag_list or () if tag is not None)

    @cached_property
    def cancel_requested(self) -> bool:
        """Whether somebody asked the execution to end."""
        return any(event.event_type is EventType.WORKFLOW_EXECUTION_CANCEL_REQUESTED for event in self.events)

    # ---- what was set going

    @cached_property
    def activities(self) -> views.Activities:
        """All, in the order in which they were scheduled."""
        return views.Activities(map(Activity, self._gathered[Kind.ACTIVITY]))

    @cached_property
    def timers(self) -> views.Timers:
        """All, in the order in which they were started."""
        return views.Timers(map(Timer, self._gathered[Kind.TIMER]))

    @cached_property
    def children(self) -> views.Children:
        """All, in the order in which they were initiated."""
        return views.Children(map(Child, self._gathered[Kind.CHILD]))

    @cached_property
    def external_signals(self) -> views.ExternalSignals:
        """All that were sent to other executions."""
        return views.ExternalSignals(map(ExternalSignal, self._gathered[Kind.EXTERNAL_SIGNAL]))

    @cached_property
    def external_cancels(self) -> views.ExternalCancels:
        """All cancel requests to other executions."""
        return views.ExternalCancels(map(ExternalCancel, self._gathered[Kind.EXTERNAL_CANCEL]))

    @cached_property
    def lambdas(self) -> views.LambdaFunctions:
        """All, in the order in which they were scheduled."""
        return views.LambdaFunctions(map(LambdaFunction, self._gathered[Kind.LAMBDA]))

    def activity(self, activity_id: str) -> Activity | None:
        """The last one that was scheduled under this id, None if none was. Likewise below."""
        return self.activities.get(activity_id)

    def timer(self, timer_id: str) -> Timer | None:
        """The last one that was started under this id, None if none was."""
        return self.timers.get(timer_id)

    def child(self, workflow_id: str) -> Child | None:
        """The last one that was initiated under this id, None if none was."""
        return self.children.get(workflow_id)

    def lambda_function(self, id: str) -> LambdaFunction | None:
        """The last one that was scheduled under this id, None if none was."""
        return self.lambdas.get(id)

    @cached_property
    def _gathered(self) -> Gathered:
        return gather(self.events)

    # ---- what happened

    @cached_property
    def signals(self) -> views.Signals:
        """All that came, oldest first."""
        return views.Signals(filter(None, map(signal_of, self.events)))

    @cached_property
    def markers(self) -> views.Markers:
        """All, oldest first."""
        return views.Markers(filter(None, map(marker_of, self.events)))

    @cached_property
    def decision_failures(self) -> views.DecisionFailures:
        """All decisions that SWF refused, oldest first."""
        return views.DecisionFailures(filter(None, map(failure_of, self.events)))

    def signal(self, name: str) -> Signal | None:
        """The last one of this name. Likewise below."""
        return self.signals.last(name)

    def marker(self, name: str) -> Marker | None:
        """The last one of this name, None if there is none."""
        return self.markers.last(name)
