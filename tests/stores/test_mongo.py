"""What is particular to the MongoDB store: its commands, its indexes, its rivals, and servers that go away."""

# ruff: noqa: ASYNC220 - tests may block: nothing else runs on their loops

from __future__ import annotations

import asyncio
import gc
import os
import signal
import subprocess
import sys
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import suppress
from itertools import product
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace
from pymongo import AsyncMongoClient, MongoClient, UpdateOne
from pymongo.asynchronous.collection import AsyncCollection
from pymongo.errors import AutoReconnect, BulkWriteError

from tests.stores.acknowledging import LANES
from tests.stores.making import (
    DECISIONS,
    DOMAIN,
    START,
    Run,
    activity_type,
    domain,
    events,
    pending,
    workflow_type,
)
from tests.stores.mongo import listening, proxied
from workflowsvc.ports import Conflict, StoreUnavailable
from workflowsvc.records import ExecutionQuery, Heartbeat, TimeField, TypeKind
from workflowsvc.stores.errors import StoreRefused
from workflowsvc.stores.mongo import MongoStore
from workflowsvc.stores.mongodb import filters, histories, schema, server
from workflowsvc.swf.shapes import CloseStatus

ROOT = Path(__file__).parents[2]


@pytest.fixture
def broken_off() -> Iterator[None]:
    """PyMongo leaves a socket to the collector where it is closed, or cut off, while it connects."""
    yield
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        gc.collect()


async def refusal(url: str) -> str:
    with pytest.raises(StoreRefused) as caught:
        async with MongoStore(url):
            pass
    return str(caught.value)


# ---- opening -------------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("broken_off")
async def test_a_server_that_does_not_answer_is_refused_in_one_sentence() -> None:
    began = time.monotonic()
    assert await refusal("mongodb://user:password@127.0.0.1:1/x") == "no MongoDB answers at 127.0.0.1:1"
    assert time.monotonic() - began < 4


@pytest.mark.usefixtures("broken_off")
@pytest.mark.parametrize("url", ["mongodb://", "http://127.0.0.1/x", "mongodb://127.0.0.1:99999/x"])
async def test_what_is_no_url_of_a_server_is_refused(url: str) -> None:
    assert "cannot use the MongoDB" in await refusal(url)


async def test_a_url_without_a_database_means_one_of_our_name() -> None:
    store = server.Server("mongodb://127.0.0.1:1")
    assert store._database.name == "workflowsvc"
    await store.close()


async def test_a_newer_schema_is_refused(mongodb_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    async with MongoStore(mongodb_url) as store:
        await store.commit([Run(1).start()])
    with monkeypatch.context() as patched:
        patched.setattr(schema, "MIGRATIONS", (*schema.MIGRATIONS, {"later": [schema.Index(("one", "two"))]}))
        async with MongoStore(mongodb_url) as store:  # an older one is brought up to date
            assert await store.history(Run(1).run_id, 1, 9, 9) == events(1, 2)
    newer = len(schema.MIGRATIONS) + 1
    assert f"written by a newer workflowsvc (schema {newer}," in await refusal(mongodb_url)


async def test_many_may_open_an_empty_database_at_once(mongodb_url: str) -> None:
    stores = [MongoStore(mongodb_url) for _ in range(5)]
    await asyncio.gather(*(store.__aenter__() for store in stores))
    assert len({await store.secret("tokens") for store in stores}) == 1
    assert {await store.agreed("partitions", str(number)) for number, store in enumerate(stores)} == {"0"}
    for store in stores:
        await store.__aexit__(None, None, None)


async def test_everything_is_there_for_another_process(mongodb_url: str) -> None:
    run = Run(1, tags=["red"])
    types = [workflow_type("A"), activity_type("A", deprecated_at=START, description="old")]
    async with MongoStore(mongodb_url) as one, MongoStore(mongodb_url) as other:
        await one.commit([run.start(scheduled=pending(2), heartbeat=Heartbeat(2, START, "x"), snapshot=b"s")])
        await one.commit([run.commit(3, action_id="third")])
        await one.add_domain(domain(tags={"te.am": "$hop"}))
        for record in types:
            await one.add_type(record)
        await one.show()
        assert await other.load(run.run_id) == await one.load(run.run_id)
        assert await other.count_pending(DECISIONS) == 1
        assert await other.has_committed(run.run_id, "third")
        assert await other.domain(DOMAIN) == domain(tags={"te.am": "$hop"})
        assert await other.types([record.key for record in types]) == {record.key: record for record in types}
        await other.replace_domain(domain(deprecated=True), deprecate_types_at=START + 1)
        assert (await one.types([types[0].key]))[types[0].key].deprecated_at == START + 1
        await other.commit([run.commit(4)])
        with pytest.raises(Conflict):
            await one.commit([run.commit(4)])
        await one.commit([run.commit(5)])
        assert await other.history(run.run_id, 1, 9, 9) == events(1, 5)


async def test_a_closed_store_is_unavailable(mongodb_url: str) -> None:
    async with MongoStore(mongodb_url) as store:
        waiting = asyncio.ensure_future(store.commit([Run(1).start()]))
        await asyncio.sleep(0)
    await waiting
    for question in (store.ping(), store.commit([Run(2).start()]), store.load(Run(1).run_id)):
        with pytest.raises(StoreUnavailable):
            await question


# ---- commands ------------------------------------------------------------------------------------------------


async def test_every_write_waits_for_the_journals_of_a_majority(mongodb_url: str) -> None:
    with listening() as commands:
        async with MongoStore(mongodb_url) as store:
            run, heir = Run(1, "same"), Run(2, "same")
            everything = {"heartbeat": Heartbeat(2, START), "snapshot": b"s", "wake_at": START}
            await store.commit([run.start(scheduled=pending(2), **everything)])
            await store.commit([run.commit(3, unscheduled=pending(2))])
            await store.commit([run.close(4, unsettled=True, expires_at=START), heir.start()])
            await store.settle([run.run_id])
            await store.purge(START, 9)
            await store.add_domain(domain())
            await store.add_type(workflow_type("A"))
            await store.replace_domain(domain(deprecated=True), deprecate_types_at=START)
            await store.replace_type(workflow_type("A"))
            await store.delete_type(workflow_type("A").key)
            await store.secret("tokens")
            await store.load(heir.run_id)
            await store.count_pending(DECISIONS)
    writes = commands.named("insert", "update", "delete", "createIndexes")
    making = {command["createIndexes"]: command["indexes"] for command in commands.named("createIndexes")}
    assert making.keys() >= {"executions", "heartbeats"}
    assert all(making.values())  # FerretDB refuses to make none, with the words of MongoDB; SecantusDB does not
    assert len(writes) > 20
    assert [each for each in writes if each.get("writeConcern") != {"w": "majority", "j": True}] == []
    reads = commands.named("find", "aggregate")
    assert [each for each in reads if each.get("readConcern") != {"level": "majority"}] == []
    assert {next(iter(each)) for each in commands.seen} <= {
        *("insert", "update", "delete", "createIndexes", "find", "aggregate", "ping", "endSessions")
    }


RUN, HEIR, BRIEF = Run(1, "same"), Run(2, "same"), Run(3, "brief")
HISTORY = ("insert", "histories", 1)
#: units after those before them, and what is written as (kind, collection, statements): with them, and when it is shown
COMMANDS: list[tuple[list[list[Any]], list[tuple[str, str, int]], list[tuple[str, str, int]]]] = [
    (
        [[RUN.start(scheduled=pending(2), wake_at=START)]],
        [("insert", "open_executions", 1), HISTORY],
        [("insert", "executions", 1), ("insert", "pending", 1)],
    ),
    ([[RUN.commit(3)]], [HISTORY], []),
    ([[RUN.commit(4), RUN.commit(5), RUN.commit(6)]], [HISTORY], []),
    (
        [[RUN.commit(7, scheduled=pending(7, 8), unscheduled=pending(2))]],
        [HISTORY],
        [("insert", "pending", 2), ("delete", "pending", 1)],
    ),
    ([[RUN.commit(8, 0, heartbeat=Heartbeat(2, START))]], [("update", "heartbeats", 1)], []),
    ([[RUN.commit(8, 0, wake_at=START + 1)]], [("update", "open_executions", 1)], []),
    (
        [[RUN.close(8), HEIR.start()]],
        [HISTORY, HISTORY],
        [
            ("insert", "closed_executions", 1),
            ("insert", "executions", 1),
            ("delete", "executions", 1),
            ("update", "open_executions", 1),
        ],
    ),
    (
        [[HEIR.close()]],
        [HISTORY],
        [("insert", "closed_executions", 1), ("delete", "executions", 1), ("delete", "open_executions", 1)],
    ),
    # what comes and goes before it is shown leaves nothing
    (
        [
            [BRIEF.start(scheduled=pending(2))],
            [BRIEF.commit(3, scheduled=pending(3), unscheduled=pending(2))],
            [BRIEF.commit(4, row=BRIEF.closed(), unscheduled=pending(3))],
        ],
        [("insert", "open_executions", 1), HISTORY, HISTORY, HISTORY],
        [("insert", "closed_executions", 1), ("delete", "open_executions", 1)],
    ),
]


async def test_a_commit_costs_few_commands_and_no_reads(mongodb_url: str) -> None:
    with listening() as commands:
        async with MongoStore(mongodb_url) as store:
            for units, at_once, later in COMMANDS:
                commands.seen.clear()
                for unit in units:
                    await store.commit(unit)
                assert sorted(commands.written()) == sorted(at_once)
                commands.seen.clear()
                await store.show()
                assert sorted(commands.written()) == sorted(later)
                assert commands.named("find", "aggregate") == []


async def test_units_that_are_ready_together_share_their_commands(mongodb_url: str) -> None:
    runs = [Run(number) for number in range(60)]
    steps: list[Callable[[Run], Any]] = [
        lambda run: run.start(scheduled=pending(2)),
        lambda run: run.commit(3, scheduled=pending(3), unscheduled=pending(2)),
        lambda run: run.close(4),
    ]
    with listening() as commands:
        async with MongoStore(mongodb_url) as store:
            for step in steps:
                commands.seen.clear()
                await asyncio.gather(*(store.commit([step(run)]) for run in runs))
                await store.show()
                written = commands.written()
                assert len(written) <= 5, written
                assert sum(count for kind, name, count in written if (kind, name) == ("insert", "histories")) == 60


async def test_catalogue_reads_that_are_ready_together_are_one(mongodb_url: str) -> None:
    records = [workflow_type(f"T{number}") for number in range(20)]
    with listening() as commands:
        async with MongoStore(mongodb_url) as store:
            for record in records:
                await store.add_type(record)
            await store.add_domain(domain())
            commands.seen.clear()
            found = await asyncio.gather(
                *(store.types([record.key]) for record in records), *(store.domain(DOMAIN) for _ in range(20))
            )
            assert found == [*({record.key: record} for record in records), *[domain()] * 20]
            assert len(commands.named("find")) == 2


# ---- indexes -------------------------------------------------------------------------------------------------


def questions() -> list[ExecutionQuery]:
    fixed: list[dict[str, Any]] = [
        {},
        {"workflow_id": "w"},
        {"type_name": "t"},
        {"type_name": "t", "type_version": "1"},
        {"tag": "red"},
        {"close_status": CloseStatus.FAILED},
    ]
    asked = (
        ExecutionQuery(domain=DOMAIN, open=is_open, by=by, oldest=1, latest=9, now=5, reverse=reverse, **chosen)
        for is_open, by, reverse, chosen in product((True, False), TimeField, (False, True), fixed)
    )
    return [query for query in asked if not filters.nothing(query)]


def test_every_visibility_question_has_an_index() -> None:
    """What it fixes, then the time that orders it: the only thing to be looked at beyond are versions and expiry."""
    for query in questions():
        indexes = {index.fields for index in schema.MIGRATIONS[0][filters.collection(query)]}
        wanted = filters.executions(query, None)
        fixed = tuple(name for name in wanted if name not in ("started", "closed", "expires_at", "type_version"))
        expiry = () if query.open else ("expires_at",)
        assert (*fixed, query.by.value, *expiry) in indexes, query


async def test_the_server_finds_by_index(mongodb_url: str) -> None:
    async with MongoStore(mongodb_url) as store:
        for number in range(30):
            run = Run(number, tags=["red"])
            closing = [run.close(unsettled=number % 4 == 0)] if number % 2 else []
            await store.commit([run.start(scheduled=pending(2), wake_at=START, snapshot=b"s"), *closing])
        with listening() as commands:
            async with MongoStore(mongodb_url) as observed:
                await observed.load(Run(0).run_id)
                await observed.find_run(DOMAIN, "workflow-1")
                await observed.has_committed(Run(0).run_id, "x")
                await observed.history(Run(0).run_id, 2, 9, 9)
                await observed.history(Run(0).run_id, 2, 9, 9, reverse=True)
                await observed.due(START, None, 9)
                await observed.recoverable("", 9)
                for query in questions():
                    await observed.executions(query, None, 9)
                await observed.purge(START, 9)
    async with AsyncMongoClient[dict[str, Any]](mongodb_url) as client:
        database = client.get_default_database()
        # What an index leaves to be looked at in the documents keeps some servers from using it, but no mongod.
        asked = [each for each in commands.named("find") if not {"expires_at", "type_version"} & {*each["filter"]}]
        assert len(asked) > 20
        for command in asked:
            if (
                command["find"] == "histories"
            ):  # the shard, and the documents: not every server explains that as it does it
                assert {*command["filter"]} == {"run", "_id"}
                assert {*command["filter"]["_id"]} == {"$in"}
                continue
            question = {name: command[name] for name in ("find", "filter", "sort", "limit") if name in command}
            plan = str((await database.command({"explain": question}))["queryPlanner"].get("winningPlan"))
            assert "COLLSCAN" not in plan, (command, plan)


async def test_an_action_is_found_along_a_long_run(mongodb_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(histories, "_PAGE", 3)
    run = Run(1)
    async with MongoStore(mongodb_url) as store:
        await store.commit([run.start()])
        for first in range(3, 12):
            await store.commit([run.commit(first)])
        assert await store.has_committed(run.run_id, run.action)
        assert all([await store.has_committed(run.run_id, f"{run.action}-{first}") for first in range(3, 12)])
        assert not await store.has_committed(run.run_id, "other")


# ---- rivals --------------------------------------------------------------------------------------------------


async def test_of_two_processes_that_write_a_run_one_wins_each_event(mongodb_url: str) -> None:
    run = Run(1)
    async with MongoStore(mongodb_url) as one, MongoStore(mongodb_url) as other:
        await one.commit([run.start()])
        stores = (one, other)
        next_event = 3
        for race in range(100):
            for store in stores:
                await store.load(run.run_id)
            counts = (1 + race % 3, 1 + race % 2)
            outcomes = await asyncio.gather(
                *(
                    store.commit([run.commit(next_event, count, action_id=f"{race}-{name}")])
                    for name, (store, count) in enumerate(zip(stores, counts, strict=True))
                ),
                return_exceptions=True,
            )
            won = [outcome is None for outcome in outcomes]
            assert sorted(won) == [False, True]
            assert [type(outcome) for outcome in outcomes if outcome is not None] == [Conflict]
            assert [await one.has_committed(run.run_id, f"{race}-{name}") for name in range(2)] == won
            next_event += counts[won.index(True)]
        assert await one.history(run.run_id, 1, 999, 999) == events(1, next_event - 1)


async def test_of_two_processes_that_start_a_workflow_id_one_wins(mongodb_url: str) -> None:
    async with MongoStore(mongodb_url) as one, MongoStore(mongodb_url) as other:
        for race in range(50):
            runs = [Run(2 * race, f"workflow-{race}"), Run(2 * race + 1, f"workflow-{race}")]
            units = [[run.start(scheduled=pending(2))] for run in runs]
            if race % 2:
                former = Run(1_000 + race, f"workflow-{race}")
                await one.commit([former.start()])
                units[0] = [former.close(), *units[0]]
            outcomes = await asyncio.gather(one.commit(units[0]), other.commit(units[1]), return_exceptions=True)
            won = [outcome is None for outcome in outcomes]
            assert any(won)
            assert won[0] or not race % 2
            for outcome in outcomes:
                assert outcome is None or isinstance(outcome, Conflict | ValueError)
            loaded = [await one.load(run.run_id) for run in runs]
            assert [each is not None for each in loaded] == won
            assert sorted(won) == [False, True]
            assert await other.find_run(DOMAIN, f"workflow-{race}") == runs[won.index(True)].run_id
        assert await one.count_pending(DECISIONS) == 50


# ---- outcomes that are not known -----------------------------------------------------------------------------


def failing(monkeypatch: pytest.MonkeyPatch, name: str, failure: Exception, *, after: bool, times: int) -> None:
    """The next *times* commands on histories fail on their way there, or on the way back."""
    method = getattr(AsyncCollection, name)
    left = times

    async def failed(self: Any, *arguments: Any, **options: Any) -> Any:
        nonlocal left
        if self.name != schema.HISTORIES or left == 0:
            return await method(self, *arguments, **options)
        left -= 1
        if after:
            with suppress(BulkWriteError):
                await method(self, *arguments, **options)
        raise failure

    monkeypatch.setattr(AsyncCollection, name, failed)


IN_DOUBT = [
    AutoReconnect("connection closed"),
    BulkWriteError({"writeErrors": [], "writeConcernErrors": [{"code": 189, "errmsg": "stepped down"}]}),
]


@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize("failure", IN_DOUBT, ids=["connection", "stepped down"])
async def test_a_commit_whose_outcome_is_unknown_is_found_out(
    mongodb_url: str, monkeypatch: pytest.MonkeyPatch, failure: Exception, after: bool
) -> None:
    run, other = Run(1), Run(2)
    async with MongoStore(mongodb_url) as store:
        await store.commit([run.start()])
        failing(monkeypatch, "insert_many", failure, after=after, times=1)
        await asyncio.gather(store.commit([run.commit(3, scheduled=pending(3))]), store.commit([other.start()]))
        assert await store.history(run.run_id, 1, 9, 9) == events(1, 3)
        assert await store.history(other.run_id, 1, 9, 9) == events(1, 2)
        assert await store.count_pending(DECISIONS) == 1
        await store.commit([run.commit(4)])


async def test_an_answer_without_counts_is_asked_for_again_one_by_one(
    mongodb_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """FerretDB leaves them out where the `_id` of an upsert is taken, which PyMongo does not expect."""
    bulk = AsyncCollection.bulk_write

    async def without_counts(self: AsyncCollection[Any], requests: list[Any], **options: Any) -> Any:
        if any(isinstance(request, UpdateOne) for request in requests):
            raise KeyError("nModified")
        return await bulk(self, requests, **options)

    monkeypatch.setattr(AsyncCollection, "bulk_write", without_counts)
    run = Run(1)
    async with MongoStore(mongodb_url) as store:
        await store.commit([run.start(heartbeat=Heartbeat(2, START + 5, "newer"))])
        await store.show()
        await store.commit([run.commit(3, heartbeat=Heartbeat(2, START, "older"), wake_at=START)])
        await store.show()
        stored = await store.load(run.run_id)
        assert stored is not None
        assert stored.heartbeats == [Heartbeat(2, START + 5, "newer")]
        assert stored.wake_at == START


async def test_a_rivals_document_is_not_taken_for_ones_own(mongodb_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not even where both handle the same action."""
    run = Run(1)
    async with MongoStore(mongodb_url) as one, MongoStore(mongodb_url) as other:
        await one.commit([run.start()])
        await other.load(run.run_id)
        await other.commit([run.commit(3)])
        failing(monkeypatch, "insert_many", IN_DOUBT[0], after=False, times=1)
        with pytest.raises(Conflict):
            await one.commit([run.commit(3)])


async def test_an_outcome_that_stays_unknown_is_unavailable_within_seconds(
    mongodb_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = Run(1)
    monkeypatch.setattr(server, "_PATIENCE", 0.3)
    async with MongoStore(mongodb_url) as store:
        await store.commit([run.start()])
        with monkeypatch.context() as patched:
            failing(patched, "insert_many", IN_DOUBT[0], after=True, times=1_000)
            with pytest.raises(StoreUnavailable):
                await store.commit([run.commit(3, scheduled=pending(3))])
        with pytest.raises(Conflict):
            await store.commit([run.commit(3)])  # it was written, and is found out now
        assert await store.count_pending(DECISIONS) == 1
        await store.commit([run.commit(4)])
        assert await store.history(run.run_id, 1, 9, 9) == events(1, 4)


# ---- what cannot be stored -----------------------------------------------------------------------------------


async def test_what_no_document_holds_is_refused_alone(mongodb_url: str) -> None:
    run, other, third = Run(1), Run(2), Run(3)
    async with MongoStore(mongodb_url) as store:
        answers = await asyncio.gather(
            store.commit([run.start(), run.commit(3)]),
            store.commit([other.start(), other.commit(3)]),
            store.commit([third.start(heartbeat=Heartbeat(2, 2**70))]),
            return_exceptions=True,
        )
        assert answers[:2] == [None, None]
        assert isinstance(answers[2], ValueError)
        huge = [b"x" * (1 << 20)] * 13
        unit = [third.start(), *(replace(third.commit(3 + place), events=[body]) for place, body in enumerate(huge))]
        with pytest.raises(ValueError, match="more than a document"):
            await store.commit(unit)
        for commit in unit:
            await store.commit([commit])
        assert await store.history(third.run_id, 3, 99, 99) == huge


async def test_a_snapshot_that_no_document_holds_is_not_kept(mongodb_url: str) -> None:
    run = Run(1)
    async with MongoStore(mongodb_url) as store:
        await store.commit([run.start(snapshot=b"small")])
        await store.commit([run.commit(3, snapshot=b"x" * (17 << 20))])
        stored = await store.load(run.run_id)
        assert stored is not None
        assert (stored.snapshot, stored.snapshot_at, stored.events) == (b"small", 2, events(3, 1))


# ---- servers that go away ------------------------------------------------------------------------------------


@pytest.mark.usefixtures("broken_off")
async def test_a_server_that_is_away_is_unavailable_promptly_and_back_when_it_is_back(mongodb_url: str) -> None:
    run = Run(1)
    async with proxied(mongodb_url) as proxy, MongoStore(proxy.url) as store:
        await store.commit([run.start(scheduled=pending(2))])
        await proxy.cut()
        began = time.monotonic()
        questions = (store.commit([run.commit(3)]), store.load(run.run_id), store.ping(), store.domain(DOMAIN))
        answers = await asyncio.gather(*questions, return_exceptions=True)
        assert [type(answer) for answer in answers] == [StoreUnavailable] * 4
        assert time.monotonic() - began < 4
        await proxy.mend()
        await store.ping()
        await store.commit([run.commit(3)])
        assert await store.history(run.run_id, 1, 9, 9) == events(1, 3)


@pytest.mark.usefixtures("broken_off")
async def test_a_connection_that_breaks_under_load_loses_and_doubles_nothing(mongodb_url: str) -> None:
    runs = [Run(number) for number in range(8)]

    async def write(store: MongoStore, run: Run) -> int:
        last = 0
        while last < 60:
            try:
                await store.commit([run.start(count=1) if last == 0 else run.commit(last + 1)])
                last += 1
            except StoreUnavailable:
                await asyncio.sleep(0.05)
            except Conflict:  # what was reported as unavailable had been written
                history = await store.history(run.run_id, 1, 999, 999)
                assert len(history) == last + 1
                last += 1
        return last

    async def disturb() -> None:
        for _ in range(4):
            await asyncio.sleep(0.1)
            await proxy.cut()
            await asyncio.sleep(0.02)
            await proxy.mend()

    async with proxied(mongodb_url) as proxy, MongoStore(proxy.url) as store:
        await asyncio.gather(*(write(store, run) for run in runs), disturb())
        for run in runs:
            assert await store.history(run.run_id, 1, 999, 999) == events(1, 60)


@pytest.mark.parametrize("lines", [1, 40, 400])
async def test_kill_9_loses_no_acknowledged_commit(mongodb_url: str, lines: int) -> None:
    command = [sys.executable, "-m", "tests.stores.acknowledging", mongodb_url]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as writer:
        assert writer.stdout is not None
        acknowledged = [writer.stdout.readline() for _ in range(lines)]
        os.kill(writer.pid, signal.SIGKILL)
        acknowledged += writer.stdout.readlines()
    last = dict.fromkeys(range(LANES), 0)
    for line in acknowledged:
        lane, first = map(int, line.split())
        last[lane] = first
    assert max(last.values()) > 1
    async with MongoStore(mongodb_url) as store:
        for lane, first in last.items():
            history = await store.history(Run(lane).run_id, 1, 30_000, 30_000)
            assert history == events(1, len(history))
            assert len(history) >= first
            if history:
                assert await store.load(Run(lane).run_id) is not None


# ---- lists of types ------------------------------------------------------------------------------------------


async def test_a_deprecation_that_was_cut_short_is_mended_by_its_retry(mongodb_url: str) -> None:
    with MongoClient[dict[str, Any]](mongodb_url) as client:
        async with MongoStore(mongodb_url) as store:
            await store.add_domain(domain())
            await store.add_type(workflow_type("A"))
            client.get_default_database()["types"].update_many({}, {"$set": {"deprecated": True, "deprecated_at": 5}})
            assert await store.domain(DOMAIN) == domain()  # so whoever deprecates it tries again
            await store.replace_domain(domain(deprecated=True), deprecate_types_at=START)
            old = await store.list_types(DOMAIN, TypeKind.WORKFLOW, deprecated=True, name=None, after=("", ""), limit=9)
            assert [record.deprecated_at for record in old] == [5]
