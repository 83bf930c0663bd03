"""Actions out, replies in."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from gateway.calls import ActionIds, Calls
from tests.gateway.coordinator import ScriptedCoordinator
from workflowsvc.brokers.inprocess import InProcessBroker
from workflowsvc.clocks.manual import ManualClock
from workflowsvc.messages import Action, Refusal, Reply, Wake
from workflowsvc.ports import BrokerUnavailable
from workflowsvc.swf.errors import InternalFailure, ServiceUnavailableException
from workflowsvc.swf.faults import UnknownResourceFault
from workflowsvc.swf.shapes import Run


@pytest.fixture
async def calls(clock: ManualClock, broker: InProcessBroker) -> AsyncIterator[Calls]:
    async with Calls(clock, broker) as calls:
        yield calls


def ask(calls: Calls, run_id: str = "") -> asyncio.Task[Any]:
    return asyncio.create_task(calls.call(1, "eu/shop", "order", run_id, Wake()))


def test_action_ids_rise_within_one_millisecond_and_when_the_clock_goes_back() -> None:
    clock = ManualClock(1_000)
    ids = ActionIds(clock)
    made = [ids.next() for _ in range(1000)]
    clock.advance(1)
    made.append(ids.next())
    clock._now = 5  # a system clock that was set
    made += [ids.next(), ids.next()]
    assert made == sorted(set(made))
    assert {len(made) for made in made} == {32}


def test_action_ids_of_two_processes_differ() -> None:
    clock = ManualClock(1_000)
    assert ActionIds(clock).next() != ActionIds(clock).next()


async def test_the_reply_is_the_answer_before_the_broker_confirms(
    calls: Calls, broker: InProcessBroker, coordinator: ScriptedCoordinator
) -> None:
    asked = ask(calls)
    delivery = await coordinator.next()
    action = delivery.message
    await broker.reply(Reply(action.reply_to, action.id, Run(run_id="22")))
    assert await asked == Run(run_id="22")
    await delivery.ack()


async def test_replies_find_their_callers(calls: Calls, coordinator: ScriptedCoordinator) -> None:
    asked = {f"run {number}": ask(calls, f"run {number}") for number in range(20)}
    deliveries = await coordinator.inbox.take(20)
    for delivery in reversed(deliveries):
        await coordinator.answer(delivery, Run(run_id=delivery.message.run_id))
    for run_id, answer in asked.items():
        assert await answer == Run(run_id=run_id)


async def test_a_refusal_is_raised(calls: Calls, coordinator: ScriptedCoordinator) -> None:
    coordinator.say(Wake, Refusal("UnknownResourceFault", "Unknown domain: shop"))
    with pytest.raises(UnknownResourceFault, match=r"^Unknown domain: shop$"):
        await ask(calls)


async def test_a_refusal_that_is_no_fault_is_our_failure(
    calls: Calls, coordinator: ScriptedCoordinator, caplog: pytest.LogCaptureFixture
) -> None:
    coordinator.say(Wake, Refusal("object"))
    with pytest.raises(InternalFailure):
        await ask(calls)
    assert "no fault" in caplog.text


async def test_no_reply_in_time_is_503(clock: ManualClock, broker: InProcessBroker) -> None:
    async with Calls(clock, broker, timeout=0.01) as calls:
        with pytest.raises(ServiceUnavailableException):
            await ask(calls)
        assert not calls._waiting


async def test_a_broker_that_does_not_take_the_action_is_503(
    clock: ManualClock, broker: InProcessBroker, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def refuse(_: Action) -> None:
        raise BrokerUnavailable

    monkeypatch.setattr(broker, "request", refuse)
    async with Calls(clock, broker) as calls:
        with pytest.raises(ServiceUnavailableException):
            await ask(calls)


async def test_a_caller_that_goes_away_is_forgotten_and_its_action_goes_on(
    calls: Calls, coordinator: ScriptedCoordinator
) -> None:
    asked = ask(calls)
    delivery = await coordinator.next()
    asked.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asked
    assert not calls._waiting
    await coordinator.answer(delivery, None)


async def test_tell_wants_no_reply(calls: Calls, coordinator: ScriptedCoordinator) -> None:
    coordinator.say(Wake, None)
    await calls.tell(1, "eu/shop", "order", "22", Wake())
    [action] = coordinator.actions
    assert (action.reply_to, action.run_id) == ("", "22")
