"""The change of running workflows: an execution of before and one of after, through the same code."""

from __future__ import annotations

import pytest

from examples import versions
from tests.examples.closed import closed_runs, fresh_client, scheduled
from workflowsvc.swf.shapes import HistoryEvent


def patches(events: list[HistoryEvent]) -> list[str | None]:
    return [
        event.marker_recorded_event_attributes.details
        for event in events
        if event.marker_recorded_event_attributes is not None
    ]


async def test_versions(url: str, capsys: pytest.CaptureFixture[str]) -> None:
    client = fresh_client(url)
    await versions.main(client)
    assert capsys.readouterr().out.splitlines()[-2:] == [
        "['charged a book', 'shipped a book']",
        "['charged a lamp', 'checked the address of a lamp', 'shipped a lamp']",
    ]
    async with client:
        old, new = [await run.history() for run in await closed_runs(client, versions.deliver)]
    assert scheduled(old) == ["Charge", "Ship"]
    assert patches(old) == []
    assert scheduled(new) == ["Charge", "CheckAddress", "Ship"]
    assert patches(new) == ["check the address"]
