"""`workflowsvc reconcile`: a broker that lost everything, and executions that come to their end nevertheless.

Law: the servers are real, and so is the loss. What was reconciled needed no coordinator to find out what was lost.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote, urlsplit

import pytest
from pymongo import MongoClient

from cli import reconcile
from cli.main import parser
from tests.cli.command import Done, run, sentence
from tests.cli.examination import examine
from tests.end_to_end.service import Distributed
from tests.end_to_end.swf import Swf, complete, schedule, timer, until
from tests.servers import management


def wipe(amqp_url: str) -> None:
    """The virtual host is deleted with all that is in it, and made anew."""
    url = urlsplit(amqp_url)
    vhost, user = url.path[1:], quote(unquote(url.username or ""), safe="")
    everything = {"configure": ".*", "write": ".*", "read": ".*"}
    management("DELETE", f"vhosts/{vhost}")
    management("PUT", f"vhosts/{vhost}", {})
    management("PUT", f"permissions/{vhost}/{user}", everything)


def reconciled(service: Distributed, *options: object) -> Done:
    urls = ("--amqp-url", service.amqp_url, "--mongodb-url", service.mongodb_url)
    done = run("reconcile", *urls, *options)
    assert done.errors == ""
    return done


def test_what_the_broker_lost_comes_back(tmp_path: Path) -> None:
    """A task that waited and a timer that ran: the execution goes on with both. The doctor sees each step."""
    with Distributed(tmp_path / "data") as service:
        swf = Swf(service.url)
        run_id = swf.start()
        swf.decide(schedule("a"), timer("t", 2))
        until(lambda: examine(service.amqp_url, service.mongodb_url).code == 0)
        assert service.stop() == 0
        wipe(service.amqp_url)
        lost = examine(service.amqp_url, service.mongodb_url)
        assert lost.wrong == {"broker objects", "broker recovered", "broker partitions"}

        assert reconciled(service, "--dry-run").out == "1 executions would be resumed\n"
        assert examine(service.amqp_url, service.mongodb_url).wrong == lost.wrong
        assert reconciled(service) == (0, "done: 1 executions were resumed\n", "")
        found = examine(service.amqp_url, service.mongodb_url)
        assert found.wrong == {"broker partitions"}
        assert found.says("broker partitions") == "0 of 4 have an owner; actions that wait: 1"

        service.start()
        task = swf.work()
        swf.client.respond_activity_task_completed(taskToken=task["taskToken"])
        swf.await_event(run_id, "TimerFired")
        until(
            lambda: swf.client.count_pending_decision_tasks(domain=swf.domain, taskList={"name": "deciders"})["count"]
        )
        swf.decide(complete())
        assert swf.types(run_id)[-1] == "WorkflowExecutionCompleted"
        swf.check_histories()
        until(lambda: examine(service.amqp_url, service.mongodb_url).code == 0)


def test_it_may_be_run_at_any_time(tmp_path: Path) -> None:
    """Twice, with a coordinator at work: nothing is done twice, and nothing is left to be resumed of what closed."""
    with Distributed(tmp_path / "data") as service:
        swf = Swf(service.url)
        runs = [swf.start(f"w{number}") for number in range(10)]
        for _ in runs:
            swf.decide(schedule("a"))
        for _ in range(2):
            assert reconciled(service) == (0, "done: 10 executions were resumed\n", "")
        for _ in runs:
            swf.client.respond_activity_task_completed(taskToken=swf.work()["taskToken"])
        for _ in runs:
            swf.decide(complete())
        for number, run_id in enumerate(runs):
            types = swf.types(run_id, f"w{number}")
            assert [types.count(f"ActivityTask{what}") for what in ("Scheduled", "Started", "Completed")] == [1, 1, 1]
        swf.check_histories()
        assert reconciled(service).out == "done: 0 executions were resumed\n"


# ---- what it refuses


@pytest.mark.parametrize("options", [(), ("--dry-run",)])
def test_a_database_of_nobody_is_refused(amqp_url: str, mongodb_url: str, options: tuple[str, ...]) -> None:
    """With the wrong database the broker would be told that all is well. Neither is written to."""
    said = sentence("reconcile", "--amqp-url", amqp_url, "--mongodb-url", mongodb_url, *options)
    assert "nothing of workflowsvc" in said
    assert management("GET", f"queues/{urlsplit(amqp_url).path[1:]}") == []
    with MongoClient[dict[str, Any]](mongodb_url) as client:
        assert client.get_default_database().list_collection_names() == []


def _set_up(mongodb_url: str) -> None:
    with MongoClient[dict[str, Any]](mongodb_url) as client:
        client.get_default_database()["service"].insert_one({"_id": "agreed:partitions", "value": "32"})


def test_another_number_of_partitions_is_refused(amqp_url: str, mongodb_url: str) -> None:
    """What is sent to the wrong partition is handled by nobody."""
    _set_up(mongodb_url)
    urls = ("--amqp-url", amqp_url, "--mongodb-url", mongodb_url)
    done = run("reconcile", *urls, "--partitions", "8")
    assert done.code == 2
    assert "set up for 32" in done.errors


def test_without_a_store_it_ends(amqp_url: str) -> None:
    done = run("reconcile", "--amqp-url", amqp_url, "--mongodb-url", "mongodb://127.0.0.1:1/")
    assert (done.code, done.out) == (1, "")
    assert done.errors == "workflowsvc: no MongoDB answers at 127.0.0.1:1\n"


def test_without_a_broker_it_ends(
    mongodb_url: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """It waits for one, and not for ever."""
    _set_up(mongodb_url)
    monkeypatch.setattr(reconcile, "PATIENCE", 1.5)
    options = parser().parse_args(["reconcile", "--amqp-url", "amqp://127.0.0.1:1/", "--mongodb-url", mongodb_url])
    assert options.run(options) == 1
    assert "nothing went on" in capsys.readouterr().err


def test_a_broker_that_refuses_is_one_line(amqp_url: str, mongodb_url: str) -> None:
    _set_up(mongodb_url)
    done = run("reconcile", "--amqp-url", f"{amqp_url}-no-such", "--mongodb-url", mongodb_url)
    assert (done.code, done.out) == (1, "")
    assert "virtual host" in done.errors
    assert len(done.errors.splitlines()) == 1
