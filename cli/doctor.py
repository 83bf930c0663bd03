"""`workflowsvc doctor`: what is reachable, in which version, who owns the partitions, what was set aside.

Law: it changes nothing, it ends in bounded time, and what it cannot reach does not keep it from the rest.
"""

from __future__ import annotations

import argparse
import asyncio
import platform
from importlib.metadata import version

from cli.broker_health import examine_broker, vhost_of
from cli.engine import add_urls, read_urls
from cli.findings import Finding, as_json, as_text, well
from cli.management import add_management_url, read_management_url
from cli.management_health import examine_management
from cli.partitions import add_partitions, read_partitions
from cli.store_health import examine_store

_LIBRARIES = ("aio-pika", "aiormq", "pymongo")


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = commands.add_parser(
        "doctor",
        help="say what is well with RabbitMQ and MongoDB, and how to mend what is not",
        description="Looks at RabbitMQ and MongoDB without changing anything, and says what is well, what is not, and"
        " how to mend it. Exit code 0: all is well; 1: something needs a hand; 2: an option cannot be used.",
    )
    add_urls(parser)
    add_partitions(parser)
    add_management_url(parser)
    parser.add_argument("--json", action="store_true", help="the same for programs")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    amqp_url, mongodb_url = read_urls(options)
    management_url, given = read_management_url(options), read_partitions(options)
    engine, partitions = asyncio.run(_examine(amqp_url, mongodb_url, given))
    findings = [_versions(), *engine, *examine_management(management_url, vhost_of(amqp_url), partitions)]
    print(as_json(findings) if options.json else as_text(findings))
    return 0 if well(findings) else 1


async def _examine(amqp_url: str, mongodb_url: str, given: int | None) -> tuple[list[Finding], int]:
    stored, partitions = await examine_store(mongodb_url, given)
    return [*stored, *await examine_broker(amqp_url, partitions)], partitions


def _versions() -> Finding:
    libraries = ", ".join(f"{name} {version(name)}" for name in _LIBRARIES)
    return Finding(
        "service", "version", f"{version('workflowsvc')}, on Python {platform.python_version()}, {libraries}"
    )
