"""The questions of the Store port, put to SQLite and answered in records.

Law: each is one statement with one row for an answer (queries.py says why), so each sees one moment.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import accumulate, pairwise
from typing import Any

import msgspec

from workflowsvc.messages import TaskList
from workflowsvc.records import Cursor, Due, ExecutionQuery, ExecutionRow, Heartbeat, ListedExecution, RunRef, StoredRun
from workflowsvc.stores import queries
from workflowsvc.stores.draft import Claim, Head
from workflowsvc.stores.schema import LAST_EVENT

#: Runs one statement and gives its only row, or None.
Ask = Callable[[str, Sequence[object] | Mapping[str, object]], tuple[Any, ...] | None]

_TAGS = msgspec.json.Decoder(list[str])
_BEATS = msgspec.json.Decoder(list[tuple[int, int, str | None]])
_REFS = msgspec.json.Decoder(list[tuple[str, int, str, str]])
_DUE = msgspec.json.Decoder(list[tuple[int, str, tuple[int, str, str]]])
_PLACES = msgspec.json.Decoder(list[tuple[int, str]])
_HEADS = msgspec.json.Decoder(list[tuple[str, int, int, int]])
_RUNS = msgspec.json.Decoder(list[tuple[int, str]])

_ROW_WIDTH = len(queries.EXECUTION_COLUMNS) - 1


def load(ask: Ask, run_id: str) -> StoredRun | None:
    answer = ask(queries.LOAD, {"run_id": run_id})
    if answer is None:
        return None
    state, at, lengths, bodies, beats, wake_at = answer[_ROW_WIDTH:]
    heartbeats = [Heartbeat(*beat) for beat in _BEATS.decode(beats)]
    return StoredRun(_row(answer[:_ROW_WIDTH]), _unpacked(lengths, bodies), state, at, heartbeats, wake_at)


def find_run(ask: Ask, domain: str, workflow_id: str) -> str | None:
    found: str | None = _value(ask(queries.FIND_RUN, {"domain": domain, "workflow_id": workflow_id}))
    return found


def has_committed(ask: Ask, run_id: str, action_id: str) -> bool:
    return bool(_value(ask(queries.HAS_COMMITTED, {"run_id": run_id, "action_id": action_id})))


def due(ask: Ask, at: int, after: Due | None, limit: int) -> list[Due]:
    since, behind = (0, "") if after is None else (after.wake_at, after.run.run_id)
    found = _value(ask(queries.DUE, {"at": at, "since": since, "after": behind, "limit": limit}))
    return [Due(wake_at, RunRef(run_id, *where)) for wake_at, run_id, where in _DUE.decode(found)]


def recoverable(ask: Ask, after: str, limit: int) -> list[RunRef]:
    found = _value(ask(queries.RECOVERABLE, {"after": after, "limit": limit}))
    return [RunRef(*ref) for ref in _REFS.decode(found)]


def unsettled(ask: Ask, closed_before: int, after: str, limit: int) -> list[RunRef]:
    found = _value(ask(queries.UNSETTLED, {"closed_before": closed_before, "after": after, "limit": limit}))
    return [RunRef(*ref) for ref in _REFS.decode(found)]


def row(ask: Ask, run_id: str, now: int) -> ExecutionRow | None:
    answer = ask(queries.ROW, {"run_id": run_id, "now": now})
    return None if answer is None else _row(answer)


def history(ask: Ask, run_id: str, first: int, last: int, limit: int, reverse: bool) -> list[bytes]:
    bounds = {"first": max(first, 1), "last": min(last, LAST_EVENT), "limit": limit}
    if bounds["first"] > bounds["last"]:
        return []
    lengths, bodies = ask(queries.history(reverse), {"run_id": run_id, **bounds}) or (None, None)
    return _unpacked(lengths, bodies)


def executions(ask: Ask, query: ExecutionQuery, after: Cursor | None, limit: int) -> list[ListedExecution]:
    if queries.nothing(query):
        return []
    places, lengths, bodies = ask(
        queries.executions(queries.question(query)),
        {**_asked(query), **_place(query, after), "limit": limit},
    ) or ("[]", None, None)
    infos = _unpacked(lengths, bodies)
    return [ListedExecution(info, Cursor(*at)) for info, at in zip(infos, _PLACES.decode(places), strict=True)]


def count_executions(ask: Ask, query: ExecutionQuery) -> int:
    if queries.nothing(query):
        return 0
    return int(_value(ask(queries.count_executions(queries.question(query)), _asked(query))))


def count_pending(ask: Ask, task_list: TaskList) -> int:
    return int(_value(ask(queries.COUNT_PENDING, (task_list.domain, task_list.kind, task_list.name))))


def ping(ask: Ask) -> None:
    ask(queries.PING, ())


# ---- asked by the writer -------------------------------------------------------------------------------------


def heads(ask: Ask, run_ids: Sequence[str]) -> dict[str, Head]:
    """Where those of the runs stand that exist."""
    if not run_ids:
        return {}
    found = _value(ask(queries.HEADS, (msgspec.json.encode(run_ids).decode(),)))
    return {run_id: Head(number, bool(is_open), last) for run_id, number, is_open, last in _HEADS.decode(found)}


def holder(ask: Ask, claim: Claim) -> str | None:
    """The open run of the workflow id."""
    found: str | None = _value(ask(queries.HOLDER, claim))
    return found


def unheard(ask: Ask, run_id: str, claim: Claim) -> bool:
    """Whether neither the run is there nor an open one of the workflow id."""
    return bool(_value(ask(queries.UNHEARD, (run_id, *claim))))


def purgeable(ask: Ask, now: int, limit: int) -> list[tuple[int, str]]:
    """Numbers and ids of settled runs that have expired."""
    return _RUNS.decode(_value(ask(queries.PURGEABLE, (now, limit))))


def last_number(ask: Ask) -> int:
    return int(_value(ask(queries.LAST_NUMBER, ())))


# ---- taking answers apart ------------------------------------------------------------------------------------


def _value(answer: tuple[Any, ...] | None) -> Any:
    return None if answer is None else answer[0]


def _row(columns: Sequence[Any]) -> ExecutionRow:
    values = dict(zip(queries.EXECUTION_COLUMNS[1:], columns, strict=True))
    values["tags"] = _TAGS.decode(values["tags"])
    return msgspec.convert(values, ExecutionRow, strict=False)


def _unpacked(lengths: str | None, bodies: bytes | None) -> list[bytes]:
    if lengths is None or bodies is None:
        return []
    ends = accumulate(map(int, lengths.split(",")), initial=0)
    return [bodies[start:end] for start, end in pairwise(ends)]


def _asked(query: ExecutionQuery) -> dict[str, object]:
    return msgspec.structs.asdict(query)


def _place(query: ExecutionQuery, after: Cursor | None) -> dict[str, object]:
    """Where the page begins, exclusively, and its inclusive end. No action id is empty, so "" is before them all."""
    if query.reverse:
        start, until = (query.oldest, ""), query.latest
        begin = start if after is None else max(start, (after.at, after.by))
    else:
        start, until = (query.latest + 1, ""), query.oldest
        begin = start if after is None else min(start, (after.at, after.by))
    return {"at": begin[0], "actor": begin[1], "until": until}
