"""What every test can ask for: a service to talk to over HTTP, a domain of its own, clients that do not retry.

Law: nothing of a developer's environment leaks in, and no process outlives the session. Which service the end-to-end
tests run against is one option, `--server`; the tests do not know.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.end_to_end.service import SERVERS, Service
from tests.servers import amqp_url, mongodb_url  # noqa: F401  fixtures; and read before the environment is cleared

if TYPE_CHECKING:
    from tests.end_to_end.swf import Swf

# At the head, before anything reads them: a developer's region, profile or port is none of the tests' business.
for name in [name for name in os.environ if name.startswith(("AWS_", "WORKFLOWSVC_"))]:
    del os.environ[name]
os.environ |= {
    "AWS_ACCESS_KEY_ID": "AKIDTESTS",
    "AWS_SECRET_ACCESS_KEY": "secret",
    "AWS_DEFAULT_REGION": "us-east-1",
    "AWS_CONFIG_FILE": os.devnull,
    "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
    "AWS_EC2_METADATA_DISABLED": "true",
}

#: Long enough to be out of a test's way, short enough that a poll that nobody answers shows as a failure.
POLL_SECONDS = "20"

Private = Callable[..., Service]


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--server", choices=sorted(SERVERS), default="embedded", help="what the end-to-end tests run against"
    )
    parser.addoption("--kill-rounds", type=int, default=8, help="how often the kill test kills the service")


@pytest.fixture(scope="session")
def server(request: pytest.FixtureRequest) -> type[Service]:
    """The kind of service that was asked for."""
    return SERVERS[request.config.getoption("--server")]


@pytest.fixture(scope="session")
def service(server: type[Service], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """The service that the tests share. Each has a domain of its own in it."""
    with server(tmp_path_factory.mktemp("shared"), "--poll-seconds", POLL_SECONDS) as service:
        yield service


@pytest.fixture(scope="session")
def url(service: Service) -> str:
    return service.url


@pytest.fixture
def private(server: type[Service], tmp_path: Path) -> Iterator[Private]:
    """Starts services for one test: each has a data directory of its own, and the options that it is given."""
    with ExitStack() as stack:

        def start(*options: str, data: str = "data") -> Service:
            if "--time-skipping" in options and not server.skips_time:
                pytest.skip("its clock does not skip")
            return stack.enter_context(server(tmp_path / data, *options))

        yield start


@pytest.fixture
def swf(service: Service) -> Iterator[Swf]:
    """A fresh domain with a workflow type and an activity type, and boto3 on it; its histories are checked after."""
    from tests.end_to_end.swf import Swf  # noqa: PLC0415  boto3 takes 0.2 s that unit tests need not wait for

    swf = Swf(service.url)
    yield swf
    swf.check_histories()
