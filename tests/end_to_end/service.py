"""A service in processes of its own, that tests start, kill, stop and start again.

Law: it listens on 127.0.0.1 only, keeps to one directory, and is ended by its pid. What it says on standard error is
kept; a traceback or an error there fails the test that ends the service, whatever the service answered.
"""

from __future__ import annotations

import os
import re
import select
import subprocess
import sys
import time
from pathlib import Path
from types import TracebackType

COMMAND = Path(sys.executable).with_name("workflowsvc")
#: Seconds within which a service is ready, or ends.
PATIENCE = 20.0

_READY = re.compile(r"^workflowsvc is ready at (http://127\.0\.0\.1:([0-9]+)) ")


class Service:
    """`workflowsvc dev`. Started again it keeps its data and its port."""

    def __init__(self, directory: Path, *options: str) -> None:
        self.directory = directory
        self.options = options
        self.url = ""
        self.port = 0
        self._process: subprocess.Popen[bytes] | None = None
        self._errors = directory.with_name(directory.name + ".stderr")

    # ---- lifetime

    def __enter__(self) -> Service:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.running:
            self.stop()
        if error is None:
            said = self.errors()
            assert "Traceback" not in said, said
            assert " ERROR " not in said, said

    def start(self) -> None:
        self.spawn()
        self.wait_ready()

    def spawn(self) -> None:
        """Start it without waiting."""
        assert not self.running
        self._errors.parent.mkdir(parents=True, exist_ok=True)
        data = () if "--ephemeral" in self.options else ("--data", self.directory)
        with self._errors.open("ab") as errors:
            self._process = subprocess.Popen(
                [COMMAND, "dev", "--port", str(self.port), *data, *self.options],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=errors,
            )

    def wait_ready(self) -> None:
        ready = _READY.match(self._line())
        assert ready, f"not ready: {self.errors()}"
        self.url, self.port = ready[1], int(ready[2])

    def terminate(self) -> None:
        """Ask it to end, without waiting."""
        self.process.terminate()

    def wait(self) -> int:
        """The exit code of a service that was asked to end."""
        process = self.process
        try:
            return process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            raise
        finally:
            self._gone()

    def stop(self) -> int:
        self.terminate()
        return self.wait()

    def kill(self) -> None:
        """kill -9."""
        self.process.kill()
        self.process.wait()
        self._gone()

    # ---- what can be asked of it

    @property
    def process(self) -> subprocess.Popen[bytes]:
        assert self._process is not None, "not running"
        return self._process

    @property
    def running(self) -> bool:
        return self._process is not None

    def errors(self) -> str:
        """All that was said on standard error so far."""
        return self._errors.read_text() if self._errors.exists() else ""

    def _gone(self) -> None:
        assert self.process.stdout is not None
        self.process.stdout.close()
        self._process = None

    def _line(self) -> str:
        """The first line of standard output; what has come when it ends or nothing comes in time."""
        assert self.process.stdout is not None
        out = self.process.stdout.fileno()
        line = b""
        deadline = time.monotonic() + PATIENCE
        while not line.endswith(b"\n") and select.select([out], [], [], max(0.0, deadline - time.monotonic()))[0]:
            chunk = os.read(out, 4096)
            if not chunk:
                break
            line += chunk
        return line.decode()


#: What `--server` chooses from. A distributed service is another class with the same methods.
SERVERS: dict[str, type[Service]] = {"embedded": Service}
