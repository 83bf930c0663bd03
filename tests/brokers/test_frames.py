"""Frames: what is ready together travels together. Law: no broker; whoever sends is the test."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import AsyncIterator

import pytest

from tests.brokers.inbox import PATIENCE, Inbox
from workflowsvc.brokers.rabbitmq.frames import FRAME_BYTES, FRAME_ITEMS, Frames, Item
from workflowsvc.ports import BrokerUnavailable


def item(text: str) -> Item:
    return Item(text.encode(), {})


class Road:
    """Where frames are sent: each waits until the test lets it through, or fails it."""

    def __init__(self) -> None:
        self.frames = Frames[str](self._send)
        self.sent = Inbox[tuple[str, list[str], asyncio.Future[None]]]()

    async def _send(self, destination: str, items: list[Item]) -> None:
        passed = asyncio.get_running_loop().create_future()
        self.sent((destination, [one.body.decode() for one in items], passed))
        await passed

    def put(self, destination: str, *texts: str) -> asyncio.Future[None]:
        return self.frames.put(destination, list(map(item, texts)))


@pytest.fixture
async def road() -> AsyncIterator[Road]:
    road = Road()
    yield road
    await road.frames.close()


async def done(*futures: asyncio.Future[None]) -> None:
    async with asyncio.timeout(PATIENCE):
        await asyncio.gather(*futures)


async def test_what_becomes_ready_in_one_turn_travels_in_one_frame(road: Road) -> None:
    one, other = road.put("p", "a"), road.put("p", "b", "c")
    destination, texts, passed = await road.sent.next()
    assert (destination, texts) == ("p", ["a", "b", "c"])
    assert not one.done()
    passed.set_result(None)
    await done(one, other)


async def test_what_comes_while_a_frame_is_on_its_way_gathers_for_the_next_in_order(road: Road) -> None:
    first = road.put("p", "a")
    _, _, passed = await road.sent.next()
    later = [road.put("p", text) for text in "bcd"]
    passed.set_result(None)
    await done(first)
    _, texts, passed = await road.sent.next()
    assert texts == ["b", "c", "d"]
    assert road.sent.empty
    passed.set_result(None)
    await done(*later)


async def test_destinations_do_not_wait_for_each_other(road: Road) -> None:
    road.put("p", "a")
    road.put("q", "b")
    (one, _, _), (other, _, passed) = await road.sent.take(2)
    assert (one, other) == ("p", "q")
    passed.set_result(None)
    again = road.put("q", "c")
    _, texts, passed = await road.sent.next()
    assert texts == ["c"]
    passed.set_result(None)
    await done(again)


async def test_a_frame_is_bounded_and_what_was_put_together_is_never_parted(road: Road) -> None:
    many = [road.put("p", *(["x"] * (FRAME_ITEMS - 1))), road.put("p", "y", "y"), road.put("p", "z")]
    _, texts, passed = await road.sent.next()
    assert texts == ["x"] * (FRAME_ITEMS - 1) + ["y", "y"]
    passed.set_result(None)
    _, texts, passed = await road.sent.next()
    assert texts == ["z"]
    passed.set_result(None)
    await done(*many)


async def test_a_frame_ends_with_what_fills_it(road: Road) -> None:
    big = "x" * FRAME_BYTES
    both = [road.put("p", big), road.put("p", "small")]
    _, texts, passed = await road.sent.next()
    assert texts == [big]
    passed.set_result(None)
    _, texts, passed = await road.sent.next()
    assert texts == ["small"]
    passed.set_result(None)
    await done(*both)


async def test_a_frame_fails_as_a_whole_and_the_next_one_goes(road: Road) -> None:
    one, other = road.put("p", "a"), road.put("p", "b")
    _, _, passed = await road.sent.next()
    later = road.put("p", "c")
    passed.set_exception(BrokerUnavailable("away"))
    for failed in (one, other):
        with pytest.raises(BrokerUnavailable, match="away"):
            await failed
    _, texts, passed = await road.sent.next()
    assert texts == ["c"]
    passed.set_result(None)
    await done(later)


async def test_who_gave_up_waiting_hurts_nobody(road: Road) -> None:
    given_up, other = road.put("p", "a"), road.put("p", "b")
    given_up.cancel()
    _, texts, passed = await road.sent.next()
    assert texts == ["a", "b"]
    passed.set_result(None)
    await done(other)


async def test_closing_fails_what_is_on_its_way_and_what_waits(road: Road) -> None:
    sent = road.put("p", "a")
    await road.sent.next()
    waiting = road.put("p", "b")
    await road.frames.close()
    for future in (sent, waiting):
        with pytest.raises(BrokerUnavailable):
            await future


async def test_a_failure_that_nobody_waits_for_is_no_noise(road: Road) -> None:
    """Whoever replies does not look back; asyncio would tell of an exception that was never seen as of an error."""
    told: list[object] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: told.append(context))
    road.put("p", "a")
    _, _, passed = await road.sent.next()
    road.put("p", "b")
    passed.set_exception(BrokerUnavailable("away"))
    await road.sent.next()
    await road.frames.close()
    gc.collect()
    assert told == []
