"""What the tests of the client share: a service that answers as it is told, and a clock that nobody waits for."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from tests.workers_sdk.client.stub import Stub, serving


class Pauses(list[float]):
    """The pauses that a client would have made."""

    async def __call__(self, seconds: float) -> None:
        self.append(seconds)


@pytest.fixture
async def stub() -> AsyncIterator[Stub]:
    async with serving() as stub:
        yield stub


@pytest.fixture
def pauses() -> Pauses:
    return Pauses()
