"""What a worker answers when a decision cannot be made.

Law: it is seen, and it is tried again: a marker says what is wrong, and a timer brings the next attempt, later each
time. Nothing of it is the workflow's: replay passes over it. SWF has no way to refuse a decision task but to let it
time out, which says nothing and never slows down.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from workers_sdk.failures import failure_of
from workers_sdk.replay.commands import decision_of
from workers_sdk.replay.ending import CLOSING, UNHANDLED
from workers_sdk.replay.history import OUTCOMES, attributes_of
from workers_sdk.replay.limits import FAILED, RETRY
from workflowsvc.swf import shapes
from workflowsvc.swf.shapes import DecisionType

#: Seconds until the next attempt: doubled with each failure in a row, to at most an hour.
_FIRST: Final = 10
_LONGEST: Final = 3600
_CLOSE_REFUSED: Final = {kind for kind, outcome in OUTCOMES.items() if outcome.type in CLOSING and outcome.refused}


def failed_decision(error: BaseException, events: Sequence[shapes.HistoryEvent]) -> list[shapes.Decision]:
    """What to answer for *error*. The *events* of the history, as far as they are known, tell how often it failed."""
    failure = failure_of(error)
    seconds = min(_FIRST << min(_failures(events), 16), _LONGEST)
    decisions = [
        decision_of(
            DecisionType.RECORD_MARKER,
            shapes.RecordMarkerDecisionAttributes(marker_name=FAILED, details=failure.details),
        )
    ]
    if not _retry_is_open(events):
        decisions.append(
            decision_of(
                DecisionType.START_TIMER,
                shapes.StartTimerDecisionAttributes(
                    timer_id=RETRY, start_to_fire_timeout=str(seconds), control=failure.reason
                ),
            )
        )
    return decisions


def _failures(events: Sequence[shapes.HistoryEvent]) -> int:
    """How many of the last decision tasks failed, one after the other; a close that was refused is passed over."""
    failed = {
        marker.decision_task_completed_event_id
        for event in events
        if (marker := event.marker_recorded_event_attributes) and marker.marker_name == FAILED
    }
    refused = {
        attributes.decision_task_completed_event_id
        for event in events
        if event.event_type in _CLOSE_REFUSED and (attributes := attributes_of(event)).cause.value != UNHANDLED
    }
    count = 0
    for event in reversed(events):
        if event.decision_task_completed_event_attributes is None:
            continue
        if event.event_id in failed:
            count += 1
        elif event.event_id not in refused:
            break
    return count


def _retry_is_open(events: Sequence[shapes.HistoryEvent]) -> bool:
    for event in reversed(events):
        if (fired := event.timer_fired_event_attributes) and fired.timer_id == RETRY:
            return False
        if (started := event.timer_started_event_attributes) and started.timer_id == RETRY:
            return True
    return False
