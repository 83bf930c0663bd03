"""Documents of a history, found by their numbers alone: short runs, long ones, and those that are being purged."""

from __future__ import annotations

import random
from collections.abc import AsyncIterator

import pytest

from tests.stores.making import Run
from workflowsvc.stores.mongodb import schema
from workflowsvc.stores.mongodb.documents import Document, history_id
from workflowsvc.stores.mongodb.histories import Histories
from workflowsvc.stores.mongodb.server import Server

RUN, OTHER = Run(1).run_id, Run(2).run_id


@pytest.fixture
async def server(mongodb_url: str) -> AsyncIterator[Server]:
    server = Server(mongodb_url)
    yield server
    await server.close()


def event(number: int) -> bytes:
    return b"%d" % number


def history(run_id: str, documents: int) -> list[Document]:
    """Each of one to four events."""
    drawn, made, first = random.Random(documents), [], 1
    for number in range(documents):
        last = first + drawn.randrange(4)
        made.append(
            {
                "_id": history_id(run_id, number),
                "run": run_id,
                "number": number,
                "first": first,
                "last": last,
                "actions": [f"action {number}"],
                "events": [event(each) for each in range(first, last + 1)],
            }
        )
        first = last + 1
    return made


@pytest.mark.parametrize("documents", [1, 2, 31, 32, 33, 64, 65, 300])
async def test_whatever_its_length_all_of_a_run_is_found(server: Server, documents: int) -> None:
    made = history(RUN, documents)
    await server.insert(schema.HISTORIES, [*made, *history(OTHER, 40)])
    histories, end = Histories(server), made[-1]["last"]
    assert await histories.since(RUN, 0) == made
    assert await histories.since(RUN, documents - 1) == made[-1:]
    assert await histories.since(RUN, documents) == []
    assert await histories.last(RUN) == made[-1]
    assert await histories.has_action(RUN, "action 0")
    assert await histories.has_action(RUN, f"action {documents - 1}")
    assert not await histories.has_action(RUN, f"action {documents}")
    for event_id in sorted({1, 2, end // 2, end - 1, end} - {0}):
        place = await histories.place(RUN, event_id)
        assert place is not None
        assert place["first"] <= event_id <= place["last"]
        assert await histories.events(RUN, event_id, end) == [event(each) for each in range(event_id, end + 1)]
        assert await histories.events(RUN, event_id, event_id) == [event(event_id)]
    assert await histories.place(RUN, end + 100) == await histories.place(RUN)
    assert await histories.events(RUN, end + 1, end + 100) == []


async def test_of_a_run_that_is_not_there_nothing_is_found(server: Server) -> None:
    await server.insert(schema.HISTORIES, history(OTHER, 3))
    histories = Histories(server)
    assert await histories.last(RUN) is None
    assert await histories.place(RUN, 5) is None
    assert await histories.events(RUN, 1, 9) == []
    assert await histories.events(RUN, 5, 9) == []
    assert not await histories.has_action(RUN, "action 0")


async def test_the_longest_run_is_searched_in_few_questions(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    """25,000 documents of one event each, as far as the search can tell."""
    asked = 0

    async def numbered(run_id: str, numbers: range, fields: object = None) -> list[Document]:
        nonlocal asked
        asked += 1
        return [{"number": each, "first": each + 1, "last": each + 1} for each in numbers if each < 25_000]

    histories = Histories(server)
    monkeypatch.setattr(histories, "numbered", numbered)
    for event_id, number in ((None, 24_999), (25_000, 24_999), (16_385, 16_384), (16_384, 16_383), (33, 32), (1, 0)):
        asked = 0
        place = await histories.place(RUN, event_id)
        assert place is not None
        assert place["number"] == number
        assert asked <= 5
