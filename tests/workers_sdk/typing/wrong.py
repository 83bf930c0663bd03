"""Calls that a type checker must refuse: each line marked WRONG, and no other. Checked, never run."""

from __future__ import annotations

from tests.workers_sdk.typing.right import Order, Payments, Receipt, approve, charge, child, process, resize, ship
from workers_sdk import Client, activity, workflow


def _use(*values: object) -> None: ...


@workflow("wrong", "1")
async def wrong(order: Order) -> Receipt:
    await charge("book")  # WRONG: str is no Order
    await charge()  # WRONG: an argument is missing
    await charge(order, 7)  # WRONG: the currency is a str
    await charge(order, curency="USD")  # WRONG: no such parameter
    await charge.with_options(start_to_close="soon")(order)  # WRONG: no duration
    await charge.with_options(timeout=3)(order)  # WRONG: no such option
    await ship(order, 1)  # WRONG: parcels are str
    await Payments.refund("book")  # WRONG: str is no Order
    text: str = await charge(order)  # WRONG: it gives a Receipt
    await child(7)  # WRONG: int is no Order
    number: int = await child(order)  # WRONG: it gives a Receipt
    order = await resize(1)  # WRONG: it gives a Receipt
    approved: Receipt = await approve.receive()  # WRONG: it gives an Order
    process.continue_as_new("book")  # WRONG: str is no Order
    _use(text, number, approved)
    return Receipt(1)


async def program(client: Client) -> None:
    await process.start(client, 7)  # WRONG: int is no Order
    await process.start(Order("book"))  # WRONG: the client is missing
    handle = await process.start(client, Order("book"))
    await handle.signal(approve, "yes")  # WRONG: str is no Order
    await handle.signal(approve)  # WRONG: the value is missing
    text: str = await handle.result()  # WRONG: it gives a Receipt
    _use(text)


@workflow("sync", "1")  # WRONG: a workflow is an async def
def sync() -> None: ...


@activity("options", "1", start_to_clos=3)  # WRONG: no such option
def options() -> None: ...
