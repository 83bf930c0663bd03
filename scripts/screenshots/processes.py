"""The servers and the processes of the service that the pictures are taken of.

Law: what is started is ended when its context is left, and nothing else is; every file is under a directory of its own.
"""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
COMMAND = ROOT / ".venv" / "bin" / "workflowsvc"


@contextmanager
def servers(directory: Path) -> Iterator[Mapping[str, str]]:
    """RabbitMQ and MongoDB; the variables that name them."""
    try:
        yield dict(line.split("=", 1) for line in shlex.split(_services("up", directory)))
    finally:
        _services("down", directory)


def _services(command: str, directory: Path) -> str:
    done = subprocess.run(
        [sys.executable, str(ROOT / "scripts" / "services"), command, str(directory)],
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    return done.stdout


class Processes:
    """A gateway and coordinators."""

    def __init__(self, variables: Mapping[str, str], stack: ExitStack) -> None:
        self._environment = {**os.environ, **variables}
        self._stack = stack
        self._coordinators: list[subprocess.Popen[str]] = []

    def gateway(self) -> str:
        """Its URL."""
        line = _first_line(self._start("gateway", "--port", "0"))
        return line.split("ready at ")[1].split()[0]

    def coordinator(self) -> None:
        process = self._start("coordinator")
        _first_line(process)
        self._coordinators.append(process)

    def stop_coordinators(self) -> None:
        for process in self._coordinators:
            process.terminate()
        for process in self._coordinators:
            process.wait()

    def _start(self, *arguments: str) -> subprocess.Popen[str]:
        process = subprocess.Popen([str(COMMAND), *arguments], env=self._environment, stdout=subprocess.PIPE, text=True)
        self._stack.callback(process.communicate)
        self._stack.callback(process.terminate)
        return process


def _first_line(process: subprocess.Popen[str]) -> str:
    line = process.stdout.readline() if process.stdout else ""
    if " is ready" not in line:
        raise SystemExit("screenshots: the service did not start; its reason stands above")
    return line
