"""The embedded service with its skipping clock, in a process of its own.

Law: it listens on a free port of 127.0.0.1, keeps nothing, takes nothing from the environment of who starts it, and is
ended by its pid: at the latest when the interpreter that started it exits.
"""

from __future__ import annotations

import atexit
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from threading import Timer
from types import TracebackType
from typing import IO, Final, Self

from workers_sdk.testing.errors import ServiceNotStarted

#: Seconds within which the service is ready, or ends. Both take well under one.
START_SECONDS: Final = 30.0
STOP_SECONDS: Final = 15.0

_ARGUMENTS: Final = ("dev", "--ephemeral", "--time-skipping", "--host", "127.0.0.1", "--port", "0")
_READY: Final = re.compile(r"workflowsvc is ready at (http://\S+)")
_OURS: Final = "WORKFLOWSVC_"


class WorkflowService:
    """`workflowsvc dev --ephemeral --time-skipping`, between `start` and `stop`, or in a `with` block.

    Many tests may use one, each in a domain of its own, but not side by side: they share its clock.
    """

    def __init__(self) -> None:
        #: where it can be reached while it runs
        self.url = ""
        self._process: subprocess.Popen[str] | None = None
        self._said: IO[str] | None = None

    def start(self) -> None:
        """Return when it is ready. Raises ServiceNotStarted."""
        command = [_command(), *_ARGUMENTS]
        self._said = tempfile.TemporaryFile("w+", encoding="utf-8", errors="replace")  # noqa: SIM115  closed by stop
        self._process = subprocess.Popen(  # noqa: S603  the service's own command
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=self._said,
            text=True,
            env={name: value for name, value in os.environ.items() if not name.startswith(_OURS)},
        )
        atexit.register(self.stop)
        ready = _READY.match(_first_line(self._process))
        if ready is None:
            said = self.errors()
            self.stop()
            raise ServiceNotStarted(f"`workflowsvc {' '.join(_ARGUMENTS)}` did not get ready: {said}")
        self.url = ready[1]

    def stop(self) -> None:
        """Return when it has ended. Done twice, it is done once."""
        process, self._process = self._process, None
        if process is None:
            return
        atexit.unregister(self.stop)
        process.terminate()
        try:
            process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        for stream in (process.stdout, self._said):
            if stream is not None:
                stream.close()

    def errors(self) -> str:
        """What it said on standard error so far, while it runs."""
        if self._said is None:
            return ""
        self._said.seek(0)
        return self._said.read()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()


def _command() -> str:
    """That of this interpreter's environment; else the one on the path."""
    beside = shutil.which("workflowsvc", path=str(Path(sys.executable).parent))
    found = beside or shutil.which("workflowsvc")
    if found is None:
        raise ServiceNotStarted("the command `workflowsvc` is neither beside this interpreter nor on the path")
    return found


def _first_line(process: subprocess.Popen[str]) -> str:
    """ "" if it ends, or is too slow, before it says one."""
    too_late = Timer(START_SECONDS, process.kill)
    too_late.start()
    try:
        return process.stdout.readline() if process.stdout else ""
    finally:
        too_late.cancel()
