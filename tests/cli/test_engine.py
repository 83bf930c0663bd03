"""What gateway and coordinator have in common: the two URLs, what is refused, and the wait for a broker.

Law: "one clear line on standard error, exit code other than 0, no traceback", and no password in it. Who waits says so,
and SIGTERM ends the wait.
"""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote, urlsplit

import pytest

from tests.cli.command import run, sentence
from tests.cli.tls import front, make_certificate
from tests.end_to_end.service import Process
from tests.end_to_end.swf import until
from tests.servers import management
from workflowsvc.brokers.rabbitmq import topology
from workflowsvc.stores.mongo import MongoStore

#: Within which a process that was asked to has ended.
ENDING_SECONDS = 5
#: Nobody answers there, and nobody is asked: what is refused before has no need of servers.
NOWHERE = {"WORKFLOWSVC_AMQP_URL": "amqp://127.0.0.1:1/", "WORKFLOWSVC_MONGODB_URL": "mongodb://127.0.0.1:1/"}

both = pytest.mark.parametrize("command", ["gateway", "coordinator"])
every = pytest.mark.parametrize("command", ["gateway", "coordinator", "doctor", "reconcile"])


def options(command: str) -> tuple[str, ...]:
    return ("--port", "0") if command == "gateway" else ()


def of(url: str, **replaced: str) -> str:
    """The same address with other credentials, or another path."""
    parts = urlsplit(url)
    host = f"{parts.hostname}:{parts.port}"
    user, password = (replaced.get(name, getattr(parts, name)) for name in ("username", "password"))
    return parts._replace(netloc=f"{user}:{password}@{host}", path=replaced.get("path", parts.path)).geturl()


# ---- options


@every
def test_help_names_the_urls_and_their_variables(command: str) -> None:
    done = run(command, "--help", COLUMNS="200")
    assert (done.code, done.errors) == (0, "")
    for name in ("amqp-url", "mongodb-url", "partitions"):
        assert f"--{name} " in done.out
        assert f"WORKFLOWSVC_{name.upper().replace('-', '_')}" in done.out


@every
@pytest.mark.parametrize("name", ["amqp_url", "mongodb_url"])
@pytest.mark.parametrize("given", ["", "http://127.0.0.1/"])
def test_a_url_that_is_missing_or_of_another_kind_is_named(command: str, name: str, given: str) -> None:
    """The option and the variable, or what it is to begin with; before anything is asked."""
    done = run(command, *options(command), **NOWHERE | {f"WORKFLOWSVC_{name.upper()}": given})
    assert done.code == 2
    assert f"--{name.replace('_', '-')}" in done.errors
    assert ("a URL that begins with" if given else f"WORKFLOWSVC_{name.upper()}") in done.errors
    assert len(done.errors.splitlines()) == 1


@both
def test_an_option_wins_over_its_variable(command: str, mongodb_url: str) -> None:
    said = sentence(command, *options(command), "--mongodb-url", "mongodb://127.0.0.1:1/", **_urls("", mongodb_url))
    assert "127.0.0.1:1" in said


@both
@pytest.mark.parametrize("url", ["amqp://a:secret@127.0.0.1:port/", "amqp://a:secret@127.0.0.1:99999/", "amqp:///v"])
def test_a_url_that_is_none_is_refused(command: str, url: str, mongodb_url: str) -> None:
    said = sentence(command, *options(command), **_urls(url, mongodb_url))
    assert "URL of the broker" in said
    assert "secret" not in said


def _urls(amqp_url: str, mongodb_url: str) -> dict[str, str]:
    return {"WORKFLOWSVC_AMQP_URL": amqp_url or "amqp://127.0.0.1:1/", "WORKFLOWSVC_MONGODB_URL": mongodb_url}


# ---- what the servers refuse


@both
@pytest.mark.parametrize("wrong", [{"password": "wrong"}, {"username": "nobody"}, {"path": "/no-such-vhost"}])
def test_what_the_broker_refuses_is_one_line(
    command: str, wrong: dict[str, str], amqp_url: str, mongodb_url: str
) -> None:
    url = of(amqp_url, **wrong)
    said = sentence(command, *options(command), **_urls(url, mongodb_url))
    assert f"@127.0.0.1:{urlsplit(url).port}" in said
    assert ("virtual host" if "path" in wrong else "refused") in said
    assert f":{urlsplit(url).password}@" not in said


@both
def test_a_store_that_does_not_answer_is_one_line(command: str) -> None:
    assert "no MongoDB answers at 127.0.0.1:1" in sentence(command, *options(command), **NOWHERE)


@both
async def test_another_number_of_partitions_is_refused(command: str, amqp_url: str, mongodb_url: str) -> None:
    """Whoever came first has said how many."""
    async with MongoStore(mongodb_url) as store:
        await store.agreed("partitions", "32")
    said = sentence(command, *options(command), "--partitions", "8", **_urls(amqp_url, mongodb_url))
    assert "--partitions" in said
    assert "32" in said


@both
def test_a_queue_with_other_arguments_is_named(command: str, amqp_url: str, mongodb_url: str) -> None:
    """The queue and the argument; it is left as it is."""
    queue = topology.partition_queue(3)
    path = f"queues/{urlsplit(amqp_url).path[1:]}/{queue.name}"
    others = dict(queue.arguments) | {"x-delivery-limit": 7}
    management("PUT", path, {"durable": True, "arguments": others})
    said = sentence(command, *options(command), **_urls(amqp_url, mongodb_url))
    assert queue.name in said
    assert "x-delivery-limit" in said
    assert management("GET", path)["arguments"] == others


# ---- a broker that does not answer


@contextmanager
def _deaf(*, listening: bool) -> Iterator[int]:
    """The port of an address that refuses connections, or takes them and says nothing."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        if listening:
            taken.listen()
        yield taken.getsockname()[1]


@both
@pytest.mark.parametrize("listening", [False, True], ids=["nobody there", "says nothing"])
def test_it_waits_for_the_broker_and_says_so(command: str, listening: bool, mongodb_url: str, tmp_path: Path) -> None:
    """SIGTERM ends the wait: exit code 0 within five seconds."""
    log = tmp_path / "errors"
    with _deaf(listening=listening) as port:
        url = f"amqp://guest:secret@127.0.0.1:{port}/"
        process = Process(log, [command, *options(command)], _urls(url, mongodb_url))
        until(lambda: "no broker: connecting to amqp://guest@127.0.0.1" in log.read_text())
        since = time.monotonic()
        process.terminate()
        assert process.wait() == 0
    assert time.monotonic() - since < ENDING_SECONDS
    said = log.read_text()
    assert "Traceback" not in said
    assert " ERROR " not in said
    assert "secret" not in said


# ---- TLS


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_certificate(tmp_path_factory.mktemp("tls"))


@both
async def test_both_servers_may_be_spoken_to_by_tls(
    command: str, certificate: Path, amqp_url: str, mongodb_url: str, tmp_path: Path
) -> None:
    """`amqps://`, and `tls=true` for MongoDB; the certificate is checked against the authority that is named."""
    authority = quote(str(certificate))
    async with front(amqp_url, certificate) as amqp_port, front(mongodb_url, certificate) as mongodb_port:
        amqps = of(amqp_url).replace("amqp:", "amqps:").replace(f":{urlsplit(amqp_url).port}", f":{amqp_port}")
        name = urlsplit(mongodb_url).path
        mongodb = f"mongodb://127.0.0.1:{mongodb_port}{name}?tls=true&directConnection=true&tlsCAFile={authority}"
        urls = _urls(f"{amqps}?cafile={authority}", mongodb)
        process = Process(tmp_path / "errors", [command, *options(command)], urls)
        assert "is ready" in await asyncio.to_thread(process.first_line)
        process.terminate()
        assert await asyncio.to_thread(process.wait) == 0
    assert (tmp_path / "errors").read_text() == ""


@both
async def test_a_certificate_that_nobody_vouches_for_is_not_believed(
    command: str, certificate: Path, amqp_url: str, mongodb_url: str, tmp_path: Path
) -> None:
    """It says why it waits."""
    log = tmp_path / "errors"
    async with front(amqp_url, certificate) as port:
        urls = _urls(f"amqps://guest:secret@127.0.0.1:{port}/", mongodb_url)
        process = Process(log, [command, *options(command)], urls)
        await asyncio.to_thread(until, lambda: "certificate verify failed" in log.read_text())
        process.terminate()
        assert await asyncio.to_thread(process.wait) == 0
