"""A change of running workflows: who was past the point keeps to the old way, who comes to it goes the new way.

Start `workflowsvc dev`, then `python -m examples.versions`. The old and the new code stand side by side here, for a
worker each, one after the other; in a program of yours the second is an edit of the first.
"""

import asyncio
import os

from workers_sdk import Client, Worker, Workflow, activity, patched, set_state, signal, workflow

URL = os.environ.get("AWS_ENDPOINT_URL_SWF", "http://127.0.0.1:8080")
PACKING = "packing"

packed = signal("packed")


@activity("Charge", "1.0", start_to_close=30)
def charge(order: str) -> str:
    return f"charged {order}"


@activity("CheckAddress", "1.0", start_to_close=30)
def check_address(order: str) -> str:
    return f"checked the address of {order}"


@activity("Ship", "1.0", start_to_close=30)
def ship(order: str) -> str:
    return f"shipped {order}"


@workflow("Deliver", "1.0", execution_timeout=86_400)
async def deliver(order: str) -> list[str]:
    done = [await charge(order)]
    set_state(PACKING)
    await packed.receive()
    return [*done, await ship(order)]


# The same type in the same version. An execution that waits for `packed` is replayed by this code: it must come to the
# same place on the same way, so without the check. `patched` says that it is one of those, by the history, and says so
# again at each later replay. For a new execution it is true, and leaves a marker in its history.
@workflow("Deliver", "1.0", execution_timeout=86_400)
async def deliver_with_check(order: str) -> list[str]:
    done = [await charge(order)]
    if patched("check the address"):
        done.append(await check_address(order))
    set_state(PACKING)
    await packed.receive()
    return [*done, await ship(order)]


# When no execution of before is open any more, the `if` can go, and its body stays: markers are passed over.


def worker(client: Client, code: Workflow[[str], list[str]]) -> Worker:
    # Executions that the worker has in memory when it ends go back to the common list after so many seconds.
    return Worker(
        client,
        task_list="deliveries",
        workflows=[code],
        activities=[charge, check_address, ship],
        register_domain=7,
        sticky_timeout=1,
    )


async def main(client: Client) -> None:
    async with client:
        async with worker(client, deliver):
            old = await deliver.start(client, "a book")
            while (state := await old.state(str)) != PACKING:
                print(f"a book: {state or 'just begun'}")
                await asyncio.sleep(0.1)
        async with worker(client, deliver_with_check):
            new = await deliver_with_check.start(client, "a lamp")
            for handle in (old, new):
                await handle.signal(packed, None)
                print(await handle.result())


if __name__ == "__main__":
    asyncio.run(main(Client(URL, domain="versions")))
