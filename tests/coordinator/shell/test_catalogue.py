"""Domains, types and tags: every fault of the reference's sections 2.1, 7.1 and 7.2, as a table.

Law: each row is what was done before, what is asked now, and the fault with its text, or None where it is accepted.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest

from tests.coordinator.shell.world import ACTIVITY, DOMAIN, TYPE, Refused, World, activity, child, continue_as_new
from workflowsvc.messages import TaskKind
from workflowsvc.records import TypeKey, TypeKind
from workflowsvc.stores.sqlite import SqliteStore
from workflowsvc.swf import shapes

ARN = "arn:aws:swf:us-east-1:000000000000:/domain/orders"


def register_domain(tags: int = 0, **given: Any) -> shapes.RegisterDomainInput:
    pairs = [shapes.ResourceTag(key=f"key-{number}", value="") for number in range(tags)]
    return shapes.RegisterDomainInput(
        name="orders", workflow_execution_retention_period_in_days="7", tags=pairs or None, **given
    )


DEPRECATE_DOMAIN = shapes.DeprecateDomainInput(name="orders")
UNDEPRECATE_DOMAIN = shapes.UndeprecateDomainInput(name="orders")
#: the operations on types, those on workflow types and those on activity types
KINDS: dict[str, dict[str, Any]] = {
    "Workflow": {
        "register": shapes.RegisterWorkflowTypeInput(domain="orders", name="Order", version="1"),
        "deprecate": shapes.DeprecateWorkflowTypeInput(domain="orders", workflow_type=TYPE),
        "undeprecate": shapes.UndeprecateWorkflowTypeInput(domain="orders", workflow_type=TYPE),
        "delete": shapes.DeleteWorkflowTypeInput(domain="orders", workflow_type=TYPE),
    },
    "Activity": {
        "register": shapes.RegisterActivityTypeInput(domain="orders", name="Pack", version="1"),
        "deprecate": shapes.DeprecateActivityTypeInput(domain="orders", activity_type=ACTIVITY),
        "undeprecate": shapes.UndeprecateActivityTypeInput(domain="orders", activity_type=ACTIVITY),
        "delete": shapes.DeleteActivityTypeInput(domain="orders", activity_type=ACTIVITY),
    },
}
NAMED = {"Workflow": "WorkflowType=[name=Order, version=1]", "Activity": "ActivityType=[name=Pack, version=1]"}


@pytest.fixture
async def bare(store: SqliteStore) -> AsyncIterator[World]:
    """A coordinator with nothing registered."""
    world = World(store)
    async with world.running():
        yield world
        await world.settled()


async def expect(world: World, request: Any, fault: str | None) -> None:
    if fault is None:
        assert await world.ask(request) is None
        return
    before = await _catalogue(world)
    with pytest.raises(Refused) as refused:
        await world.ask(request)
    assert str(refused.value) == fault
    assert await _catalogue(world) == before, "a fault changed something"


async def _catalogue(world: World) -> Any:
    keys = [TypeKey(DOMAIN, TypeKind.WORKFLOW, "Order", "1"), TypeKey(DOMAIN, TypeKind.ACTIVITY, "Pack", "1")]
    return await world.sqlite.domain(DOMAIN), await world.sqlite.types(keys)


@pytest.mark.parametrize(
    ("before", "request_", "fault"),
    [
        ([], register_domain(), None),
        ([register_domain()], register_domain(), "DomainAlreadyExistsFault: orders"),
        ([register_domain(), DEPRECATE_DOMAIN], register_domain(), "DomainAlreadyExistsFault: orders"),
        ([], register_domain(tags=50), None),
        ([], register_domain(tags=51), "TooManyTagsFault: A resource can have up to 50 tags"),
        ([], DEPRECATE_DOMAIN, "UnknownResourceFault: Unknown domain: orders"),
        ([register_domain()], DEPRECATE_DOMAIN, None),
        ([register_domain(), DEPRECATE_DOMAIN], DEPRECATE_DOMAIN, "DomainDeprecatedFault: orders"),
        ([], UNDEPRECATE_DOMAIN, "UnknownResourceFault: Unknown domain: orders"),
        ([register_domain()], UNDEPRECATE_DOMAIN, "DomainAlreadyExistsFault: orders"),
        ([register_domain(), DEPRECATE_DOMAIN], UNDEPRECATE_DOMAIN, None),
        ([register_domain(), DEPRECATE_DOMAIN, UNDEPRECATE_DOMAIN], DEPRECATE_DOMAIN, None),
        (
            [],
            shapes.TagResourceInput(resource_arn=ARN, tags=[]),
            "UnknownResourceFault: Unknown domain: orders",
        ),
        (
            [],
            shapes.UntagResourceInput(resource_arn=ARN, tag_keys=["a"]),
            "UnknownResourceFault: Unknown domain: orders",
        ),
        ([register_domain()], shapes.UntagResourceInput(resource_arn=ARN, tag_keys=["absent"]), None),
        (
            [register_domain(tags=50)],
            shapes.TagResourceInput(resource_arn=ARN, tags=[shapes.ResourceTag(key="one more")]),
            "TooManyTagsFault: A resource can have up to 50 tags",
        ),
        (
            [register_domain(tags=50)],
            shapes.TagResourceInput(resource_arn=ARN, tags=[shapes.ResourceTag(key="key-0", value="new")]),
            None,
        ),
    ],
)
async def test_domains(bare: World, before: list[Any], request_: Any, fault: str | None) -> None:
    """What may be done to a domain depends on whether it exists and whether it is deprecated."""
    for request in before:
        await bare.ask(request)
    await expect(bare, request_, fault)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    ("before", "request_", "fault"),
    [
        ([], "register", None),
        (["register"], "register", "TypeAlreadyExistsFault: {named}"),
        (["register", "deprecate"], "register", "TypeAlreadyExistsFault: {named}"),
        (["register", "deprecate", "delete"], "register", None),
        ([], "deprecate", "UnknownResourceFault: Unknown type: {named}"),
        (["register"], "deprecate", None),
        (["register", "deprecate"], "deprecate", "TypeDeprecatedFault: {named}"),
        (["register", "deprecate", "undeprecate"], "deprecate", None),
        ([], "undeprecate", "UnknownResourceFault: Unknown type: {named}"),
        (["register"], "undeprecate", "TypeAlreadyExistsFault: {named}"),
        (["register", "deprecate"], "undeprecate", None),
        ([], "delete", "UnknownResourceFault: Unknown type: {named}"),
        (
            ["register"],
            "delete",
            "TypeNotDeprecatedFault: The type is currently registered and cannot be deleted in its current state",
        ),
        (["register", "deprecate"], "delete", None),
        (["register", "deprecate", "delete"], "delete", "UnknownResourceFault: Unknown type: {named}"),
        (["deprecate domain"], "register", "DomainDeprecatedFault: orders"),
        # "effectively deprecates all activity and workflow types", and they stay so
        (["register", "deprecate domain"], "deprecate", "TypeDeprecatedFault: {named}"),
        (["register", "deprecate domain", "undeprecate domain"], "deprecate", "TypeDeprecatedFault: {named}"),
        (["register", "deprecate domain", "undeprecate domain"], "undeprecate", None),
        (["register", "deprecate domain"], "delete", None),
    ],
)
async def test_types(bare: World, kind: str, before: list[str], request_: str, fault: str | None) -> None:
    """What may be done to a type depends on whether it exists, is deprecated, and on its domain; both kinds alike."""
    operations = KINDS[kind] | {"deprecate domain": DEPRECATE_DOMAIN, "undeprecate domain": UNDEPRECATE_DOMAIN}
    await bare.ask(register_domain())
    for operation in before:
        await bare.ask(operations[operation])
    await expect(bare, operations[request_], fault and fault.format(named=NAMED[kind]))


@pytest.mark.parametrize("operation", ["register", "deprecate", "undeprecate", "delete"])
@pytest.mark.parametrize("kind", KINDS)
async def test_types_of_no_domain(bare: World, kind: str, operation: str) -> None:
    """The domain is looked at first."""
    await expect(bare, KINDS[kind][operation], "UnknownResourceFault: Unknown domain: orders")


async def test_a_type_keeps_what_it_was_registered_with(bare: World) -> None:
    """Defaults that were set, description and date; settings are immutable, so nothing else ever is."""
    await bare.ask(register_domain())
    await bare.ask(
        shapes.RegisterWorkflowTypeInput(
            domain="orders",
            name="Order",
            version="1",
            description="an order",
            default_child_policy=shapes.ChildPolicy.ABANDON,
            default_task_priority="-7",
        )
    )
    key = TypeKey(DOMAIN, TypeKind.WORKFLOW, "Order", "1")
    record = (await bare.sqlite.types([key]))[key]
    assert record.description == "an order"
    assert record.created_at == bare.clock.now()
    assert record.configuration == shapes.WorkflowTypeConfiguration(
        default_child_policy=shapes.ChildPolicy.ABANDON, default_task_priority="-7"
    )


@pytest.mark.parametrize("seconds", ["NONE", "31536001"])
async def test_an_execution_lasts_a_year_at_most(world: World, seconds: str) -> None:
    """NONE and more than a year are refused, at registration and at the start."""
    request = shapes.RegisterWorkflowTypeInput(
        domain="orders", name="Long", version="1", default_execution_start_to_close_timeout=seconds
    )
    with pytest.raises(Refused, match="ValidationException"):
        await world.ask(request)
    with pytest.raises(Refused, match="ValidationException"):
        await world.start("w", execution_start_to_close_timeout=seconds)


async def test_tags_of_a_domain_are_overwritten_and_removed_by_key(bare: World) -> None:
    """The same key overwrites; absent keys are ignored."""
    await bare.ask(register_domain(tags=2))
    tag = shapes.ResourceTag(key="key-1", value="new")
    await bare.ask(shapes.TagResourceInput(resource_arn=ARN, tags=[tag]))
    await bare.ask(shapes.UntagResourceInput(resource_arn=ARN, tag_keys=["key-0", "absent"]))
    record = await bare.sqlite.domain(DOMAIN)
    assert record is not None
    assert record.tags == {"key-1": "new"}


# ---- what deprecation and deletion mean for executions ---------------------------------------------------------


async def test_what_a_start_is_refused_with(bare: World) -> None:
    """In the order in which the service checks: domain, its deprecation, type, its deprecation, defaults."""
    operations = KINDS["Workflow"]
    for fault, then in [
        ("UnknownResourceFault: Unknown domain: orders", register_domain()),
        (f"UnknownResourceFault: Unknown type: {NAMED['Workflow']}", operations["register"]),
        ("DefaultUndefinedFault: executionStartToCloseTimeout", operations["deprecate"]),
        (f"TypeDeprecatedFault: {NAMED['Workflow']}", DEPRECATE_DOMAIN),
        ("DomainDeprecatedFault: orders", None),
    ]:
        with pytest.raises(Refused) as refused:
            await bare.start("w")
        assert str(refused.value) == fault
        if then is not None:
            await bare.ask(then)


@pytest.mark.parametrize(
    ("given", "missing"),
    [
        ({}, "executionStartToCloseTimeout"),
        ({"execution_start_to_close_timeout": "1"}, "taskList"),
        (
            {"execution_start_to_close_timeout": "1", "task_list": shapes.TaskList(name="l")},
            "taskStartToCloseTimeout",
        ),
        (
            {
                "execution_start_to_close_timeout": "1",
                "task_list": shapes.TaskList(name="l"),
                "task_start_to_close_timeout": "NONE",
            },
            "childPolicy",
        ),
    ],
)
async def test_the_first_setting_that_is_missing_is_named(bare: World, given: dict[str, Any], missing: str) -> None:
    """Neither the request nor the type says it: DefaultUndefinedFault with the member's name."""
    await bare.ask(register_domain())
    await bare.ask(KINDS["Workflow"]["register"])
    with pytest.raises(Refused) as refused:
        await bare.start("w", **given)
    assert str(refused.value) == f"DefaultUndefinedFault: {missing}"


async def test_open_runs_go_on_in_a_deprecated_domain(world: World) -> None:
    """No new executions; those that are open are decided, signalled and completed as before."""
    run_id = await world.start("w")
    await world.ask(DEPRECATE_DOMAIN)
    await world.signal("w")
    await world.decide(activity(), child())
    await world.settled()
    types = await world.types(run_id)
    assert "ScheduleActivityTaskFailed" in types
    assert "StartChildWorkflowExecutionFailed" in types
    with pytest.raises(Refused, match="DomainDeprecatedFault"):
        await world.start("another")


async def test_a_chain_ends_where_its_type_is_deprecated(world: World) -> None:
    """Continue-as-new fails with WORKFLOW_TYPE_DEPRECATED, and after deletion with WORKFLOW_TYPE_DOES_NOT_EXIST."""
    run_id = await world.start("w")
    causes = []
    for operation in ("deprecate", "delete"):
        await world.ask(KINDS["Workflow"][operation])
        await world.decide(continue_as_new())
        failed = [e.continue_as_new_workflow_execution_failed_event_attributes for e in await world.history(run_id)]
        causes.append(str([attributes for attributes in failed if attributes][-1].cause))
    assert causes == ["WORKFLOW_TYPE_DEPRECATED", "WORKFLOW_TYPE_DOES_NOT_EXIST"]


async def test_a_scheduled_task_outlives_its_type(world: World) -> None:
    """Deprecating or deleting an activity type leaves its scheduled tasks alive."""
    await world.start("w")
    await world.decide(activity())
    await world.ask(KINDS["Activity"]["deprecate"])
    await world.ask(KINDS["Activity"]["delete"])
    given = await world.poll(TaskKind.ACTIVITY)
    await world.of_activity(shapes.RespondActivityTaskCompletedInput, given)
