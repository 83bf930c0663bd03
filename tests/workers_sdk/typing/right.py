"""Calls that a type checker must accept, and the types that it must find in them. Checked, never run.

Law: nothing here is an error to mypy --strict or to Pyright in strict mode; `assert_type` says what they must infer.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, assert_type

from workers_sdk import (
    CancelScope,
    Child,
    Client,
    Handle,
    Retry,
    Worker,
    activity,
    external,
    find_handle,
    handle_of,
    lambda_function,
    patched,
    side_effect,
    signal,
    sleep,
    wait,
    wait_until,
    workflow,
)


@dataclass
class Order:
    sku: str
    amount: int = 1


@dataclass
class Receipt:
    total: int


approve = signal("approve", Order)
stop = signal("stop")
resize = lambda_function("resize", Receipt, start_to_close=timedelta(minutes=1))


@activity("charge", "1", start_to_close=30, heartbeat=timedelta(seconds=5), retry=Retry(attempts=3))
def charge(order: Order, currency: str = "EUR") -> Receipt:
    return Receipt(order.amount)


@activity("ship", "1")
async def ship(order: Order, *parcels: str) -> list[str]:
    return list(parcels)


class Payments:
    @activity("refund", "1")
    def refund(self, order: Order) -> bool:
        return True

    @activity("check", "1")
    async def check(self, order: Order, strict: bool = False) -> bool:
        return strict


@workflow("child", "1")
async def child(order: Order) -> Receipt:
    return await charge(order)


@workflow("process", "1", execution_timeout="NONE", child_policy="ABANDON")
async def process(order: Order, number: int = 0) -> Receipt:
    assert_type(await charge(order), Receipt)
    assert_type(await charge(order, currency="USD"), Receipt)
    assert_type(await charge.with_options(task_list="slow", start_to_close=5)(order, "USD"), Receipt)
    assert_type(await ship(order, "a", "b"), list[str])
    assert_type(await Payments.refund(order), bool)
    assert_type(await Payments().check(order, strict=True), bool)
    receipts = await asyncio.gather(charge(order), child(order))
    assert_type(receipts, tuple[Receipt, Receipt])
    begun = child.with_options(workflow_id="c", tags=("a",)).start_child(order)
    assert_type(begun, Child[Receipt])
    assert_type(await begun.started(), str)
    assert_type(await begun, Receipt)
    assert_type(await approve.receive(), Order)
    assert_type(await stop.receive(timeout=timedelta(days=1)), None)
    approve.handle(lambda order: order.sku)
    await external("other").signal(approve, order)
    await external("other").signal(stop)
    assert_type(await resize({"width": 1}), Receipt)
    assert_type(side_effect("lot", lambda: 7, int), int)
    assert_type(patched("p"), bool)
    assert_type(await wait_until(lambda: True, timeout=timedelta(days=1)), bool)
    done, _ = await wait([charge(order)], timeout=3)
    assert_type(done[0].result(), Receipt)
    async with CancelScope() as scope:
        scope.cancel()
    await sleep(timedelta(days=30))
    if number < 3:
        process.continue_as_new(order, number + 1)
    return Receipt(number)


async def program() -> None:
    async with Client("http://127.0.0.1:8080", domain="orders") as client:
        handle = await process.with_options(workflow_id="order-1").start(client, Order("book"), number=1)
        assert_type(handle, Handle[Receipt])
        assert_type(await handle.result(), Receipt)
        await handle.signal(approve, Order("book"))
        await handle.signal(stop)
        assert_type(await handle.state(Order), Order | None)
        assert_type(await process.run(client, Order("book")), Receipt)
        assert_type(await handle_of(client, "w", "r", process).result(timeout=5), Receipt)
        assert_type(await find_handle(client, "w", process), Handle[Receipt])
        assert_type(handle_of(client, "w", "r"), Handle[Any])
        payments = Payments()
        async with Worker(
            client, task_list="l", workflows=[process, child], activities=[charge, ship, payments.refund]
        ):
            pass
