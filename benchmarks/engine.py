"""The distributed form for a benchmark: a RabbitMQ and a MongoDB of its own, gateways and coordinators.

Law: what broker and store have done is asked of them, what it cost of the kernel.
"""

from __future__ import annotations

import asyncio
import json
import shlex
import sys
import tempfile
import urllib.request
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from urllib.parse import urlsplit

from msgspec import Struct
from pymongo import MongoClient

from benchmarks.service import command, cpu_seconds, url_in

_SERVICES = Path(__file__).parents[1] / "scripts" / "services"
#: Seconds in which the management plugin has taken in what the broker last did.
_STATISTICS_SECONDS = 6


class Engine(Struct):
    #: of each gateway
    urls: list[str]
    #: of every process, broker and store among them, by what it is
    pids: dict[str, int]
    mongodb_url: str
    management_url: str

    def cpu_seconds(self) -> dict[str, float]:
        return {name: cpu_seconds(pid) for name, pid in self.pids.items()}

    async def messages(self) -> dict[str, int]:
        """Published to the broker, and delivered by it, since it began."""
        await asyncio.sleep(_STATISTICS_SECONDS)
        url = urlsplit(self.management_url)
        passwords = urllib.request.HTTPPasswordMgrWithDefaultRealm()
        base = f"{url.scheme}://{url.hostname}:{url.port}"
        passwords.add_password(None, base, url.username or "", url.password or "")
        opener = urllib.request.build_opener(urllib.request.HTTPBasicAuthHandler(passwords))
        with opener.open(f"{base}/api/overview") as answer:
            statistics = json.load(answer)["message_stats"]
        return {kind: statistics.get(kind, 0) for kind in ("publish", "deliver_get")}

    def operations(self) -> dict[str, int]:
        """Documents that the store wrote, and questions that it answered, since it began."""
        with MongoClient[dict[str, object]](self.mongodb_url) as client:
            counted: dict[str, int] = client.admin.command("serverStatus")["opcounters"]
        return {kind: counted[kind] for kind in ("insert", "update", "delete", "query")}


@asynccontextmanager
async def engine(gateways: int = 1, coordinators: int = 1, profile: Path | None = None) -> AsyncIterator[Engine]:
    """*profile*: of the first coordinator."""
    async with AsyncExitStack() as stack:
        directory = stack.enter_context(tempfile.TemporaryDirectory(ignore_cleanup_errors=True))
        environment = await _servers("up", directory)
        stack.push_async_callback(_servers, "down", directory)
        pids = {
            name: int((Path(directory) / f"{name}.pid").read_text().splitlines()[0]) for name in ("rabbitmq", "mongodb")
        }
        for number in range(coordinators):
            starting = command("coordinator", environment=environment, profile=profile if number == 0 else None)
            pids[f"coordinator {number + 1}"], _ = await stack.enter_async_context(starting)
        urls = []
        for number in range(gateways):
            starting = command("gateway", "--port", "0", environment=environment)
            pids[f"gateway {number + 1}"], ready = await stack.enter_async_context(starting)
            urls.append(url_in(ready))
        yield Engine(urls, pids, environment["WORKFLOWSVC_MONGODB_URL"], environment["WORKFLOWSVC_MANAGEMENT_URL"])


async def _servers(verb: str, directory: str) -> dict[str, str]:
    process = await asyncio.create_subprocess_exec(
        sys.executable, _SERVICES, verb, directory, stdout=asyncio.subprocess.PIPE
    )
    said, _ = await process.communicate()
    if process.returncode:
        raise SystemExit(f"{_SERVICES.name} {verb} failed")
    return dict(word.split("=", 1) for word in shlex.split(said.decode()))
