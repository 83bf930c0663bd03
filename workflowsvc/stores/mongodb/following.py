"""What follows a commit into the other collections: rows, snapshots, heartbeats, pending tasks, workflow ids.

Law: a document that is followed twice, or late, leaves what it left the first time, and never undoes a newer one. So
whoever finds that a commit was not followed may follow it, whatever its writer is doing.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Iterable, Sequence

from workflowsvc.stores.mongodb import schema
from workflowsvc.stores.mongodb.documents import Document, event_id, pending_ids, waking
from workflowsvc.stores.mongodb.judging import Snapshot
from workflowsvc.stores.mongodb.server import LARGEST, Change, Filter, Server


async def follow(server: Server, documents: Sequence[Document], snapshots: Sequence[Snapshot] = ()) -> None:
    """All but what is free then. One command per collection and kind of write."""
    closing = [each for each in documents if "frees" in each]
    changes = {
        schema.RUNNING: [
            _row(each) for each in documents if "row" in each and each["first"] > 1 and not each["closed"]
        ],
        # That of a run which begins is with its workflow id already.
        schema.OPEN: [
            _wake(each) for each in documents if "wake" in each and (each["first"] > 1 or not each["events"])
        ],
        schema.SNAPSHOTS: _snapshots(snapshots),
        schema.HEARTBEATS: _beats(documents),
    }
    work: list[Awaitable[object]] = [server.update(name, wanted) for name, wanted in changes.items() if wanted]
    inserts = {
        schema.RUNNING: [_first_row(each) for each in documents if each["first"] == 1 and not each["closed"]],
        schema.CLOSED: [_first_row(each) for each in closing],
        schema.PENDING: _scheduled(documents),
    }
    work += [server.insert(name, wanted) for name, wanted in inserts.items() if wanted]
    if gone := [key for each in documents for key in pending_ids(each["run"], each["unscheduled"])]:
        work.append(server.delete(schema.PENDING, {"_id": {"$in": gone}}))
    await _all(work)


async def free(server: Server, documents: Sequence[Document]) -> None:
    """What runs that closed leave, after all else: who finds a workflow id free finds the rest done.

    So the row of such a run is for a moment in both places, and never in none.
    """
    await _all(_claims(server, documents))


async def _all(work: Iterable[Awaitable[object]]) -> None:
    """Wait for all of it, and raise the first error."""
    for answer in await asyncio.gather(*work, return_exceptions=True):
        if isinstance(answer, BaseException):
            raise answer


def _first_row(document: Document) -> Document:
    """One that is there already is as new as this, or newer."""
    return {"_id": document["run"], **document["row"], "at": document["last"]}


def _row(document: Document) -> Change:
    last = document["last"]
    return Change({"_id": document["run"], "at": {"$lt": last}}, {"$set": {**document["row"], "at": last}})


def _wake(document: Document) -> Change:
    """Without events it is as new as the last of them."""
    older = {"$lt" if document["events"] else "$lte": document["last"]}
    return Change({"_id": document["claim"], "run": document["run"], "at": older}, {"$set": waking(document)})


def _snapshots(snapshots: Iterable[Snapshot]) -> list[Change]:
    """One that no document holds is not kept: the older one and the events since then are the same state."""
    return [
        Change({"_id": run_id}, {"$set": {"at": at, "document": document, "state": state}}, upsert=True)
        for run_id, at, document, state in snapshots
        if len(state) <= LARGEST
    ]


def _beats(documents: Iterable[Document]) -> list[Change]:
    newest = {event_id(each["run"], beat["task"]): (each["run"], beat) for each in documents for beat in each["beats"]}
    return [
        Change({"_id": key, "run": run_id, "at": {"$lte": beat["at"]}}, {"$set": beat}, upsert=True)
        for key, (run_id, beat) in newest.items()
    ]


def _scheduled(documents: Iterable[Document]) -> list[Document]:
    return [{"_id": key} for each in documents for key in pending_ids(each["run"], each["scheduled"])]


def _claims(server: Server, documents: Sequence[Document]) -> list[Awaitable[object]]:
    """A workflow id goes to the run that takes it over in the same document, else it is free.

    A run that hangs on another never held it: the id went from the first to the last of them.
    """
    freeing = [each for each in documents if "frees" in each]
    moved = [Change(_held(each), _to(each)) for each in freeing if "next" in each]
    freed = [_held(each) for each in freeing if "next" not in each]
    work: list[Awaitable[object]] = []
    if freeing:
        work.append(server.delete(schema.RUNNING, {"_id": {"$in": [each["run"] for each in freeing]}}))
    if moved:
        work.append(server.update(schema.OPEN, moved))
    if freed:
        work.append(server.delete(schema.OPEN, _all_of(freed)))
    return work


def _all_of(held: Sequence[Filter]) -> Filter:
    """No run ever holds the workflow id of another's."""
    return {key: {"$in": [each[key] for each in held]} for key in ("_id", "run")}


def _held(document: Document) -> Filter:
    return {"_id": document["frees"], "run": document["run"]}


def _to(document: Document) -> Document:
    heir = next(each for each in document["then"] if each["run"] == document["next"])
    taken = {"$set": {"run": heir["run"], **waking(heir)}}
    return taken if "wake" in heir else {**taken, "$unset": {"wake": ""}}
