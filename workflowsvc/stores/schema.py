"""The tables of the SQLite store, as text, and the steps that lead to them from every older version.

Law: text only. A step that was released is never edited: what changes is a new step at the end.

An event's rowid is made of its run's number and its own id (`event_key`), so a history is one contiguous range and a
taken id is a taken primary key. Pending tasks and heartbeats carry the key of their task's *Scheduled* event.
"""

from __future__ import annotations

from typing import Final

#: "SWFs": tells our files from other people's databases (PRAGMA application_id)
APPLICATION_ID: Final = 0x53574673

#: Event ids get the low bits. SWF ends a run at 25,000 events; 2**20 leaves room and 2**43 runs.
EVENT_BITS: Final = 20
LAST_EVENT: Final = (1 << EVENT_BITS) - 1


def event_key(number: int, event_id: int) -> int:
    return number << EVENT_BITS | event_id


def run_number(key: int) -> int:
    return key >> EVENT_BITS


_TABLES: Final = """
CREATE TABLE executions (
    id           INTEGER PRIMARY KEY,
    run_id       TEXT NOT NULL UNIQUE,
    lane         INTEGER NOT NULL,
    domain       TEXT NOT NULL,
    workflow_id  TEXT NOT NULL,
    type_name    TEXT NOT NULL,
    type_version TEXT NOT NULL,
    tags         TEXT NOT NULL,
    started_at   INTEGER NOT NULL,
    started_by   TEXT NOT NULL,
    closed_at    INTEGER,
    closed_by    TEXT,
    close_status TEXT,
    expires_at   INTEGER,
    unsettled    INTEGER NOT NULL,
    info         BLOB NOT NULL
) STRICT;

CREATE TABLE tags (
    run        INTEGER NOT NULL,
    tag        TEXT NOT NULL,
    domain     TEXT NOT NULL,
    started_at INTEGER NOT NULL,
    started_by TEXT NOT NULL,
    closed_at  INTEGER,
    closed_by  TEXT,
    expires_at INTEGER,
    PRIMARY KEY (run, tag)
) STRICT, WITHOUT ROWID;

CREATE TABLE events (
    id     INTEGER PRIMARY KEY,
    action TEXT,
    body   BLOB NOT NULL
) STRICT;

CREATE TABLE pending (
    id     INTEGER PRIMARY KEY,
    domain TEXT NOT NULL,
    kind   TEXT NOT NULL,
    name   TEXT NOT NULL
) STRICT;

CREATE TABLE heartbeats (
    id      INTEGER PRIMARY KEY,
    at      INTEGER NOT NULL,
    details TEXT
) STRICT;

CREATE TABLE snapshots (
    run   INTEGER PRIMARY KEY,
    at    INTEGER NOT NULL,
    state BLOB NOT NULL
) STRICT;

CREATE TABLE purged (
    run INTEGER PRIMARY KEY
) STRICT;

CREATE TABLE domains (
    domain      TEXT PRIMARY KEY,
    created_at  INTEGER NOT NULL,
    retention   TEXT NOT NULL,
    description TEXT,
    deprecated  INTEGER NOT NULL,
    tags        TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE types (
    domain        TEXT NOT NULL,
    kind          TEXT NOT NULL,
    name          TEXT NOT NULL,
    version       TEXT NOT NULL,
    created_at    INTEGER NOT NULL,
    configuration BLOB NOT NULL,
    description   TEXT,
    deprecated_at INTEGER,
    PRIMARY KEY (domain, kind, name, version)
) STRICT, WITHOUT ROWID;

CREATE TABLE secrets (
    name  TEXT PRIMARY KEY,
    value BLOB NOT NULL
) STRICT, WITHOUT ROWID;
"""

# Every visibility question is one range of one index, in its order. Those of closed runs end with `expires_at`, so
# that counting and skipping what has expired need not look at the rows. Indexes cost a commit more than all else, so
# three have to do without one of their own: versions look through the range of their type's name, a workflow id's
# closed runs are few and sorted when asked for by close time, and an action is looked for along its run.
_INDEXES: Final = """
CREATE UNIQUE INDEX executions_open_workflow ON executions (domain, workflow_id) WHERE closed_at IS NULL;
CREATE INDEX executions_recoverable ON executions (run_id) WHERE closed_at IS NULL OR unsettled = 1;
CREATE INDEX executions_purgeable ON executions (expires_at) WHERE closed_at IS NOT NULL AND unsettled = 0;

CREATE INDEX executions_open_started ON executions
    (domain, started_at, started_by) WHERE closed_at IS NULL;
CREATE INDEX executions_open_started_type ON executions
    (domain, type_name, started_at, started_by) WHERE closed_at IS NULL;

CREATE INDEX executions_closed_started ON executions
    (domain, started_at, started_by, expires_at) WHERE closed_at IS NOT NULL;
CREATE INDEX executions_closed_started_workflow ON executions
    (domain, workflow_id, started_at, started_by, expires_at) WHERE closed_at IS NOT NULL;
CREATE INDEX executions_closed_started_type ON executions
    (domain, type_name, started_at, started_by, expires_at) WHERE closed_at IS NOT NULL;
CREATE INDEX executions_closed_started_status ON executions
    (domain, close_status, started_at, started_by, expires_at) WHERE closed_at IS NOT NULL;

CREATE INDEX executions_closed_closed ON executions
    (domain, closed_at, closed_by, expires_at) WHERE closed_at IS NOT NULL;
CREATE INDEX executions_closed_closed_type ON executions
    (domain, type_name, closed_at, closed_by, expires_at) WHERE closed_at IS NOT NULL;
CREATE INDEX executions_closed_closed_status ON executions
    (domain, close_status, closed_at, closed_by, expires_at) WHERE closed_at IS NOT NULL;

CREATE INDEX tags_open_started_tag ON tags (domain, tag, started_at, started_by) WHERE closed_at IS NULL;
CREATE INDEX tags_closed_started_tag ON tags
    (domain, tag, started_at, started_by, expires_at) WHERE closed_at IS NOT NULL;
CREATE INDEX tags_closed_closed_tag ON tags
    (domain, tag, closed_at, closed_by, expires_at) WHERE closed_at IS NOT NULL;

CREATE INDEX pending_list ON pending (domain, kind, name);
"""

_WAKES_AND_AGREEMENTS: Final = """
CREATE TABLE wakes (
    run INTEGER PRIMARY KEY,
    at  INTEGER NOT NULL
) STRICT;

CREATE INDEX wakes_at ON wakes (at);

CREATE TABLE agreed (
    name  TEXT PRIMARY KEY,
    value TEXT NOT NULL
) STRICT, WITHOUT ROWID;
"""

#: One row: the last group of the journal that is in the tables.
_JOURNALED: Final = """
CREATE TABLE journaled (
    number INTEGER NOT NULL
) STRICT;

INSERT INTO journaled VALUES (0);
"""

#: The step at place n leads from version n (PRAGMA user_version; 0 is an empty file) to n + 1.
MIGRATIONS: tuple[str, ...] = (_TABLES + _INDEXES, _WAKES_AND_AGREEMENTS, _JOURNALED)
