"""Fan-out: 500 activities side by side, at most so many at a time, and some of them fail.

Start `workflowsvc dev`, then `python -m examples.fan_out`.
"""

import asyncio
import os
import time
from dataclasses import dataclass

from workers_sdk import Client, Retry, Worker, activity, workflow
from workers_sdk.errors import ActivityError, NonRetryableError

URL = os.environ.get("AWS_ENDPOINT_URL_SWF", "http://127.0.0.1:8080")


@dataclass(frozen=True)
class Album:
    thumbnails: list[str]
    broken: list[str]


# An `async def` activity takes no thread: a worker runs a hundred of them at a time, and twenty of the others.
@activity("MakeThumbnail", "1.0", start_to_close=30, retry=Retry(attempts=3, first=1))
async def make_thumbnail(picture: str) -> str:
    if picture.endswith("13.raw"):
        raise NonRetryableError(f"{picture} is no picture")
    return picture.replace(".raw", ".jpg")


@workflow("MakeAlbum", "1.0", execution_timeout=3600)
async def make_album(pictures: list[str], at_once: int = 100) -> Album:
    # asyncio's own tools do in a workflow what they do elsewhere. Without the semaphore all are scheduled at once, as
    # many as SWF allows (1,000); with it, whoever shares the workers with this album gets its turn.
    free = asyncio.Semaphore(at_once)

    async def thumbnail(picture: str) -> str | None:
        async with free:
            try:
                return await make_thumbnail(picture)
            except ActivityError:  # the policy above has given up, so one picture less
                return None

    # In the order of the pictures, whichever was done first.
    made = await asyncio.gather(*(thumbnail(picture) for picture in pictures))
    return Album(
        thumbnails=[one for one in made if one is not None],
        broken=[picture for picture, one in zip(pictures, made, strict=True) if one is None],
    )


async def main(client: Client) -> None:
    pictures = [f"{number:03}.raw" for number in range(500)]
    worker = Worker(client, task_list="albums", workflows=[make_album], activities=[make_thumbnail], register_domain=7)
    async with worker:
        begin = time.monotonic()
        handle = await make_album.start(client, pictures, at_once=100)
        album = await handle.result()
        print(f"{len(album.thumbnails)} thumbnails in {time.monotonic() - begin:.1f} s: {album.thumbnails[:3]}, ...")
        print(f"{len(album.broken)} broken pictures: {album.broken}")


if __name__ == "__main__":
    asyncio.run(main(Client(URL, domain="fan-out")))
