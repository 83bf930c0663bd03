"""The clock in a test's hands."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from gateway.gateway import Gateway
from tests.gateway.conftest import START
from tests.gateway.http import Client
from workflowsvc.brokers.inprocess import InProcessBroker
from workflowsvc.clocks.manual import ManualClock
from workflowsvc.settings import Settings
from workflowsvc.stores.sqlite import SqliteStore


class Control:
    """TimeControl over a manual clock."""

    def __init__(self, clock: ManualClock) -> None:
        self._clock = clock
        self.locks = 0

    def now(self) -> int:
        return self._clock.now()

    def lock(self) -> None:
        self.locks += 1

    def unlock(self) -> None:
        if not self.locks:
            raise ValueError("no lock is held")
        self.locks -= 1

    async def advance(self, milliseconds: int) -> None:
        self._clock.advance(milliseconds)


@pytest.fixture
async def timed(
    settings: Settings, clock: ManualClock, broker: InProcessBroker, store: SqliteStore
) -> AsyncIterator[Client]:
    async with (
        Gateway(settings, clock, broker, store, Control(clock)) as gateway,
        Client(await gateway.listen("127.0.0.1", 0)) as client,
    ):
        yield client


async def test_time_is_shown_locked_and_unlocked(timed: Client) -> None:
    assert (await timed.send("GET", "/time-skipping")).json == {"now": START / 1000, "locks": 0}
    assert (await timed.send("POST", "/time-skipping/lock")).json["locks"] == 1
    assert (await timed.send("POST", "/time-skipping/lock")).json["locks"] == 2
    assert (await timed.send("POST", "/time-skipping/unlock")).json["locks"] == 1


async def test_unlocking_what_is_not_locked_is_a_conflict(timed: Client) -> None:
    answer = await timed.send("POST", "/time-skipping/unlock")
    assert (answer.status, answer.json) == (409, {"message": "no lock is held"})


@pytest.mark.parametrize("seconds", [0, 1, 2.5, 86_400 * 365])
async def test_time_is_moved_by_hand(timed: Client, seconds: float) -> None:
    answer = await timed.send("POST", "/time-skipping/advance", b'{"seconds":%a}' % seconds)
    assert (answer.status, answer.json) == (200, {"now": START / 1000 + seconds, "locks": 0})


@pytest.mark.parametrize("body", [b"", b"{", b"{}", b"[]", b'{"seconds":-1}', b'{"seconds":"1"}', b'{"seconds":1e300}'])
async def test_time_is_not_moved_by_nonsense(timed: Client, clock: ManualClock, body: bytes) -> None:
    answer = await timed.send("POST", "/time-skipping/advance", body)
    assert (answer.status, answer.code) == (400, "ValidationException")
    assert clock.now() == START
