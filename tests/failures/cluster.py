"""Gateways and coordinators, as many as a test wants, on one broker and one store.

Law: all of them are real processes, ended by their pids. What they say on standard error is kept; a traceback or an
error there fails the test, but for what it says that it expects.
"""

from __future__ import annotations

import os
import re
import signal
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any

import aiohttp

from tests.end_to_end.service import Process
from tests.end_to_end.wire import Answer, Wire

DYING = Path(__file__).parent / "dying"

_URL = re.compile(r" at (http://127\.0\.0\.1:([0-9]+)) ")


@dataclass(eq=False)
class Member:
    kind: str
    process: Process
    url: str = ""
    port: int = 0

    @property
    def pid(self) -> int:
        return self.process.pid

    @property
    def connections(self) -> str:
        """What its connections call themselves: this is in their names."""
        return f".{self.pid}."

    @contextmanager
    def frozen(self) -> Iterator[None]:
        os.kill(self.pid, signal.SIGSTOP)
        try:
            yield
        finally:
            os.kill(self.pid, signal.SIGCONT)


class Cluster:
    def __init__(self, directory: Path, amqp_url: str, mongodb_url: str, **environment: str) -> None:
        self.directory = directory
        self._environment = {
            "WORKFLOWSVC_AMQP_URL": amqp_url,
            "WORKFLOWSVC_MONGODB_URL": mongodb_url,
            "WORKFLOWSVC_PARTITIONS": "4",
            "PYTHONPATH": str(DYING),
            "DIE_ARMED": str(directory / "armed"),
            **environment,
        }
        self.members: list[Member] = []
        #: a line of standard error that has one of these in it is no surprise
        self.expected: list[str] = []

    def __enter__(self) -> Cluster:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            for member in self.members:
                member.process.terminate()
            for member in tuple(self.members):
                self.members.remove(member)
                assert member.process.wait() == 0 or error, f"{member}: {self.errors()}"
        finally:
            for member in self.members:
                member.process.kill()
        if error is None:
            surprising = [line for line in self.errors() if not any(one in line for one in self.expected)]
            assert not surprising, "\n".join(surprising)

    def errors(self) -> list[str]:
        logs = "".join(log.read_text() for log in sorted(self.directory.glob("*.stderr")))
        return [line for line in logs.splitlines() if "Traceback" in line or " ERROR " in line]

    # ---- who is there

    @property
    def gateways(self) -> list[Member]:
        return [member for member in self.members if member.kind == "gateway"]

    @property
    def coordinators(self) -> list[Member]:
        return [member for member in self.members if member.kind == "coordinator"]

    @property
    def url(self) -> str:
        return self.gateways[0].url

    def gateway(self, port: int = 0, **environment: str) -> Member:
        return self._start("gateway", environment, "--port", str(port), "--poll-seconds", "3")

    def coordinator(self, **environment: str) -> Member:
        return self._start("coordinator", environment)

    def spawn(self, kind: str, *arguments: str, **environment: str) -> Member:
        """Without waiting until it is ready."""
        log = self.directory / f"{kind}.stderr"
        member = Member(kind, Process(log, (kind, *arguments), self._environment | environment))
        self.members.append(member)
        return member

    def _start(self, kind: str, environment: Mapping[str, str], *arguments: str) -> Member:
        member = self.spawn(kind, *arguments, **environment)
        line = member.process.first_line()
        assert line, f"not ready: {(self.directory / f'{kind}.stderr').read_text()}"
        if kind == "gateway":
            found = _URL.search(line)
            assert found, line
            member.url, member.port = found[1], int(found[2])
        return member

    # ---- what happens to them

    def arm(self) -> None:
        """Whoever comes to its point next dies of it."""
        (self.directory / "armed").touch()

    def died(self, member: Member) -> None:
        """It kills itself, or has already."""
        self.members.remove(member)
        assert member.process.wait() == -signal.SIGKILL

    def kill(self, member: Member) -> None:
        self.members.remove(member)
        member.process.kill()

    def terminate(self, member: Member) -> None:
        """In good order."""
        self.members.remove(member)
        member.process.terminate()
        assert member.process.wait() == 0


class Balanced(Wire):
    """Calls go to one gateway after the other; one that takes no connection is passed over, as a balancer does."""

    def __init__(self, cluster: Cluster, *, seconds: float = 15) -> None:
        super().__init__(cluster.url, seconds=seconds)
        self._cluster = cluster
        self._turn = 0

    async def call(self, operation: str, **members: Any) -> Answer:
        gateways = self._cluster.gateways
        for _ in gateways:
            self._turn += 1
            try:
                return await self._call(gateways[self._turn % len(gateways)].url, operation, members)
            except aiohttp.ClientConnectorError:
                continue
        raise ConnectionRefusedError

    async def _call(self, url: str, operation: str, members: Mapping[str, Any]) -> Answer:
        self.url = url
        return await super().call(operation, **members)
