"""Workflows in memory: fed by their new events only, and by the whole history wherever that does not do."""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator
from typing import Any, NamedTuple

import pytest

from tests.workers_sdk.worker.conftest import Domain
from workers_sdk.client import Client
from workers_sdk.definitions.activities import activity
from workers_sdk.definitions.signals import signal
from workers_sdk.definitions.workflows import workflow
from workers_sdk.worker import Worker
from workers_sdk.worker.decisions import Routing, Source, Sticky
from workers_sdk.worker.sides import own_list_name
from workflowsvc.swf import shapes
from workflowsvc.swf.shapes import EventType

#: How often the body of a workflow was begun here, by workflow id.
begun: list[str] = []
go = signal("go", int)


@activity("double", "1", start_to_close=30)
async def double(number: int) -> int:
    return number * 2


@workflow("three steps", "1")
async def three_steps(name: str) -> int:
    begun.append(name)
    return await double(await double(await double(1)))


@workflow("waiting", "1")
async def waiting(name: str) -> int:
    begun.append(name)
    return await go.receive() + await go.receive()


class Call(NamedTuple):
    operation: str
    request: Any
    answer: Any


class Recorder(Client):
    """A client that keeps what it was asked."""

    calls: list[Call]

    async def call(self, operation: str, request: shapes.Shape, *, timeout: float | None = None) -> Any:  # noqa: ASYNC109
        answer = await super().call(operation, request, timeout=timeout)
        self.calls.append(Call(operation, request, answer))
        return answer

    def of(self, operation: str) -> list[Call]:
        return [call for call in self.calls if call.operation == operation and call.answer is not None]


@pytest.fixture
async def recorder(url: str, domain: Domain) -> AsyncIterator[Recorder]:
    """The worker's client: what it asks is told apart from what the test asks."""
    client = Recorder(url, domain=domain.client.domain, credentials="none")
    client.calls = []
    async with client:
        yield client


@pytest.fixture
def name() -> str:
    return uuid.uuid4().hex


async def send(domain: Domain, execution: shapes.WorkflowExecution, value: int) -> None:
    await domain.client.signal_workflow_execution(workflow_id=execution.workflow_id, signal_name="go", input=str(value))


async def test_a_workflow_stays_and_gets_its_new_events_only(domain: Domain, recorder: Recorder, name: str) -> None:
    async with Worker(recorder, task_list="main", workflows=[three_steps], activities=[double]):
        assert await domain.result(await domain.start(three_steps, f'["{name}"]')) == "8"
    tasks = [call.answer for call in recorder.of("PollForDecisionTask")]
    assert [task.events[0].event_id for task in tasks[1:]] == [task.previous_started_event_id for task in tasks[1:]]
    lists = [call.request.task_list.name for call in recorder.of("PollForDecisionTask")]
    assert lists[0] == "main"
    assert all(own.startswith("main@") for own in lists[1:])
    assert recorder.of("GetWorkflowExecutionHistory") == []
    assert begun.count(name) == 1


async def test_without_it_each_decision_has_the_whole_history(domain: Domain, recorder: Recorder, name: str) -> None:
    worker = Worker(recorder, task_list="main", workflows=[three_steps], activities=[double], sticky=False)
    async with worker:
        execution = await domain.start(three_steps, f'["{name}"]')
        assert await domain.result(execution) == "8"
    polls = recorder.of("PollForDecisionTask")
    assert {call.request.task_list.name for call in polls} == {"main"}
    assert {call.answer.events[0].event_id for call in polls} == {1}
    assert begun.count(name) == 4
    scheduled = [event.decision_task_scheduled_event_attributes for event in await domain.events(execution)]
    assert {one.schedule_to_start_timeout for one in scheduled if one} == {"NONE"}


async def test_what_was_thrown_out_of_memory_is_read_from_the_beginning(domain: Domain, recorder: Recorder) -> None:
    names = [uuid.uuid4().hex for _ in range(2)]
    async with Worker(recorder, task_list="main", workflows=[waiting], cached_workflows=1):
        executions = [await domain.start(waiting, f'["{name}"]') for name in names]
        for execution in executions:  # the second pushes out the first
            await domain.until(execution, EventType.DECISION_TASK_COMPLETED)
        for value in (1, 2):
            for execution in executions:
                await send(domain, execution, value)
                await domain.until(execution, EventType.DECISION_TASK_COMPLETED, count=1 + value)
        assert [await domain.result(execution) for execution in executions] == ["3", "3"]
    assert recorder.of("GetWorkflowExecutionHistory") != []
    assert [begun.count(name) > 1 for name in names] == [True, True]


async def test_another_worker_takes_over_when_one_is_gone(domain: Domain, url: str, name: str) -> None:
    """The decision that waits for the first one goes back to the common list: "Amazon SWF will revert the override"
    (RespondDecisionTaskCompleted, taskListScheduleToStartTimeout)."""
    async with Worker(domain.client, task_list="main", workflows=[waiting], sticky_timeout=1):
        execution = await domain.start(waiting, f'["{name}"]')
        await domain.until(execution, EventType.DECISION_TASK_COMPLETED)
    await send(domain, execution, 1)
    await send(domain, execution, 2)
    async with Worker(domain.client, task_list="main", workflows=[waiting]):
        assert await domain.result(execution) == "3"
    events = await domain.events(execution)
    timed_out = [event.decision_task_timed_out_event_attributes for event in events]
    assert [one.timeout_type for one in timed_out if one] == ["SCHEDULE_TO_START"]
    assert begun.count(name) == 2


def test_where_the_next_decision_task_is_sent() -> None:
    sticky = Sticky("main@here", 5, "main", on=True)
    here = Routing(shapes.TaskList(name="main@here"), "5")
    common = Routing(shapes.TaskList(name="main"))
    assert sticky.kept(Source.COMMON) == sticky.kept(Source.OWN) == here
    assert sticky.dropped(Source.OWN) == common, "an override holds until it is replaced"
    assert sticky.dropped(Source.COMMON) == Routing()
    sticky.off()
    assert sticky.kept(Source.OWN) == common
    assert sticky.kept(Source.COMMON) == Routing()


@pytest.mark.parametrize(
    ("task_list", "identity"), [("main", "host:4711"), ("x" * 256, "h" * 256), ("a b", "arn:aws|x/y\n\x7f")]
)
def test_the_own_list_has_a_name_that_is_unique_and_allowed(task_list: str, identity: str) -> None:
    one, other = own_list_name(task_list, identity), own_list_name(task_list, identity)
    assert one != other
    assert one.startswith(task_list[:100])
    assert len(one) <= 256
    assert not set(one) & set(":/|\n\x7f")
