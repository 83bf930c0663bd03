"""The session on a host: all of a file's work on one disk, and on another one if that is gone."""

from __future__ import annotations

from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from examples import files
from examples.files import SHARED, Host, process_file
from tests.examples.closed import closed_runs, fresh_client, scheduled, those
from workers_sdk.testing import WorkflowEnvironment
from workflowsvc.swf.shapes import EventType, HistoryEvent


def lists(events: list[HistoryEvent]) -> list[str]:
    """Those that the activity tasks were put into."""
    return [
        event.activity_task_scheduled_event_attributes.task_list.name
        for event in events
        if event.activity_task_scheduled_event_attributes is not None
    ]


async def test_files(url: str, capsys: pytest.CaptureFixture[str]) -> None:
    client = fresh_client(url)
    await files.main(client)
    told = capsys.readouterr().out.splitlines()
    async with client:
        runs = await closed_runs(client, process_file)
        histories = [await run.history() for run in runs]
    assert len(told) == len(runs) == 6
    for number, (line, events) in enumerate(zip(told, histories, strict=True)):
        assert scheduled(events) == ["Download", "Convert", "Upload"]
        shared, convert, upload = lists(events)
        assert shared == SHARED
        assert convert == upload
        assert line == f"THIS IS {number}.TXT (by {convert})"


async def test_a_host_that_is_gone(workflow_environment: WorkflowEnvironment, tmp_path: Path) -> None:
    """It has downloaded the file, and dies: nobody polls its list, and another host begins again."""
    gone, alive = (Host(name, tmp_path / name) for name in ("gone", "alive"))
    for host in (gone, alive):
        host.disk.mkdir()
    async with workflow_environment as env, env.time_locked(), AsyncExitStack() as stack:
        await stack.enter_async_context(env.worker(task_list=SHARED, workflows=[process_file]))
        shared, own = gone.workers(env.client)
        async with own:
            pass  # it has registered its types
        async with shared:
            handle = await process_file.start(env.client, "a.txt", patience=60)
            await env.await_event(handle, "ActivityTaskScheduled", count=2)
        for worker in alive.workers(env.client):
            await stack.enter_async_context(worker)
        await env.advance(61)
        assert await handle.result(30) == f"THIS IS A.TXT (by {alive.task_list})"
        events = await handle.history()
    assert scheduled(events) == ["Download", "Convert", "Download", "Convert", "Upload"]
    assert lists(events) == [SHARED, gone.task_list, SHARED, alive.task_list, alive.task_list]
    [timed_out] = those(events, EventType.ACTIVITY_TASK_TIMED_OUT)
    attributes = timed_out.activity_task_timed_out_event_attributes
    assert attributes is not None
    assert attributes.timeout_type == "SCHEDULE_TO_START"
