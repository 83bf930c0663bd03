"""A service in processes of its own, that tests start, kill, stop and start again.

Law: it listens on 127.0.0.1 only, keeps to one directory, and is ended by its pids. What it says on standard error is
kept; a traceback or an error there fails the test that ends the service, whatever the service answered.
"""

from __future__ import annotations

import os
import re
import select
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, suppress
from pathlib import Path
from types import TracebackType
from typing import ClassVar

from tests.servers import fresh_database, fresh_vhost

COMMAND = Path(sys.executable).with_name("workflowsvc")
#: Seconds within which a service is ready, or ends.
PATIENCE = 20.0

_READY = re.compile(r"^workflowsvc is ready at (http://127\.0\.0\.1:([0-9]+)) ")


class Process:
    """One command that says in its first line that it is ready."""

    def __init__(self, errors: Path, arguments: Sequence[str], environment: Mapping[str, str]) -> None:
        errors.parent.mkdir(parents=True, exist_ok=True)
        self._errors = errors
        with errors.open("ab") as log:
            self.popen = subprocess.Popen(
                [COMMAND, *arguments],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=log,
                env={**os.environ, **environment},
            )

    @property
    def pid(self) -> int:
        return self.popen.pid

    def first_line(self) -> str:
        """What has come when it ends or nothing comes in time, if that is less."""
        assert self.popen.stdout is not None
        out = self.popen.stdout.fileno()
        line = b""
        deadline = time.monotonic() + PATIENCE
        while not line.endswith(b"\n") and select.select([out], [], [], max(0.0, deadline - time.monotonic()))[0]:
            chunk = os.read(out, 4096)
            if not chunk:
                break
            line += chunk
        return line.decode()

    def terminate(self) -> None:
        self.popen.terminate()

    def wait(self) -> int:
        """The exit code."""
        try:
            return self.popen.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            self.popen.kill()
            self.popen.wait()
            raise
        finally:
            self._close()

    def kill(self) -> None:
        """kill -9."""
        self.popen.kill()
        self.popen.wait()
        self._close()

    def kill_children(self) -> None:
        """kill -9, of those that it has started."""
        for thread in Path(f"/proc/{self.popen.pid}/task").iterdir():
            with suppress(FileNotFoundError, ProcessLookupError):  # it has ended by itself
                for child in (thread / "children").read_text().split():
                    os.kill(int(child), signal.SIGKILL)

    def _close(self) -> None:
        assert self.popen.stdout is not None
        self.popen.stdout.close()


class Service:
    """`workflowsvc dev`. Started again it keeps its data and its port."""

    #: whether it can be started with a clock that skips
    skips_time: ClassVar[bool] = True

    def __init__(self, directory: Path, *options: str) -> None:
        self.directory = directory
        self.options = options
        self.url = ""
        self.port = 0
        self.processes: list[Process] = []
        self._stack = ExitStack()

    # ---- lifetime

    def __enter__(self) -> Service:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with self._stack:
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
        self.processes = list(self._spawned())

    def _spawned(self) -> Iterator[Process]:
        """The gateway last."""
        data = () if "--ephemeral" in self.options else ("--data", str(self.directory))
        yield self.process("dev", "--port", str(self.port), *data, *self.options)

    def process(self, *arguments: str) -> Process:
        return Process(self._log(arguments[0]), arguments, self.environment())

    def environment(self) -> Mapping[str, str]:
        return {}

    def wait_ready(self) -> None:
        *others, gateway = [process.first_line() for process in self.processes]
        assert all(others), f"not ready: {self.errors()}"
        ready = _READY.match(gateway)
        assert ready, f"not ready: {self.errors()}"
        self.url, self.port = ready[1], int(ready[2])

    def terminate(self) -> None:
        """Ask it to end, without waiting."""
        for process in self.processes:
            process.terminate()

    def wait(self) -> int:
        """The exit code of a service that was asked to end: the first that is not 0."""
        ended, self.processes = self.processes, []
        codes = [process.wait() for process in ended]
        return next(filter(None, codes), 0)

    def stop(self) -> int:
        self.terminate()
        return self.wait()

    def kill(self) -> None:
        """kill -9."""
        killed, self.processes = self.processes, []
        for process in killed:
            process.kill()

    def kill_children(self) -> None:
        """kill -9, of the processes that those of the service have started."""
        for process in self.processes:
            process.kill_children()

    # ---- what can be asked of it

    @property
    def running(self) -> bool:
        return bool(self.processes)

    def errors(self) -> str:
        """All that was said on standard error so far."""
        return "".join(log.read_text() for log in sorted(self.directory.parent.glob(f"{self.directory.name}.*.stderr")))

    def _log(self, command: str) -> Path:
        return self.directory.with_name(f"{self.directory.name}.{command}.stderr")


class Distributed(Service):
    """A gateway and a coordinator, in a virtual host and a database of their own."""

    skips_time = False
    #: options that are the coordinator's too, and those that are its alone
    _BOTH = ("--lambda-endpoint", "--partitions", "--quota-rates")
    _COORDINATOR = (
        "--cached-executions", "--cached-megabytes", "--retention-seconds",
        "--quota-domains", "--quota-types", "--quota-open-executions",
    )  # fmt: skip

    def __init__(self, directory: Path, *options: str) -> None:
        super().__init__(directory, *options)
        self.amqp_url = self._stack.enter_context(fresh_vhost())
        self.mongodb_url = self._stack.enter_context(fresh_database())

    def environment(self) -> Mapping[str, str]:
        return {"WORKFLOWSVC_AMQP_URL": self.amqp_url, "WORKFLOWSVC_MONGODB_URL": self.mongodb_url}

    def _spawned(self) -> Iterator[Process]:
        yield self.coordinator()
        yield self.gateway(self.port)

    def gateway(self, port: int = 0) -> Process:
        return self.process("gateway", "--port", str(port), *self._options(without=self._COORDINATOR))

    def coordinator(self) -> Process:
        return self.process("coordinator", *self._options(only=(*self._BOTH, *self._COORDINATOR)))

    def _options(self, *, only: Sequence[str] = (), without: Sequence[str] = ()) -> list[str]:
        pairs = zip(self.options[::2], self.options[1::2], strict=True)
        return [
            word
            for option, value in pairs
            if (not only or option in only) and option not in without
            for word in (option, value)
        ]


#: What `--server` chooses from.
SERVERS: dict[str, type[Service]] = {"embedded": Service, "distributed": Distributed}
