"""Heartbeats: on time whatever blocks, the latest details, and what their answers mean."""

from __future__ import annotations

import asyncio
import itertools
import threading
import time
from collections.abc import AsyncIterator, Iterator
from queue import Queue
from typing import Any, cast

import pytest

from workers_sdk.client import Client, ServiceUnreachable
from workers_sdk.payloads import PayloadError, Payloads
from workers_sdk.worker.cancellation import Cancellation, Why
from workers_sdk.worker.heartbeats import Heartbeats
from workers_sdk.worker.threads import LoopThread
from workflowsvc.swf import shapes
from workflowsvc.swf.faults import UnknownResourceFault

LONG = 1000.0
OFTEN = 0.1


class Service:
    """Hears heartbeats; *answers*: True and False to say of cancelRequested, or an exception. At the end False."""

    def __init__(self) -> None:
        self.heard: Queue[tuple[str, str | None, float]] = Queue()
        self.answers: list[bool | Exception] = []
        self.threads: list[str] = []

    async def __aenter__(self) -> Service:
        return self

    async def __aexit__(self, *_: object) -> None: ...

    async def record_activity_task_heartbeat(self, *, task_token: str, details: str | None) -> Any:
        self.threads.append(threading.current_thread().name)
        self.heard.put((task_token, details, time.monotonic()))
        answer = self.answers.pop(0) if self.answers else False
        if isinstance(answer, Exception):
            raise answer
        return shapes.ActivityTaskStatus(cancel_requested=answer)

    def next(self) -> str | None:
        """The details of the next one. Blocks the loop of the test, which is none of the heartbeats' business."""
        return self.heard.get(timeout=10)[1]


@pytest.fixture
def service() -> Service:
    return Service()


@pytest.fixture
def thread() -> Iterator[LoopThread]:
    thread = LoopThread("heartbeats")
    thread.start()
    yield thread
    thread.stop()


@pytest.fixture
async def heartbeats(service: Service, thread: LoopThread) -> AsyncIterator[Heartbeats]:
    heartbeats = Heartbeats(cast(Client, service), Payloads(), thread)
    await heartbeats.start()
    yield heartbeats
    await heartbeats.stop()


async def test_they_are_sent_at_their_interval_though_the_loop_is_blocked(
    heartbeats: Heartbeats, service: Service
) -> None:
    with heartbeats.of("a", "token", OFTEN, Cancellation()):
        begun = time.monotonic()
        heard = [service.heard.get(timeout=10) for _ in range(3)]
    assert [(token, details) for token, details, _ in heard] == [("token", None)] * 3
    assert set(service.threads) == {"heartbeats"}
    times = [begun, *(at for _, _, at in heard)]
    assert all(later - earlier > OFTEN / 2 for earlier, later in itertools.pairwise(times))


async def test_an_activity_without_heartbeat_timeout_beats_when_it_says_so(
    heartbeats: Heartbeats, service: Service
) -> None:
    with heartbeats.of("a", "token", None, Cancellation()) as beat:
        heartbeats.note(beat, {"copied": 5})
        assert service.next() == '{"copied":5}'


async def test_the_latest_details_win_and_are_repeated(heartbeats: Heartbeats, service: Service) -> None:
    """A timeout reports the details of the last heartbeat: an automatic one must not wipe them out."""
    with heartbeats.of("a", "token", 0.3, Cancellation()) as beat:
        heartbeats.note(beat, 1)
        assert service.next() == "1"
        for number in (2, 3, 4):
            heartbeats.note(beat, number)
        assert service.next() == "4"
        heartbeats.note(beat, None)
        assert service.next() == "4"
        assert service.next() == "4"


async def test_a_request_to_cancel_is_passed_on(heartbeats: Heartbeats, service: Service) -> None:
    cancellation = Cancellation()
    service.answers[:] = [False, True]
    with heartbeats.of("a", "token", OFTEN, cancellation):
        assert cancellation.flag.wait(10)
    assert cancellation.why is Why.REQUESTED
    assert service.heard.qsize() == 2


async def test_an_activity_that_the_service_knows_no_more_is_gone(heartbeats: Heartbeats, service: Service) -> None:
    cancellation = Cancellation()
    service.answers[:] = [UnknownResourceFault("Unknown activity")]
    with heartbeats.of("a", "token", OFTEN, cancellation):
        assert cancellation.flag.wait(10)
    assert cancellation.why is Why.GONE


async def test_a_heartbeat_that_was_lost_is_followed_by_the_next(
    heartbeats: Heartbeats, service: Service, caplog: pytest.LogCaptureFixture
) -> None:
    service.answers[:] = [ServiceUnreachable("nobody there")]
    with heartbeats.of("charge", "token", OFTEN, Cancellation()):
        service.next()
        service.next()
    assert "heartbeat of charge: nobody there" in caplog.text


async def test_details_that_cannot_be_written_are_refused_to_the_activity(heartbeats: Heartbeats) -> None:
    with heartbeats.of("a", "token", None, Cancellation()) as beat, pytest.raises(PayloadError):
        heartbeats.note(beat, object())


async def test_details_that_are_too_long_are_left_out(heartbeats: Heartbeats, service: Service) -> None:
    """ "details: Maximum length of 2048" (RecordActivityTaskHeartbeat). The activity is alive all the same."""
    with heartbeats.of("a", "token", OFTEN, Cancellation()) as beat:
        heartbeats.note(beat, "x" * 2047)  # and two quotes
        assert service.next() is None


async def test_there_are_none_after_the_end(heartbeats: Heartbeats, service: Service, thread: LoopThread) -> None:
    with heartbeats.of("a", "token", LONG, Cancellation()) as beat:
        pass
    heartbeats.note(beat, "late")
    await thread.run(asyncio.sleep(0))
    assert service.heard.empty()


class Broken:
    """A codec that raises what no codec should."""

    name = "broken"

    async def encode(self, text: str, limit: int) -> str:
        raise KeyError("of somebody's key service")

    async def decode(self, body: str) -> str:
        return body


async def test_a_codec_that_breaks_does_not_end_them(
    service: Service, thread: LoopThread, caplog: pytest.LogCaptureFixture
) -> None:
    heartbeats = Heartbeats(cast(Client, service), Payloads(codecs=[Broken()]), thread)
    await heartbeats.start()
    with heartbeats.of("a", "token", OFTEN, Cancellation()) as beat:
        heartbeats.note(beat, "half")
        assert service.next() is None
    await heartbeats.stop()
    assert "heartbeat of a: its details are left out" in caplog.text
