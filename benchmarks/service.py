"""Start the service for a benchmark, in a directory of its own, and read what the kernel says of it."""

from __future__ import annotations

import asyncio
import os
import sys
import tempfile
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from pathlib import Path

from msgspec import Struct

_TICK = os.sysconf("SC_CLK_TCK")


def cpu_seconds(pid: int) -> float:
    """Of the process and of its children, living or not."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return sum(map(int, fields[11:15])) / _TICK + sum(map(cpu_seconds, _children(pid)))


def resident_bytes(pid: int) -> int:
    """Of the process and of its children."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) * 1024 + sum(map(resident_bytes, _children(pid)))
    raise RuntimeError(f"process {pid} is gone")


def _children(pid: int) -> list[int]:
    children: list[str] = []
    for thread in Path(f"/proc/{pid}/task").iterdir():
        with suppress(FileNotFoundError, ProcessLookupError):  # it has ended since
            children += (thread / "children").read_text().split()
    return [int(child) for child in children]


class Service(Struct):
    url: str
    pid: int
    data: Path

    def cpu_seconds(self) -> float:
        return cpu_seconds(self.pid)

    def resident_bytes(self) -> int:
        return resident_bytes(self.pid)


@asynccontextmanager
async def command(
    *arguments: str, environment: Mapping[str, str] | None = None, profile: Path | None = None
) -> AsyncIterator[tuple[int, str]]:
    """`workflowsvc ARGUMENTS`: its pid and its first line. With *profile*, under cProfile, into that file."""
    line = [sys.executable]
    if profile is not None:
        line += ["-m", "cProfile", "-o", str(profile)]
    process = await asyncio.create_subprocess_exec(
        *line, "-m", "cli.main", *arguments, stdout=asyncio.subprocess.PIPE, env={**os.environ, **(environment or {})}
    )
    try:
        yield process.pid, (await process.stdout.readline()).decode() if process.stdout else ""
    finally:
        process.terminate()
        await process.wait()


def url_in(ready: str) -> str:
    return next(word for word in ready.split() if word.startswith("http"))


@asynccontextmanager
async def service(*options: str, profile: Path | None = None) -> AsyncIterator[Service]:
    """`workflowsvc dev` with durable SQLite."""
    with tempfile.TemporaryDirectory() as directory:
        async with command("dev", "--port", "0", "--data", directory, *options, profile=profile) as (pid, ready):
            yield Service(url_in(ready), pid, Path(directory))
