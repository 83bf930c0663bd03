"""An order as a saga: if a step fails, or somebody cancels the order, what was done is undone in reverse order.

Start `workflowsvc dev`, then `python -m examples.saga`. Three orders: one goes well, one cannot be shipped, and one is
cancelled while it waits for the carrier.
"""

import asyncio
import os
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass
from datetime import timedelta
from typing import TypeVar

from workers_sdk import Client, Retry, Worker, activity, activity_context, sleep, workflow
from workers_sdk.errors import ActivityError, ExecutionFailed, NonRetryableError

URL = os.environ.get("AWS_ENDPOINT_URL_SWF", "http://127.0.0.1:8080")
T = TypeVar("T")


@dataclass(frozen=True)
class Order:
    number: str
    country: str
    pickup: timedelta


# A step is tried three times: then the order fails. What undoes it is tried until it succeeds, so it does no harm to
# undo what was never done: a step that timed out may or may not have done its work.
STEP = Retry(attempts=3, first=1)
UNDO = Retry(attempts=None, first=1, longest=60)


@activity("ReserveStock", "1.0", start_to_close=10, retry=STEP)
def reserve_stock(order: Order) -> None:
    print(f"{order.number}: stock is reserved")


@activity("ReleaseStock", "1.0", start_to_close=10, retry=UNDO)
def release_stock(order: Order) -> None:
    print(f"{order.number}: stock is released")


@activity("ChargeCard", "1.0", start_to_close=10, retry=STEP)
def charge_card(order: Order) -> None:
    if activity_context().info.attempt == 1:
        raise ConnectionError("the bank is busy")
    print(f"{order.number}: the card is charged")


@activity("RefundCard", "1.0", start_to_close=10, retry=UNDO)
def refund_card(order: Order) -> None:
    print(f"{order.number}: the card is refunded")


@activity("BookShipping", "1.0", start_to_close=10, retry=STEP)
def book_shipping(order: Order) -> str:
    if order.country == "Atlantis":
        raise NonRetryableError("no carrier goes to Atlantis")
    return f"parcel-{order.number}"


@activity("CancelShipping", "1.0", start_to_close=10, retry=UNDO)
def cancel_shipping(order: Order) -> None:
    print(f"{order.number}: no carrier is booked")


async def to_its_end(step: asyncio.Future[T]) -> T:
    """Also when the order is cancelled meanwhile: what is still being done cannot be undone yet."""
    try:
        return await asyncio.shield(step)
    except asyncio.CancelledError:
        with suppress(ActivityError):
            await step
        raise


@workflow("ProcessOrder", "1.0", execution_timeout=timedelta(days=30))
async def process_order(order: Order) -> str:
    # The stack calls what was pushed, last first, when an exception leaves the block. A cancel request is one too:
    # CancelledError, raised where the workflow waits.
    async with AsyncExitStack() as undo:
        undo.push_async_callback(release_stock, order)
        await to_its_end(reserve_stock(order))
        undo.push_async_callback(refund_card, order)
        await to_its_end(charge_card(order))
        undo.push_async_callback(cancel_shipping, order)
        parcel = await to_its_end(book_shipping(order))
        await sleep(order.pickup)  # a timer of the service's: days cost nothing, and survive every restart
        undo.pop_all()  # from here on there is nothing to undo
    return parcel


async def main(client: Client) -> None:
    steps = [reserve_stock, charge_card, book_shipping, release_stock, refund_card, cancel_shipping]
    async with Worker(client, task_list="orders", workflows=[process_order], activities=steps, register_domain=7):
        good = await process_order.start(client, Order("good", "Iceland", timedelta(seconds=1)))
        bad = await process_order.start(client, Order("bad", "Atlantis", timedelta(seconds=1)))
        unwanted = await process_order.start(client, Order("unwanted", "Iceland", timedelta(days=2)))
        print(f"good: shipped as {await good.result()}")
        await unwanted.request_cancel()
        for order in (bad, unwanted):
            try:
                await order.result()
            except ExecutionFailed as error:
                print(error)


if __name__ == "__main__":
    asyncio.run(main(Client(URL, domain="saga")))
