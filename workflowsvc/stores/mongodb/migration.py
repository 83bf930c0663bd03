"""Bringing a database up to this program's version.

Law: forward only, one step at a time, each recorded when it is done. A database that a newer program wrote is refused.
"""

from __future__ import annotations

from workflowsvc.stores.errors import StoreRefused
from workflowsvc.stores.mongodb import schema
from workflowsvc.stores.mongodb.server import Change, Server


async def migrate(server: Server) -> None:
    """Raises StoreRefused."""
    known = len(schema.MIGRATIONS)
    version = await _version(server)
    if version > known:
        raise StoreRefused(f"the database was written by a newer workflowsvc (schema {version}, known here: {known})")
    for step, indexes in enumerate(schema.MIGRATIONS[version:], version + 1):
        for collection, wanted in indexes.items():
            await server.make_indexes(collection, wanted)
        await server.update(schema.SERVICE, [_recorded(step)])


async def _version(server: Server) -> int:
    recorded = await server.find_one(schema.SERVICE, {"_id": schema.VERSION})
    return 0 if recorded is None else int(recorded["version"])


def _recorded(step: int) -> Change:
    """Where another process is further already, that stands."""
    return Change({"_id": schema.VERSION, "version": {"$lt": step}}, {"$set": {"version": step}}, upsert=True)
