"""What a closed run tells where the broker confirms only that it has it: settled is what was heard.

Law: the parent's lane is held where a test must come between the telling and the hearing.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager

import pytest

from coordinator.execution.act import _REQUESTS
from coordinator.unsettled import ABANDONED_AFTER
from tests.coordinator.shell.horizon import NearBroker
from tests.coordinator.shell.world import BREATH, START, World, child, complete, until
from workflowsvc.messages import Action, ChildClosed, Reply, Resume, TaskKind
from workflowsvc.ports import BrokerUnavailable, StoreUnavailable
from workflowsvc.stores.sqlite import SqliteStore
from workflowsvc.swf import shapes

DONE = "ChildWorkflowExecutionCompleted"


class HearsayBroker(NearBroker):
    """It confirms at once, loses the next farewells or their answers where a test says so, and knows who lost what."""

    confirms_handling = False  # type: ignore[assignment]
    farewells_to_lose = 0
    answers_to_lose = 0
    lost: Callable[[], None]

    async def remembers(self) -> bool:
        return True

    async def publish(self, actions: Sequence[Action]) -> None:
        self.published += actions
        for action in actions:
            if isinstance(action.request, ChildClosed) and self.farewells_to_lose:
                self.farewells_to_lose -= 1
            else:
                self._partitions.put(action)

    @asynccontextmanager
    async def replies(self, consumer: Callable[[Reply], None], lost: Callable[[], None]) -> AsyncIterator[str]:
        self.lost = lost  # the coordinator's, which comes last
        async with super().replies(consumer, lost) as address:
            yield address

    async def reply(self, reply: Reply) -> None:
        told = {each.id for each in self.published if isinstance(each.request, ChildClosed)}
        if reply.action_id in told and self.answers_to_lose:
            self.answers_to_lose -= 1
        else:
            await super().reply(reply)

    @property
    def farewells(self) -> list[Action]:
        return [each for each in self.published if isinstance(each.request, ChildClosed)]

    @property
    def resumed(self) -> list[str]:
        return [each.run_id for each in self.published if isinstance(each.request, Resume)]


@pytest.fixture
def world(store: SqliteStore, monkeypatch: pytest.MonkeyPatch) -> World:
    """Not running yet."""
    monkeypatch.setattr("coordinator.sweeper.EVERY_SECONDS", 0)
    made = World(store, broker=HearsayBroker)
    made.store.watch("settle")
    return made


def broker_of(world: World) -> HearsayBroker:
    assert isinstance(world.inprocess, HearsayBroker)
    return world.inprocess


async def about_to_close(world: World) -> tuple[str, str, Action]:
    """A parent, its child, and the action that closes the child."""
    await world.register()
    parent = await world.start("parent")
    await world.decide(child(task_list=shapes.TaskList(name="children")))
    await world.settled()
    given = await world.poll(TaskKind.DECISION, "children")
    return parent, given.workflow_execution.run_id, world.completion(given, complete("fine"))


async def unsettled(world: World) -> list[str]:
    return [run.run_id for run in await world.sqlite.unsettled(START * 2, "", 9)]


async def settles(world: World, parent: str) -> None:
    """In the end, and the parent has heard it once."""
    async with asyncio.timeout(5):
        while await unsettled(world):
            pass  # the store is asked again: that is the wait
    assert (await world.types(parent)).count(DONE) == 1


async def a_while() -> None:
    for _ in range(BREATH):
        await asyncio.sleep(0)


async def test_a_run_is_settled_when_its_parent_has_heard(world: World) -> None:
    """The farewell is confirmed long before; until it was heard, the row says that there is something to tell."""
    async with world.running():
        parent, run_id, closing = await about_to_close(world)
        # the commit of the child passes, that of its parent waits
        world.store.pass_on("commit")
        gate = world.store.stop("commit")
        await world.answer(closing)
        await gate.reached()
        assert await unsettled(world) == [run_id]
        assert world.store.calls["settle"] == []
        gate.open()
        await settles(world, parent)
        assert [farewell.repeated for farewell in broker_of(world).farewells] == [True]


async def test_the_acknowledgement_does_not_wait_for_the_word(world: World) -> None:
    async with world.running():
        _, run_id, closing = await about_to_close(world)
        broker_of(world).farewells_to_lose = 1
        await world.answer(closing)
        await world.settled()  # nothing is with the coordinator any more
        assert await unsettled(world) == [run_id]


async def test_a_store_that_is_away_is_no_word_of_the_receiver(world: World) -> None:
    """The parent's commit fails twice, and its coordinator refuses: the child tells it again."""
    async with world.running():
        parent, _, closing = await about_to_close(world)
        world.store.pass_on("commit")
        world.store.fail("commit", StoreUnavailable("gone"), StoreUnavailable("gone"))
        await world.answer(closing)
        await settles(world, parent)
        assert len(broker_of(world).farewells) >= 3


async def test_any_other_refusal_is(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """The parent's coordinator parks the farewell in poison, and says so: that is the end of it."""
    async with world.running():
        parent, _, closing = await about_to_close(world)
        monkeypatch.delitem(_REQUESTS, ChildClosed)
        await world.answer(closing)
        async with asyncio.timeout(5):
            while await unsettled(world):
                pass
        assert DONE not in await world.types(parent)
        assert len(world.inprocess.poison) == len(broker_of(world).farewells) == 1


@pytest.mark.parametrize("lost", ["farewells_to_lose", "answers_to_lose"])
async def test_where_replies_may_be_lost_it_is_told_again_and_done_once(world: World, lost: str) -> None:
    async with world.running():
        parent, run_id, closing = await about_to_close(world)
        setattr(broker_of(world), lost, 1)
        await world.answer(closing)
        await world.settled()
        assert await unsettled(world) == [run_id]
        broker_of(world).lost()
        await settles(world, parent)
        assert len(broker_of(world).farewells) == 2


async def test_what_is_not_answered_for_long_is_told_again(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("coordinator.words.PATIENCE_SECONDS", 0.01)
    async with world.running():
        parent, _, closing = await about_to_close(world)
        broker_of(world).farewells_to_lose = 2
        await world.answer(closing)
        await settles(world, parent)


async def test_a_broker_or_a_store_that_is_away_is_tried_again(world: World) -> None:
    async with world.running():
        parent, _, closing = await about_to_close(world)
        world.store.fail("settle", StoreUnavailable("gone"))
        broker_of(world).farewells_to_lose = 1
        await world.answer(closing)
        await world.settled()
        world.broker.fail("publish", *[BrokerUnavailable()] * 9)
        broker_of(world).lost()
        await settles(world, parent)


async def test_what_a_coordinator_abandons_the_next_one_tells(world: World) -> None:
    """It stopped between confirmation and word, and the broker lost the farewell: the sweeper finds the run."""
    async with world.running():
        parent, run_id, closing = await about_to_close(world)
        broker_of(world).farewells_to_lose = 1
        await world.answer(closing)
        await world.settled()
    assert await unsettled(world) == [run_id]
    async with world.running():
        await a_while()
        assert broker_of(world).resumed == [], "it may still be told by whoever closed it"
        world.clock.advance(ABANDONED_AFTER + 1)
        await settles(world, parent)
        assert broker_of(world).resumed == [run_id]


async def test_a_run_whose_words_are_awaited_is_not_resumed(world: World) -> None:
    async with world.running():
        parent, _, closing = await about_to_close(world)
        broker_of(world).farewells_to_lose = 1
        await world.answer(closing)
        world.clock.advance(ABANDONED_AFTER + 1)
        await world.settled()
        world.store.watch("unsettled")
        await until(lambda: len(world.store.calls["unsettled"]) > 2)
        assert broker_of(world).resumed == []
        broker_of(world).lost()
        await settles(world, parent)
