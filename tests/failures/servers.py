"""RabbitMQ and MongoDB that a test may stop, kill, freeze and wipe: a pair of its own, in a directory of its own.

Law: nothing else is touched. Where they are given by whoever runs the tests, they are not ours to kill: the test is
skipped then, as it is where there are none.
"""

from __future__ import annotations

import json
import os
import secrets
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from urllib.parse import urlsplit

from tests.brokers.rabbit import Rabbit
from tests.servers import management, missing

SERVICES = Path(__file__).resolve().parents[2] / "scripts" / "services"
GIVEN = ("WORKFLOWSVC_TEST_AMQP_URL", "WORKFLOWSVC_TEST_MONGODB_URL")
#: Debian's own switches to another user and to the system's directories; the one below it does not.
CTL = Path("/usr/lib/rabbitmq/bin/rabbitmqctl")


class Servers:
    def __init__(self, directory: Path) -> None:
        self.directory = directory
        said = self._run("up")
        if said.returncode:
            missing(f"pair of servers to kill ({said.stderr.strip()})")
        urls = dict(line.split("=", 1) for line in said.stdout.splitlines())
        self.amqp_url = urls["WORKFLOWSVC_AMQP_URL"]
        self._mongodb_url = urls["WORKFLOWSVC_MONGODB_URL"]
        self._management_url = urls["WORKFLOWSVC_MANAGEMENT_URL"]

    @property
    def rabbit(self) -> Rabbit:
        return Rabbit(self.amqp_url, partial(management, at=self._management_url))

    def database(self) -> str:
        """The URL of one that nobody has written to."""
        return urlsplit(self._mongodb_url)._replace(path=f"/test_{secrets.token_hex(6)}").geturl()

    def down(self) -> None:
        self._run("down")

    # ---- what happens to them

    def kill(self, name: str) -> None:
        self._ok("kill", name)

    def stop(self, name: str) -> None:
        self._ok("stop", name)

    def start(self, name: str) -> None:
        self._ok("start", name)

    def wipe(self, name: str) -> None:
        self._ok("wipe", name)

    @contextmanager
    def frozen(self, name: str) -> Iterator[None]:
        """It holds its connections and answers nothing."""
        pid = int((self.directory / f"{name}.pid").read_text().split()[0])
        os.kill(pid, signal.SIGSTOP)
        try:
            yield
        finally:
            os.kill(pid, signal.SIGCONT)

    @contextmanager
    def alarmed(self) -> Iterator[None]:
        """RabbitMQ takes nothing more, as it does when its memory is at its end."""
        self.ctl("set_vm_memory_high_watermark", "0.00001")
        try:
            yield
        finally:
            self.ctl("set_vm_memory_high_watermark", "0.6")

    def ctl(self, *arguments: str) -> None:
        command = CTL if CTL.exists() else shutil.which("rabbitmqctl")
        known = json.loads((self.directory / "rabbitmq.json").read_text())
        if command is None or known["kind"] != "process":
            missing("rabbitmqctl for a RabbitMQ of this machine")
        inherited = {name: value for name, value in os.environ.items() if not name.startswith(("RABBITMQ_", "ERL_"))}
        environment = inherited | {
            "HOME": str(self.directory / "rabbitmq"),
            "LANG": "C.UTF-8",
            "ERL_EPMD_PORT": str(known["epmd"]),
            "RABBITMQ_NODENAME": f"workflowsvc{known['amqp']}@localhost",
            "RABBITMQ_CONF_ENV_FILE": os.devnull,
        }
        subprocess.run([command, *arguments], check=True, capture_output=True, env=environment, timeout=60)

    def _ok(self, command: str, name: str) -> None:
        said = self._run(command, name)
        assert said.returncode == 0, said.stderr

    def _run(self, command: str, *names: str) -> subprocess.CompletedProcess[str]:
        environment = {name: value for name, value in os.environ.items() if name not in GIVEN}
        return subprocess.run(
            [sys.executable, SERVICES, command, self.directory, *names],
            capture_output=True,
            text=True,
            check=False,
            env=environment,
        )
