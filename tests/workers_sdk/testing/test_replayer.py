"""The replayer: which workflow it takes, what it needs to know of the execution, what it says."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import boto3
import pytest

from tests.workers_sdk import corpus
from tests.workers_sdk.histories.make import HISTORIES
from tests.workers_sdk.testing.mutations import MUTATIONS
from tests.workers_sdk.testing.workflows import ACTIVITIES, ALL, sleeper
from workers_sdk.definitions.workflows import Workflow, workflow
from workers_sdk.errors import NonDeterminismError
from workers_sdk.payloads import Compression, PayloadError, Payloads
from workers_sdk.testing import (
    Replayed,
    Replayer,
    UnknownWorkflow,
    UnusableHistory,
    WorkflowEnvironment,
    WorkflowService,
    export_history,
)
from workers_sdk.workflows import info


def document(name: str) -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads((HISTORIES / f"{name}.json").read_bytes())
    return loaded


def of_aws(name: str) -> dict[str, Any]:
    """As the AWS CLI has it: without the execution."""
    return {"events": document(name)["events"]}


REPLAYER = Replayer(corpus.WORKFLOWS)


def test_what_fits_is_counted() -> None:
    """sequence.json: 24 events, of them 4 DecisionTaskCompleted; three activities, a marker and the completion."""
    run_id = document("sequence")["execution"]["runId"]
    assert REPLAYER.replay(document("sequence")) == Replayed(
        name="sequence",
        version="1.0",
        workflow_id="sequence",
        run_id=run_id,
        events=24,
        decision_tasks=4,
        decisions=5,
    )


def test_of_an_open_execution_all_that_was_decided_is_replayed() -> None:
    """The first 9 events of sequence.json end with a DecisionTaskStarted."""
    replayed = REPLAYER.replay(document("sequence")["events"][:9])
    assert (replayed.events, replayed.decision_tasks, replayed.decisions) == (9, 1, 1)


async def test_it_may_be_called_in_a_running_event_loop() -> None:
    assert REPLAYER.replay(document("sequence")).events == 24


def test_the_line_of_the_code_is_told() -> None:
    mutation = MUTATIONS["sequence"]
    with pytest.raises(NonDeterminismError, match=r"event 5: .*mutations\.py:\d+ in _swapped"):
        Replayer([Workflow(mutation.code, "sequence", "1.0", corpus.sequence.options)]).replay(document("sequence"))


def test_an_exception_in_the_code_is_told() -> None:
    @workflow("sequence", "1.0")
    async def sequence(number: int) -> int:
        raise LookupError("no such number")

    with pytest.raises(NonDeterminismError, match="wants FailWorkflowExecution LookupError: no such number"):
        Replayer([sequence]).replay(document("sequence"))


def test_workflows_are_told_apart_by_name_and_version() -> None:
    @workflow("sequence", "2.0")
    async def sequence(number: int) -> int:
        return number

    assert Replayer([sequence, corpus.sequence]).replay(document("sequence")).version == "1.0"
    with pytest.raises(UnknownWorkflow, match=r"of sequence 1\.0; the workflows here are: sequence 2\.0"):
        Replayer([sequence]).replay(document("sequence"))
    with pytest.raises(UnknownWorkflow, match="none at all"):
        Replayer([]).replay(document("sequence"))


def test_two_of_one_name_and_version_are_refused() -> None:
    @workflow("sequence", "1.0")
    async def other(number: int) -> int:
        return number

    with pytest.raises(ValueError, match=r"two of the workflow sequence 1\.0"):
        Replayer([corpus.sequence, other])
    Replayer([corpus.sequence, corpus.sequence])


def test_a_history_begins_with_the_start_of_an_execution() -> None:
    event = {"eventId": 1, "eventType": "TimerFired", "eventTimestamp": 1.0}
    attributes = {"timerId": "t", "startedEventId": 1}
    with pytest.raises(UnusableHistory, match="not WorkflowExecutionStarted but TimerFired"):
        REPLAYER.replay([{**event, "timerFiredEventAttributes": attributes}])


# ---- the run id


@pytest.mark.parametrize("name", ["sequence", "retries", "signals"])
def test_most_workflows_need_no_run_id(name: str) -> None:
    """Not even for a jitter: how long a timer takes is not compared."""
    assert REPLAYER.replay(of_aws(name)).run_id == "unknown"


@pytest.mark.parametrize("name", ["chance", "parent"])
def test_where_the_run_id_matters_it_is_asked_for(name: str) -> None:
    """Random numbers are seeded by it, and children named by it."""
    with pytest.raises(NonDeterminismError) as raised:
        REPLAYER.replay(of_aws(name))
    assert "does not tell its run id" in raised.value.__notes__[0]


@pytest.mark.parametrize("name", ["chance", "parent"])
def test_the_run_id_can_be_given(name: str) -> None:
    execution = document(name)["execution"]
    replayed = REPLAYER.replay(of_aws(name), run_id=execution["runId"], workflow_id=execution["workflowId"])
    assert replayed.decisions == REPLAYER.replay(document(name)).decisions


def test_where_the_run_id_is_told_nothing_is_said_of_it() -> None:
    with pytest.raises(NonDeterminismError) as raised:
        Replayer([Workflow(MUTATIONS["chance"].code, "chance", "1.0", corpus.chance.options)]).replay(
            document("chance")
        )
    assert not hasattr(raised.value, "__notes__")


def test_the_workflow_finds_the_ids_and_the_domain_of_its_execution() -> None:
    found: list[tuple[str, str, str]] = []

    @workflow("sequence", "1.0")
    async def sequence(number: int) -> int:
        found.append((info().workflow_id, info().run_id, info().domain))
        return await corpus.sequence.fn(number)  # type: ignore[no-any-return]

    kept = document("sequence")
    Replayer([sequence]).replay(kept)
    Replayer([sequence]).replay(kept, run_id="r", workflow_id="w")
    execution = kept["execution"]
    assert found == [(execution["workflowId"], execution["runId"], kept["domain"]), ("w", "r", kept["domain"])]


# ---- histories from a service


async def test_an_export_is_replayed(workflow_environment: WorkflowEnvironment) -> None:
    """And so are the events of the handle."""
    async with workflow_environment as env, env.worker(workflows=ALL, activities=ACTIVITIES):
        handle = await sleeper.start(env.client, 30)
        await handle.result(10)
        exported = await export_history(env.client, handle)
        events = await handle.history()
    replayer = Replayer(ALL)
    replayed = replayer.replay(exported)
    assert (replayed.workflow_id, replayed.run_id) == (handle.workflow_id, handle.run_id)
    assert json.loads(exported)["domain"] == env.domain
    assert replayed.decisions == 3  # a timer, an activity, the completion
    assert replayer.replay(events, run_id=handle.run_id, workflow_id=handle.workflow_id) == replayed


async def test_what_the_aws_cli_prints_is_replayed(workflow_environment: WorkflowEnvironment) -> None:
    async with workflow_environment as env, env.worker(workflows=ALL, activities=ACTIVITIES):
        handle = await sleeper.start(env.client, 30)
        await handle.result(10)
        aws = [Path(sys.executable).with_name("aws"), "swf", "get-workflow-execution-history", "--output", "json"]
        where = ["--endpoint-url", env.client.endpoint, "--domain", env.domain]
        which = ["--execution", f"workflowId={handle.workflow_id},runId={handle.run_id}"]
        done = await asyncio.to_thread(subprocess.run, [*aws, *where, *which], capture_output=True, check=True)
    assert Replayer(ALL).replay(done.stdout).decisions == 3


async def test_pages_of_boto3_are_replayed(workflow_environment: WorkflowEnvironment) -> None:
    async with workflow_environment as env, env.worker(workflows=ALL, activities=ACTIVITIES):
        handle = await sleeper.start(env.client, 30)
        await handle.result(10)
        swf = boto3.client("swf", endpoint_url=env.client.endpoint)
        pages = swf.get_paginator("get_workflow_execution_history").paginate(
            domain=env.domain,
            execution={"workflowId": handle.workflow_id, "runId": handle.run_id},
            PaginationConfig={"PageSize": 4},
        )
        given = await asyncio.to_thread(list, pages)
    assert len(given) > 1
    assert Replayer(ALL).replay(given).decisions == 3


async def test_payloads_are_exported_as_they_were_sent(workflow_service: WorkflowService) -> None:
    """Whoever replays them needs the codecs of the workers."""

    @workflow("long", "1.0")
    async def long(text: str) -> int:
        return len(text)

    payloads = Payloads(codecs=[Compression()])
    environment = WorkflowEnvironment.connect(workflow_service.url, payloads=payloads)
    async with environment as env, env.worker(workflows=[long]):
        handle = await long.start(env.client, "a" * 20_000)
        assert await handle.result(10) == 20_000
        exported = await export_history(env.client, handle)
    assert b"aaaaaaaa" not in exported
    assert Replayer([long], payloads).replay(exported).decisions == 1
    with pytest.raises(PayloadError, match="codec"):
        Replayer([long]).replay(exported)
