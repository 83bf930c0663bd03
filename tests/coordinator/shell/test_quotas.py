"""Account-wide quotas, as they are set: what is counted, when, and what exceeds them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from msgspec.structs import replace

from coordinator.quotas import RATES
from tests.coordinator.shell.world import ACTIVITY, DOMAIN, TYPE, Refused, World, child, complete, timer
from workflowsvc.records import DomainRecord
from workflowsvc.stores.sqlite import SqliteStore
from workflowsvc.swf import shapes
from workflowsvc.swf.shapes import DecisionType


@asynccontextmanager
async def allowing(store: SqliteStore, **quotas: Any) -> AsyncIterator[World]:
    world = World(store)
    world.settings = replace(world.settings, **quotas)
    async with world.running():
        await world.register()
        yield world
        await world.settled()


async def exceeds(asking: Any) -> None:
    with pytest.raises(Refused) as caught:
        await asking
    assert caught.value.code == "LimitExceededFault"


# ---- domains and types -----------------------------------------------------------------------------------------


async def test_domains_of_a_region_are_limited_and_deprecated_ones_count(store: SqliteStore) -> None:
    for key in ("us-east-1/old", "eu-west-1/other"):
        await store.add_domain(DomainRecord(domain=key, created_at=1, retention="1", deprecated=True))
    async with allowing(store, quota_domains=2) as world:
        register = shapes.RegisterDomainInput(name="new", workflow_execution_retention_period_in_days="7")
        await exceeds(world.answer(replace(world.action(register), domain="us-east-1/new")))
        assert await world.answer(replace(world.action(register), domain="ap-south-1/new")) is None
        again = replace(world.action(register), domain="us-east-1/old")
        with pytest.raises(Refused, match="DomainAlreadyExistsFault"):
            await world.answer(again)


@pytest.mark.parametrize("kind", ["workflow", "activity"])
async def test_types_of_a_domain_are_limited_and_deprecated_ones_count_until_deleted(
    store: SqliteStore, kind: str
) -> None:
    requests = {verb: getattr(shapes, f"{verb}{kind.title()}TypeInput") for verb in ("Register", "Deprecate", "Delete")}
    named = {f"{kind}_type": TYPE if kind == "workflow" else ACTIVITY}
    async with allowing(store, quota_types=2) as world:
        await world.ask(requests["Register"](domain="orders", name="second", version="1"))
        third = requests["Register"](domain="orders", name="third", version="1")
        await exceeds(world.ask(third))
        await world.ask(requests["Deprecate"](domain="orders", **named))
        await exceeds(world.ask(third))
        await world.ask(requests["Delete"](domain="orders", **named))
        await world.ask(third)


# ---- open executions -------------------------------------------------------------------------------------------


async def test_open_executions_of_a_domain_are_limited_and_a_close_makes_room(store: SqliteStore) -> None:
    async with allowing(store, quota_open_executions=2) as world:
        await world.start("a")
        await world.start("b")
        await exceeds(world.start("c"))
        await world.terminate("a")
        await world.start("c")
        await exceeds(world.start("d"))


async def test_a_run_that_continues_as_new_needs_no_room(store: SqliteStore) -> None:
    async with allowing(store, quota_open_executions=1) as world:
        await world.start("a")
        await world.decide(shapes.Decision(decision_type=DecisionType.CONTINUE_AS_NEW_WORKFLOW_EXECUTION))
        await exceeds(world.start("b"))
        await world.decide(complete())
        await world.start("b")


async def test_children_count_and_those_beyond_fail(store: SqliteStore) -> None:
    async with allowing(store, quota_open_executions=2) as world:
        run = await world.start("parent")
        await world.decide(child("one"), child("two"))
        await world.settled()
        failed = [e.start_child_workflow_execution_failed_event_attributes for e in await world.history(run)]
        assert [(a.workflow_id, a.cause.name) for a in failed if a] == [("two", "OPEN_WORKFLOWS_LIMIT_EXCEEDED")]
        await exceeds(world.start("third"))


async def test_what_others_opened_and_closed_is_seen_after_a_second(store: SqliteStore) -> None:
    """Another coordinator's runs come by way of the store."""
    async with allowing(store, quota_open_executions=2) as world:
        await world.start("a")
        world.store.watch("count_executions")
        await world.start("b")
        assert not world.store.calls["count_executions"]
        await exceeds(world.start("c"))
        world.clock.advance(1_000)
        await exceeds(world.start("c"))
        assert len(world.store.calls["count_executions"]) == 1


async def test_without_a_quota_nothing_is_counted(world: World) -> None:
    world.store.watch("count_executions", "count_domains", "count_types")
    await world.start("a")
    await world.decide(child())
    await world.ask(shapes.RegisterWorkflowTypeInput(domain="orders", name="other", version="1"))
    assert not any(world.store.calls.values())


# ---- rates -----------------------------------------------------------------------------------------------------


async def test_decisions_have_rates_that_are_refilled_as_time_goes_by(store: SqliteStore) -> None:
    size, refill = RATES[DecisionType.START_TIMER]
    allowed = 4
    async with allowing(store, quota_rates=allowed / size) as world:
        run = await world.start("a")
        await world.decide(*(timer(1_000, f"t{number}") for number in range(allowed + 1)))
        assert (await world.types(run)).count("StartTimerFailed") == 1
        await world.pass_time(int(1000 * size / refill / allowed))  # one token
        await world.decide(timer(1_000, "x"), timer(1_000, "y"))
        types = await world.types(run)
        assert (types.count("TimerStarted"), types.count("StartTimerFailed")) == (allowed + 1, 2)


async def test_without_a_setting_no_decision_is_too_fast(world: World) -> None:
    await world.start("a")
    assert world.coordinator._quotas.take(DOMAIN, [timer(1)]) == {}
