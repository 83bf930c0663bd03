"""Start the service for a benchmark, in a directory of its own, and read what the kernel says of it."""

from __future__ import annotations

import asyncio
import os
import sys
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from msgspec import Struct

_TICK = os.sysconf("SC_CLK_TCK")


class Service(Struct):
    url: str
    pid: int
    data: Path

    def cpu_seconds(self) -> float:
        fields = Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / _TICK

    def resident_bytes(self) -> int:
        for line in Path(f"/proc/{self.pid}/status").read_text().splitlines():
            if line.startswith("VmRSS:"):
                return int(line.split()[1]) * 1024
        raise RuntimeError("the service is gone")


@asynccontextmanager
async def service(*options: str, profile: Path | None = None) -> AsyncIterator[Service]:
    """`workflowsvc dev` with durable SQLite; with *profile*, under cProfile, whose statistics go there."""
    command = [sys.executable]
    if profile is not None:
        command += ["-m", "cProfile", "-o", str(profile)]
    with tempfile.TemporaryDirectory() as directory:
        command += ["-m", "cli.main", "dev", "--port", "0", "--data", directory, *options]
        process = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE)
        ready = (await process.stdout.readline()).decode() if process.stdout else ""
        try:
            url = next(word for word in ready.split() if word.startswith("http"))
            yield Service(url, process.pid, Path(directory))
        finally:
            process.terminate()
            await process.wait()
