"""The fan-out: results in order, never more at once than was said, failures that are told apart."""

from __future__ import annotations

import pytest

from examples import fan_out
from tests.examples.closed import closed_runs, fresh_client
from workers_sdk import Worker
from workflowsvc.swf.shapes import EventType, HistoryEvent

PICTURES = [f"{number}.raw" for number in range(20)]
_E = EventType


def most_open(events: list[HistoryEvent]) -> int:
    """How many activity tasks were open at the same time, at most."""
    steps = {_E.ACTIVITY_TASK_SCHEDULED: 1, _E.ACTIVITY_TASK_COMPLETED: -1, _E.ACTIVITY_TASK_FAILED: -1}
    now = most = 0
    for event in events:
        now += steps.get(event.event_type, 0)
        most = max(most, now)
    return most


async def test_five_hundred(url: str, capsys: pytest.CaptureFixture[str]) -> None:
    client = fresh_client(url)
    await fan_out.main(client)
    told = capsys.readouterr().out.splitlines()
    assert told[0].startswith("495 thumbnails in ")
    assert told[0].endswith("['000.jpg', '001.jpg', '002.jpg'], ...")
    assert told[1] == "5 broken pictures: ['013.raw', '113.raw', '213.raw', '313.raw', '413.raw']"
    async with client:
        [run] = await closed_runs(client, fan_out.make_album)
        events = await run.history()
    assert sum(event.event_type is _E.ACTIVITY_TASK_SCHEDULED for event in events) == 500
    assert most_open(events) == 100


@pytest.mark.parametrize("at_once", [1, 4])
async def test_as_many_at_once_as_was_said(url: str, at_once: int) -> None:
    worker = Worker(
        client := fresh_client(url),
        task_list="albums",
        workflows=[fan_out.make_album],
        activities=[fan_out.make_thumbnail],
        register_domain=1,
    )
    async with worker:
        handle = await fan_out.make_album.start(client, PICTURES, at_once)
        album = await handle.result(30)
        assert most_open(await handle.history()) == at_once
    assert album.broken == ["13.raw"]
    assert album.thumbnails == [f"{number}.jpg" for number in range(20) if number != 13]
