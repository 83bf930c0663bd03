"""Findings by RabbitMQ's management API: what AMQP does not show. Law: it is only looked at.

Its numbers are up to five seconds old.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from cli.findings import Finding
from cli.management import Management, Unanswered
from workflowsvc.brokers.rabbitmq.inspection import Expected, differences

Row = Mapping[str, Any]

_ABOUT: Final = "management"

_REACH: Final = "put right address, user and password in --management-url; the user needs the tag monitoring"
_ARGUMENTS: Final = (
    "stop all gateways and coordinators, delete what is named, start them again, and `workflowsvc reconcile`"
)
_ALARM: Final = (
    "give it memory or disk, whichever is short: until then it takes no messages, and the service stands still"
)

#: Processes by the first word of their connections' names.
_ROLES: Final = {"gateway": "gateways", "coordinator": "coordinators"}


def examine_management(url: str, vhost: str, partitions: int) -> list[Finding]:
    if not url:
        return [
            Finding(_ABOUT, "reachable", "not asked: task lists, delays and arguments are seen by --management-url")
        ]
    management = Management(url, vhost)
    try:
        return list(_judged(management, Expected(partitions)))
    except Unanswered as error:
        return [Finding(_ABOUT, "reachable", str(error), _REACH)]


def _judged(management: Management, expected: Expected) -> Iterator[Finding]:
    queues, exchanges = management.of_vhost("queues"), management.of_vhost("exchanges")
    yield _arguments([*_other_queues(queues, expected), *_other_exchanges(exchanges, expected)])
    yield _alarms(management)
    yield from _processes(management.connections(), management.of_vhost("consumers"))
    yield _task_lists(queues, expected)
    yield _delays(queues, expected)


# ---- what ought to be otherwise


def _arguments(others: list[tuple[str, str]]) -> Finding:
    if not others:
        return Finding(_ABOUT, "arguments", "every exchange and queue has those that it ought to have")
    details = [{"name": name, "argument": argument} for name, argument in others]
    return Finding(_ABOUT, "arguments", "not what they ought to be:", _ARGUMENTS, details)


def _other_queues(queues: Iterable[Row], expected: Expected) -> Iterator[tuple[str, str]]:
    for row in queues:
        wanted = expected.queue(row["name"])
        if wanted is not None:
            yield from ((row["name"], each) for each in differences(dict(wanted.arguments), row["arguments"]))


def _other_exchanges(exchanges: Iterable[Row], expected: Expected) -> Iterator[tuple[str, str]]:
    for row in exchanges:
        wanted = expected.exchange(row["name"])
        if wanted is not None:
            type_and_arguments = (
                {"type": wanted.type, **dict(wanted.arguments)},
                {"type": row["type"], **row["arguments"]},
            )
            yield from ((row["name"], each) for each in differences(*type_and_arguments))


def _alarms(management: Management) -> Finding:
    try:
        nodes = management.all("nodes")
    except Unanswered as error:
        return Finding(_ABOUT, "alarms", f"not shown to this user: {error}")
    alarmed = [row["name"] for row in nodes if row.get("mem_alarm") or row.get("disk_free_alarm")]
    if alarmed:
        return Finding(_ABOUT, "alarms", f"memory or disk is short on {', '.join(alarmed)}", _ALARM)
    return Finding(_ABOUT, "alarms", "none")


# ---- what there is


def _processes(connections: Iterable[Row], consumers: Iterable[Row]) -> Iterator[Finding]:
    names = {(row.get("client_properties") or {}).get("connection_name", "").partition(" ")[0] for row in connections}
    owned = Counter(row["consumer_tag"].rpartition(".")[0] for row in consumers if _owns(row))
    for role, processes in _ROLES.items():
        present = sorted(name for name in names if name.startswith(f"{role}."))
        details = [{"name": name, **({"partitions": owned[name]} if role == "coordinator" else {})} for name in present]
        yield Finding(_ABOUT, processes, f"{len(present)} connected", details=details)


def _owns(consumer: Row) -> bool:
    return bool(consumer.get("activity_status") == "single_active")


def _task_lists(queues: Iterable[Row], expected: Expected) -> Finding:
    unattended = [
        row for row in queues if expected.is_task_list(row["name"]) and not row.get("consumers") and _waiting(row)
    ]
    details = [{"list": row["name"], "tasks": _waiting(row)} for row in sorted(unattended, key=_waiting, reverse=True)]
    return Finding(_ABOUT, "task lists", f"{len(unattended)} have tasks and nobody who polls them", details=details)


def _delays(queues: Iterable[Row], expected: Expected) -> Finding:
    filled = [row for row in queues if expected.is_delay(row["name"]) and _waiting(row)]
    details = [{"queue": row["name"], "messages": _waiting(row)} for row in filled]
    total = sum(map(_waiting, filled))
    return Finding(_ABOUT, "delays", f"{total:,} messages wait for their time in {len(filled)} queues", details=details)


def _waiting(row: Row) -> int:
    return int(row.get("messages_ready") or 0)
