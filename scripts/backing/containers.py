"""The same two servers in containers, where an engine answers: the images that `docker-compose.yml` pins.

Law: published on loopback only, data under DIR and owned by whoever calls, and no container is left by `down`.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

from backing import answers, mongodb, rabbitmq
from backing.server import Server, Unavailable

#: Of the container's own network; outside it is published on loopback.
EVERY_ADDRESS = "0.0.0.0"  # noqa: S104

COMPOSE = Path(__file__).resolve().parents[2] / "docker-compose.yml"


def engine() -> bool:
    if shutil.which("docker") is None:
        return False
    try:
        return subprocess.run(["docker", "info"], capture_output=True, timeout=10, check=False).returncode == 0
    except subprocess.TimeoutExpired:
        return False


def image(repository: str) -> str:
    found = re.search(rf"^\s*image:\s*({repository}:\S+)", COMPOSE.read_text(), re.MULTILINE)
    if found is None:
        raise Unavailable(f"{COMPOSE} names no image of {repository}")
    return found[1]


class Container(Server):
    def __init__(self, directory: Path, known: dict[str, Any]) -> None:
        super().__init__(directory, known)
        self.container = f"workflowsvc-{hashlib.sha256(bytes(directory)).hexdigest()[:12]}-{self.name}"

    def running(self) -> bool:
        said = self._docker("inspect", "--format", "{{.State.Running}}", self.container, check=False)
        return said.strip() == "true"

    def ask_to_stop(self) -> None:
        self._docker("kill", "--signal", "TERM", self.container, check=False)

    def finish(self) -> None:
        self._docker("stop", "--time", "20", self.container, check=False)
        self._docker("rm", "--force", "--volumes", self.container, check=False)

    def kill(self) -> None:
        self._docker("kill", self.container, check=False)

    def tail(self) -> str:
        self.log.write_text(self._docker("logs", self.container, check=False))
        return super().tail()

    def run(self, *options: str) -> None:
        self._docker("rm", "--force", "--volumes", self.container, check=False)
        self.data.mkdir(parents=True, exist_ok=True)
        owner = f"{os.getuid()}:{os.getgid()}"
        self._docker("run", "--detach", "--name", self.container, "--user", owner, *options)

    def _docker(self, *arguments: str, check: bool = True) -> str:
        said = subprocess.run(["docker", *arguments], capture_output=True, text=True, check=False)
        if check and said.returncode != 0:
            raise Unavailable(f"docker {arguments[0]} of {self.name}: {said.stderr.strip()}")
        return said.stdout


class RabbitMQContainer(Container):
    name = "rabbitmq"

    def urls(self) -> dict[str, str]:
        return rabbitmq.urls(self.known)

    def answers(self) -> bool:
        return rabbitmq.answer(self.known)

    def start(self) -> None:
        if self.running():
            return
        rabbitmq.write_settings(self.home, self.known, EVERY_ADDRESS)
        # In the container another user may have to read it; outside, the directory keeps others out.
        self.home.chmod(0o700)
        (self.home / "rabbitmq.conf").chmod(0o644)
        self.run(
            *("--hostname", "rabbitmq", "--env", "RABBITMQ_NODENAME=workflowsvc@localhost"),
            *("--publish", f"127.0.0.1:{self.known['amqp']}:{self.known['amqp']}"),
            *("--publish", f"127.0.0.1:{self.known['management']}:{self.known['management']}"),
            *("--volume", f"{self.data}:/var/lib/rabbitmq"),
            *("--volume", f"{self.home / 'rabbitmq.conf'}:/etc/rabbitmq/rabbitmq.conf:ro"),
            *("--volume", f"{self.home / 'enabled_plugins'}:/etc/rabbitmq/enabled_plugins:ro"),
            image("rabbitmq"),
        )


class MongoDBContainer(Container):
    name = "mongodb"

    def urls(self) -> dict[str, str]:
        return mongodb.urls(self.known)

    def answers(self) -> bool:
        return answers.mongodb(self.known["port"])

    def start(self) -> None:
        if self.running():
            return
        publish = f"127.0.0.1:{self.known['port']}:27017"
        self.run("--publish", publish, "--volume", f"{self.data}:/data/db", image("mongo"))
