"""`workflowsvc gateway`: the HTTP side of the distributed form. Run as many as you like.

Law: a composition root. It chooses adapters and opens them in order.
"""

from __future__ import annotations

import argparse
from contextlib import AsyncExitStack
from functools import partial

from cli.engine import add_urls, open_engine, read_urls
from cli.options import add_settings, read_settings
from cli.serving import add_address, listen, read_address, serve
from gateway.gateway import Gateway
from workflowsvc.settings import Settings


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = commands.add_parser(
        "gateway",
        help="answer clients over HTTP, on RabbitMQ and MongoDB",
        description="Answers clients over HTTP, on RabbitMQ and MongoDB. Run as many as you like behind a balancer.",
    )
    add_address(parser)
    add_urls(parser)
    add_settings(
        parser,
        "poll_seconds", "partitions", "region", "account", "lambda_endpoint", "quota_pollers", "quota_rates",
    )  # fmt: skip
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    settings = read_settings(options)
    return serve(partial(_build, settings, read_address(options), read_urls(options)))


async def _build(settings: Settings, address: tuple[str, int], urls: tuple[str, str], stack: AsyncExitStack) -> str:
    clock, broker, store = await open_engine(stack, urls, settings, "gateway")
    gateway = await stack.enter_async_context(Gateway(settings, clock, broker, store))
    return await listen(gateway, *address)
