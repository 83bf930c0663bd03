"""The 13 decisions: what each records, and the cause with which it fails.

Law: a decision that fails records its ...Failed event and lets the others stand; none raises. What refuses the
whole batch is `check_batch`, before anything is recorded.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from msgspec import Struct, field

from coordinator.execution.turn import Turn
from coordinator.execution.types import Effective, Known, activity_settings, first_undefined, run_settings
from workflowsvc import names
from workflowsvc.records import TypeRecord
from workflowsvc.swf import shapes
from workflowsvc.swf.decisions import DECISIONS
from workflowsvc.swf.errors import ValidationException, violation
from workflowsvc.swf.members import wire_name
from workflowsvc.swf.shapes import (
    CancelTimerFailedCause,
    ContinueAsNewWorkflowExecutionFailedCause,
    DecisionType,
    RequestCancelActivityTaskFailedCause,
    ScheduleActivityTaskFailedCause,
    ScheduleLambdaFunctionFailedCause,
    StartChildWorkflowExecutionFailedCause,
    StartTimerFailedCause,
)

#: "1,000 open activity tasks (timers, child executions) per workflow execution"
OPEN_LIMIT = 1_000

CLOSE = frozenset(
    {
        DecisionType.COMPLETE_WORKFLOW_EXECUTION,
        DecisionType.FAIL_WORKFLOW_EXECUTION,
        DecisionType.CANCEL_WORKFLOW_EXECUTION,
        DecisionType.CONTINUE_AS_NEW_WORKFLOW_EXECUTION,
    }
)
INCOMPATIBLE_WITH_CLOSE = frozenset(
    {
        DecisionType.SCHEDULE_ACTIVITY_TASK,
        DecisionType.START_TIMER,
        DecisionType.REQUEST_CANCEL_ACTIVITY_TASK,
        DecisionType.SCHEDULE_LAMBDA_FUNCTION,
    }
)


class Successor(Struct, frozen=True):
    """The run that continues this one: its id and its first event."""

    run_id: str
    started_by: str
    first: shapes.WorkflowExecutionStartedEventAttributes


class Deciding(Struct, frozen=True):
    """What every decision needs: the turn, what is known, and the DecisionTaskCompleted event that brought it."""

    turn: Turn
    known: Known
    completed_id: int
    #: how many decisions of each type were carried out
    done: Counter[DecisionType] = field(default_factory=Counter)

    def too_fast(self, decision: DecisionType) -> bool:
        """Whether the account's rate allows no more of these."""
        return decision in self.known.rates and self.done[decision] >= self.known.rates[decision]

    def record(self, decision: DecisionType, attributes: shapes.Shape) -> int:
        """Record what a decision with a rate led to when it was carried out."""
        self.done[decision] += 1
        return self.turn.record(attributes)


def attributes_of(decision: shapes.Decision) -> Any:
    """The struct that belongs to the decision's type; an absent one counts as empty."""
    shape = DECISIONS[decision.decision_type]
    return getattr(decision, shape.member) or shape.attributes()


def check_batch(decisions: Sequence[shapes.Decision]) -> None:
    """Refuse a batch that no state of the execution could make right. Raises ValidationException."""
    if any(decision.decision_type in CLOSE for decision in decisions[:-1]):
        raise ValidationException("Close must be last decision in list")
    if decisions and decisions[-1].decision_type in CLOSE:
        for decision in decisions:
            if decision.decision_type in INCOMPATIBLE_WITH_CLOSE:
                raise ValidationException("Specified decision is incompatible with close decision")
    for number, decision in enumerate(decisions, 1):
        if decision.decision_type is DecisionType.SCHEDULE_LAMBDA_FUNCTION:
            _check_lambda_timeout(number, attributes_of(decision).start_to_close_timeout)


def _check_lambda_timeout(number: int, timeout: str | None) -> None:
    # "Valid values are integers between 1 and 900" (startToCloseTimeout); NONE stands for the 900.
    if timeout not in (None, "NONE") and not 1 <= int(timeout) <= 900:
        attributes = shapes.ScheduleLambdaFunctionDecisionAttributes
        member = wire_name(attributes, "start_to_close_timeout")
        decisions = wire_name(shapes.RespondDecisionTaskCompletedInput, "decisions")
        path = f"{decisions}.{number}.member.{DECISIONS[DecisionType.SCHEDULE_LAMBDA_FUNCTION].wire}.{member}"
        raise ValidationException.of(violation(f"'{timeout}'", path, "Member must have value between 1 and 900"))


def decide(deciding: Deciding, decision: shapes.Decision) -> Successor | None:
    """Carry out one decision. Only continue-as-new gives something back."""
    return _DECISIONS[decision.decision_type](deciding, attributes_of(decision))


# ---- activity tasks --------------------------------------------------------------------------------------------


def _schedule_activity(d: Deciding, a: shapes.ScheduleActivityTaskDecisionAttributes) -> None:
    record = d.known.activity_type(d.turn.execution.domain, a.activity_type)
    effective = activity_settings(a, record) if record else {}
    if cause := _activity_refused(d, a, record, effective):
        d.turn.record(
            shapes.ScheduleActivityTaskFailedEventAttributes(
                activity_type=a.activity_type,
                activity_id=a.activity_id,
                cause=cause,
                decision_task_completed_event_id=d.completed_id,
            )
        )
        return
    d.record(
        DecisionType.SCHEDULE_ACTIVITY_TASK,
        shapes.ActivityTaskScheduledEventAttributes(
            activity_type=a.activity_type,
            activity_id=a.activity_id,
            input=a.input,
            control=a.control,
            decision_task_completed_event_id=d.completed_id,
            **effective,
        ),
    )


def _activity_refused(
    d: Deciding,
    a: shapes.ScheduleActivityTaskDecisionAttributes,
    record: TypeRecord | None,
    effective: Effective,
) -> ScheduleActivityTaskFailedCause | None:
    """The cause of the failure, in the order in which the service checks."""
    execution = d.turn.execution
    if record is None:
        return ScheduleActivityTaskFailedCause.ACTIVITY_TYPE_DOES_NOT_EXIST
    if record.deprecated_at is not None:
        return ScheduleActivityTaskFailedCause.ACTIVITY_TYPE_DEPRECATED
    if a.activity_id in execution.activity_ids:
        return ScheduleActivityTaskFailedCause.ACTIVITY_ID_ALREADY_IN_USE
    if undefined := first_undefined(effective):
        return ScheduleActivityTaskFailedCause[f"DEFAULT_{undefined.upper()}_UNDEFINED"]
    if len(execution.activities) >= OPEN_LIMIT:
        return ScheduleActivityTaskFailedCause.OPEN_ACTIVITIES_LIMIT_EXCEEDED
    if d.too_fast(DecisionType.SCHEDULE_ACTIVITY_TASK):
        return ScheduleActivityTaskFailedCause.ACTIVITY_CREATION_RATE_EXCEEDED
    return None


def _cancel_activity(d: Deciding, a: shapes.RequestCancelActivityTaskDecisionAttributes) -> None:
    scheduled_id = d.turn.execution.activity_ids.get(a.activity_id)
    if scheduled_id is None:
        d.turn.record(
            shapes.RequestCancelActivityTaskFailedEventAttributes(
                activity_id=a.activity_id,
                cause=RequestCancelActivityTaskFailedCause.ACTIVITY_ID_UNKNOWN,
                decision_task_completed_event_id=d.completed_id,
            )
        )
        return
    requested = d.turn.record(
        shapes.ActivityTaskCancelRequestedEventAttributes(
            activity_id=a.activity_id, decision_task_completed_event_id=d.completed_id
        )
    )
    if requested and not d.turn.execution.activities[scheduled_id].started_id:
        d.turn.record(
            shapes.ActivityTaskCanceledEventAttributes(
                scheduled_event_id=scheduled_id, started_event_id=0, latest_cancel_requested_event_id=requested
            )
        )


# ---- timers and markers ----------------------------------------------------------------------------------------


def _start_timer(d: Deciding, a: shapes.StartTimerDecisionAttributes) -> None:
    timers = d.turn.execution.timers
    cause = None
    if a.timer_id in timers:
        cause = StartTimerFailedCause.TIMER_ID_ALREADY_IN_USE
    elif len(timers) >= OPEN_LIMIT:
        cause = StartTimerFailedCause.OPEN_TIMERS_LIMIT_EXCEEDED
    elif d.too_fast(DecisionType.START_TIMER):
        cause = StartTimerFailedCause.TIMER_CREATION_RATE_EXCEEDED
    if cause:
        d.turn.record(
            shapes.StartTimerFailedEventAttributes(
                timer_id=a.timer_id, cause=cause, decision_task_completed_event_id=d.completed_id
            )
        )
        return
    d.record(
        DecisionType.START_TIMER,
        shapes.TimerStartedEventAttributes(
            timer_id=a.timer_id,
            start_to_fire_timeout=a.start_to_fire_timeout,
            control=a.control,
            decision_task_completed_event_id=d.completed_id,
        ),
    )


def _cancel_timer(d: Deciding, a: shapes.CancelTimerDecisionAttributes) -> None:
    timer = d.turn.execution.timers.get(a.timer_id)
    d.turn.record(
        shapes.TimerCanceledEventAttributes(
            timer_id=a.timer_id, started_event_id=timer.started_id, decision_task_completed_event_id=d.completed_id
        )
        if timer
        else shapes.CancelTimerFailedEventAttributes(
            timer_id=a.timer_id,
            cause=CancelTimerFailedCause.TIMER_ID_UNKNOWN,
            decision_task_completed_event_id=d.completed_id,
        )
    )


def _record_marker(d: Deciding, a: shapes.RecordMarkerDecisionAttributes) -> None:
    d.turn.record(
        shapes.MarkerRecordedEventAttributes(
            marker_name=a.marker_name, details=a.details, decision_task_completed_event_id=d.completed_id
        )
    )


# ---- closing ---------------------------------------------------------------------------------------------------


def _unhandled(d: Deciding, failed: type[shapes.Shape], cause: Any) -> bool:
    """A close fails where a decision task waits: something worth deciding on came in since this one started."""
    if d.turn.execution.queued is None:
        return False
    d.turn.record(failed(cause=cause, decision_task_completed_event_id=d.completed_id))
    return True


def _closing(
    closed: type[shapes.Shape], failed: type[shapes.Shape], cause: Any, *members: str
) -> Callable[[Deciding, Any], None]:
    """A decision that closes the run with an event which carries these members of it."""

    def close(d: Deciding, a: Any) -> None:
        if not _unhandled(d, failed, cause):
            carried = {member: getattr(a, member) for member in members}
            d.turn.record(closed(decision_task_completed_event_id=d.completed_id, **carried))

    return close


_complete = _closing(
    shapes.WorkflowExecutionCompletedEventAttributes,
    shapes.CompleteWorkflowExecutionFailedEventAttributes,
    shapes.CompleteWorkflowExecutionFailedCause.UNHANDLED_DECISION,
    "result",
)
_fail = _closing(
    shapes.WorkflowExecutionFailedEventAttributes,
    shapes.FailWorkflowExecutionFailedEventAttributes,
    shapes.FailWorkflowExecutionFailedCause.UNHANDLED_DECISION,
    "reason",
    "details",
)
_cancel = _closing(
    shapes.WorkflowExecutionCanceledEventAttributes,
    shapes.CancelWorkflowExecutionFailedEventAttributes,
    shapes.CancelWorkflowExecutionFailedCause.UNHANDLED_DECISION,
    "details",
)


def _continue_as_new(d: Deciding, a: shapes.ContinueAsNewWorkflowExecutionDecisionAttributes) -> Successor | None:
    execution = d.turn.execution
    causes = ContinueAsNewWorkflowExecutionFailedCause
    failed = shapes.ContinueAsNewWorkflowExecutionFailedEventAttributes
    if _unhandled(d, failed, causes.UNHANDLED_DECISION):
        return None
    workflow_type = shapes.WorkflowType(
        name=execution.workflow_type.name, version=a.workflow_type_version or execution.workflow_type.version
    )
    # "settings not given come from the (new) type's defaults", not from the old run
    settings, cause = _run_settings(d, workflow_type, a)
    if cause:
        d.turn.record(failed(cause=causes[cause], decision_task_completed_event_id=d.completed_id))
        return None
    started_by = names.successor_action_id(execution.run_id, d.turn.at)
    new_run_id = names.run_id(started_by)
    closed = d.turn.record(
        shapes.WorkflowExecutionContinuedAsNewEventAttributes(
            decision_task_completed_event_id=d.completed_id,
            new_execution_run_id=new_run_id,
            workflow_type=workflow_type,
            input=a.input,
            tag_list=a.tag_list,
            **settings,
        )
    )
    if not closed:
        return None
    first = shapes.WorkflowExecutionStartedEventAttributes(
        workflow_type=workflow_type,
        input=a.input,
        tag_list=a.tag_list,
        continued_execution_run_id=execution.run_id,
        # The parent hears of the last run only, under the original initiatedEventId.
        parent_workflow_execution=execution.parent,
        parent_initiated_event_id=execution.parent_initiated_id,
        **settings,
    )
    return Successor(new_run_id, started_by, first)


def _run_settings(d: Deciding, workflow_type: shapes.WorkflowType, a: shapes.Shape) -> tuple[Effective, str | None]:
    """The effective settings of a new run, and the cause for which there can be none, by its name."""
    record = d.known.workflow_type(d.turn.execution.domain, workflow_type)
    if record is None:
        return {}, StartChildWorkflowExecutionFailedCause.WORKFLOW_TYPE_DOES_NOT_EXIST.name
    if record.deprecated_at is not None:
        return {}, StartChildWorkflowExecutionFailedCause.WORKFLOW_TYPE_DEPRECATED.name
    settings = run_settings(a, record)
    undefined = first_undefined(settings)
    return settings, f"DEFAULT_{undefined.upper()}_UNDEFINED" if undefined else None


# ---- other executions ------------------------------------------------------------------------------------------


def _start_child(d: Deciding, a: shapes.StartChildWorkflowExecutionDecisionAttributes) -> None:
    settings, cause = _run_settings(d, a.workflow_type, a)
    if cause := cause or _child_too_many(d):
        d.turn.record(
            shapes.StartChildWorkflowExecutionFailedEventAttributes(
                workflow_type=a.workflow_type,
                workflow_id=a.workflow_id,
                cause=StartChildWorkflowExecutionFailedCause[cause],
                # "When the cause is WORKFLOW_ALREADY_RUNNING ... set; otherwise 0": nothing was initiated.
                initiated_event_id=0,
                control=a.control,
                decision_task_completed_event_id=d.completed_id,
            )
        )
        return
    d.record(
        DecisionType.START_CHILD_WORKFLOW_EXECUTION,
        shapes.StartChildWorkflowExecutionInitiatedEventAttributes(
            workflow_id=a.workflow_id,
            workflow_type=a.workflow_type,
            control=a.control,
            input=a.input,
            tag_list=a.tag_list,
            decision_task_completed_event_id=d.completed_id,
            **settings,
        ),
    )


def _child_too_many(d: Deciding) -> str | None:
    """The name of the limit that one more child would exceed."""
    causes, decision = StartChildWorkflowExecutionFailedCause, DecisionType.START_CHILD_WORKFLOW_EXECUTION
    if len(d.turn.execution.children) >= OPEN_LIMIT:
        return causes.OPEN_CHILDREN_LIMIT_EXCEEDED.name
    if d.known.room is not None and d.done[decision] >= d.known.room:
        return causes.OPEN_WORKFLOWS_LIMIT_EXCEEDED.name
    return causes.CHILD_CREATION_RATE_EXCEEDED.name if d.too_fast(decision) else None


def _signal_external(d: Deciding, a: shapes.SignalExternalWorkflowExecutionDecisionAttributes) -> None:
    initiated = d.turn.record(
        shapes.SignalExternalWorkflowExecutionInitiatedEventAttributes(
            workflow_id=a.workflow_id,
            run_id=a.run_id,
            signal_name=a.signal_name,
            input=a.input,
            control=a.control,
            decision_task_completed_event_id=d.completed_id,
        )
    )
    cause = shapes.SignalExternalWorkflowExecutionFailedCause.SIGNAL_EXTERNAL_WORKFLOW_EXECUTION_RATE_EXCEEDED
    failed = shapes.SignalExternalWorkflowExecutionFailedEventAttributes
    _hold_back(d, DecisionType.SIGNAL_EXTERNAL_WORKFLOW_EXECUTION, d.turn.execution.signals, initiated, failed, cause)


def _cancel_external(d: Deciding, a: shapes.RequestCancelExternalWorkflowExecutionDecisionAttributes) -> None:
    initiated = d.turn.record(
        shapes.RequestCancelExternalWorkflowExecutionInitiatedEventAttributes(
            workflow_id=a.workflow_id,
            run_id=a.run_id,
            control=a.control,
            decision_task_completed_event_id=d.completed_id,
        )
    )
    causes = shapes.RequestCancelExternalWorkflowExecutionFailedCause
    cause = causes.REQUEST_CANCEL_EXTERNAL_WORKFLOW_EXECUTION_RATE_EXCEEDED
    failed = shapes.RequestCancelExternalWorkflowExecutionFailedEventAttributes
    decision = DecisionType.REQUEST_CANCEL_EXTERNAL_WORKFLOW_EXECUTION
    _hold_back(d, decision, d.turn.execution.cancels, initiated, failed, cause)


def _hold_back(
    d: Deciding,
    decision: DecisionType,
    waiting: Mapping[int, Any],
    initiated: int,
    failed: type[shapes.Shape],
    cause: Any,
) -> None:
    """What comes too fast fails after its Initiated event: clients know it again by that event's id."""
    if not d.too_fast(decision):
        d.done[decision] += 1
    elif initiated:
        d.turn.record(external_failed(failed, cause, initiated, waiting[initiated]))


def external_failed(failed: type[shapes.Shape], cause: Any, initiated_id: int, asked: Any) -> shapes.Shape:
    """The failure of the signal or cancel that the Initiated event *asked* for."""
    return failed(
        workflow_id=asked.workflow_id,
        run_id=asked.run_id,
        cause=cause,
        initiated_event_id=initiated_id,
        control=asked.control,
        decision_task_completed_event_id=asked.decision_task_completed_event_id,
    )


# ---- Lambda ----------------------------------------------------------------------------------------------------


def _schedule_lambda(d: Deciding, a: shapes.ScheduleLambdaFunctionDecisionAttributes) -> None:
    cause = None
    if not d.known.lambda_available:
        cause = ScheduleLambdaFunctionFailedCause.LAMBDA_SERVICE_NOT_AVAILABLE_IN_REGION
    elif len(d.turn.execution.lambdas) >= OPEN_LIMIT:
        cause = ScheduleLambdaFunctionFailedCause.OPEN_LAMBDA_FUNCTIONS_LIMIT_EXCEEDED
    d.turn.record(
        shapes.ScheduleLambdaFunctionFailedEventAttributes(
            id=a.id, name=a.name, cause=cause, decision_task_completed_event_id=d.completed_id
        )
        if cause
        else shapes.LambdaFunctionScheduledEventAttributes(
            id=a.id,
            name=a.name,
            input=a.input,
            control=a.control,
            start_to_close_timeout=a.start_to_close_timeout,
            decision_task_completed_event_id=d.completed_id,
        )
    )


_DECISIONS: dict[DecisionType, Callable[[Deciding, Any], Successor | None]] = {
    DecisionType.SCHEDULE_ACTIVITY_TASK: _schedule_activity,
    DecisionType.REQUEST_CANCEL_ACTIVITY_TASK: _cancel_activity,
    DecisionType.START_TIMER: _start_timer,
    DecisionType.CANCEL_TIMER: _cancel_timer,
    DecisionType.RECORD_MARKER: _record_marker,
    DecisionType.COMPLETE_WORKFLOW_EXECUTION: _complete,
    DecisionType.FAIL_WORKFLOW_EXECUTION: _fail,
    DecisionType.CANCEL_WORKFLOW_EXECUTION: _cancel,
    DecisionType.CONTINUE_AS_NEW_WORKFLOW_EXECUTION: _continue_as_new,
    DecisionType.START_CHILD_WORKFLOW_EXECUTION: _start_child,
    DecisionType.SIGNAL_EXTERNAL_WORKFLOW_EXECUTION: _signal_external,
    DecisionType.REQUEST_CANCEL_EXTERNAL_WORKFLOW_EXECUTION: _cancel_external,
    DecisionType.SCHEDULE_LAMBDA_FUNCTION: _schedule_lambda,
}
