"""The servers that the tests run against, and the command that starts them."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import aio_pika
import pytest
from pymongo import MongoClient, WriteConcern

from tests import servers

SERVICES = Path(__file__).resolve().parent.parent / "scripts" / "services"


def services(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, SERVICES, *arguments], capture_output=True, text=True, check=False)


def ok(*arguments: str | Path) -> str:
    said = services(*arguments)
    assert said.returncode == 0, said.stderr
    return said.stdout


def client(url: str) -> MongoClient[dict[str, Any]]:
    return MongoClient(url, serverSelectionTimeoutMS=5000)


def test_each_database_is_empty_and_gone_afterwards() -> None:
    with servers.fresh_database() as one, servers.fresh_database() as other:
        assert one != other
        with client(one) as mongodb:
            mongodb.get_default_database()["things"].insert_one({"_id": "a"})
        with client(other) as mongodb:
            assert mongodb.get_default_database()["things"].find_one() is None
    with client(one) as mongodb:
        assert mongodb.get_default_database().list_collection_names() == []


async def test_each_virtual_host_has_queues_of_its_own(amqp_url: str) -> None:
    async with await aio_pika.connect(amqp_url) as connection:
        channel = await connection.channel()
        await channel.declare_queue("q", durable=True, arguments={"x-queue-type": "quorum"})
    vhost = urlsplit(amqp_url).path[1:]
    assert [queue["name"] for queue in servers.management("GET", f"queues/{vhost}")] == ["q"]
    with servers.fresh_vhost() as other:
        assert servers.management("GET", f"queues/{urlsplit(other).path[1:]}") == []


@pytest.mark.parametrize("ci", [True, False])
def test_a_missing_server_skips_at_home_and_fails_in_ci(ci: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CI", str(ci).lower())
    monkeypatch.setattr(servers, "MONGODB_URL", None)
    with pytest.raises(pytest.fail.Exception if ci else pytest.skip.Exception), servers.fresh_database():
        pass


@pytest.fixture
def two(tmp_path: Path) -> Iterator[list[Path]]:
    """Two directories with a store up in each; killed afterwards, which is quicker than `down`."""
    if servers.MONGODB_URL is None:
        servers.missing("MongoDB")
    with ExitStack() as stack:
        directories = [tmp_path / "one", tmp_path / "the other"]
        for directory in directories:
            stack.callback(services, "kill", directory, "mongodb")
            ok("start", directory, "mongodb")
        yield directories


def _url(directory: Path) -> str:
    """As `up` prints it; RabbitMQ is named by a URL, so that only the store is really started."""
    environment = os.environ | {"WORKFLOWSVC_TEST_AMQP_URL": "amqp://127.0.0.1:1/"}
    said = subprocess.run([SERVICES, "up", directory], capture_output=True, text=True, check=True, env=environment)
    lines = dict(line.split("=", 1) for line in said.stdout.splitlines())
    assert lines["WORKFLOWSVC_AMQP_URL"] == "amqp://127.0.0.1:1/"
    return lines["WORKFLOWSVC_MONGODB_URL"]


def _pid(directory: Path) -> int:
    return int((directory / "mongodb.pid").read_text().split()[0])


def test_directories_side_by_side_do_not_meet(two: list[Path]) -> None:
    one, other = two
    with client(_url(one)) as first, client(_url(other)) as second:
        first.get_default_database()["things"].insert_one({"_id": "a"})
        assert second.get_default_database()["things"].find_one() is None
        ok("down", one)
        assert second.admin.command("ping")["ok"] == 1


def test_what_was_killed_starts_again_on_its_port_and_its_data(two: list[Path]) -> None:
    url, pid = _url(two[0]), _pid(two[0])
    with client(url) as mongodb:
        things = mongodb.get_default_database()["things"].with_options(write_concern=WriteConcern("majority", j=True))
        things.insert_one({"_id": "a"})
    ok("kill", two[0], "mongodb")
    ok("start", two[0], "mongodb")
    assert _pid(two[0]) != pid
    assert _url(two[0]) == url
    with client(url) as mongodb:
        assert mongodb.get_default_database()["things"].find_one() == {"_id": "a"}


def test_data_are_wiped_only_while_the_server_is_down(two: list[Path]) -> None:
    assert services("wipe", two[0], "mongodb").returncode == 1
    ok("stop", two[0], "mongodb")
    ok("wipe", two[0], "mongodb")
    assert not (two[0] / "mongodb" / "data").exists()


def test_a_pid_that_belongs_to_somebody_else_is_left_alone(two: list[Path]) -> None:
    ok("stop", two[0], "mongodb")
    with subprocess.Popen(["sleep", "60"]) as stranger:
        (two[0] / "mongodb.pid").write_text(f"{stranger.pid}\n1\n")
        ok("kill", two[0], "mongodb")
        ok("down", two[0])
        assert stranger.poll() is None
        stranger.kill()


def test_an_unknown_command_shows_the_usage(tmp_path: Path) -> None:
    said = services("frobnicate", tmp_path)
    assert said.returncode == 2
    assert "usage: scripts/services up DIR" in said.stderr
