"""Types made known at the start: again and again, and never other than the code has them."""

from __future__ import annotations

import asyncio
import uuid

import pytest

from tests.workers_sdk.worker.conftest import Domain
from workers_sdk.client import Client
from workers_sdk.deciders import decider
from workers_sdk.definitions.activities import activity
from workers_sdk.definitions.options import ActivityOptions
from workers_sdk.definitions.workflows import workflow
from workers_sdk.worker import DomainMissing, RegistrationMismatch, Worker
from workers_sdk.worker.registration import differences, register
from workflowsvc.swf import shapes


@activity("charge", "1", start_to_close=30, heartbeat=9)
def charge(amount: int) -> int:
    return amount


@workflow("order", "1", execution_timeout=600)
async def order() -> None: ...


@decider("audit", "1", task_timeout=30)
def audit(history: object) -> list[object]:
    return []


async def test_types_are_registered_with_the_defaults_of_the_code(domain: Domain) -> None:
    await register(domain.client, "main", [order, audit], [charge])
    described = await domain.client.describe_activity_type(
        activity_type=shapes.ActivityType(name="charge", version="1")
    )
    assert described.configuration == shapes.ActivityTypeConfiguration(
        default_task_heartbeat_timeout="9",
        default_task_list=shapes.TaskList(name="main"),
        default_task_schedule_to_close_timeout="NONE",
        default_task_schedule_to_start_timeout="NONE",
        default_task_start_to_close_timeout="30",
    )
    workflow_type = shapes.WorkflowType(name="audit", version="1")
    audited = await domain.client.describe_workflow_type(workflow_type=workflow_type)
    assert audited.configuration.default_task_start_to_close_timeout == "30"


async def test_many_workers_register_the_same_at_once_and_again(domain: Domain) -> None:
    await asyncio.gather(*(register(domain.client, "main", [order, audit], [charge]) for _ in range(5)))
    await register(domain.client, "main", [order, audit], [charge])


async def test_the_task_list_of_a_type_that_names_none_is_the_first_workers(domain: Domain) -> None:
    """One activity type may be served on several lists."""
    await register(domain.client, "cpu", [], [charge])
    await register(domain.client, "gpu", [], [charge])


async def test_changed_defaults_are_refused_with_a_table(domain: Domain) -> None:
    await register(domain.client, "main", [order], [charge])

    @activity("charge", "1", start_to_close=60, heartbeat=9, task_list="other", priority=0)
    def changed(amount: int) -> int:
        return amount

    @workflow("order", "1")
    async def changed_order() -> None: ...

    with pytest.raises(RegistrationMismatch, match="Bump the version") as refused:
        await register(domain.client, "main", [changed_order], [changed])
    assert "\n".join(refused.value.types).splitlines() == [
        "  workflow order 1",
        "    defaultExecutionStartToCloseTimeout: registered 600, the code says 31536000",
        "  activity charge 1",
        "    defaultTaskList: registered main, the code says other",
        "    defaultTaskStartToCloseTimeout: registered 30, the code says 60",
    ]


def test_an_absent_priority_is_priority_0() -> None:
    """ "If not set ... 0": a service may fill it in, as AWS does."""
    wanted = ActivityOptions(task_list="main").registration("orders", "charge", "1", None, "main")
    registered = shapes.ActivityTypeConfiguration(
        default_task_heartbeat_timeout="NONE",
        default_task_list=shapes.TaskList(name="main"),
        default_task_priority="0",
        default_task_schedule_to_close_timeout="NONE",
        default_task_schedule_to_start_timeout="NONE",
        default_task_start_to_close_timeout="300",
    )
    assert differences(registered, wanted, frozenset()) == []


async def test_deprecated_types_are_named_and_served(domain: Domain, caplog: pytest.LogCaptureFixture) -> None:
    """To deprecate a type is how one lets it run out."""
    await register(domain.client, "main", [], [charge])
    await domain.client.deprecate_activity_type(activity_type=shapes.ActivityType(name="charge", version="1"))
    await register(domain.client, "main", [], [charge])
    assert "deprecated: activity charge 1" in caplog.text


async def test_a_domain_that_is_not_there_is_named_or_registered(url: str) -> None:
    async with Client(url, domain=f"d-{uuid.uuid4().hex}", credentials="none") as client:
        with pytest.raises(DomainMissing, match=client.domain):
            await register(client, "main", [order], [])
        await register(client, "main", [order], [], domain_days=3)
        await register(client, "main", [order], [], domain_days=3)
        described = await client.describe_domain(name=client.domain)
    assert described.configuration.workflow_execution_retention_period_in_days == "3"


async def test_a_worker_of_a_deprecated_domain_begins_all_the_same(
    domain: Domain, caplog: pytest.LogCaptureFixture
) -> None:
    """ "Workflow executions that were started before the domain was deprecated continues to run" (DeprecateDomain)."""
    await register(domain.client, "main", [order], [charge])
    execution = await domain.start(order)
    await domain.client.deprecate_domain(name=domain.client.domain)
    async with Worker(domain.client, task_list="main", workflows=[order], activities=[charge]):
        await domain.end(execution)
    assert f"the domain {domain.client.domain!r} is deprecated: what is open goes on" in caplog.text
