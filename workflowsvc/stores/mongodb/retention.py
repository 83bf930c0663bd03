"""How runs that expired go: first out of every read, then piece by piece.

Law: a run's row goes last, marked from the first: a purge that was cut short is found and finished by the next.
"""

from __future__ import annotations

import asyncio
from typing import Final

from workflowsvc.stores.mongodb import schema
from workflowsvc.stores.mongodb.documents import history_id, row_names
from workflowsvc.stores.mongodb.server import Filter, Server
from workflowsvc.stores.mongodb.standing import Standing

#: Documents of histories that go at a time.
_SWEEP: Final = 500
#: What is left of a row that is marked finds it again for a purge, and for nothing else.
_MARK: Final = {"$set": {"purged": True}, "$unset": dict.fromkeys(row_names() - {"unsettled", "expires_at"}, "")}


async def purge(server: Server, standing: Standing, now: int, limit: int) -> int:
    expired: Filter = {"unsettled": False, "expires_at": {"$lte": now}}
    found = await server.find(schema.CLOSED, expired, [("expires_at", 1)], limit=limit, fields=["documents"])
    run_ids = [each["_id"] for each in found]
    if not run_ids:
        return 0
    await _mend(server, standing, run_ids)
    await server.update_all(schema.CLOSED, {"_id": {"$in": run_ids}}, _MARK)
    standing.forget(run_ids)
    for each in found:
        await _sweep(server, each["_id"], each["documents"])
    theirs: Filter = {"run": {"$in": run_ids}}
    await asyncio.gather(
        server.delete(schema.HEARTBEATS, theirs),
        server.delete(schema.SNAPSHOTS, {"_id": {"$in": run_ids}}),
    )
    await server.delete(schema.CLOSED, {"_id": {"$in": run_ids}, "purged": True})
    return len(run_ids)


async def _mend(server: Server, standing: Standing, run_ids: list[str]) -> None:
    """A run that still holds its workflow id was not followed to the end: its history says who is to have that."""
    held = await server.find(schema.OPEN, {"run": {"$in": run_ids}}, fields=["run"])
    await standing.look(each["run"] for each in held)


async def _sweep(server: Server, run_id: str, documents: int) -> None:
    """From the front: what a read still finds of the history does not begin with its beginning."""
    for begin in range(0, documents, _SWEEP):
        numbers = range(begin, min(begin + _SWEEP, documents))
        wanted = {"run": run_id, "_id": {"$in": [history_id(run_id, number) for number in numbers]}}
        await server.delete(schema.HISTORIES, wanted)
