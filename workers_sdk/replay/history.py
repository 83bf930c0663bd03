"""The events of a history, sorted into what replay needs. Pure.

Law: by tables of event types, each named once: what confirms or refuses a decision, and how it is matched; all other
events are news. Nothing is kept of an event but what is asked of it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from typing import Any, Final, NamedTuple

from workers_sdk.replay.commands import describe
from workers_sdk.replay.ending import CLOSING, UNHANDLED
from workers_sdk.replay.limits import FAILED, MORE, RETRY
from workers_sdk.replay.markers import marker_subject
from workflowsvc.swf import shapes
from workflowsvc.swf.events import EVENTS
from workflowsvc.swf.shapes import DecisionType, EventType

#: the member of HistoryEvent that holds the attributes
_MEMBER: Final = {shape.type: shape.member for shape in EVENTS.values()}


def attributes_of(event: shapes.HistoryEvent) -> Any:
    return getattr(event, _MEMBER[event.event_type])


class Outcome(NamedTuple):
    """How one event answers a decision: which kind, what identifies it, and why not, if it was refused."""

    type: DecisionType
    key: Callable[[Any], str]
    subject: Callable[[Any], str]
    refused: bool = False


def _none(_: Any) -> str:
    return ""


def _type_of(member: str) -> Callable[[Any], str]:
    def subject(attributes: Any) -> str:
        type_ = getattr(attributes, member)
        return f"{type_.name} {type_.version}"

    return subject


def _activity(attributes: Any) -> str:
    return str(attributes.activity_id)


def _timer(attributes: Any) -> str:
    return str(attributes.timer_id)


def _workflow(attributes: Any) -> str:
    return str(attributes.workflow_id)


def _marker(attributes: Any) -> str:
    return str(attributes.marker_name)


def _function(attributes: Any) -> str:
    return str(attributes.id)


_activity_type: Final = _type_of("activity_type")
_workflow_type: Final = _type_of("workflow_type")

_D: Final = DecisionType
_E: Final = EventType
#: The events that say what became of a decision.
OUTCOMES: Final[dict[EventType, Outcome]] = {
    _E.ACTIVITY_TASK_SCHEDULED: Outcome(_D.SCHEDULE_ACTIVITY_TASK, _activity, _activity_type),
    _E.SCHEDULE_ACTIVITY_TASK_FAILED: Outcome(_D.SCHEDULE_ACTIVITY_TASK, _activity, _activity_type, True),
    _E.ACTIVITY_TASK_CANCEL_REQUESTED: Outcome(_D.REQUEST_CANCEL_ACTIVITY_TASK, _activity, _none),
    _E.REQUEST_CANCEL_ACTIVITY_TASK_FAILED: Outcome(_D.REQUEST_CANCEL_ACTIVITY_TASK, _activity, _none, True),
    _E.TIMER_STARTED: Outcome(_D.START_TIMER, _timer, _none),
    _E.START_TIMER_FAILED: Outcome(_D.START_TIMER, _timer, _none, True),
    _E.TIMER_CANCELED: Outcome(_D.CANCEL_TIMER, _timer, _none),
    _E.CANCEL_TIMER_FAILED: Outcome(_D.CANCEL_TIMER, _timer, _none, True),
    _E.MARKER_RECORDED: Outcome(_D.RECORD_MARKER, _marker, marker_subject),
    _E.RECORD_MARKER_FAILED: Outcome(_D.RECORD_MARKER, _marker, _none, True),
    _E.START_CHILD_WORKFLOW_EXECUTION_INITIATED: Outcome(_D.START_CHILD_WORKFLOW_EXECUTION, _workflow, _workflow_type),
    _E.START_CHILD_WORKFLOW_EXECUTION_FAILED: Outcome(
        _D.START_CHILD_WORKFLOW_EXECUTION, _workflow, _workflow_type, True
    ),
    _E.SIGNAL_EXTERNAL_WORKFLOW_EXECUTION_INITIATED: Outcome(
        _D.SIGNAL_EXTERNAL_WORKFLOW_EXECUTION, _workflow, lambda attributes: str(attributes.signal_name)
    ),
    _E.SIGNAL_EXTERNAL_WORKFLOW_EXECUTION_FAILED: Outcome(
        _D.SIGNAL_EXTERNAL_WORKFLOW_EXECUTION, _workflow, _none, True
    ),
    _E.REQUEST_CANCEL_EXTERNAL_WORKFLOW_EXECUTION_INITIATED: Outcome(
        _D.REQUEST_CANCEL_EXTERNAL_WORKFLOW_EXECUTION, _workflow, _none
    ),
    _E.REQUEST_CANCEL_EXTERNAL_WORKFLOW_EXECUTION_FAILED: Outcome(
        _D.REQUEST_CANCEL_EXTERNAL_WORKFLOW_EXECUTION, _workflow, _none, True
    ),
    _E.LAMBDA_FUNCTION_SCHEDULED: Outcome(_D.SCHEDULE_LAMBDA_FUNCTION, _function, lambda scheduled: scheduled.name),
    _E.SCHEDULE_LAMBDA_FUNCTION_FAILED: Outcome(
        _D.SCHEDULE_LAMBDA_FUNCTION, _function, lambda failed: failed.name, True
    ),
    _E.WORKFLOW_EXECUTION_COMPLETED: Outcome(_D.COMPLETE_WORKFLOW_EXECUTION, _none, _none),
    _E.COMPLETE_WORKFLOW_EXECUTION_FAILED: Outcome(_D.COMPLETE_WORKFLOW_EXECUTION, _none, _none, True),
    _E.WORKFLOW_EXECUTION_FAILED: Outcome(_D.FAIL_WORKFLOW_EXECUTION, _none, _none),
    _E.FAIL_WORKFLOW_EXECUTION_FAILED: Outcome(_D.FAIL_WORKFLOW_EXECUTION, _none, _none, True),
    _E.WORKFLOW_EXECUTION_CANCELED: Outcome(_D.CANCEL_WORKFLOW_EXECUTION, _none, _none),
    _E.CANCEL_WORKFLOW_EXECUTION_FAILED: Outcome(_D.CANCEL_WORKFLOW_EXECUTION, _none, _none, True),
    _E.WORKFLOW_EXECUTION_CONTINUED_AS_NEW: Outcome(_D.CONTINUE_AS_NEW_WORKFLOW_EXECUTION, _none, _none),
    _E.CONTINUE_AS_NEW_WORKFLOW_EXECUTION_FAILED: Outcome(_D.CONTINUE_AS_NEW_WORKFLOW_EXECUTION, _none, _none, True),
}


class Answer(NamedTuple):
    """An event that confirms or refuses a decision."""

    event: shapes.HistoryEvent
    type: DecisionType
    key: str
    subject: str
    #: the cause, of one that was refused
    cause: str | None

    def __str__(self) -> str:
        return describe(self.type, self.key, self.subject)


class Answers:
    """What became of the decisions of each decision task, by the id of its DecisionTaskCompleted."""

    def __init__(self, events: Sequence[shapes.HistoryEvent]) -> None:
        self._answers: defaultdict[int, list[Answer]] = defaultdict(list)
        #: the markers of all of them, in order
        self.markers: list[shapes.MarkerRecordedEventAttributes] = []
        #: those in which the decider could not decide
        self.failed: set[int] = set()
        #: those that announced that more decisions come with the next
        self.partial: set[int] = set()
        for event in events:
            outcome = OUTCOMES.get(event.event_type)
            if outcome is not None:
                self._sort(event, outcome)

    def was_only_unhandled(self, completed_event_id: int) -> bool:
        """Whether all that was decided was to close, and SWF said UNHANDLED_DECISION: then nothing was decided.

        The code is run again with what had come in between, so that it sees it before it ends.
        """
        answers = self._answers.get(completed_event_id, ())
        return len(answers) == 1 and answers[0].cause == UNHANDLED and answers[0].type in CLOSING

    def of(self, completed_event_id: int) -> list[Answer]:
        return self._answers.pop(completed_event_id, [])

    def _sort(self, event: shapes.HistoryEvent, outcome: Outcome) -> None:
        attributes = attributes_of(event)
        if is_news(event, attributes):
            return
        completed = attributes.decision_task_completed_event_id
        key = outcome.key(attributes)
        if event.event_type is EventType.MARKER_RECORDED:
            self.markers.append(attributes)
        if key in _OWN:
            if key == MORE:
                self.partial.add(completed)
            elif key == FAILED:
                self.failed.add(completed)
            return
        cause = attributes.cause.value if outcome.refused else None
        self._answers[completed].append(Answer(event, outcome.type, key, outcome.subject(attributes), cause))


def is_news(event: shapes.HistoryEvent, attributes: Any) -> bool:
    """Whether a *Failed event of a child or of another execution came after its Initiated: "initiatedEventId: the ID
    of the ...Initiated event"; 0 where the decision itself was refused."""
    return bool(event.event_type in _LATER and attributes.initiated_event_id)


#: of the library's own keys, those that no code of a workflow decides
_OWN: Final = {MORE, FAILED, RETRY}
_LATER: Final = {
    _E.START_CHILD_WORKFLOW_EXECUTION_FAILED,
    _E.SIGNAL_EXTERNAL_WORKFLOW_EXECUTION_FAILED,
    _E.REQUEST_CANCEL_EXTERNAL_WORKFLOW_EXECUTION_FAILED,
}
