"""Clusters: on the servers of all tests, or on a pair of servers that may be killed."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.brokers.rabbit import Rabbit
from tests.end_to_end.swf import Swf
from tests.failures.cluster import Cluster
from tests.failures.servers import Servers


@pytest.fixture
def rounds(request: pytest.FixtureRequest) -> int:
    """How often a loop kills: few by default, as each of them waits for a server to come back."""
    number: int = request.config.getoption("--kill-rounds")
    return max(1, number // 4)


@pytest.fixture(scope="session")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Servers]:
    servers = Servers(tmp_path_factory.mktemp("servers"))
    yield servers
    servers.down()


@pytest.fixture
def rabbit(amqp_url: str) -> Rabbit:
    return Rabbit(amqp_url)


Clusters = Callable[..., Cluster]


@pytest.fixture
def clusters(tmp_path: Path, amqp_url: str, mongodb_url: str) -> Iterator[Clusters]:
    """A cluster of so many gateways and coordinators, on a virtual host and a database of its own."""
    with ExitStack() as stack:

        def begin(gateways: int = 1, coordinators: int = 1, **environment: str) -> Cluster:
            cluster = stack.enter_context(Cluster(tmp_path, amqp_url, mongodb_url, **environment))
            return _populated(cluster, gateways, coordinators)

        yield begin


@pytest.fixture
def cluster(clusters: Clusters) -> Cluster:
    return clusters()


@pytest.fixture
def exposed(tmp_path: Path, servers: Servers) -> Iterator[Cluster]:
    """A gateway and two coordinators on servers that may be killed."""
    with Cluster(tmp_path, servers.amqp_url, servers.database()) as cluster:
        yield _populated(cluster, 1, 2)


def _populated(cluster: Cluster, gateways: int, coordinators: int) -> Cluster:
    for _ in range(coordinators):
        cluster.coordinator()
    for _ in range(gateways):
        cluster.gateway()
    return cluster


@pytest.fixture
def swf(cluster: Cluster) -> Iterator[Swf]:
    swf = Swf(cluster.url)
    yield swf
    swf.check_histories()
