"""The SDK's pytest plugin: `workflow_environment`, `workflow_service`, `activity_environment`.

Law: it is loaded in every pytest run, so importing it costs nothing: what a fixture needs is imported when it is asked
for. No fixture is asynchronous: tests may be run by pytest-asyncio, by anyio, or by `asyncio.run` in a plain `def`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from workers_sdk.testing import ActivityEnvironment, WorkflowEnvironment, WorkflowService


@pytest.fixture(scope="session")
def workflow_service() -> Iterator[WorkflowService]:
    """The embedded service with its skipping clock, in a process that the tests of a session share."""
    from workers_sdk.testing import WorkflowService  # noqa: PLC0415

    with WorkflowService() as service:
        yield service


@pytest.fixture
def workflow_environment(workflow_service: WorkflowService) -> WorkflowEnvironment:
    """A WorkflowEnvironment on the shared service, to be entered: `async with workflow_environment as env: ...`."""
    from workers_sdk.testing import WorkflowEnvironment  # noqa: PLC0415

    return WorkflowEnvironment.connect(workflow_service.url)


@pytest.fixture
def activity_environment() -> ActivityEnvironment:
    """An ActivityEnvironment: `activity_environment.run(charge, order)`."""
    from workers_sdk.testing import ActivityEnvironment  # noqa: PLC0415

    return ActivityEnvironment()
