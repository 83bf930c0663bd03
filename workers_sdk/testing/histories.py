"""Histories as they are kept: our export, what the AWS CLI prints, what boto3 gives.

Law: whatever the form, what comes out is one execution's events from the first on, in order, without gaps; anything
else is refused with a word on what is missing.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from itertools import pairwise
from typing import Any, Final, cast

import msgspec

from workers_sdk.testing.errors import UnusableHistory
from workflowsvc.swf.shapes import HistoryEvent, WorkflowExecution

_TIME: Final = "eventTimestamp"
_SPACE: Final = re.compile(r"\s*")


class KeptHistory(msgspec.Struct, kw_only=True):
    """`execution` and `domain` are None where the file does not tell: the AWS CLI's do not."""

    execution: WorkflowExecution | None = None
    domain: str | None = None
    events: list[HistoryEvent] = []


class _Head(msgspec.Struct, rename="camel"):
    """What stands beside the events."""

    execution: WorkflowExecution | None = None
    workflow_execution: WorkflowExecution | None = None
    domain: str | None = None


def read_history(given: object) -> KeptHistory:
    """Of JSON text (str or bytes), or of what a JSON decoder or boto3 made of it, or of HistoryEvents.

    A history is an object with "events", or a list of events; and several of these, one after the other or in a list,
    are its pages. "execution" (or "workflowExecution", in what PollForDecisionTask answers) tells the ids, "domain"
    the domain. Timestamps are seconds since the epoch, ISO 8601 text (UTC, if it does not say), or datetime. Raises
    UnusableHistory.
    """
    history = KeptHistory(events=[])
    for document in _documents(given):
        _gather(document, history)
    history.events = _in_order(history.events)
    return history


def _documents(given: object) -> Iterable[object]:
    if isinstance(given, bytes | bytearray):
        try:
            # As `>` of a shell writes it: UTF-8, or UTF-16 on Windows.
            return _parsed(given.decode(json.detect_encoding(given)))
        except UnicodeDecodeError as error:
            raise UnusableHistory(f"no JSON: {error}") from None
    return _parsed(given) if isinstance(given, str) else (given,)


def _parsed(text: str) -> Iterator[object]:
    """JSON texts, one after the other."""
    decode = json.JSONDecoder().raw_decode
    at = _after_space(text, 0)
    while at < len(text):
        try:
            document, at = decode(text, at)
        except ValueError as error:
            raise UnusableHistory(f"no JSON: {error}") from None
        yield document
        at = _after_space(text, at)


def _after_space(text: str, at: int) -> int:
    found = _SPACE.match(text, at)
    return found.end() if found else at


def _gather(document: object, history: KeptHistory) -> None:
    if isinstance(document, HistoryEvent):
        history.events.append(document)
    elif isinstance(document, Mapping):
        _gather_object(cast("Mapping[str, Any]", document), history)
    elif isinstance(document, Iterable) and not isinstance(document, str | bytes):
        for part in cast("Iterable[object]", document):
            _gather(part, history)
    else:
        raise UnusableHistory(f"neither events nor a history: {document!r}")


def _gather_object(document: Mapping[str, Any], history: KeptHistory) -> None:
    if "eventId" in document:
        history.events.append(_event(document))
        return
    if "events" not in document:
        raise UnusableHistory(f'an object with neither "events" nor an "eventId": {", ".join(document)}')
    try:
        head = msgspec.convert(document, _Head)
    except msgspec.ValidationError as error:
        raise UnusableHistory(f"its execution or domain is none: {error}") from None
    history.execution = head.execution or head.workflow_execution or history.execution
    history.domain = head.domain or history.domain
    _gather(document["events"], history)


def _event(document: Mapping[str, Any]) -> HistoryEvent:
    timed = {**document, _TIME: _seconds(document.get(_TIME))}
    try:
        return msgspec.convert(timed, HistoryEvent)
    except msgspec.ValidationError:
        return _leniently(timed)


def _leniently(document: Mapping[str, Any]) -> HistoryEvent:
    """An event of tomorrow."""
    from workers_sdk.client import lenient  # noqa: PLC0415  hardly ever, and the client is much to import

    try:
        event: HistoryEvent = lenient.read(HistoryEvent, document)
    except lenient.Unreadable as error:
        raise UnusableHistory(f"event {document['eventId']} is none of SWF: {error}") from None
    return event


def _seconds(time: object) -> object:
    """Since the epoch; anything else is left to be refused."""
    if isinstance(time, str):
        try:
            time = datetime.fromisoformat(time)
        except ValueError:
            return time
    if isinstance(time, datetime):
        return (time if time.tzinfo else time.replace(tzinfo=UTC)).timestamp()
    return time


def _in_order(events: Iterable[HistoryEvent]) -> list[HistoryEvent]:
    by_id = {event.event_id: event for event in events}
    ordered = [by_id[event_id] for event_id in sorted(by_id)]
    if not ordered:
        raise UnusableHistory("there is no event in it")
    if ordered[0].event_id != 1:
        raise UnusableHistory(f"it begins with event {ordered[0].event_id}: pages before it are missing")
    for before, after in pairwise(ordered):
        if after.event_id != before.event_id + 1:
            raise UnusableHistory(f"event {before.event_id + 1} is missing: a page is left out before {after.event_id}")
    return ordered
