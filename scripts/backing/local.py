"""A server that is a process of this machine.

Law: one main process, known by `DIR/NAME.pid`; to be told apart from a container, which has a name instead.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from backing.processes import Process
from backing.server import Server


class LocalServer(Server):
    def __init__(self, directory: Path, known: dict[str, Any]) -> None:
        super().__init__(directory, known)
        self.process = Process(directory / f"{self.name}.pid")

    def running(self) -> bool:
        return self.process.pid() is not None

    def ask_to_stop(self) -> None:
        self.process.ask_to_stop()

    def finish(self) -> None:
        self.process.finish()

    def kill(self) -> None:
        self.process.kill()
