"""A session on one host: what is downloaded there is converted and uploaded from there, and if it is gone, elsewhere.

Start `workflowsvc dev`, then `python -m examples.files`. Two hosts are played by four workers in this process: each has
one on the list that all hosts share, and one on a list of its own.
"""

import asyncio
import os
import tempfile
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path

from workers_sdk import Client, Retry, Worker, activity, logger, workflow
from workers_sdk.errors import ActivityTimedOut

URL = os.environ.get("AWS_ENDPOINT_URL_SWF", "http://127.0.0.1:8080")
SHARED = "files"


@dataclass(frozen=True)
class Local:
    """A file, and the task list of the host on whose disk it is."""

    path: str
    task_list: str


class Host:
    def __init__(self, name: str, disk: Path) -> None:
        self.task_list = f"{SHARED}@{name}"
        self.disk = disk

    # Said here, since otherwise the type's default is the list of the worker that registers it first.
    @activity("Download", "1.0", task_list=SHARED, start_to_close=60, retry=Retry(attempts=3, first=1))
    def download(self, source: str) -> Local:
        path = self.disk / source
        path.write_text(f"this is {source}")
        return Local(str(path), self.task_list)

    @activity("Convert", "1.0", start_to_close=60)
    def convert(self, path: str) -> str:
        converted = Path(path).with_suffix(".converted")
        converted.write_text(Path(path).read_text().upper())
        return str(converted)

    @activity("Upload", "1.0", start_to_close=60)
    def upload(self, path: str) -> str:
        return f"{Path(path).read_text()} (by {self.task_list})"

    def workers(self, client: Client) -> list[Worker]:
        """The shared list takes any file, the host's own list those that are on its disk."""
        return [
            Worker(client, task_list=SHARED, activities=[self.download]),
            Worker(client, task_list=self.task_list, activities=[self.convert, self.upload]),
        ]


@workflow("ProcessFile", "1.0", execution_timeout=3600)
async def process_file(source: str, patience: int = 10) -> str:
    """*patience*: seconds in which a host that lives takes up what waits in its list."""
    for _ in range(5):
        local = await Host.download(source)
        convert = Host.convert.with_options(task_list=local.task_list, schedule_to_start=patience)
        upload = Host.upload.with_options(task_list=local.task_list, schedule_to_start=patience)
        try:
            return await upload(await convert(local.path))
        except ActivityTimedOut as error:  # not taken up, or begun and not ended: the host and its disk are gone
            logger.warning("%s, so once more from the beginning", error)
    raise RuntimeError(f"no host lives long enough for {source}")


async def main(client: Client) -> None:
    async with AsyncExitStack() as stack:
        deciding = Worker(client, task_list=SHARED, workflows=[process_file], register_domain=7)
        await stack.enter_async_context(deciding)
        for name in ("host-1", "host-2"):
            disk = stack.enter_context(tempfile.TemporaryDirectory())
            for worker in Host(name, Path(disk)).workers(client):
                await stack.enter_async_context(worker)
        files = [await process_file.start(client, f"{number}.txt") for number in range(6)]
        for file in files:
            print(await file.result())


if __name__ == "__main__":
    asyncio.run(main(Client(URL, domain="files")))
