"""What a server that stands behind the service can be told to do.

Law: a server keeps what it must remember of itself (ports, password) in `DIR/NAME.json`, readable by its owner only.
How it is run, as a process or in a container, is the business of whoever derives from it.
"""

from __future__ import annotations

import json
import os
import shutil
import sys
import time
from pathlib import Path
from typing import Any

#: From the start of a server to its first answer. On two busy cores RabbitMQ takes up to a quarter of it.
SECONDS = 60.0


class Unavailable(Exception):
    """A server cannot be brought up, and the message says what to do about it."""


def tell(line: str) -> None:
    print(f"services: {line}", file=sys.stderr, flush=True)


class Server:
    name: str

    def __init__(self, directory: Path, known: dict[str, Any]) -> None:
        self.directory = directory
        self.home = directory / self.name
        self.data = self.home / "data"
        self.log = directory / f"{self.name}.log"
        self.known = known

    def urls(self) -> dict[str, str]:
        raise NotImplementedError

    def running(self) -> bool:
        raise NotImplementedError

    def start(self) -> None:
        raise NotImplementedError

    def answers(self) -> bool:
        raise NotImplementedError

    def ask_to_stop(self) -> None:
        raise NotImplementedError

    def finish(self) -> None:
        """Waits for the end of what was asked to stop, and cleans up after it."""
        raise NotImplementedError

    def kill(self) -> None:
        raise NotImplementedError

    def wipe(self) -> None:
        if self.running():
            raise Unavailable(f"{self.name} is running: stop or kill it first")
        shutil.rmtree(self.data, ignore_errors=True)

    def wait(self) -> None:
        until = time.monotonic() + SECONDS
        while not self.answers():
            if not self.running():
                raise Unavailable(f"{self.name} ended while it started\n{self.tail()}")
            if time.monotonic() > until:
                raise Unavailable(f"{self.name} does not answer after {SECONDS:.0f} seconds\n{self.tail()}")
            time.sleep(0.1)

    def tail(self) -> str:
        lines = self.log.read_text(errors="replace").splitlines() if self.log.exists() else []
        return "\n".join([f"the end of {self.log}:", *lines[-20:]])


def remembered(directory: Path, name: str) -> dict[str, Any] | None:
    try:
        known: dict[str, Any] = json.loads((directory / f"{name}.json").read_text())
    except FileNotFoundError:
        return None
    return known


def remember(directory: Path, name: str, known: dict[str, Any]) -> None:
    write_private(directory / f"{name}.json", json.dumps(known, indent=2) + "\n")


def write_private(path: Path, text: str) -> None:
    """For the owner's eyes only, from the first byte on."""
    path.unlink(missing_ok=True)
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(text)
