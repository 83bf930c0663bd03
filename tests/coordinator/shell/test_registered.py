"""What coordinators remember of domains and types, and when they may not.

Law: a second coordinator beside the world's is handed its deliveries by the test, as if some partitions were its own.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from coordinator.registered import Registered
from coordinator.service import Coordinator
from tests.coordinator.shell.world import ACTIVITY, DOMAIN, TYPE, Handed, Refused, World, start_of, until
from workflowsvc.messages import Action, CatalogChanged
from workflowsvc.names import partition_of
from workflowsvc.ports import BrokerUnavailable, StoreUnavailable
from workflowsvc.records import TypeKey, TypeKind
from workflowsvc.swf import shapes

KEY = TypeKey(DOMAIN, TypeKind.WORKFLOW, TYPE.name, TYPE.version)
DEPRECATE = shapes.DeprecateWorkflowTypeInput(domain="orders", workflow_type=TYPE)


class Other:
    """Another coordinator of the same broker and store."""

    def __init__(self, world: World, coordinator: Coordinator) -> None:
        self._world = world
        self._coordinator = coordinator

    async def ask(self, action: Action) -> Any:
        self._coordinator._receive(Handed(action))
        await until(lambda: any(reply.action_id == action.id for reply in self._world.replies))
        reply = next(reply for reply in self._world.replies if reply.action_id == action.id)
        if reply.refusal is not None:
            raise Refused(reply.refusal.code, reply.refusal.message)
        return reply.result

    def hear(self, action: Action) -> None:
        self._coordinator._receive(Handed(action))


@pytest.fixture
async def other(world: World) -> AsyncIterator[Other]:
    coordinator = Coordinator(world.settings, world.clock, world.broker, world.store)  # type: ignore[arg-type]
    async with coordinator:
        yield Other(world, coordinator)


def start_in(world: World, partition: int, number: int = 0) -> Action:
    """A start whose workflow id belongs to the partition."""
    actions = (world.action(start_of(name), name) for name in (f"w{number}-{each}" for each in range(1000)))
    return next(each for each in actions if partition_of(each.lane, world.settings.partitions) == partition)


def news(world: World) -> list[Action]:
    published = [action for (actions,) in world.broker.calls["publish"] for action in actions]
    return [action for action in published if isinstance(action.request, CatalogChanged)]


# ---- remembering -----------------------------------------------------------------------------------------------


async def test_what_is_registered_is_read_once(world: World) -> None:
    """Once something came from every partition, starts ask the store nothing."""
    for partition in range(world.settings.partitions):
        await world.answer(start_in(world, partition))
    await world.start("warm")
    world.store.watch("domain", "types")
    for number in range(10):
        await world.start(f"w{number}")
    assert (len(world.store.calls["domain"]), len(world.store.calls["types"])) == (0, 0)


async def test_what_is_not_registered_is_not_remembered(world: World) -> None:
    """A start is refused, the type is registered, and nobody has to be told."""
    later = shapes.WorkflowType(name="Later", version="1")
    request = shapes.StartWorkflowExecutionInput(domain="orders", workflow_id="w", workflow_type=later)
    with pytest.raises(Refused, match="UnknownResourceFault"):
        await world.ask(request, "w")
    await world.ask(
        shapes.RegisterWorkflowTypeInput(
            domain="orders",
            name="Later",
            version="1",
            default_child_policy=shapes.ChildPolicy.TERMINATE,
            default_execution_start_to_close_timeout="60",
            default_task_list=shapes.TaskList(name="main"),
            default_task_start_to_close_timeout="NONE",
        )
    )
    assert not [each for each in news(world) if each.request == later]
    await world.ask(request, "w")


async def test_what_was_being_read_when_it_changed_is_not_remembered(world: World) -> None:
    """The answer is as old as the question."""
    registered = Registered(world.store)  # type: ignore[arg-type]
    gate = world.store.stop_after("types")
    reading = asyncio.create_task(registered.types([KEY]))
    await gate.reached()
    registered.forget()
    gate.open()
    assert KEY in await reading
    before = len(world.store.calls["types"])
    await registered.types([KEY])
    assert len(world.store.calls["types"]) == before + 1


async def test_nothing_is_remembered_for_long(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """A write that the store gave no answer to may come after the news of it."""
    registered = Registered(world.store)  # type: ignore[arg-type]
    registered.forget()
    await registered.domain(DOMAIN)
    world.store.watch("domain")
    registered.trim()
    await registered.domain(DOMAIN)
    assert len(world.store.calls["domain"]) == 0
    monkeypatch.setattr("coordinator.registered._LONGEST", 0.0)
    registered.trim()
    await registered.domain(DOMAIN)
    assert len(world.store.calls["domain"]) == 1


# ---- telling ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("before", "request_"),
    [
        ([], DEPRECATE),
        ([DEPRECATE], shapes.UndeprecateWorkflowTypeInput(domain="orders", workflow_type=TYPE)),
        ([DEPRECATE], shapes.DeleteWorkflowTypeInput(domain="orders", workflow_type=TYPE)),
        ([], shapes.DeprecateActivityTypeInput(domain="orders", activity_type=ACTIVITY)),
        ([], shapes.DeprecateDomainInput(name="orders")),
        ([shapes.DeprecateDomainInput(name="orders")], shapes.UndeprecateDomainInput(name="orders")),
    ],
)
async def test_every_partition_is_told(world: World, before: list[Any], request_: Any) -> None:
    """Whoever owns it."""
    for each in before:
        await world.ask(each)
    world.broker.calls["publish"].clear()
    await world.ask(request_)
    partitions = sorted(partition_of(each.lane, world.settings.partitions) for each in news(world))
    assert partitions == [0, 1, 2, 3]


async def test_it_is_answered_when_all_are_told(world: World) -> None:
    """While the broker is away nobody is told of success, and a start afterwards is refused."""
    await world.start("w")
    gate = world.broker.stop("publish")
    reply = world.send(world.action(DEPRECATE))
    await gate.reached()
    for _ in range(50):
        await asyncio.sleep(0)
    assert not reply.done()
    gate.fail(BrokerUnavailable("away"))
    await world.result(reply)
    with pytest.raises(Refused, match="TypeDeprecatedFault"):
        await world.start("another")


async def test_all_are_told_of_what_may_have_been_written(world: World) -> None:
    """The client is refused, and the type is deprecated all the same."""
    await world.start("w")
    world.store.fail_after("replace_type", StoreUnavailable("gone"))
    with pytest.raises(Refused, match="ServiceUnavailable"):
        await world.ask(DEPRECATE)
    with pytest.raises(Refused, match="TypeDeprecatedFault"):
        await world.start("another")


async def test_another_coordinator_hears_of_it_in_line(world: World, other: Other) -> None:
    """It remembers the type until it is told, and what comes behind that is refused."""
    await other.ask(start_in(world, 1))
    await world.ask(DEPRECATE)
    await other.ask(start_in(world, 1, number=1))
    other.hear(next(each for each in news(world) if partition_of(each.lane, world.settings.partitions) == 1))
    with pytest.raises(Refused, match="TypeDeprecatedFault"):
        await other.ask(start_in(world, 1, number=2))


async def test_who_takes_a_partition_over_remembers_nothing(world: World, other: Other) -> None:
    """The last owner of partition 2 was told, and took that with it."""
    await other.ask(start_in(world, 1))
    await world.ask(DEPRECATE)
    with pytest.raises(Refused, match="TypeDeprecatedFault"):
        await other.ask(start_in(world, 2))
