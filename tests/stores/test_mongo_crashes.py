"""A process that dies between two writes: whatever it had begun is there whole for the next, or not at all."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from types import ModuleType
from typing import Any

import pytest
from msgspec.structs import replace

from tests.servers import fresh_database
from tests.stores.making import DECISIONS, DOMAIN, START, Run, events, pending
from tests.stores.mongo import dying, listening
from workflowsvc.ports import Conflict, StoreUnavailable
from workflowsvc.records import Commit, ExecutionQuery, Heartbeat, TimeField
from workflowsvc.stores.mongo import MongoStore
from workflowsvc.stores.mongodb import backlog, standing

OLD, NEXT, LAST, RIVAL = (Run(number, "same", tags=["red"]) for number in range(1, 5))
BEAT = Heartbeat(2, START, "alive")
BEGUN = [OLD.start(scheduled=pending(2), heartbeat=BEAT, wake_at=START + 9)]
AFTER = [NEXT.start(scheduled=pending(2), wake_at=START + 7)]

OPENED = ExecutionQuery(domain=DOMAIN, open=True, by=TimeField.STARTED, oldest=0, latest=START * 2, now=START)
#: the event that closes OLD
CLOSED_AT = 3

#: what was committed before, and what is on its way when the process dies
SCENES: dict[str, tuple[list[Commit], list[Commit]]] = {
    "begins": ([], BEGUN),
    "goes on": (
        BEGUN,
        [
            OLD.commit(3, 2, scheduled=pending(4), unscheduled=pending(2), wake_at=START + 5),
            OLD.commit(5, heartbeat=replace(BEAT, at=START + 1)),
        ],
    ),
    "changes its row": (BEGUN, [OLD.commit(3, row=OLD.row(info=b"changed"))]),
    "closes": (BEGUN, [OLD.close(unsettled=True)]),
    "is continued": (BEGUN, [OLD.close(), *AFTER]),
    "is continued twice": (BEGUN, [OLD.close(), *AFTER, NEXT.close(), LAST.start(scheduled=pending(2))]),
    "begins and is continued": ([], [*BEGUN, OLD.close(), *AFTER]),
}


async def lists(store: MongoStore) -> list[object]:
    found: list[object] = []
    for is_open, by, chosen in (
        (True, TimeField.STARTED, {}),
        (False, TimeField.STARTED, {"tag": "red"}),
        (False, TimeField.CLOSED, {"workflow_id": "same"}),
    ):
        query = ExecutionQuery(
            domain=DOMAIN,
            open=is_open,
            by=by,
            oldest=0,
            latest=START * 2,
            now=START,
            **chosen,  # type: ignore[arg-type]
        )
        found += [await store.executions(query, None, 10), await store.count_executions(query)]
    return found


async def observed(store: MongoStore, entry: str) -> list[object]:
    """All that the store has to say. *entry* is by which question it is asked first."""
    found: dict[str, Any] = {}
    runs = (OLD, NEXT, LAST)
    if entry == "find_run":
        found["open"] = await store.find_run(DOMAIN, "same")
    if entry == "rival":
        with suppress(Conflict):
            await store.commit([RIVAL.start()])
    found["runs"] = [await store.load(run.run_id) for run in runs]
    found["open"] = await store.find_run(DOMAIN, "same")
    rows = [await store.row(run.run_id, START) for run in runs]
    histories = [await store.history(run.run_id, 1, 99, 99) for run in runs]
    waiting = await store.count_pending(DECISIONS)
    due = await store.due(START * 2, None, 9)
    # a workflow id may be held by a run that has not begun: whoever resumes that finds nothing
    recoverable = [ref for ref in await store.recoverable("", 9) if await store.load(ref.run_id)]
    return [found, rows, histories, waiting, due, recoverable, await lists(store)]


async def undisturbed(units: Sequence[list[Commit]], entry: str) -> list[object]:
    with fresh_database() as url:
        async with MongoStore(url) as store:
            for unit in units:
                if unit:
                    await store.commit(unit)
            return await observed(store, entry)


@pytest.mark.parametrize("entry", ["load", "find_run", "rival"])
@pytest.mark.parametrize("scene", SCENES)
async def test_what_a_process_that_died_had_begun_is_whole_or_not_there(scene: str, entry: str) -> None:
    before, unit = SCENES[scene]
    possible = [await undisturbed([before], entry), await undisturbed([before, unit], entry)]
    seen: list[int] = []
    died = True
    while died:
        writes = len(seen)
        with fresh_database() as url:
            async with MongoStore(url) as store:
                if before:
                    await store.commit(before)
            async with dying(url, writes) as store:
                try:
                    await store.commit(unit)
                    await store.show()
                    died = False
                except ConnectionError:
                    pass
            async with MongoStore(url) as store:
                found = await observed(store, entry)
            assert found in possible, (writes, found)
            seen.append(possible.index(found))
    assert seen == sorted(seen)
    assert set(seen) == {0, 1}


async def test_who_loads_a_run_that_was_continued_finds_the_next_one(mongodb_url: str) -> None:
    """Its writer is dead, and the action that continued it comes to another."""
    told = 0
    for writes in range(20):
        with fresh_database() as url:
            async with MongoStore(url) as store:
                await store.commit(BEGUN)
            async with dying(url, writes) as store:
                with suppress(ConnectionError):
                    await store.commit([OLD.close(), *AFTER])
                    await store.show()
            async with MongoStore(url) as store:
                await store.load(OLD.run_id)
                if len(await store.history(OLD.run_id, 1, 99, 99)) == CLOSED_AT:
                    told += 1
                    assert await store.row(NEXT.run_id, START) is not None
                    assert await store.history(NEXT.run_id, 1, 99, 99)
    assert told > 5


@pytest.mark.parametrize("writes", range(8))
async def test_who_goes_on_without_looking_sees_to_it_too(mongodb_url: str, writes: int) -> None:
    """The caller remembers the run, but the store, in its new process, does not."""
    async with dying(mongodb_url, writes) as store:
        with suppress(ConnectionError):
            await store.commit(BEGUN)
            await store.show()
    async with MongoStore(mongodb_url) as store:
        try:
            await store.commit([OLD.commit(3, unscheduled=pending(2), scheduled=pending(3))])
            begun = True
        except Conflict:
            begun = False
        stored = await store.load(OLD.run_id)
        assert (stored is not None) == begun
        assert await store.count_pending(DECISIONS) == begun
        if stored is not None:
            assert (stored.events, stored.wake_at) == (events(1, 3), START + 9)
            assert list(stored.heartbeats) == [BEAT]


@pytest.mark.parametrize("writes", range(2))
async def test_a_run_that_never_began_gives_its_workflow_id_to_another(mongodb_url: str, writes: int) -> None:
    async with dying(mongodb_url, writes) as store:
        with suppress(ConnectionError):
            await store.commit(BEGUN)
    async with MongoStore(mongodb_url) as store:
        await store.commit([RIVAL.start()])
        assert await store.find_run(DOMAIN, "same") == RIVAL.run_id
        with pytest.raises((Conflict, ValueError)):
            await store.commit(BEGUN)
        await store.commit([RIVAL.close()])
        if writes == 1:  # it had the workflow id, and lost it: the run cannot begin any more
            with pytest.raises(ValueError, match="can never begin"):
                await store.commit(BEGUN)
            assert await store.load(OLD.run_id) is None
            assert await store.history(OLD.run_id, 1, 9, 9) == []
            assert not await store.has_committed(OLD.run_id, OLD.action)
            assert await store.find_run(DOMAIN, "same") == RIVAL.run_id
        await store.commit([NEXT.start()])
        assert await store.find_run(DOMAIN, "same") == NEXT.run_id


async def test_a_run_that_had_not_begun_begins_when_its_start_comes_again(mongodb_url: str) -> None:
    async with dying(mongodb_url, 1) as store:
        with suppress(ConnectionError):
            await store.commit(BEGUN)
    async with MongoStore(mongodb_url) as store:
        assert await store.find_run(DOMAIN, "same") is None
        await store.commit(BEGUN)
        assert await store.find_run(DOMAIN, "same") == OLD.run_id


@pytest.mark.parametrize("writes", range(8))
async def test_a_purge_that_was_cut_short_is_finished_by_the_next(mongodb_url: str, writes: int) -> None:
    kept = Run(9)
    async with MongoStore(mongodb_url) as store:
        await store.commit(BEGUN)
        await store.commit([OLD.commit(3, snapshot=b"state")])
        await store.commit([OLD.close(4, expires_at=START), *AFTER])
        await store.commit([kept.start()])
    async with dying(mongodb_url, writes) as store:
        with suppress(ConnectionError):
            await store.purge(START + 1, 10)
    async with MongoStore(mongodb_url) as store:
        assert await store.load(OLD.run_id) is None or writes == 0
        assert await store.history(OLD.run_id, 1, 9, 9) in ([], events(1, 4))
        assert await store.purge(START + 1, 10) in (0, 1)
        assert await store.purge(START + 1, 10) == 0
        assert await store.load(OLD.run_id) is None
        assert await store.history(OLD.run_id, 1, 9, 9) == []
        assert await store.find_run(DOMAIN, "same") == NEXT.run_id
        for run in (NEXT, kept):
            assert await store.load(run.run_id) is not None
        left = [
            document
            for name in ("histories", "executions", "closed_executions", "heartbeats", "snapshots", "pending")
            for document in await store._server.find(name, {"_id": {"$gte": OLD.run_id, "$lt": OLD.run_id + "0"}})
        ]
        assert left == []


@pytest.mark.parametrize("closes", [False, True])
@pytest.mark.parametrize("slow", [False, True])
@pytest.mark.parametrize("late", [backlog, standing])
async def test_who_follows_late_takes_back_what_others_went_on_from(
    mongodb_url: str, monkeypatch: pytest.MonkeyPatch, late: ModuleType, slow: bool, closes: bool
) -> None:
    """Between the commit that schedules a task and what follows it, or between finding that and mending it."""
    follow, waiting = late.follow, True
    monkeypatch.setattr(backlog, "_PROMPT", 0 if slow else 9)

    async def overtaken(*arguments: Any) -> None:
        nonlocal waiting
        if waiting and (trace := arguments[1].get(OLD.run_id)) and trace.last == 3:
            waiting = False
            async with MongoStore(mongodb_url) as other:
                await other.load(OLD.run_id)
                await other.commit([OLD.close(4) if closes else OLD.commit(4, unscheduled=pending(3))])
                await other.commit([NEXT.start() if closes else OLD.commit(5)])
        await follow(*arguments)

    async with MongoStore(mongodb_url) as store:
        await store.commit(BEGUN)
    async with dying(mongodb_url, 1 if late is standing else 99) as store:
        monkeypatch.setattr(late, "follow", overtaken)
        with suppress(ConnectionError):
            await store.commit([OLD.commit(3, scheduled=pending(3), unscheduled=pending(2), wake_at=START)])
            await store.show(overtaken=not slow)
    async with MongoStore(mongodb_url) as store:
        stored = await store.load(OLD.run_id)
        assert not waiting
        assert stored is not None
        assert stored.events == events(1, 4 if closes else 5)
        assert await store.count_pending(DECISIONS) == 0
        assert await store.find_run(DOMAIN, "same") == (NEXT if closes else OLD).run_id
        assert len(await store.due(START * 2, None, 9)) == (not closes)
        assert await store.count_executions(OPENED) == 1


async def test_what_is_left_of_no_run_is_no_run(mongodb_url: str) -> None:
    """Which cannot be, but for a process that writes when the run it remembers has been purged."""
    async with MongoStore(mongodb_url) as store:
        await store.commit(BEGUN)
        await store.commit([OLD.close()])
        await store.show()
        for name in ("histories", "closed_executions"):
            await store._server.delete(name, {"_id": {"$in": [OLD.run_id, f"{OLD.run_id}/000000"]}})
        assert await store.load(OLD.run_id) is None
        assert await store.history(OLD.run_id, 1, 9, 9) == []


async def test_a_run_that_had_its_place_and_never_began_is_not_woken_for_ever(mongodb_url: str) -> None:
    async with dying(mongodb_url, 1) as store:
        with pytest.raises(ConnectionError):
            await store.commit([OLD.start(wake_at=START)])
    async with MongoStore(mongodb_url) as store:
        assert [due.run.run_id for due in await store.due(START, None, 9)] == [OLD.run_id]
        assert await store.due(START + 3_600_000, None, 9) == []
        assert await store.due(START, None, 9) == []
        with pytest.raises(ValueError, match="never begin"):
            await store.commit([OLD.start()])


async def test_what_could_not_be_followed_is_tried_again_as_it_was(
    mongodb_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Half of it may be there: what came since must not make up for it."""
    async with MongoStore(mongodb_url) as store:
        insert, calls = store._server.insert, 0

        async def half(*arguments: Any) -> Any:
            nonlocal calls
            found = await insert(*arguments)
            if arguments[0] == "pending" and (calls := calls + 1) == 1:
                raise StoreUnavailable("it was written, and nobody learns of it")
            return found

        await store.commit(BEGUN)
        monkeypatch.setattr(store._server, "insert", half)
        with pytest.raises(StoreUnavailable):
            await store.show()
        await store.commit([OLD.commit(3, unscheduled=pending(2))])
        await store.show()
        assert await store.count_pending(DECISIONS) == 0
        assert await store.count_executions(OPENED) == 1


async def test_a_run_that_several_units_of_a_dead_process_made_is_whole(mongodb_url: str) -> None:
    """A crash may leave many commits unfollowed, some of which undo what others did."""
    async with dying(mongodb_url, 4) as store:  # a workflow id, three documents
        await store.commit(BEGUN)
        await store.commit([OLD.commit(3, scheduled=pending(3), unscheduled=pending(2))])
        await store.commit([OLD.commit(4, scheduled=pending(4, 5), row=OLD.row(info=b"changed"), wake_at=START + 3)])
    async with MongoStore(mongodb_url) as store:
        stored = await store.load(OLD.run_id)
        assert stored is not None
        assert (stored.events, stored.wake_at, stored.row.info) == (events(1, 4), START + 3, b"changed")
        assert await store.count_pending(DECISIONS) == 3
        assert [each.info for each in await store.executions(OPENED, None, 9)] == [b"changed"]
        assert [due.wake_at for due in await store.due(START * 2, None, 9)] == [START + 3]


async def test_a_run_that_begins_and_closes_unfollowed_leaves_its_closed_row(mongodb_url: str) -> None:
    async with dying(mongodb_url, 3) as store:
        await store.commit(BEGUN)
        await store.commit([OLD.close(3)])
    async with MongoStore(mongodb_url) as store:
        assert await store.load(OLD.run_id) is not None
        assert await store.find_run(DOMAIN, "same") == OLD.run_id
        assert (await store.count_executions(OPENED), await store.count_pending(DECISIONS)) == (0, 0)
        assert await store.due(START * 2, None, 9) == []
        await store.commit([NEXT.start()])


async def test_a_workflow_id_goes_along_a_chain_of_runs_at_once(mongodb_url: str) -> None:
    """Each continues the one before, in a unit of its own, before anything of it was shown."""
    async with MongoStore(mongodb_url) as store, MongoStore(mongodb_url) as other:
        await store.commit(BEGUN)
        await store.commit([OLD.close(), *AFTER])
        await store.commit([NEXT.close(), LAST.start(wake_at=START + 4)])
        await store.commit([LAST.commit(3, wake_at=START + 6)])
        await store.show()
        assert await other.find_run(DOMAIN, "same") == LAST.run_id
        assert [(due.wake_at, due.run.run_id) for due in await other.due(START * 2, None, 9)] == [
            (START + 6, LAST.run_id)
        ]
        await store.commit([LAST.close(4)])
        await store.commit([RIVAL.start()])
        await store.show()
        assert await other.find_run(DOMAIN, "same") == RIVAL.run_id


async def test_what_comes_after_it_was_overtaken_is_not_looked_at_again(mongodb_url: str) -> None:
    with listening() as commands:
        async with MongoStore(mongodb_url) as store:
            await store.commit(BEGUN)
            await store.show(overtaken=True)
            assert commands.named("find")
            await store.commit([OLD.commit(3, scheduled=pending(3))])
            commands.seen.clear()
            await store.show()
            assert not commands.named("find")


async def test_a_time_to_wake_is_kept_though_the_run_has_just_taken_its_workflow_id_over(mongodb_url: str) -> None:
    async with MongoStore(mongodb_url) as store:
        await store.commit(BEGUN)
        await store.commit([OLD.close(), *AFTER])
        await store.commit([NEXT.commit(3, 0, wake_at=START + 2)])
        assert [(due.wake_at, due.run.run_id) for due in await store.due(START * 2, None, 9)] == [
            (START + 2, NEXT.run_id)
        ]
