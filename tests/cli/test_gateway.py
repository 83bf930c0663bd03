"""`workflowsvc gateway`: where it listens, and how it ends. What it has in common with others is in test_engine.py.

Law: SIGTERM ends it within five seconds with every request answered, whoever else goes on.
"""

from __future__ import annotations

import asyncio
import signal
import socket
import time
from pathlib import Path

from tests.cli.command import run, sentence
from tests.cli.test_engine import ENDING_SECONDS
from tests.end_to_end.service import Distributed
from tests.end_to_end.swf import Swf, client
from tests.end_to_end.wire import Wire, poll_arguments, within


def test_help_names_its_options() -> None:
    """Those of HTTP and of the wire, and none of the coordinator's."""
    done = run("gateway", "--help", COLUMNS="200")
    for option in ("--host", "--port", "--poll-seconds", "--region", "--account", "--lambda-endpoint"):
        assert option in done.out
    for option in ("--data", "--cached-executions", "--retention-seconds"):
        assert option not in done.out


def test_a_port_in_use_is_refused(amqp_url: str, mongodb_url: str) -> None:
    """The line names the port and the way out."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        said = sentence("gateway", "--port", port, "--amqp-url", amqp_url, "--mongodb-url", mongodb_url)
    assert f"port {port}" in said
    assert "choose another with --port" in said


async def test_sigterm_ends_it_with_every_poll_answered(tmp_path: Path) -> None:
    """Twenty waiting polls are answered empty, not cut; exit code 0, within five seconds; another serves on."""
    with Distributed(tmp_path / "data", "--poll-seconds", "60") as service:
        swf = Swf(service.url)
        other = service.gateway()
        service.processes.append(other)
        url = other.first_line().split()[4]
        async with Wire(service.url) as wire:
            polls = [
                asyncio.create_task(wire.call(f"PollFor{kind}Task", **poll_arguments(swf, "empty")))
                for kind in ("Decision", "Activity")
                for _ in range(10)
            ]
            for _ in range(3):
                count = poll_arguments(swf)
                await asyncio.gather(*(wire.good("CountPendingDecisionTasks", **count) for _ in range(20)))
            since = time.monotonic()
            gateway = service.processes.pop(1)
            gateway.popen.send_signal(signal.SIGTERM)
            answers = await within(asyncio.gather(*polls), ENDING_SECONDS)
            assert await asyncio.to_thread(gateway.wait) == 0
        assert time.monotonic() - since < ENDING_SECONDS
        assert [answer.status for answer in answers] == [200] * 20
        assert not any("taskToken" in answer.body for answer in answers)
        names = client(url).list_domains(registrationStatus="REGISTERED")["domainInfos"]
        assert swf.domain in [info["name"] for info in names]
        assert service.errors() == ""
