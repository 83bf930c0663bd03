"""SWF's visibility questions as filters and orders.

Law: pure. Every filter is one range of one index of schema.py: what the runs are found by, then the place that orders.
"""

from __future__ import annotations

from typing import Any, Final

from workflowsvc.records import Cursor, ExecutionQuery, TimeField
from workflowsvc.stores.mongodb import schema
from workflowsvc.stores.mongodb.documents import facet, moment, place

#: What a query may ask for besides the domain: one of these at most.
_FACETS: Final = ("workflow_id", "type_name", "tag", "close_status")


def nothing(query: ExecutionQuery) -> bool:
    """An open run has neither a close time nor a close status."""
    return query.open and (query.by is TimeField.CLOSED or query.close_status is not None)


def collection(query: ExecutionQuery) -> str:
    return schema.RUNNING if query.open else schema.CLOSED


def executions(query: ExecutionQuery, after: Cursor | None) -> dict[str, Any]:
    """Those in the query's range, strictly behind *after*."""
    asked = [(name, str(value)) for name in _FACETS if (value := getattr(query, name)) is not None]
    wanted: dict[str, Any] = {"found_by": facet(query.domain, *(asked[0] if asked else ()))}
    if query.type_version is not None:
        wanted["type_version"] = query.type_version
    within = {"$gte": moment(query.oldest), "$lt": moment(query.latest + 1)}
    if after is not None and query.reverse:
        within["$gt"] = max(within.pop("$gte"), place(after.at, after.by))
    elif after is not None:
        within["$lt"] = min(within["$lt"], place(after.at, after.by))
    wanted[query.by.value] = within
    return wanted if query.open else {**wanted, "expires_at": {"$gt": query.now}}


def order(query: ExecutionQuery) -> list[tuple[str, int]]:
    return [(query.by.value, 1 if query.reverse else -1)]
