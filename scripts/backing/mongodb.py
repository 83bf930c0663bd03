"""A server that speaks MongoDB's protocol, as a process of this machine: `mongod`, else SecantusDB.

Law: SecantusDB is for development and tests only. It lives in an environment of its own, is never imported, and is
installed by hash. What is promised of MongoDB is promised of `mongod`.
"""

from __future__ import annotations

import fcntl
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

from backing import answers, ports
from backing.local import LocalServer
from backing.server import Unavailable, tell

ROOT = Path(__file__).resolve().parents[2]
ENVIRONMENT = ROOT / ".venv-mongo"
LOCK = ROOT / "scripts" / "services.lock"


def new() -> dict[str, Any]:
    return {"port": ports.free(1)[0]}


class MongoDB(LocalServer):
    name = "mongodb"

    def urls(self) -> dict[str, str]:
        return urls(self.known)

    def answers(self) -> bool:
        return answers.mongodb(self.known["port"])

    def start(self) -> None:
        if self.running():
            return
        self.data.mkdir(parents=True, exist_ok=True)
        self.process.start(self.command(str(self.known["port"])), self.log)

    def command(self, port: str) -> list[str]:
        mongod = shutil.which("mongod")
        if mongod is None:
            raise Unavailable("the mongod that this directory was made with is gone")
        return [mongod, "--bind_ip", "127.0.0.1", "--port", port, "--dbpath", str(self.data), "--nounixsocket"]


class SecantusDB(MongoDB):
    def command(self, port: str) -> list[str]:
        install()
        # Its replica-set mode keeps an oplog, and every insert grows slower with it.
        options = ["--host", "127.0.0.1", "--port", port, "--storage-path", str(self.data), "--standalone"]
        return [str(ENVIRONMENT / "bin" / "secantusd-py"), *options]


def urls(known: dict[str, Any]) -> dict[str, str]:
    return {"WORKFLOWSVC_MONGODB_URL": f"mongodb://127.0.0.1:{known['port']}/workflowsvc"}


def install() -> None:
    """Once for all directories, and again when the lock file changes."""
    installed = ENVIRONMENT / "installed.lock"
    with LOCK.open() as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if installed.exists() and installed.read_bytes() == LOCK.read_bytes():
            return
        tell(f"installing SecantusDB in {ENVIRONMENT}")
        python = str(ENVIRONMENT / "bin" / "python")
        pip = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-input"]
        _run([sys.executable, "-m", "venv", "--clear", str(ENVIRONMENT)])
        _run([*pip, "--require-hashes", "-r", str(LOCK)])
        shutil.copyfile(LOCK, installed)


def _run(command: list[str]) -> None:
    said = subprocess.run(command, stdout=sys.stderr, check=False)
    if said.returncode != 0:
        raise Unavailable(
            "SecantusDB cannot be installed: install mongod, start Docker, or set WORKFLOWSVC_TEST_MONGODB_URL"
        )
