"""RabbitMQ as a process of this machine, of its own: own node, own epmd, own cookie, own user.

Law: nothing of a RabbitMQ that the system runs is used or touched, and only loopback is listened on. It is kept light:
schedulers are not bound to cores, as others share them.
"""

from __future__ import annotations

import os
import secrets
import shutil
from pathlib import Path
from typing import Any

from backing import answers, apt, ports
from backing.local import LocalServer
from backing.processes import Process
from backing.server import Unavailable, write_private

USER = "workflowsvc"

#: Debian's command of that name switches to a user `rabbitmq` and to the system's directories; this one does neither.
DEBIAN = Path("/usr/lib/rabbitmq/bin/rabbitmq-server")

CONFIGURATION = """\
listeners.tcp.1 = {host}:{amqp}
management.tcp.ip = {host}
management.tcp.port = {management}
default_user = {user}
default_pass = {password}
management.rates_mode = basic
collect_statistics_interval = 5000
"""


def command() -> str | None:
    return str(DEBIAN) if DEBIAN.exists() else shutil.which("rabbitmq-server")


def new() -> dict[str, Any]:
    """What a node remembers for life."""
    names = ("amqp", "management", "distribution", "epmd")
    return dict(zip(names, ports.free(len(names)), strict=True)) | {"password": secrets.token_hex(16)}


class RabbitMQ(LocalServer):
    name = "rabbitmq"

    def __init__(self, directory: Path, known: dict[str, Any]) -> None:
        super().__init__(directory, known)
        self.epmd = Process(directory / "epmd.pid")

    def urls(self) -> dict[str, str]:
        return urls(self.known)

    def answers(self) -> bool:
        return answer(self.known)

    def start(self) -> None:
        if self.running():
            return
        server, epmd = command() or _installed(), shutil.which("epmd")
        if server is None or epmd is None:
            raise Unavailable(
                "there is no RabbitMQ: install it (Debian: apt-get install rabbitmq-server), start Docker, or set"
                " WORKFLOWSVC_TEST_AMQP_URL and WORKFLOWSVC_TEST_MANAGEMENT_URL"
            )
        write_settings(self.home, self.known)
        environment = self._environment()
        if self.epmd.pid() is None:
            self.epmd.start([epmd, "-port", str(self.known["epmd"]), "-address", "127.0.0.1"], self.log, environment)
        self.process.start([server], self.log, environment)

    def finish(self) -> None:
        super().finish()
        self.epmd.ask_to_stop()
        self.epmd.finish()

    def _environment(self) -> dict[str, str]:
        inherited = {key: value for key, value in os.environ.items() if not key.startswith(("RABBITMQ_", "ERL_"))}
        return inherited | {
            "HOME": str(self.home),
            "LANG": "C.UTF-8",
            # The node takes the place of the script that starts it: one process, and its pid is known from the start.
            "RUNNING_UNDER_SYSTEMD": "true",
            "ERL_EPMD_ADDRESS": "127.0.0.1",
            "ERL_EPMD_PORT": str(self.known["epmd"]),
            "RABBITMQ_NODENAME": f"workflowsvc{self.known['amqp']}@localhost",
            "RABBITMQ_DIST_PORT": str(self.known["distribution"]),
            "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": "-kernel inet_dist_use_interface {127,0,0,1}",
            "RABBITMQ_SCHEDULER_BIND_TYPE": "u",
            "RABBITMQ_MNESIA_BASE": str(self.data),
            "RABBITMQ_GENERATED_CONFIG_DIR": str(self.home / "generated"),
            "RABBITMQ_LOG_BASE": str(self.home),
            "RABBITMQ_LOGS": "-",
            "RABBITMQ_CONF_ENV_FILE": os.devnull,
            "RABBITMQ_CONFIG_FILE": str(self.home / "rabbitmq.conf"),
            "RABBITMQ_CONFIG_FILES": str(self.home / "conf.d"),
            "RABBITMQ_ADVANCED_CONFIG_FILE": str(self.home / "advanced.config"),
            "RABBITMQ_ENABLED_PLUGINS_FILE": str(self.home / "enabled_plugins"),
            "RABBITMQ_PID_FILE": str(self.home / "pid"),
        }


def write_settings(home: Path, known: dict[str, Any], host: str = "127.0.0.1") -> None:
    for directory in (home / "data", home / "conf.d"):
        directory.mkdir(parents=True, exist_ok=True)
    write_private(home / "rabbitmq.conf", CONFIGURATION.format(host=host, user=USER, **known))
    (home / "enabled_plugins").write_text("[rabbitmq_management].\n")
    (home / "advanced.config").write_text("[].\n")


def urls(known: dict[str, Any]) -> dict[str, str]:
    credentials = f"{USER}:{known['password']}"
    return {
        "WORKFLOWSVC_AMQP_URL": f"amqp://{credentials}@127.0.0.1:{known['amqp']}/",
        "WORKFLOWSVC_MANAGEMENT_URL": f"http://{credentials}@127.0.0.1:{known['management']}",
    }


def answer(known: dict[str, Any]) -> bool:
    return answers.amqp(known["amqp"]) and answers.management(known["management"], USER, known["password"])


def _installed() -> str | None:
    apt.install("rabbitmq-server", "rabbitmq-server", "epmd")
    return command()
