"""`workflowsvc dev`: how it begins, what it refuses, how it ends.

Law: "one clear line on standard error, exit code other than 0, no traceback"; SIGTERM ends it within five seconds with
every request answered.
"""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import time
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any

import msgspec
import pytest

from tests.cli.command import run, sentence
from tests.end_to_end.service import Service
from tests.end_to_end.swf import WORKFLOW, Swf, client, complete, schedule
from tests.end_to_end.wire import Wire, poll_arguments, within
from workflowsvc.settings import Settings

#: Within which a service that was asked to has ended.
ENDING_SECONDS = 5


# ---- how it begins


def test_the_ready_line_can_be_pasted(private: Callable[..., Service]) -> None:
    """It names a URL that answers at once, and the port that was chosen."""
    service = private()
    assert service.url == f"http://127.0.0.1:{service.port}"
    assert client(service.url).list_domains(registrationStatus="REGISTERED")["domainInfos"] == []


def test_help_names_every_option() -> None:
    """Each setting, its default and its variable; exit code 0."""
    done = run("dev", "--help", COLUMNS="200")
    assert (done.code, done.errors) == (0, "")
    for field in msgspec.structs.fields(Settings):
        assert f"--{field.name.replace('_', '-')} VALUE" in done.out
        assert f"WORKFLOWSVC_{field.name.upper()}" in done.out
    for option in ("--host", "--port", "--data", "--ephemeral", "--time-skipping"):
        assert option in done.out


def test_the_command_introduces_itself() -> None:
    """--help lists the subcommands, --version says which version."""
    assert "dev" in run("--help").out
    assert run("--version").out.strip() == version("workflowsvc")


def test_data_is_kept(private: Callable[..., Service], tmp_path: Path) -> None:
    """After a restart on the same directory everything is there; nothing is written elsewhere."""
    service = private()
    swf = Swf(service.url)
    started = swf.start(input="kept")
    assert service.stop() == 0
    service.start()
    assert swf.history(started)[0]["workflowExecutionStartedEventAttributes"]["input"] == "kept"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["data", "data.dev.stderr"]


def test_ephemeral_data_is_not_kept(
    private: Callable[..., Service], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After a restart all is forgotten; neither the working directory nor that for temporary files has anything."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "temporary").mkdir()
    monkeypatch.setenv("TMPDIR", str(tmp_path / "temporary"))
    service = private("--ephemeral")
    domain = Swf(service.url).domain
    assert service.stop() == 0
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["data.dev.stderr", "temporary"]
    service.start()
    names = client(service.url).list_domains(registrationStatus="REGISTERED")["domainInfos"]
    assert domain not in [info["name"] for info in names]


# ---- variables


def test_variables_stand_for_options(private: Callable[..., Service], monkeypatch: pytest.MonkeyPatch) -> None:
    """WORKFLOWSVC_ACCOUNT shows in ARNs; an option wins over its variable."""
    monkeypatch.setenv("WORKFLOWSVC_ACCOUNT", "111122223333")
    for options, account in (((), "111122223333"), (("--account", "444455556666"), "444455556666")):
        swf = Swf(private(*options, data=account).url)
        assert f":{account}:" in swf.client.describe_domain(name=swf.domain)["domainInfo"]["arn"]


def test_the_directory_may_be_a_variable(tmp_path: Path) -> None:
    """WORKFLOWSVC_DATA names it, and what is wrong with it is said as of the option."""
    file = tmp_path / "file"
    file.touch()
    assert str(file / "data") in sentence("dev", "--port", "0", WORKFLOWSVC_DATA=str(file / "data"))


# ---- what it refuses

_BAD_VALUES = [
    (("--port", "http"), {}, "--port"),
    (("--port", "65536"), {}, "--port"),
    (("--port", "-1"), {}, "--port"),
    (("--poll-seconds", "long"), {}, "--poll-seconds"),
    (("--partitions", "many"), {}, "--partitions"),
    (("--partitions", "1.5"), {}, "--partitions"),
    (("--retention-seconds", ""), {}, "--retention-seconds"),
    ((), {"WORKFLOWSVC_POLL_SECONDS": "long"}, "WORKFLOWSVC_POLL_SECONDS"),
    ((), {"WORKFLOWSVC_PARTITIONS": "many"}, "WORKFLOWSVC_PARTITIONS"),
]


@pytest.mark.parametrize(("options", "environment", "named"), _BAD_VALUES)
def test_a_value_that_cannot_be_used_is_named(
    tmp_path: Path, options: tuple[str, ...], environment: dict[str, str], named: str
) -> None:
    """The option or the variable, and what was given."""
    port = () if "--port" in options else ("--port", "0")
    assert named in sentence("dev", *port, "--data", tmp_path / "data", *options, **environment)


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("--partitions", "0"),
        ("--partitions", "-3"),
        ("--poll-seconds", "-1"),
        ("--poll-seconds", "nan"),
        ("--poll-seconds", "inf"),
        ("--cached-executions", "0"),
        ("--retention-seconds", "-1"),
        ("--retention-seconds", "0"),
        ("--lambda-endpoint", "not a url"),
    ],
)
def test_a_value_that_makes_no_sense_is_named(tmp_path: Path, option: str, value: str) -> None:
    """A number out of its range, or what is no URL, is refused before anything is served."""
    assert option in sentence("dev", "--port", "0", "--data", tmp_path / "data", option, value)


@pytest.mark.parametrize("arguments", [("dev", "--no-such-option"), ("no-such-command",), ()])
def test_an_unknown_option_or_command_is_one_line(arguments: tuple[str, ...]) -> None:
    """Exit code 2, and one line that says what is wrong and where to read on."""
    assert "--help tells more" in sentence(*arguments)


def test_data_and_ephemeral_exclude_each_other(tmp_path: Path) -> None:
    """Only one can be meant."""
    done = run("dev", "--data", tmp_path / "data", "--ephemeral")
    assert done.code == 2
    assert "not allowed with" in done.errors.splitlines()[-1]


def test_a_port_in_use_is_refused(tmp_path: Path) -> None:
    """The line names the port and the way out."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        said = sentence("dev", "--port", port, "--data", tmp_path / "data")
    assert f"port {port}" in said
    assert "in use" in said


def test_an_address_that_is_not_here_is_refused(tmp_path: Path) -> None:
    """192.0.2.1 is nobody's (RFC 5737)."""
    assert "192.0.2.1" in sentence("dev", "--host", "192.0.2.1", "--port", "0", "--data", tmp_path / "data")


def test_a_directory_that_cannot_be_made_is_refused(tmp_path: Path) -> None:
    """Below a regular file there are no directories, not even for root."""
    file = tmp_path / "file"
    file.touch()
    for data in (file, file / "data"):
        assert str(data) in sentence("dev", "--port", "0", "--data", data)


def test_a_second_process_on_the_same_data_is_refused(private: Callable[..., Service]) -> None:
    """The line says who holds it; the first is not disturbed; when it is gone, the data is free."""
    service = private()
    said = sentence("dev", "--port", "0", "--data", service.directory)
    assert "in use" in said
    assert str(service.processes[0].pid) in said
    swf = Swf(service.url)
    service.kill()
    service.start()
    assert swf.start()


def _database(directory: Path) -> Path:
    [file] = directory.glob("*.sqlite")
    return file


def _garbage(file: Path) -> None:
    file.write_bytes(b"this is not a database\n" * 1000)


def _overwritten(file: Path) -> None:
    data = bytearray(file.read_bytes())
    data[100:] = os.urandom(len(data) - 100)
    file.write_bytes(data)


def _overwritten_in_the_midst(file: Path) -> None:
    data = bytearray(file.read_bytes())
    third = len(data) // 3
    data[third : 2 * third] = os.urandom(third)
    file.write_bytes(data)


def _of_another_program(file: Path) -> None:
    import sqlite3  # noqa: PLC0415  the one test that makes a database

    file.unlink()
    connection = sqlite3.connect(file)
    connection.execute("create table recipes (name)")
    connection.commit()
    connection.close()


@pytest.mark.parametrize("damage", [_garbage, _overwritten, _overwritten_in_the_midst, _of_another_program])
def test_data_that_is_damaged_or_foreign_is_refused(
    private: Callable[..., Service], damage: Callable[[Path], None]
) -> None:
    """The file is named and left as it is."""
    service = private()
    Swf(service.url).start()
    assert service.stop() == 0
    file = _database(service.directory)
    damage(file)
    before = file.read_bytes()
    assert str(file) in sentence("dev", "--port", "0", "--data", service.directory)
    assert file.read_bytes() == before


# ---- how it ends


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_a_signal_ends_it_with_every_poll_answered(private: Callable[..., Service], number: int) -> None:
    """Twenty waiting polls are answered empty, not cut; exit code 0, within five seconds."""
    service = private("--poll-seconds", "60")
    swf = Swf(service.url)
    async with Wire(service.url) as wire:
        kinds = ("Decision", "Activity")
        polls = [
            asyncio.create_task(wire.call(f"PollFor{kind}Task", **poll_arguments(swf, "empty")))
            for kind in kinds
            for _ in range(10)
        ]
        # Requests that are answered after the polls were sent, on as many connections, say that those have arrived.
        for _ in range(3):
            count = poll_arguments(swf)
            await asyncio.gather(*(wire.good("CountPendingDecisionTasks", **count) for _ in range(20)))
        since = time.monotonic()
        service.processes[0].popen.send_signal(number)
        answers = await within(asyncio.gather(*polls), ENDING_SECONDS)
        assert await asyncio.to_thread(service.wait) == 0
    assert time.monotonic() - since < ENDING_SECONDS
    assert [answer.status for answer in answers] == [200] * 20
    assert not any("taskToken" in answer.body for answer in answers)
    assert service.errors() == ""


async def test_a_running_request_finishes(private: Callable[..., Service]) -> None:
    """A large batch that is under way when SIGTERM comes is answered, and what was answered is kept."""
    service = private()
    swf = Swf(service.url)
    started = swf.start()
    task = swf.poll()
    async with Wire(service.url) as wire:
        decisions = [schedule(f"a{n}", input="x" * 300) for n in range(1000)]
        answer = asyncio.create_task(
            wire.call("RespondDecisionTaskCompleted", taskToken=task["taskToken"], decisions=decisions)
        )
        signals = [_signal(wire, swf, n) for n in range(50)]
        await asyncio.sleep(0.03)  # into the middle of it, if it can be hit; it holds for any moment
        service.terminate()
        answers = [answer, *map(asyncio.ensure_future, signals)]
        done = await within(asyncio.gather(*answers, return_exceptions=True))
        assert await asyncio.to_thread(service.wait) == 0
    assert not isinstance(done[0], BaseException), done[0]
    assert done[0].status == 200
    service.start()
    events = swf.history(started)
    kinds = [event["eventType"] for event in events]
    assert kinds.count("ActivityTaskScheduled") == 1000
    acknowledged = sum(1 for one in done[1:] if not isinstance(one, BaseException) and one.status == 200)
    assert kinds.count("WorkflowExecutionSignaled") >= acknowledged
    swf.check_histories()


async def _signal(wire: Wire, swf: Swf, number: int) -> Any:
    return await wire.call(
        "SignalWorkflowExecution", domain=swf.domain, workflowId="w", signalName="s", input=str(number)
    )


async def test_a_task_on_its_way_out_is_not_lost(private: Callable[..., Service]) -> None:
    """Work that appears just as the service ends is in a poller's hands, or waits in the next process."""
    service = private()
    swf = Swf(service.url)
    async with Wire(service.url) as wire:
        polls = [asyncio.create_task(wire.call("PollForDecisionTask", **poll_arguments(swf))) for _ in range(20)]
        await asyncio.gather(*(wire.good("CountPendingDecisionTasks", **poll_arguments(swf)) for _ in range(20)))
        starts = [
            asyncio.create_task(
                wire.call("StartWorkflowExecution", domain=swf.domain, workflowId=f"w{n}", workflowType=WORKFLOW)
            )
            for n in range(20)
        ]
        await asyncio.wait(starts, return_when=asyncio.FIRST_COMPLETED)
        service.terminate()
        results = await within(asyncio.gather(*starts, *polls, return_exceptions=True))
        assert await asyncio.to_thread(service.wait) == 0
    started = sum(1 for one in results[:20] if not isinstance(one, BaseException) and one.status == 200)
    tasks = [one.body for one in results[20:] if not isinstance(one, BaseException) and "taskToken" in one.body]
    service.start()
    runs = swf.runs()
    assert len(runs) >= started
    for task in tasks:
        swf.respond(task, complete())
    for _ in range(len(runs) - len(tasks)):
        swf.decide(complete())
    swf.check_histories()
