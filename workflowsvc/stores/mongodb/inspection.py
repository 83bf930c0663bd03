"""What a database tells of the service that keeps it, seen from outside: for whoever wants to know whether all is well.

Law: reads only. A database that nobody has set up is left as it is.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final, NamedTuple

from workflowsvc.stores.mongodb import schema
from workflowsvc.stores.mongodb.histories import Histories
from workflowsvc.stores.mongodb.reader import Reader
from workflowsvc.stores.mongodb.server import Server
from workflowsvc.stores.mongodb.standing import Standing

#: The version of the schema that this program knows.
KNOWN: Final = len(schema.MIGRATIONS)
_PAGE: Final = 500


#: As MongoStore calls what the processes of the service agreed on.
_AGREED: Final = "agreed:"


class Inspection(NamedTuple):
    version: str
    #: of the protocol
    wire: int
    #: 0: nothing was ever kept here
    schema: int
    #: by the names that were asked for; those that nobody agreed on are not among them
    agreed: dict[str, str]


@asynccontextmanager
async def reaching(url: str) -> AsyncIterator[Server]:
    """Raises StoreRefused."""
    server = Server(url)
    try:
        await server.reach()
        yield server
    finally:
        await server.close()


async def inspect(server: Server, *names: str) -> Inspection:
    """Raises StoreUnavailable."""
    version, wire = await server.version()
    wanted = {"_id": {"$in": [schema.VERSION, *(_AGREED + name for name in names)]}}
    found = {each["_id"]: each for each in await server.find(schema.SERVICE, wanted)}
    recorded = found.pop(schema.VERSION, {"version": 0})
    agreed = {each.removeprefix(_AGREED): document["value"] for each, document in found.items()}
    return Inspection(version, wire, int(recorded["version"]), agreed)


async def count_recoverable(server: Server) -> int:
    """Runs that are open, or closed and unsettled. Raises StoreUnavailable."""
    histories = Histories(server)
    reader = Reader(server, histories, Standing(server, histories))
    count, after = 0, ""
    while runs := await reader.recoverable(after, _PAGE):
        count, after = count + len(runs), runs[-1].run_id
    return count
