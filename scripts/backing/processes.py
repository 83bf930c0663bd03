"""Processes that outlive the command that starts them, found again by their pid.

Law: no signal goes to a pid that now belongs to somebody else. So a pid is kept with the time at which its process was
born, and both must fit.
"""

from __future__ import annotations

import os
import signal
import subprocess
import time
from pathlib import Path

#: RabbitMQ closes its queues' logs when it is asked to stop; that takes a second or two.
PATIENCE = 20.0


def birth(pid: int) -> str | None:
    """When the process began, in whatever form the system has; None if there is none, or only what is left of one."""
    try:
        # The name, in parentheses, may contain anything; state and start time are the 1st and 20th field after it.
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return None if Path("/proc/self/stat").exists() else _birth_by_ps(pid)
    return None if fields[0] in "ZX" else fields[19]


def _birth_by_ps(pid: int) -> str | None:
    said = subprocess.run(["ps", "-o", "state=,lstart=", "-p", str(pid)], capture_output=True, text=True, check=False)
    state, _, started = said.stdout.strip().partition(" ")
    return started.strip() if state and not state.startswith("Z") else None


class Process:
    """One process, and all that it starts in its process group."""

    def __init__(self, file: Path) -> None:
        self.file = file

    def pid(self) -> int | None:
        """None unless the very process that was started here is alive."""
        try:
            pid, born = self.file.read_text().splitlines()
        except (FileNotFoundError, ValueError):
            return None
        return int(pid) if birth(int(pid)) == born else None

    def start(self, command: list[str], log: Path, environment: dict[str, str] | None = None) -> None:
        with log.open("ab") as output:
            process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                env=environment,
                cwd="/",
                start_new_session=True,
            )
        self.file.write_text(f"{process.pid}\n{birth(process.pid)}\n")

    def ask_to_stop(self) -> None:
        """Only the process itself is asked: it ends its helpers when it no longer needs them."""
        pid = self.pid()
        if pid is not None:
            os.kill(pid, signal.SIGTERM)

    def finish(self) -> None:
        """Waits for the end of a process that was asked to stop, but not for ever."""
        if not self._gone(PATIENCE):
            self.kill()
        self.file.unlink(missing_ok=True)

    def kill(self) -> None:
        pid = self.pid()
        if pid is not None:
            os.killpg(pid, signal.SIGKILL)
            self._gone(PATIENCE)

    def _gone(self, seconds: float) -> bool:
        until = time.monotonic() + seconds
        while self.pid() is not None:
            if time.monotonic() > until:
                return False
            time.sleep(0.02)
        return True
