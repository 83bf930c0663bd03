"""A virtual host, who looks at it from outside, and brokers on it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack

import pytest

from tests.brokers.rabbit import Rabbit
from workflowsvc.brokers.rabbitmq import RabbitBroker
from workflowsvc.clocks.system import SystemClock

PARTITIONS = 4

Brokers = Callable[..., Awaitable[RabbitBroker]]


@pytest.fixture
def rabbit(amqp_url: str) -> Rabbit:
    return Rabbit(amqp_url)


@pytest.fixture
async def brokers(amqp_url: str) -> AsyncIterator[Brokers]:
    """Each call is another process's broker, as far as RabbitMQ can tell."""
    async with AsyncExitStack() as stack:

        async def enter(role: str = "test", partitions: int = PARTITIONS) -> RabbitBroker:
            return await stack.enter_async_context(RabbitBroker(SystemClock(), amqp_url, partitions, role))

        yield enter


@pytest.fixture
async def broker(brokers: Brokers) -> RabbitBroker:
    return await brokers()
