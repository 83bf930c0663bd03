"""A store that others see later: what is answered at once is acknowledged when it is shown, and shown when asked.

Law: the store is SQLite's that says it lags; what is shown is decided by the test.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from coordinator.returned import Returned
from tests.coordinator.shell.world import Handed, Refused, World, start_of, until
from tests.stores.lagging import Lagging
from workflowsvc.messages import Action, Show
from workflowsvc.ports import StoreUnavailable


@pytest.fixture
async def lagging(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[World]:
    monkeypatch.setattr("coordinator.acks.GATHER_SECONDS", 0)
    async with Lagging(None) as store:
        world = World(store)
        world.store.watch("show")
        async with world.running():
            await world.register()
            yield world
            await world.settled()


def hand(world: World, action: Action, *, redelivered: bool = False) -> Handed:
    delivery = Handed(action, redelivered=redelivered)
    world.coordinator._receive(delivery)
    return delivery


def answered(world: World, action: Action) -> bool:
    return any(reply.action_id == action.id for reply in world.replies)


async def test_an_action_is_answered_at_once_and_acknowledged_when_it_is_shown(lagging: World) -> None:
    gate = lagging.store.stop("show")
    action = lagging.action(start_of("w"), "w")
    delivery = hand(lagging, action)
    await until(lambda: answered(lagging, action))
    await gate.reached()
    assert not delivery.acknowledged
    gate.open()
    await until(lambda: delivery.acknowledged)


async def test_what_gathers_is_shown_together(lagging: World) -> None:
    await lagging.settled()
    gate = lagging.store.stop("show")
    before = len(lagging.store.calls["show"])
    deliveries = [hand(lagging, lagging.action(start_of(f"w{n}"), f"w{n}")) for n in range(20)]
    await gate.reached()
    gate.open()
    await until(lambda: all(delivery.acknowledged for delivery in deliveries))
    assert len(lagging.store.calls["show"]) - before < 10


async def test_a_store_that_is_away_is_waited_for(lagging: World) -> None:
    lagging.store.fail("show", StoreUnavailable("away"), StoreUnavailable("still"))
    action = lagging.action(start_of("w"), "w")
    delivery = hand(lagging, action)
    await until(lambda: delivery.acknowledged)
    assert answered(lagging, action)


async def test_whoever_asks_is_answered_when_all_is_shown(lagging: World) -> None:
    gate = lagging.store.stop("show")
    show = lagging.action(Show())
    delivery = hand(lagging, show)
    await gate.reached()
    assert not answered(lagging, show)
    gate.open()
    await until(lambda: answered(lagging, show))
    assert delivery.acknowledged


async def test_whoever_asks_while_the_store_is_away_is_told(lagging: World) -> None:
    lagging.store.fail("show", StoreUnavailable("away"))
    with pytest.raises(Refused, match="ServiceUnavailableException"):
        await lagging.answer(lagging.action(Show()))


async def test_what_another_had_begun_is_concluded_before_that_is_answered(lagging: World) -> None:
    """A process died with this action unacknowledged: its commit is seen to by whoever gets it again."""
    gate = lagging.store.stop("load")
    start = lagging.action(start_of("w"), "w")
    hand(lagging, start, redelivered=True)
    show = Action(lagging.action(Show()).id, start.lane, "", "", "", Show(), reply_to=start.reply_to)
    hand(lagging, show)
    await gate.reached()
    await lagging.start("other")
    assert not answered(lagging, show)
    gate.open()
    await until(lambda: answered(lagging, show))
    assert answered(lagging, start)


async def test_of_a_partition_that_is_lost_nothing_is_answered_and_all_is_looked_at_again(lagging: World) -> None:
    gate = lagging.store.stop("load")
    start = lagging.action(start_of("w"), "w")
    hand(lagging, start, redelivered=True)
    show = Action(lagging.action(Show()).id, start.lane, "", "", "", Show(), reply_to=start.reply_to)
    delivery = hand(lagging, show)
    await gate.reached()
    overtaken = lagging.store.stop("show")
    lagging.coordinator._lose(lagging.coordinator._partition(start.lane))
    await overtaken.reached()
    gate.open()
    overtaken.open()
    await until(lambda: answered(lagging, start))
    assert not answered(lagging, show)
    assert not delivery.acknowledged


async def test_what_came_later_is_not_waited_for() -> None:
    returned = Returned()
    first, second = (Handed(Action(each, 1, "", "", "", Show())) for each in ("first", "second"))
    returned.came(1, first)
    waiting = asyncio.create_task(returned.over(1))
    await asyncio.sleep(0)
    returned.came(1, second)
    assert await returned.over(2)
    returned.concluded(1, first)
    assert await waiting
    returned.lost(1)
    assert await returned.over(1)


async def test_where_nothing_lags_an_action_is_acknowledged_at_once(world: World) -> None:
    world.store.watch("show")
    action: Any = world.action(start_of("w"), "w")
    delivery = hand(world, action)
    await until(lambda: delivery.acknowledged)
    assert not world.store.calls["show"]
