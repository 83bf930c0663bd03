"""The collections of the MongoDB store, their indexes as data, and the steps that lead here from older versions.

Law: data only. A step that was released is never edited: what changes is a new step at the end. A step may be made by
several processes at a time, and again after a crash.

No index is unique but that of `_id`, and none is partial: not every server has them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

HISTORIES: Final = "histories"
#: A row moves from the first to the second when its run closes: inserting and deleting cost a tenth of an update, and
#: an open one need not be in the indexes of closed ones.
RUNNING: Final = "executions"
CLOSED: Final = "closed_executions"
OPEN: Final = "open_executions"
SNAPSHOTS: Final = "snapshots"
HEARTBEATS: Final = "heartbeats"
PENDING: Final = "pending"
DOMAINS: Final = "domains"
TYPES: Final = "types"
SERVICE: Final = "service"

#: The document of SERVICE that says which version the database has.
VERSION: Final = "schema"


class Index(NamedTuple):
    """The fields of an index, all ascending: every server reads one backwards, too."""

    fields: tuple[str, ...]
    #: documents without the first field are not in it
    sparse: bool = False


_FIRST: Final[Mapping[str, Sequence[Index]]] = {
    # Documents are found by their numbers, an action is looked for along its run: an index costs every commit a tenth.
    HISTORIES: (),
    # All that a visibility question may ask for is one array, and an entry each: a server takes one index with five
    # entries a document more easily than five indexes. The time that orders follows, and the end of retention.
    RUNNING: (Index(("found_by", "started")),),
    CLOSED: (
        Index(("found_by", "started", "expires_at")),
        Index(("found_by", "closed", "expires_at")),
        Index(("unsettled", "_id")),
        Index(("unsettled", "expires_at")),
    ),
    OPEN: (Index(("run",)), Index(("wake",), sparse=True)),
    HEARTBEATS: (Index(("run",)),),
    PENDING: (),
    DOMAINS: (Index(("region", "deprecated", "_id")),),
    TYPES: (Index(("domain", "kind", "deprecated", "place")),),
}

#: The step at place n leads from version n (0 is an empty database) to n + 1: the indexes that it adds.
MIGRATIONS: tuple[Mapping[str, Sequence[Index]], ...] = (_FIRST,)
