"""The job that runs for years: a chain of short executions, which a signal ends."""

from __future__ import annotations

import pytest

from examples import cron
from tests.examples.closed import closed_runs, fresh_client, scheduled, types_of
from workflowsvc.swf.shapes import WorkflowExecutionStartedEventAttributes


async def test_cron(url: str, capsys: pytest.CaptureFixture[str]) -> None:
    client = fresh_client(url)
    await cron.main(client, seconds=2.5)
    first, *reports, last = capsys.readouterr().out.splitlines()
    assert reports == [f"report {number} is written" for number in range(len(reports))]
    assert len(reports) >= 3
    async with client:
        runs = await closed_runs(client, cron.reports)
        histories = [await run.history() for run in runs]
    assert first == f"run {runs[0].run_id}"
    assert last == f"run {runs[-1].run_id}: stopped after {len(reports)} reports"
    assert [types_of(events)[-1] for events in histories] == [
        *["WorkflowExecutionContinuedAsNew"] * (len(runs) - 1),
        "WorkflowExecutionCompleted",
    ]
    assert [len(scheduled(events)) for events in histories[:-1]] == [2] * (len(runs) - 1)
    started = histories[1][0].workflow_execution_started_event_attributes
    assert isinstance(started, WorkflowExecutionStartedEventAttributes)
    assert started.continued_execution_run_id == runs[0].run_id
