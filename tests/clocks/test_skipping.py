"""When time is skipped, when not, and how it is moved by hand. The wall clock stands still here."""

from __future__ import annotations

import asyncio

import pytest

from workflowsvc.clocks.skipping import SkippingClock

START = 1_700_000_000_000
HOUR = 3_600_000
#: Seconds; less than LONGEST_SLEEP, after which the clock looks about anyway.
PATIENCE = 5
pytestmark = pytest.mark.timeout(PATIENCE)


@pytest.fixture
def clock() -> SkippingClock:
    return SkippingClock(lambda: START * 1_000_000)


async def turns(number: int = 100) -> None:
    """Far more turns of the event loop than the clock wants to be quiet."""
    for _ in range(number):
        await asyncio.sleep(0)


def waiting(clock: SkippingClock, after: int) -> asyncio.Task[None]:
    return asyncio.create_task(clock.wait_until(START + after))


# ---- by itself -----------------------------------------------------------------------------------------------


async def test_it_runs_to_whatever_is_waited_for(clock: SkippingClock) -> None:
    for hours in (1, 2, 24 * 30):
        await clock.wait_until(START + hours * HOUR)
        assert clock.now() == START + hours * HOUR


async def test_it_runs_to_one_wait_after_the_other(clock: SkippingClock) -> None:
    seen: list[int] = []

    async def wait(after: int) -> None:
        await clock.wait_until(START + after)
        seen.append(clock.now() - START)

    await asyncio.gather(*(wait(after) for after in (30, 10, 20, 10)))
    assert seen == [10, 10, 20, 30]


async def test_it_stands_still_while_nobody_waits(clock: SkippingClock) -> None:
    await turns()
    assert clock.now() == START


async def test_it_stands_still_while_a_message_is_held(clock: SkippingClock) -> None:
    message, other = object(), object()
    clock.hold(message)
    clock.hold(other)
    wait = waiting(clock, HOUR)
    await turns()
    clock.release(other)
    await turns()
    assert clock.now() == START
    clock.release(message)
    await wait
    assert clock.now() == START + HOUR


async def test_holding_twice_is_holding_once(clock: SkippingClock) -> None:
    clock.hold("message")
    clock.hold("message")
    clock.occupy("run")
    clock.occupy("run")
    wait = waiting(clock, HOUR)
    clock.release("message")
    clock.vacate("run")
    await wait


async def test_it_stands_still_while_a_run_is_occupied(clock: SkippingClock) -> None:
    clock.occupy("run")
    wait = waiting(clock, HOUR)
    await turns()
    assert clock.now() == START
    clock.vacate("run")
    await wait


async def test_it_stands_still_while_a_lock_is_held(clock: SkippingClock) -> None:
    clock.lock()
    clock.lock()
    wait = waiting(clock, HOUR)
    clock.unlock()
    await turns()
    assert (clock.now(), clock.locks) == (START, 1)
    clock.unlock()
    await wait
    assert clock.locks == 0


def test_a_lock_that_is_not_held_cannot_be_released(clock: SkippingClock) -> None:
    with pytest.raises(ValueError, match="no lock"):
        clock.unlock()


@pytest.mark.parametrize("gap", [0, 1, 2, 3])
async def test_time_does_not_slip_between_two_messages_of_a_chain(clock: SkippingClock, gap: int) -> None:
    wait = waiting(clock, HOUR)
    clock.hold(0)
    for message in range(50):
        await turns(2)
        clock.release(message)
        await turns(gap)
        clock.hold(message + 1)
        assert clock.now() == START
    clock.release(50)
    await wait


async def test_who_was_woken_acts_before_time_goes_on(clock: SkippingClock) -> None:
    later = waiting(clock, 2 * HOUR)
    # A task around the wait takes some turns of the loop until the word is passed on.
    await asyncio.wait_for(asyncio.shield(waiting(clock, HOUR)), PATIENCE)
    clock.hold("message")
    await turns()
    assert clock.now() == START + HOUR
    clock.release("message")
    await later
    assert clock.now() == START + 2 * HOUR


async def test_it_does_not_run_to_a_wait_that_was_cancelled(clock: SkippingClock) -> None:
    clock.lock()
    wait = waiting(clock, HOUR)
    await turns()
    wait.cancel()
    clock.unlock()
    await turns()
    assert clock.now() == START


async def test_what_is_not_skipped_comes_when_its_real_time_comes() -> None:
    clock = SkippingClock()
    clock.lock()
    start = clock.now()
    async with asyncio.timeout(PATIENCE):
        await asyncio.gather(clock.wait_until(start + 20), clock.wait_until(start + 10))
    assert clock.now() >= start + 20


async def test_thousands_of_waits(clock: SkippingClock) -> None:
    await asyncio.gather(*(clock.wait_until(START + number % 100) for number in range(20_000)))
    assert clock.now() == START + 99


# ---- by hand -------------------------------------------------------------------------------------------------


async def test_by_hand_it_moves_by_what_was_asked_for(clock: SkippingClock) -> None:
    await clock.advance(HOUR)
    assert clock.now() == START + HOUR
    await clock.advance(0)
    assert clock.now() == START + HOUR
    with pytest.raises(ValueError, match="backwards"):
        await clock.advance(-1)


async def test_by_hand_neither_locks_nor_occupied_runs_matter(clock: SkippingClock) -> None:
    clock.lock()
    clock.occupy("run")
    beyond = waiting(clock, HOUR + 1)
    due = waiting(clock, HOUR)
    await clock.advance(HOUR)
    assert due.done()
    assert not beyond.done()
    assert clock.now() == START + HOUR
    await clock.advance(1)
    assert beyond.done()


async def test_by_hand_each_deadline_is_handled_before_the_next_comes(clock: SkippingClock) -> None:
    clock.lock()
    log: list[tuple[str, int]] = []

    async def deadline(after: int) -> None:
        await clock.wait_until(START + after)
        log.append(("woken", after))
        clock.hold(after)
        await turns()
        log.append(("handled", clock.now() - START))
        clock.release(after)

    deadlines = [asyncio.create_task(deadline(after)) for after in (10, 20, 30)]
    await clock.advance(30)
    assert log == [(what, after) for after in (10, 20, 30) for what in ("woken", "handled")]
    assert all(handled.done() for handled in deadlines)


async def test_by_hand_deadlines_that_arise_on_the_way_count(clock: SkippingClock) -> None:
    clock.lock()
    seen: list[int] = []

    async def every(period: int) -> None:
        while True:
            await clock.wait_until(clock.now() + period)
            seen.append(clock.now() - START)

    ticking = asyncio.create_task(every(10))
    await clock.advance(35)
    ticking.cancel()
    assert seen == [10, 20, 30]
    assert clock.now() == START + 35


async def test_by_hand_it_waits_for_the_messages_first(clock: SkippingClock) -> None:
    clock.hold("message")
    moving = asyncio.create_task(clock.advance(HOUR))
    await turns()
    assert clock.now() == START
    clock.release("message")
    await moving
    assert clock.now() == START + HOUR


async def test_two_hands_move_one_after_the_other(clock: SkippingClock) -> None:
    await asyncio.gather(clock.advance(HOUR), clock.advance(HOUR))
    assert clock.now() == START + 2 * HOUR


async def test_when_the_hand_lets_go_time_moves_by_itself_again(clock: SkippingClock) -> None:
    wait = waiting(clock, 2 * HOUR)
    await clock.advance(HOUR)
    assert clock.now() == START + HOUR
    await wait
    assert clock.now() == START + 2 * HOUR


async def test_when_the_hand_is_cancelled_time_moves_by_itself_again(clock: SkippingClock) -> None:
    moving = asyncio.create_task(clock.advance(HOUR))
    wait = waiting(clock, 5)
    await asyncio.sleep(0)
    moving.cancel()
    await wait
    assert moving.cancelled()
    assert clock.now() == START + 5
