"""The events of a history, gathered by the piece of work that they tell of. Pure, one pass.

Law: a piece of work is its events, oldest first; nothing is counted and nothing kept beside them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from workers_sdk.deciders.events import attributes_of
from workers_sdk.deciders.states import OPENINGS, TELLINGS, Kind
from workflowsvc.swf import shapes
from workflowsvc.swf.shapes import HistoryEvent

Gathered = Mapping[Kind, list[tuple[HistoryEvent, ...]]]


def gather(events: Iterable[HistoryEvent]) -> Gathered:
    """By kind, in the order in which the work was begun. Raises ValueError for a history that lacks a beginning."""
    works: dict[int, list[HistoryEvent]] = {}
    activities: dict[str, int] = {}
    for event in events:
        if event.event_type not in TELLINGS:
            continue
        attributes = attributes_of(event)
        if isinstance(attributes, shapes.ActivityTaskScheduledEventAttributes):
            activities[attributes.activity_id] = event.event_id
        if isinstance(attributes, shapes.ActivityTaskCancelRequestedEventAttributes):
            _add(event, works, activities.get(attributes.activity_id, 0))
            continue
        opening = OPENINGS[TELLINGS[event.event_type].kind]
        if event.event_type is opening.type:
            works[event.event_id] = [event]
        # "initiatedEventId ... 0": the decision failed at once, and began nothing (StartChildWorkflowExecutionFailed).
        elif opening_id := getattr(attributes, opening.member):
            _add(event, works, opening_id)
    gathered: dict[Kind, list[tuple[HistoryEvent, ...]]] = {kind: [] for kind in Kind}
    for work in works.values():
        gathered[TELLINGS[work[0].event_type].kind].append(tuple(work))
    return gathered


def _add(event: HistoryEvent, works: Mapping[int, list[HistoryEvent]], opening_id: int) -> None:
    if opening_id not in works:
        raise ValueError(
            f"event {event.event_id}, {event.event_type}, tells of work whose beginning is not before it: "
            "a decider reads the whole history, oldest event first"
        )
    works[opening_id].append(event)
