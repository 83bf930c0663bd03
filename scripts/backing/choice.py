"""Which server it is to be: one that is given, one of this machine, one in a container, one that is installed.

Law: a directory keeps the kind that it was made with, as its data belong to it. Only a given server goes before.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Any

from backing import containers, mongodb, rabbitmq
from backing.given import Given, GivenMongoDB, GivenRabbitMQ
from backing.server import Server, remember, remembered

NAMES = ("rabbitmq", "mongodb")

KINDS: dict[tuple[str, str], type[Server]] = {
    ("rabbitmq", "process"): rabbitmq.RabbitMQ,
    ("rabbitmq", "container"): containers.RabbitMQContainer,
    ("mongodb", "mongod"): mongodb.MongoDB,
    ("mongodb", "container"): containers.MongoDBContainer,
    ("mongodb", "secantusdb"): mongodb.SecantusDB,
}
GIVEN: dict[str, type[Given]] = {"rabbitmq": GivenRabbitMQ, "mongodb": GivenMongoDB}


def servers(directory: Path) -> list[Server]:
    return [server(directory, name) for name in NAMES]


def server(directory: Path, name: str) -> Server:
    if os.environ.get(GIVEN[name].variable):
        return GIVEN[name](directory, {})
    known = remembered(directory, name)
    if known is None:
        known = _rabbitmq() if name == "rabbitmq" else _mongodb()
        remember(directory, name, known)
    return KINDS[name, known["kind"]](directory, known)


def _rabbitmq() -> dict[str, Any]:
    container = rabbitmq.command() is None and containers.engine()
    return {"kind": "container" if container else "process"} | rabbitmq.new()


def _mongodb() -> dict[str, Any]:
    if shutil.which("mongod"):
        return {"kind": "mongod"} | mongodb.new()
    return {"kind": "container" if containers.engine() else "secantusdb"} | mongodb.new()
