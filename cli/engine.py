"""The engine of the distributed form: RabbitMQ and MongoDB, opened for whichever process needs them.

Law: what a user can mend is Usage. Every process asks the store how many partitions there are, and none serves with
another number.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from contextlib import AsyncExitStack
from typing import NamedTuple

from cli.options import Usage, from_environment
from workflowsvc.brokers.errors import BrokerRefused
from workflowsvc.brokers.rabbitmq import RabbitBroker
from workflowsvc.clocks.system import SystemClock
from workflowsvc.ports import StoreUnavailable
from workflowsvc.settings import Settings
from workflowsvc.stores.errors import StoreRefused
from workflowsvc.stores.mongo import MongoStore

PARTITIONS = "partitions"


class Engine(NamedTuple):
    clock: SystemClock
    broker: RabbitBroker
    store: MongoStore


def add_urls(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("engine")
    group.add_argument(
        "--amqp-url",
        metavar="URL",
        default=from_environment("amqp_url", ""),
        help="amqp://USER:PASSWORD@HOST:PORT/VHOST of RabbitMQ, or amqps:// (WORKFLOWSVC_AMQP_URL)",
    )
    group.add_argument(
        "--mongodb-url",
        metavar="URL",
        default=from_environment("mongodb_url", ""),
        help="mongodb://HOST:PORT/DATABASE of MongoDB, with any option of the driver (WORKFLOWSVC_MONGODB_URL)",
    )


def read_urls(options: argparse.Namespace) -> tuple[str, str]:
    """Of broker and store. Raises Usage."""
    schemes: Mapping[str, tuple[str, ...]] = {
        "amqp_url": ("amqp://", "amqps://"),
        "mongodb_url": ("mongodb://", "mongodb+srv://"),
    }
    urls = []
    for name, allowed in schemes.items():
        url: str = getattr(options, name)
        option = "--" + name.replace("_", "-")
        if not url:
            raise Usage(f"{option} is needed, or WORKFLOWSVC_{name.upper()}")
        if not url.startswith(allowed):
            raise Usage(f"{option}: a URL that begins with {' or '.join(allowed)} is needed")
        urls.append(url)
    return urls[0], urls[1]


async def open_engine(stack: AsyncExitStack, urls: tuple[str, str], settings: Settings, role: str) -> Engine:
    """Raises Usage. Where no broker answers it waits for one, and says so in the log."""
    amqp_url, mongodb_url = urls
    clock = SystemClock()
    try:
        store = await stack.enter_async_context(MongoStore(mongodb_url))
        agreed = await store.agreed(PARTITIONS, str(settings.partitions))
        if agreed != str(settings.partitions):
            raise Usage(f"--partitions: {settings.partitions}, but this database was set up for {agreed}")
        broker = RabbitBroker(clock, amqp_url, settings.partitions, role)
        return Engine(clock, await stack.enter_async_context(broker), store)
    except (StoreRefused, StoreUnavailable, BrokerRefused) as refused:
        raise Usage(str(refused)) from None
