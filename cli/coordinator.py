"""`workflowsvc coordinator`: decides and keeps histories in the distributed form. Run as many as you like.

Law: a composition root. It chooses adapters and opens them in order.
"""

from __future__ import annotations

import argparse
from contextlib import AsyncExitStack
from functools import partial

from cli.engine import add_urls, open_engine, read_urls
from cli.options import add_settings, read_settings
from cli.serving import serve
from coordinator.service import Coordinator
from workflowsvc.settings import Settings


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = commands.add_parser(
        "coordinator",
        help="keep the histories, on RabbitMQ and MongoDB",
        description="Keeps the histories, on RabbitMQ and MongoDB. Run as many as you like: they share the partitions.",
    )
    add_urls(parser)
    add_settings(
        parser,
        "partitions", "lambda_endpoint", "cached_executions", "cached_megabytes", "retention_seconds",
        "quota_domains", "quota_types", "quota_open_executions", "quota_rates",
    )  # fmt: skip
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    settings = read_settings(options)
    return serve(partial(_build, settings, read_urls(options)))


async def _build(settings: Settings, urls: tuple[str, str], stack: AsyncExitStack) -> str:
    clock, broker, store = await open_engine(stack, urls, settings, "coordinator")
    await stack.enter_async_context(Coordinator(settings, clock, broker, store))
    return f"workflowsvc coordinator is ready: it shares in {settings.partitions} partitions"
