"""`workflowsvc doctor`: what it finds, what it advises, and that it touches nothing.

Law: exit code 0 when all is well, 1 when something needs a hand, 2 for what it was told; an answer always comes.
"""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import aio_pika
import pytest
from pymongo import MongoClient

from tests.cli.command import run, sentence
from tests.cli.examination import examine
from tests.cli.test_engine import of
from tests.end_to_end.service import Distributed
from tests.end_to_end.swf import Swf, schedule, timer, until
from tests.servers import MANAGEMENT_URL, management, missing
from workflowsvc.brokers.rabbitmq import codec, topology
from workflowsvc.messages import Action, Wake

NOBODY = "127.0.0.1:1"
ACTION = Action("a", 7, "us-east-1/orders", "w-17", "run", Wake())

#: Findings that are there whatever the management API would say.
ALWAYS = {
    "service version",
    *(f"store {name}" for name in ("reachable", "schema", "partitions")),
    *(f"broker {name}" for name in ("reachable", "objects", "recovered", "partitions", "poison", "unrouted")),
    "management reachable",
}


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Distributed]:
    """What the tests look at. Whoever puts something in takes it out again."""
    with Distributed(tmp_path_factory.mktemp("doctor") / "data") as service:
        until(lambda: examine(service.amqp_url, service.mongodb_url).code == 0)
        yield service


@pytest.fixture
def management_url() -> str:
    return MANAGEMENT_URL or missing("RabbitMQ's management plugin")


def vhost(url: str) -> str:
    return urlsplit(url).path[1:]


async def put(url: str, exchange: str, key: str, body: bytes, **headers: str) -> None:
    async with await aio_pika.connect(url) as connection:
        channel = await connection.channel()
        message = aio_pika.Message(body, headers=dict(headers))
        await (await channel.get_exchange(exchange)).publish(message, key, mandatory=False)


def frame(*actions: Action) -> bytes:
    return codec.frame(codec.encode_action(action, "") for action in actions)


# ---- when all is well


def test_all_is_well(service: Distributed) -> None:
    """Versions of both servers, of the schema and of what speaks to them; every partition has an owner."""
    found = examine(service.amqp_url, service.mongodb_url)
    assert (found.code, found.wrong) == (0, set())
    assert set(found.findings) == ALWAYS
    assert "pymongo" in found.says("service version")
    assert found.says("broker reachable").startswith("RabbitMQ ")
    assert found.says("store schema") == "version 1"
    assert found.says("broker partitions") == "4 of 4 have an owner; actions that wait: 0"


def test_a_person_reads_lines(service: Distributed) -> None:
    """One finding a line, in columns; no password."""
    done = run("doctor", "--amqp-url", service.amqp_url, "--mongodb-url", service.mongodb_url)
    assert (done.code, done.errors) == (0, "")
    lines = done.out.splitlines()
    assert len(lines) == len(ALWAYS)
    assert all(line.startswith("ok  ") for line in lines)
    columns = {line.index(name) for line in lines for name in line.split()[2:3]}
    assert len(columns) == 1
    assert str(urlsplit(service.amqp_url).password) not in done.out


async def test_it_touches_nothing(amqp_url: str, mongodb_url: str) -> None:
    """An empty virtual host and an empty database stay empty."""
    found = examine(amqp_url, mongodb_url)
    assert found.code == 1
    assert found.wrong == {
        "store schema",
        "store partitions",
        "broker objects",
        "broker recovered",
        "broker partitions",
    }
    assert management("GET", f"queues/{vhost(amqp_url)}") == []
    exchanges = management("GET", f"exchanges/{vhost(amqp_url)}")
    assert all(not row["name"] or row["name"].startswith("amq.") for row in exchanges)
    with MongoClient[dict[str, Any]](mongodb_url) as client:
        assert client.get_default_database().list_collection_names() == []


# ---- what needs a hand


async def test_what_was_set_aside_is_shown_and_stays(service: Distributed) -> None:
    """Reason, origin, action, domain and workflow id of the first five; as many are there afterwards, in order."""
    for number in range(7):
        await put(service.amqp_url, "poison", "", frame(ACTION), reason=f"r{number}", **{"from": "actions.p07"})
    await put(service.amqp_url, "poison", "", b"nonsense", reason="it cannot be read")
    for _ in range(2):
        found = examine(service.amqp_url, service.mongodb_url)
        assert (found.code, found.wrong) == (1, {"broker poison"})
        assert "messages: 8" in found.says("broker poison")
        details = found.details("broker poison")
        assert [detail["reason"] for detail in details] == ["r0", "r1", "r2", "r3", "r4"]
        assert details[0] == {
            "reason": "r0",
            "from": "actions.p07",
            "action": "Wake",
            "domain": "us-east-1/orders",
            "workflow": "w-17",
            "actions": 1,
        }
    assert f"--vhost {vhost(service.amqp_url)} purge_queue poison" in found.findings["broker poison"]["mend"]
    said = run("doctor", "--amqp-url", service.amqp_url, "--mongodb-url", service.mongodb_url).out.splitlines()
    place = next(number for number, line in enumerate(said) if line.startswith("!!  broker"))
    assert "reason r0, from actions.p07, action Wake, domain us-east-1/orders, workflow w-17" in said[place + 1]
    assert said[place + 6].strip().startswith("to mend it: ")
    management("DELETE", f"queues/{vhost(service.amqp_url)}/poison/contents")


async def test_what_no_partition_takes_is_shown(service: Distributed) -> None:
    """What came out of a delay for a partition that is not there, and several actions that travelled together."""
    await put(service.amqp_url, "due", "p99", frame(ACTION, ACTION))
    found = until(lambda: (one := examine(service.amqp_url, service.mongodb_url)).code and one)
    assert found.wrong == {"broker unrouted"}
    [detail] = found.details("broker unrouted")
    assert (detail["from"], detail["actions"]) == ("due by p99", 2)
    management("DELETE", f"queues/{vhost(service.amqp_url)}/unrouted/contents")


def test_a_number_of_partitions_that_differs_is_named(service: Distributed) -> None:
    """What the database says is what is looked at."""
    found = examine(service.amqp_url, service.mongodb_url, "--partitions", "8")
    assert (found.code, found.wrong) == (1, {"store partitions"})
    assert "4, not 8" in found.says("store partitions")
    assert "4 of 4" in found.says("broker partitions")


@pytest.mark.parametrize(("version", "word"), [(0, "nothing"), (99, "newer")])
def test_a_schema_of_another_version_is_named(amqp_url: str, mongodb_url: str, version: int, word: str) -> None:
    with MongoClient[dict[str, Any]](mongodb_url) as client:
        client.get_default_database()["service"].insert_one({"_id": "schema", "version": version})
    found = examine(amqp_url, mongodb_url)
    assert "store schema" in found.wrong
    assert word in found.says("store schema")


def test_partitions_without_an_owner_are_named(tmp_path: Path) -> None:
    """Each of them, with what waits there, as soon as the last coordinator has gone."""
    with Distributed(tmp_path / "data", "--partitions", "3") as service:
        coordinator = service.processes.pop(0)
        coordinator.terminate()
        assert coordinator.wait() == 0
        found = examine(service.amqp_url, service.mongodb_url)
        assert found.says("broker partitions").startswith("0 of 3 have an owner")
        owners = [detail["no owner"] for detail in found.details("broker partitions")]
        assert owners == ["actions.p00", "actions.p01", "actions.p02"]
        assert "workflowsvc coordinator" in found.findings["broker partitions"]["mend"]


# ---- what cannot be reached


def test_either_is_examined_without_the_other(service: Distributed) -> None:
    """The one that cannot be reached is one finding, with its address and without its password."""
    without_broker = examine(of(service.amqp_url).replace(_place(service.amqp_url), NOBODY), service.mongodb_url)
    assert (without_broker.code, without_broker.wrong) == (1, {"broker reachable"})
    assert NOBODY in without_broker.says("broker reachable")
    assert without_broker.says("store partitions") == "4"
    without_store = examine(service.amqp_url, f"mongodb://{NOBODY}/")
    assert (without_store.code, without_store.wrong) == (1, {"store reachable"})
    assert NOBODY in without_store.says("store reachable")
    assert "4 of 4" in without_store.says("broker partitions")


def _place(url: str) -> str:
    return urlsplit(url).netloc.rpartition("@")[2]


@pytest.mark.parametrize("wrong", [{"password": "wrong"}, {"path": "/no-such-vhost"}])
def test_what_the_broker_refuses_is_a_finding(service: Distributed, wrong: dict[str, str]) -> None:
    found = examine(of(service.amqp_url, **wrong), service.mongodb_url)
    assert (found.code, found.wrong) == (1, {"broker reachable"})


def test_servers_that_say_nothing_do_not_hold_it_up() -> None:
    """Connections that are taken and not answered: three findings, within a quarter of a minute."""
    with socket.socket() as deaf:
        deaf.bind(("127.0.0.1", 0))
        deaf.listen()
        place = f"127.0.0.1:{deaf.getsockname()[1]}"
        since = time.monotonic()
        found = examine(f"amqp://{place}/", f"mongodb://{place}/", "--management-url", f"http://{place}")
    assert time.monotonic() - since < 17
    assert found.wrong == {"store reachable", "broker reachable", "management reachable"}


# ---- the management API


def test_by_management_more_is_seen(management_url: str, tmp_path: Path) -> None:
    """Processes, task lists that nobody polls, delays: all of it is no more than told."""
    with Distributed(tmp_path / "data") as service:
        swf = Swf(service.url)
        swf.start()
        swf.decide(schedule("a"), timer("t", 600))

        def look() -> Any:
            found = examine(service.amqp_url, service.mongodb_url, "--management-url", management_url)
            lists = found.details("management task lists")
            seen = len(found.details("management gateways")) == len(found.details("management coordinators")) == 1
            # A list is polled for a moment longer than anybody polls it.
            return found if seen and lists and found.details("management delays") else None

        found = until(look)
        assert (found.code, found.wrong) == (0, set())
        [coordinator] = found.details("management coordinators")
        assert coordinator["name"].startswith("coordinator.")
        assert coordinator["partitions"] == 4
        lists = {detail["list"]: detail["tasks"] for detail in found.details("management task lists")}
        assert lists == {f"tasks.activity:us-east-1/{swf.domain}:workers": 1}
        assert sum(detail["messages"] for detail in found.details("management delays")) >= 1
        assert found.findings.keys() > ALWAYS - {"management reachable"}


def test_other_arguments_are_named(management_url: str, amqp_url: str, mongodb_url: str) -> None:
    """The queue or exchange, the argument, what it is and what it ought to be."""
    host = vhost(amqp_url)
    queue, delay = topology.partition_queue(3), topology.delay_queue(64)
    for thing, others in ((queue, {"x-delivery-limit": 7}), (delay, {"x-message-ttl": 65000})):
        body = {"durable": True, "arguments": dict(thing.arguments) | others}
        management("PUT", f"queues/{host}/{thing.name}", body)
    management("PUT", f"exchanges/{host}/poison", {"type": "direct", "durable": True})
    management("PUT", f"queues/{host}/tasks.decision:d:l", {"durable": True, "arguments": {"x-queue-type": "classic"}})
    found = examine(amqp_url, mongodb_url, "--management-url", management_url)
    assert "management arguments" in found.wrong
    assert {(each["name"], each["argument"]) for each in found.details("management arguments")} == {
        ("actions.p03", "x-delivery-limit is 7 and ought to be 1000000"),
        ("delay.0064s", "x-message-ttl is 65000 and ought to be 64000"),
        ("poison", "type is direct and ought to be fanout"),
        ("tasks.decision:d:l", "x-max-priority is not set and ought to be 2"),
    }


def test_a_management_url_that_is_wrong_is_a_finding(service: Distributed, management_url: str) -> None:
    for url in (of(management_url, password="wrong"), f"http://{NOBODY}"):  # noqa: S106  not one of ours
        found = examine(service.amqp_url, service.mongodb_url, "--management-url", url)
        assert (found.code, found.wrong) == (1, {"management reachable"})
        assert "wrong" not in found.says("management reachable")


# ---- what it was told


@pytest.mark.parametrize(
    ("option", "value"),
    [("--management-url", "127.0.0.1:15672"), ("--management-url", "http://"), ("--partitions", "0")],
)
def test_an_option_that_cannot_be_used_is_one_line(option: str, value: str) -> None:
    urls = ("--amqp-url", f"amqp://{NOBODY}/", "--mongodb-url", f"mongodb://{NOBODY}/")
    assert option in sentence("doctor", *urls, option, value)
