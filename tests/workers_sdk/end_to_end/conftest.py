"""A client on a domain of its own, on whatever service the tests run against."""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator

import pytest_asyncio

from workers_sdk import Client


@pytest_asyncio.fixture
async def client(url: str) -> AsyncIterator[Client]:
    async with Client(url, domain=f"sdk-{uuid.uuid4().hex[:8]}", credentials="none") as client:
        await client.register_domain(name=client.domain, workflow_execution_retention_period_in_days="90")
        yield client
