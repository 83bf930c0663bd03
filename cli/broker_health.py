"""Findings about the broker. Law: it is only looked at, and an answer, whatever it is, comes in bounded time."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Sequence
from typing import Final
from urllib.parse import unquote, urlsplit

from cli.findings import Detail, Finding, place_of
from workflowsvc.brokers.errors import BrokerRefused
from workflowsvc.brokers.rabbitmq.inspection import Depth, Inspection, Parked, Parking, inspect
from workflowsvc.brokers.rabbitmq.topology import POISON, UNROUTED
from workflowsvc.ports import BrokerUnavailable

_ABOUT: Final = "broker"

_REACH: Final = "start RabbitMQ; else put right the address in --amqp-url"
_REFUSED: Final = "put right what is wrong in --amqp-url"
_MISSING: Final = "start a gateway or coordinator: it makes them; then `workflowsvc reconcile`"
_OWNER: Final = "start `workflowsvc coordinator`; where one runs, see in its log why it does not consume"
_RECOVERED: Final = "a coordinator that runs does it by itself, else `workflowsvc reconcile`"
#: What must have happened before what was set aside is thrown away.
_CAUSES: Final = {
    POISON: "see in the log of the coordinators why, and repair it",
    UNROUTED: "start a coordinator, which makes the queues of all partitions",
}


async def examine_broker(url: str, partitions: int) -> list[Finding]:
    try:
        found = await inspect(url, partitions)
    except BrokerRefused as error:
        return [Finding(_ABOUT, "reachable", str(error), _REFUSED)]
    except BrokerUnavailable as error:
        return [Finding(_ABOUT, "reachable", str(error), _REACH)]
    reached = Finding(_ABOUT, "reachable", f"{found.product} at {place_of(url)}, virtual host {vhost_of(url)}")
    return [reached, *_judged(found, partitions, vhost_of(url))]


def vhost_of(url: str) -> str:
    return unquote(urlsplit(url).path[1:]) or "/"


def _judged(found: Inspection, partitions: int, vhost: str) -> Iterator[Finding]:
    yield _objects(found.missing)
    yield _recovered(found.recovered)
    yield _owners(found.partitions, partitions)
    for queue, parking in ((POISON, found.poison), (UNROUTED, found.unrouted)):
        yield _parking(queue, parking, vhost)


def _objects(missing: Sequence[str]) -> Finding:
    if not missing:
        return Finding(_ABOUT, "objects", "every exchange and queue is there")
    details = [{"name": name} for name in missing]
    return Finding(_ABOUT, "objects", f"{len(missing)} exchanges and queues are missing", _MISSING, details)


def _recovered(recovered: bool) -> Finding:
    if recovered:
        return Finding(_ABOUT, "recovered", "it was given all that must be in flight")
    return Finding(
        _ABOUT, "recovered", "it is new or lost its data, and was not given all that must be in flight", _RECOVERED
    )


def _owners(depths: Sequence[Depth], partitions: int) -> Finding:
    owned = sum(1 for depth in depths if depth.consumers)
    says = f"{owned} of {partitions} have an owner; actions that wait: {sum(depth.waiting for depth in depths):,}"
    if owned == partitions:
        return Finding(_ABOUT, "partitions", says)
    details: list[Detail] = [
        {"no owner": depth.queue, "actions": depth.waiting} for depth in depths if not depth.consumers
    ]
    return Finding(_ABOUT, "partitions", says, _OWNER, details)


def _parking(queue: str, parking: Parking, vhost: str) -> Finding:
    if not parking.waiting:
        return Finding(_ABOUT, queue, "empty")
    mend = (
        f"{_CAUSES[queue]}; `workflowsvc reconcile` sends anew what executions wait for;"
        f" then `rabbitmqctl --vhost {shlex.quote(vhost)} purge_queue {queue}`"
    )
    details = [_detail(message) for message in parking.first]
    return Finding(_ABOUT, queue, f"messages: {parking.waiting:,}, the first of them:", mend, details)


def _detail(message: Parked) -> Detail:
    return {
        "reason": message.reason,
        "from": message.origin,
        "action": message.action,
        "domain": message.domain,
        "workflow": message.workflow_id,
        "actions": message.actions,
    }
