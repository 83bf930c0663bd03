"""What the SQLite store says to SQLite, as text.

Law: text only. Every statement is *one step*, but for the two that read the catalogue at the start: many rows go in as
one multi-row VALUES or one JSON array, and come out as one row of aggregates. Python gives the interpreter lock away
at each step and may wait long to have it back.
"""

# ruff: noqa: S105, S608 - statements are put together from names in this file only, and none is a password

from __future__ import annotations

from functools import cache
from typing import Final, NamedTuple

from workflowsvc.records import ExecutionQuery, TimeField
from workflowsvc.stores.schema import EVENT_BITS, LAST_EVENT

# ---- writing -------------------------------------------------------------------------------------------------

#: Rows per statement: few enough for the statements of all sizes to stay prepared.
CHUNK: Final = 128


class Upsert(NamedTuple):
    """A table, its columns, and what becomes of a row that is already there ("": it is an error)."""

    table: str
    columns: tuple[str, ...]
    taken: str = ""


def _set(key: str, *columns: str) -> str:
    return f" ON CONFLICT ({key}) DO UPDATE SET " + ", ".join(f"{name} = excluded.{name}" for name in columns)


EXECUTION_COLUMNS: Final = (
    "id", "run_id", "lane", "domain", "workflow_id", "type_name", "type_version", "tags", "started_at", "started_by",
    "closed_at", "closed_by", "close_status", "expires_at", "unsettled", "info",
)  # fmt: skip
_CLOSE_COLUMNS: Final = ("closed_at", "closed_by", "close_status", "expires_at", "unsettled", "info")

EVENTS: Final = Upsert("events", ("id", "action", "body"))
# What a run was started with never changes, and while it is open only `info` does. SQLite rewrites an index entry
# whenever its column is *named* in a SET, so open rows name nothing that is indexed.
OPEN_EXECUTIONS: Final = Upsert("executions", EXECUTION_COLUMNS, _set("id", "info"))
CLOSED_EXECUTIONS: Final = Upsert("executions", EXECUTION_COLUMNS, _set("id", *_CLOSE_COLUMNS))
TAGS: Final = Upsert(
    "tags",
    ("run", "tag", "domain", "started_at", "started_by", "closed_at", "closed_by", "expires_at"),
    _set("run, tag", "closed_at", "closed_by", "expires_at"),
)
PENDING: Final = Upsert("pending", ("id", "domain", "kind", "name"), " ON CONFLICT (id) DO NOTHING")
HEARTBEATS: Final = Upsert("heartbeats", ("id", "at", "details"), _set("id", "at", "details"))
SNAPSHOTS: Final = Upsert("snapshots", ("run", "at", "state"), _set("run", "at", "state"))
WAKES: Final = Upsert("wakes", ("run", "at"), _set("run", "at"))
DOMAINS: Final = Upsert("domains", ("domain", "created_at", "retention", "description", "deprecated", "tags"))
TYPES: Final = Upsert(
    "types",
    ("domain", "kind", "name", "version", "created_at", "configuration", "description", "deprecated_at"),
)
REPLACE_DOMAINS: Final = DOMAINS._replace(taken=_set("domain", *DOMAINS.columns[1:]))
REPLACE_TYPES: Final = TYPES._replace(taken=_set("domain, kind, name, version", *TYPES.columns[4:]))


@cache
def insert(upsert: Upsert, rows: int) -> str:
    marks = "(" + ", ".join("?" * len(upsert.columns)) + ")"
    values = ", ".join([marks] * rows)
    return f"INSERT INTO {upsert.table} ({', '.join(upsert.columns)}) VALUES {values}{upsert.taken}"


def _of_runs(table: str) -> str:
    """Everything in *table* whose key begins with one of the run numbers of a JSON array."""
    return (
        f"DELETE FROM {table} WHERE id IN (SELECT old.id FROM json_each(?) AS gone JOIN {table} AS old "
        f"ON old.id BETWEEN gone.value << {EVENT_BITS} AND gone.value << {EVENT_BITS} | {LAST_EVENT})"
    )


UNSCHEDULE: Final = "DELETE FROM pending WHERE id IN (SELECT value FROM json_each(?))"
UNSCHEDULE_RUNS: Final = _of_runs("pending")
DROP_WAKES: Final = "DELETE FROM wakes WHERE run IN (SELECT value FROM json_each(?))"
SETTLE: Final = "UPDATE executions SET unsettled = 0 WHERE unsettled = 1 AND run_id IN (SELECT value FROM json_each(?))"

JOURNALED: Final = "SELECT number FROM journaled"
NOTE_JOURNALED: Final = "UPDATE journaled SET number = ?"

DELETE_TYPE: Final = "DELETE FROM types WHERE (domain, kind, name, version) = (?, ?, ?, ?)"
DEPRECATE_TYPES: Final = "UPDATE types SET deprecated_at = ? WHERE domain = ? AND deprecated_at IS NULL"
ADD_SECRET: Final = "INSERT INTO secrets (name, value) VALUES (?, ?) ON CONFLICT (name) DO NOTHING"
SECRET: Final = "SELECT value FROM secrets WHERE name = ?"
ADD_AGREED: Final = "INSERT INTO agreed (name, value) VALUES (?, ?) ON CONFLICT (name) DO NOTHING"
AGREED: Final = "SELECT value FROM agreed WHERE name = ?"

# A purge first makes runs unknown, in one short transaction, and remembers their numbers; their events, of which there
# may be 25,000 each, go in bounded steps, by this process or the next.
PURGEABLE: Final = """
SELECT json_group_array(json_array(id, run_id)) FROM (
    SELECT id, run_id FROM executions INDEXED BY executions_purgeable
    WHERE closed_at IS NOT NULL AND unsettled = 0 AND expires_at <= ? ORDER BY expires_at LIMIT ?)
"""
FORGET_RUNS: Final = (
    "INSERT INTO purged (run) SELECT value FROM json_each(?)",
    "DELETE FROM executions WHERE id IN (SELECT value FROM json_each(?))",
    "DELETE FROM tags WHERE run IN (SELECT value FROM json_each(?))",
    "DELETE FROM snapshots WHERE run IN (SELECT value FROM json_each(?))",
    _of_runs("heartbeats"),
    _of_runs("pending"),
)
SWEEP_EVENTS: Final = f"""
DELETE FROM events WHERE id IN (
    SELECT old.id FROM purged CROSS JOIN events AS old
    ON old.id BETWEEN run << {EVENT_BITS} AND run << {EVENT_BITS} | {LAST_EVENT} LIMIT ?)
"""
SWEPT: Final = "DELETE FROM purged"

# ---- what the writer asks before it writes -------------------------------------------------------------------

#: Where the runs of a JSON array of run ids stand.
HEADS: Final = f"""
SELECT json_group_array(json_array(run_id, id, closed_at IS NULL, coalesce((
    SELECT max(id) FROM events
    WHERE id BETWEEN run.id << {EVENT_BITS} AND run.id << {EVENT_BITS} | {LAST_EVENT}), 0) & {LAST_EVENT}))
FROM executions AS run WHERE run_id IN (SELECT value FROM json_each(?))
"""
#: The open run of a workflow id.
HOLDER: Final = """
SELECT run_id FROM executions INDEXED BY executions_open_workflow
WHERE domain = ? AND workflow_id = ? AND closed_at IS NULL
"""

#: Whether neither a run is there nor an open one of its workflow id, as is so with nearly all that begin.
UNHEARD: Final = """
SELECT NOT EXISTS (SELECT 1 FROM executions WHERE run_id = ?)
    AND NOT EXISTS (SELECT 1 FROM executions INDEXED BY executions_open_workflow
        WHERE domain = ? AND workflow_id = ? AND closed_at IS NULL)
"""

# The number of a run that is being swept away must not be given to another: its events would go too.
LAST_NUMBER: Final = f"""
SELECT max(
    coalesce((SELECT max(id) FROM executions), 0),
    coalesce((SELECT max(id) FROM events), 0) >> {EVENT_BITS},
    coalesce((SELECT max(run) FROM purged), 0))
"""

# ---- reading -------------------------------------------------------------------------------------------------

_NUMBER: Final = "(SELECT id FROM executions WHERE run_id = :run_id)"
#: Blobs come out as one blob and their lengths: the wire form is UTF-8 text, which group_concat copies byte by byte.
_PACKED: Final = "group_concat(length(body)), CAST(group_concat(body, '') AS BLOB)"
_ROW: Final = ", ".join(EXECUTION_COLUMNS[1:])
_VISIBLE: Final = "(expires_at IS NULL OR expires_at > :now)"

ROW: Final = f"SELECT {_ROW} FROM executions WHERE run_id = :run_id AND {_VISIBLE}"

_AFTER_SNAPSHOT: Final = f"""
(SELECT body FROM events WHERE id > execution.id << {EVENT_BITS} | coalesce(at, 0)
AND id <= execution.id << {EVENT_BITS} | {LAST_EVENT} ORDER BY id LIMIT -1)
"""
#: One statement, hence one moment: row, snapshot and events belong together.
LOAD: Final = f"""
SELECT {_ROW}, state, coalesce(at, 0),
    (SELECT group_concat(length(body)) FROM {_AFTER_SNAPSHOT}),
    (SELECT CAST(group_concat(body, '') AS BLOB) FROM {_AFTER_SNAPSHOT}),
    (SELECT json_group_array(json_array(id & {LAST_EVENT}, at, details)) FROM heartbeats
    WHERE id BETWEEN execution.id << {EVENT_BITS} AND execution.id << {EVENT_BITS} | {LAST_EVENT}),
    (SELECT at FROM wakes WHERE run = execution.id)
FROM executions AS execution LEFT JOIN snapshots ON run = execution.id WHERE run_id = :run_id
"""

FIND_RUN: Final = """
SELECT coalesce(
    (SELECT run_id FROM executions INDEXED BY executions_open_workflow
    WHERE domain = :domain AND workflow_id = :workflow_id AND closed_at IS NULL),
    (SELECT run_id FROM executions INDEXED BY executions_closed_started_workflow
    WHERE domain = :domain AND workflow_id = :workflow_id AND closed_at IS NOT NULL
    ORDER BY started_at DESC, started_by DESC LIMIT 1))
"""
HAS_COMMITTED: Final = f"""
SELECT EXISTS (SELECT 1 FROM events WHERE action = :action_id
AND id BETWEEN {_NUMBER} << {EVENT_BITS} AND {_NUMBER} << {EVENT_BITS} | {LAST_EVENT})
"""
DUE: Final = """
SELECT json_group_array(json_array(at, run_id, json_array(lane, domain, workflow_id))) FROM (
    SELECT at, run_id, lane, domain, workflow_id FROM wakes CROSS JOIN executions ON id = run
    WHERE at BETWEEN :since AND :at AND (at, run_id) > (:since, :after) ORDER BY at, run_id LIMIT :limit)
"""
RECOVERABLE: Final = """
SELECT json_group_array(json_array(run_id, lane, domain, workflow_id)) FROM (
    SELECT run_id, lane, domain, workflow_id FROM executions INDEXED BY executions_recoverable
    WHERE (closed_at IS NULL OR unsettled = 1) AND run_id > :after ORDER BY run_id LIMIT :limit)
"""
# The first condition is the index's own, which holds the open runs, too. Who asks this has its runs elsewhere.
UNSETTLED: Final = """
SELECT json_group_array(json_array(run_id, lane, domain, workflow_id)) FROM (
    SELECT run_id, lane, domain, workflow_id FROM executions INDEXED BY executions_recoverable
    WHERE (closed_at IS NULL OR unsettled = 1) AND unsettled = 1 AND closed_at < :closed_before AND run_id > :after
    ORDER BY run_id LIMIT :limit)
"""
COUNT_PENDING: Final = "SELECT count(*) FROM pending WHERE domain = ? AND kind = ? AND name = ?"
ALL_DOMAINS: Final = f"SELECT {', '.join(DOMAINS.columns)} FROM domains"
ALL_TYPES: Final = f"SELECT {', '.join(TYPES.columns)} FROM types"
PING: Final = "SELECT count(*) FROM sqlite_schema"


@cache
def history(reverse: bool) -> str:
    order = "DESC" if reverse else "ASC"
    return f"""
    SELECT {_PACKED} FROM (
        SELECT body FROM events
        WHERE id BETWEEN {_NUMBER} << {EVENT_BITS} | :first AND {_NUMBER} << {EVENT_BITS} | :last
        ORDER BY id {order} LIMIT :limit)
    """


# ---- visibility ----------------------------------------------------------------------------------------------


class Filter(NamedTuple):
    """A filter of SWF's visibility operations: how its indexes are called, and the columns that it fixes."""

    name: str
    columns: tuple[str, ...]


#: The first whose field is set holds; a type's version narrows its name.
_FILTERS: Final = {
    "workflow_id": Filter("_workflow", ("workflow_id",)),
    "type_version": Filter("_type", ("type_name", "type_version")),
    "type_name": Filter("_type", ("type_name",)),
    "tag": Filter("_tag", ("tag",)),
    "close_status": Filter("_status", ("close_status",)),
}
_UNFILTERED: Final = Filter("", ())


class Question(NamedTuple):
    """All of an ExecutionQuery that decides about the text of its statement."""

    open: bool
    by: TimeField
    reverse: bool
    filter: Filter

    @property
    def range(self) -> str:
        if self.open and self.filter.name == "_workflow":
            return "executions_open_workflow"  # at most one row: nothing to put in order
        if self.filter.name == "_workflow":
            return "executions_closed_started_workflow"  # few rows: put in order when they are asked for
        table = "tags" if self.filter.name == "_tag" else "executions"
        return f"{table}_{'open' if self.open else 'closed'}_{self.by}{self.filter.name}"

    @property
    def table(self) -> str:
        """Where the index is, and the time columns with it."""
        return self.range.partition("_")[0]


def question(query: ExecutionQuery) -> Question:
    found = (which for field, which in _FILTERS.items() if getattr(query, field) is not None)
    return Question(query.open, query.by, query.reverse, next(found, _UNFILTERED))


def nothing(query: ExecutionQuery) -> bool:
    """An open run has neither a close time nor a close status."""
    return query.open and (query.by is TimeField.CLOSED or query.close_status is not None)


def _found(what: Question) -> tuple[str, str]:
    """The runs that a query finds, as a table and a condition: an index range, less what of it has expired."""
    fixed = " AND ".join(f"found.{column} = :{column}" for column in ("domain", *what.filter.columns))
    state = "IS NULL" if what.open else "IS NOT NULL AND (found.expires_at IS NULL OR found.expires_at > :now)"
    return f"{what.table} AS found INDEXED BY {what.range}", f"{fixed} AND found.closed_at {state}"


@cache
def executions(what: Question) -> str:
    """A page: everything strictly behind the place (:at, :actor), as far as :until."""
    table, condition = _found(what)
    at, actor = f"found.{what.by}_at", f"found.{what.by}_by"
    behind, until, order = (">", "<=", "ASC") if what.reverse else ("<", ">=", "DESC")
    whole = "" if what.table == "executions" else " CROSS JOIN executions AS run ON run.id = found.run"
    return f"""
    SELECT json_group_array(json_array(at, actor)), {_PACKED} FROM (
        SELECT {at} AS at, {actor} AS actor, info AS body FROM {table}{whole}
        WHERE {condition} AND ({at}, {actor}) {behind} (:at, :actor) AND {at} {until} :until
        ORDER BY {at} {order}, {actor} {order} LIMIT :limit)
    """


@cache
def count_executions(what: Question) -> str:
    table, condition = _found(what)
    return f"SELECT count(*) FROM {table} WHERE {condition} AND found.{what.by}_at BETWEEN :oldest AND :latest"
