"""What follows commits into the other collections: rows, snapshots, heartbeats, pending tasks, workflow ids.

Law: a trace that is followed twice, or late, leaves what it left the first time, and never undoes a newer one. So
whoever finds that a commit was not followed may follow it.
"""

from __future__ import annotations

from collections.abc import Awaitable, Collection, Iterable, Iterator, Mapping

from workflowsvc.stores.mongodb import schema
from workflowsvc.stores.mongodb.documents import Document, event_id
from workflowsvc.stores.mongodb.server import Change, Filter, Server
from workflowsvc.stores.mongodb.traces import Trace


async def follow(server: Server, traces: Mapping[str, Trace]) -> None:
    """What runs leave goes after all else: who finds a workflow id free, or a snapshot, finds the rest done.

    So the row of a run that closed is for a moment in both places, and never in none. One command per collection and
    kind of write.
    """
    heirs = {trace.heir["run"] for trace in traces.values() if trace.heir}
    await _all(_kept(server, traces.values(), heirs))
    await _all(_left(server, traces, heirs))


def _kept(server: Server, traces: Collection[Trace], heirs: Collection[str]) -> Iterator[Awaitable[object]]:
    changes = {
        schema.RUNNING: [_row(each) for each in traces if each.row and not each.closed and not each.fresh],
        schema.OPEN: [_wake(each) for each in traces if _is_to_wake(each) and each.run not in heirs],
        schema.HEARTBEATS: [_beat(each.run, beat) for each in traces for beat in each.beats.values()],
    }
    inserts = {
        schema.RUNNING: [_first_row(each) for each in traces if each.fresh and not each.closed],
        schema.CLOSED: [{**_first_row(each), "documents": each.documents} for each in traces if each.closes],
        schema.PENDING: [{"_id": key} for each in traces for key in each.waiting],
    }
    yield from (server.update(name, wanted) for name, wanted in changes.items() if wanted)
    yield from (server.insert(name, wanted) for name, wanted in inserts.items() if wanted)
    if gone := [key for each in traces for key in each.gone]:
        yield server.delete(schema.PENDING, {"_id": {"$in": gone}})


def _left(server: Server, traces: Mapping[str, Trace], heirs: Collection[str]) -> Iterator[Awaitable[object]]:
    """A workflow id goes to the run that takes it over, and so on to the last of them, else it is free."""
    moved: list[Change] = []
    freed: list[Filter] = []
    for trace in traces.values():
        if trace.frees is None or trace.run in heirs:
            continue
        held = {"_id": trace.frees, "run": trace.run}
        heir = _last_heir(trace, traces)
        if heir is None:
            freed.append(held)
        else:
            moved.append(Change(held, _to(heir, traces.get(heir["run"]))))
    if closed := [each.run for each in traces.values() if each.closes and not each.fresh]:
        yield server.delete(schema.RUNNING, {"_id": {"$in": closed}})
    if moved:
        yield server.update(schema.OPEN, moved)
    if freed:
        yield server.delete(schema.OPEN, _all_of(freed))
    if snapshots := list(_snapshots(traces.values())):
        yield server.update(schema.SNAPSHOTS, snapshots)


async def _all(work: Iterable[Awaitable[object]]) -> None:
    for one in work:
        await one


def _first_row(trace: Trace) -> Document:
    """One that is there already is as new as this, or newer."""
    return {"_id": trace.run, **trace.row, "at": trace.row_at}


def _row(trace: Trace) -> Change:
    """A run whose beginning was not followed has none yet."""
    older = {"_id": trace.run, "at": {"$lt": trace.row_at}}
    return Change(older, {"$set": {**trace.row, "at": trace.row_at}}, upsert=trace.mending)


def _is_to_wake(trace: Trace) -> bool:
    return trace.wake_changed and not trace.closed


def _wake(trace: Trace) -> Change:
    """Without events it is as new as the last of them."""
    older = {"$lte" if trace.aside else "$lt": trace.wake_at}
    return Change({"_id": trace.claim, "run": trace.run, "at": older}, {"$set": _waking(trace.wake_at, trace.wake)})


def _waking(at: int, wake: str | None) -> Document:
    return {"at": at, **({} if wake is None else {"wake": wake})}


def _snapshots(traces: Iterable[Trace]) -> Iterator[Change]:
    for trace in traces:
        if trace.snapshot is not None:
            run_id, at, document, state = trace.snapshot
            yield Change({"_id": run_id}, {"$set": {"at": at, "document": document, "state": state}}, upsert=True)


def _beat(run_id: str, beat: Document) -> Change:
    key = event_id(run_id, beat["task"])
    return Change({"_id": key, "run": run_id, "at": {"$lte": beat["at"]}}, {"$set": beat}, upsert=True)


def _last_heir(trace: Trace, traces: Mapping[str, Trace]) -> Document | None:
    heir = trace.heir
    while heir is not None and (its := traces.get(heir["run"])) is not None and its.frees is not None:
        heir = its.heir
    return heir


def _to(heir: Document, trace: Trace | None) -> Document:
    """What its beginning says of when to look at it holds until it says something else."""
    if trace is not None and trace.wake is not None:
        waking = _waking(trace.wake_at, trace.wake)
    else:
        waking = _waking(heir["last"], heir.get("wake"))
    taken = {"$set": {"run": heir["run"], **waking}}
    return taken if "wake" in waking else {**taken, "$unset": {"wake": ""}}


def _all_of(held: Iterable[Filter]) -> Filter:
    """No run ever holds the workflow id of another's."""
    wanted = list(held)
    return {key: {"$in": [each[key] for each in wanted]} for key in ("_id", "run")}
