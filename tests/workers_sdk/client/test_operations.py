"""Every operation, against the service: what goes out is understood, what comes back is of the shape that it names."""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator

import pytest

from tests.conftest import Private
from workers_sdk.client import BlockingClient, Client
from workflowsvc.swf import shapes
from workflowsvc.swf.errors import ValidationException
from workflowsvc.swf.faults import TypeAlreadyExistsFault, UnknownResourceFault, WorkflowExecutionAlreadyStartedFault
from workflowsvc.swf.operations import OPERATIONS
from workflowsvc.swf.shapes import DecisionType, EventType, RegistrationStatus, Shape

WORKFLOW = shapes.WorkflowType(name="workflow", version="1")
ACTIVITY = shapes.ActivityType(name="activity", version="1")
DECIDERS = shapes.TaskList(name="deciders")
WORKERS = shapes.TaskList(name="workers")
ANY_TIME = shapes.ExecutionTimeFilter(oldest_date=0)
REGISTERED, DEPRECATED = RegistrationStatus.REGISTERED, RegistrationStatus.DEPRECATED


class Noting(Client):
    """A client that knows which operations it has called with success."""

    def __init__(self, url: str) -> None:
        super().__init__(url, domain=f"d-{uuid.uuid4()}")
        self.called: set[str] = set()

    async def call(
        self,
        operation: str,
        request: Shape,
        *,
        timeout: float | None = None,  # noqa: ASYNC109  as the client's
    ) -> object:
        answer = await super().call(operation, request, timeout=timeout)
        expected = OPERATIONS[operation].output
        assert type(answer) is (expected or type(None))
        self.called.add(operation)
        return answer


@pytest.fixture
async def client(url: str) -> AsyncIterator[Noting]:
    async with Noting(url) as client:
        yield client


async def domain(client: Client) -> None:
    tag = shapes.ResourceTag(key="team", value="orders")
    await client.register_domain(name=client.domain, workflow_execution_retention_period_in_days="1", tags=[tag])
    detail = await client.describe_domain(name=client.domain)
    assert (detail.domain_info.name, detail.domain_info.status) == (client.domain, REGISTERED)
    arn = detail.domain_info.arn
    assert arn is not None
    await client.tag_resource(resource_arn=arn, tags=[shapes.ResourceTag(key="more")])
    await client.untag_resource(resource_arn=arn, tag_keys=["more"])
    assert (await client.list_tags_for_resource(resource_arn=arn)).tags == [tag]
    await client.deprecate_domain(name=client.domain)
    await client.undeprecate_domain(name=client.domain)
    assert client.domain in [one.name async for one in client.each_domain(registration_status=REGISTERED)]


async def types(client: Client) -> None:
    for version in ("1", "2"):
        await client.register_workflow_type(
            name=WORKFLOW.name,
            version=version,
            default_task_list=DECIDERS,
            default_child_policy=shapes.ChildPolicy.TERMINATE,
            default_task_start_to_close_timeout="60",
            default_execution_start_to_close_timeout="600",
        )
        await client.register_activity_type(
            name=ACTIVITY.name,
            version=version,
            default_task_list=WORKERS,
            default_task_start_to_close_timeout="60",
            default_task_heartbeat_timeout="NONE",
            default_task_schedule_to_start_timeout="60",
            default_task_schedule_to_close_timeout="60",
        )
    workflow = await client.describe_workflow_type(workflow_type=WORKFLOW)
    assert workflow.configuration.default_child_policy is shapes.ChildPolicy.TERMINATE
    activity = await client.describe_activity_type(activity_type=ACTIVITY)
    assert activity.configuration.default_task_heartbeat_timeout == "NONE"
    await client.deprecate_workflow_type(workflow_type=WORKFLOW)
    await client.undeprecate_workflow_type(workflow_type=WORKFLOW)
    await client.deprecate_activity_type(activity_type=ACTIVITY)
    await client.undeprecate_activity_type(activity_type=ACTIVITY)

    second = shapes.WorkflowType(name=WORKFLOW.name, version="2")
    assert [one.workflow_type async for one in client.each_workflow_type(
        registration_status=REGISTERED, maximum_page_size=1)] == [WORKFLOW, second]  # fmt: skip
    await client.deprecate_workflow_type(workflow_type=second)
    await client.delete_workflow_type(workflow_type=second)
    second_activity = shapes.ActivityType(name=ACTIVITY.name, version="2")
    assert [one.activity_type async for one in client.each_activity_type(
        registration_status=REGISTERED, maximum_page_size=1)] == [ACTIVITY, second_activity]  # fmt: skip
    await client.deprecate_activity_type(activity_type=second_activity)
    await client.delete_activity_type(activity_type=second_activity)
    assert [one async for one in client.each_activity_type(registration_status=DEPRECATED)] == []


async def start(client: Client, workflow_id: str) -> str:
    run = await client.start_workflow_execution(workflow_id=workflow_id, workflow_type=WORKFLOW, tag_list=["a tag"])
    assert run.run_id is not None
    return run.run_id


async def decide(client: Client, *decisions: shapes.Decision) -> shapes.DecisionTask:
    task = await client.poll_for_decision_task(task_list=DECIDERS)
    assert task is not None
    await client.respond_decision_task_completed(
        task_token=task.task_token, decisions=decisions, execution_context="context"
    )
    return task


def schedule(activity_id: str) -> shapes.Decision:
    return shapes.Decision(
        decision_type=DecisionType.SCHEDULE_ACTIVITY_TASK,
        schedule_activity_task_decision_attributes=shapes.ScheduleActivityTaskDecisionAttributes(
            activity_type=ACTIVITY, activity_id=activity_id, input="in"
        ),
    )


def cancel(activity_id: str) -> shapes.Decision:
    return shapes.Decision(
        decision_type=DecisionType.REQUEST_CANCEL_ACTIVITY_TASK,
        request_cancel_activity_task_decision_attributes=shapes.RequestCancelActivityTaskDecisionAttributes(
            activity_id=activity_id
        ),
    )


def complete() -> shapes.Decision:
    return shapes.Decision(
        decision_type=DecisionType.COMPLETE_WORKFLOW_EXECUTION,
        complete_workflow_execution_decision_attributes=shapes.CompleteWorkflowExecutionDecisionAttributes(result="r"),
    )


async def work(client: Client) -> shapes.ActivityTask:
    task = await client.poll_for_activity_task(task_list=WORKERS)
    assert task is not None
    assert (task.activity_type, task.input) == (ACTIVITY, "in")
    return task


async def life(client: Client) -> None:
    run_id = await start(client, "order")
    assert (await client.count_pending_decision_tasks(task_list=DECIDERS)).count == 1
    task = await decide(client, schedule("completed"), schedule("failed"), schedule("canceled"))
    assert task.workflow_execution == shapes.WorkflowExecution(workflow_id="order", run_id=run_id)
    assert (await client.count_pending_activity_tasks(task_list=WORKERS)).count == 3
    tasks = {task.activity_id: task.task_token for task in [await work(client) for _ in range(3)]}
    await client.respond_activity_task_completed(task_token=tasks["completed"], result="out")
    await client.respond_activity_task_failed(task_token=tasks["failed"], reason="why", details="how")
    await decide(client, cancel("canceled"))
    status = await client.record_activity_task_heartbeat(task_token=tasks["canceled"], details="half")
    assert status.cancel_requested
    await client.respond_activity_task_canceled(task_token=tasks["canceled"], details="gone")
    await client.signal_workflow_execution(workflow_id="order", signal_name="hello", input="ä€😀")
    await client.request_cancel_workflow_execution(workflow_id="order")
    execution = await client.describe_workflow_execution(execution=task.workflow_execution)
    assert execution.execution_info.cancel_requested
    assert execution.latest_execution_context == "context"
    await decide(client, complete())

    history = [event async for event in client.history("order", run_id, maximum_page_size=5)]
    assert [event.event_id for event in history] == list(range(1, len(history) + 1))
    backwards = [event async for event in client.history("order", run_id, maximum_page_size=5, reverse_order=True)]
    assert backwards == history[::-1]
    assert history[-1].event_type is EventType.WORKFLOW_EXECUTION_COMPLETED
    (signal,) = (event.workflow_execution_signaled_event_attributes for event in history
                 if event.event_type is EventType.WORKFLOW_EXECUTION_SIGNALED)  # fmt: skip
    assert signal is not None
    assert signal.input == "ä€😀"


async def visibility(client: Client) -> None:
    await start(client, "second")
    by_id = shapes.WorkflowExecutionFilter(workflow_id="second")
    open_ones = client.each_open_workflow_execution(start_time_filter=ANY_TIME, execution_filter=by_id)
    assert [one.execution.workflow_id async for one in open_ones] == ["second"]
    assert (await client.count_open_workflow_executions(start_time_filter=ANY_TIME)).count == 1
    await client.terminate_workflow_execution(
        workflow_id="second", reason="enough", child_policy=shapes.ChildPolicy.ABANDON
    )
    closed = client.each_closed_workflow_execution(close_time_filter=ANY_TIME, maximum_page_size=1)
    assert {one.execution.workflow_id: one.close_status async for one in closed} == {
        "order": shapes.CloseStatus.COMPLETED,
        "second": shapes.CloseStatus.TERMINATED,
    }
    by_status = shapes.CloseStatusFilter(status=shapes.CloseStatus.TERMINATED)
    count = await client.count_closed_workflow_executions(start_time_filter=ANY_TIME, close_status_filter=by_status)
    assert count.count == 1


async def test_all_operations_work(client: Noting) -> None:
    """A domain, its types, the life of an execution, and what is to be seen of it: thirty-nine operations."""
    for part in (domain, types, life, visibility):
        await part(client)
    assert client.called == set(OPERATIONS)


async def test_refusals_are_their_classes(client: Noting) -> None:
    """Each is the fault that the service names, with its text."""
    with pytest.raises(UnknownResourceFault, match=f"Unknown domain: {client.domain}"):
        await client.describe_domain(name=client.domain)
    await domain(client)
    await types(client)
    with pytest.raises(TypeAlreadyExistsFault):
        await client.register_activity_type(name=ACTIVITY.name, version=ACTIVITY.version)
    await start(client, "order")
    with pytest.raises(WorkflowExecutionAlreadyStartedFault):
        await start(client, "order")
    with pytest.raises(ValidationException, match="'workflowId' failed to satisfy constraint"):
        await start(client, "")


async def test_an_empty_poll_is_none(private: Private) -> None:
    """After as long as the service holds it."""
    async with Client(private("--poll-seconds", "0.1", "--ephemeral").url, domain="d") as client:
        await client.register_domain(name="d", workflow_execution_retention_period_in_days="1")
        assert await client.poll_for_activity_task(task_list=WORKERS) is None
        assert await client.poll_for_decision_task(task_list=DECIDERS) is None


def test_a_script_can_do_the_same(url: str) -> None:
    """The blocking client, against the service."""
    with BlockingClient(url, domain=f"d-{uuid.uuid4()}") as client:
        client.register_domain(name=client.domain, workflow_execution_retention_period_in_days="1")
        client.register_workflow_type(name=WORKFLOW.name, version=WORKFLOW.version)
        run = client.start_workflow_execution(
            workflow_id="order",
            workflow_type=WORKFLOW,
            task_list=DECIDERS,
            child_policy=shapes.ChildPolicy.TERMINATE,
            execution_start_to_close_timeout="600",
            task_start_to_close_timeout="60",
        )
        assert run.run_id is not None
        task = client.poll_for_decision_task(task_list=DECIDERS)
        assert task is not None
        client.respond_decision_task_completed(task_token=task.task_token, decisions=[complete()])
        kinds = [event.event_type for event in client.history("order", run.run_id)]
    assert kinds == [
        EventType.WORKFLOW_EXECUTION_STARTED,
        EventType.DECISION_TASK_SCHEDULED,
        EventType.DECISION_TASK_STARTED,
        EventType.DECISION_TASK_COMPLETED,
        EventType.WORKFLOW_EXECUTION_COMPLETED,
    ]
