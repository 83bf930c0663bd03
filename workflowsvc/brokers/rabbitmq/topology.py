"""What stands in the broker: names, types and arguments of every exchange and queue. BROKER.md says why each.

Law: pure. Nothing else in the adapter spells a name or an argument. The same arguments hold on RabbitMQ 3.10 to 4.x.
A released object never changes its arguments: what must change gets another name.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from workflowsvc.messages import TaskKind, TaskList

Arguments = tuple[tuple[str, str | int | bool], ...]


@dataclass(frozen=True)
class Exchange:
    name: str
    type: str
    arguments: Arguments = ()


@dataclass(frozen=True)
class Queue:
    name: str
    arguments: Arguments
    #: the exchanges that it is bound to, and by which key
    bindings: tuple[tuple[str, str], ...] = ()
    exclusive: bool = False


#: Rejected, or given up, with the reason.
POISON: Final = "poison"
#: Sent to a partition that is not there.
UNROUTED: Final = "unrouted"
_ACTIONS: Final = "actions"
_DUE: Final = "due"

# A message that came back 20 times by the loss of its consumer is parked by whoever gets it next. The broker's own
# limit is there because a quorum queue puts returned messages last where it has none, and 4.x has 20 by default.
DELIVERY_LIMIT: Final = 1_000_000
REDELIVERIES: Final = 20
#: What cannot be handled is kept up to this many messages each, the newest of them.
_PARKED_MAX: Final = 100_000
_DELAYED_MAX: Final = 2_000_000

# ---- what is always there ------------------------------------------------------------------------------------

#: Without an alternate, as what it cannot route is to go back to the publisher.
ACTIONS: Final = Exchange(_ACTIONS, "direct")
#: Where delayed actions come out. At-least-once keeps trying what cannot be routed, and 32 of those stop a delay queue
#: for good: hence the alternate.
DUE: Final = Exchange(_DUE, "direct", (("alternate-exchange", UNROUTED),))
#: Coordinators tell each other that they live.
COORDINATORS: Final = Exchange("coordinators", "fanout")
#: Carries nothing. That it is there says that all that must be in flight was sent since this broker began.
RECOVERED: Final = Exchange("recovered", "fanout")

_PARKED: Final[tuple[tuple[Exchange | Queue, ...], ...]] = tuple(
    (
        Exchange(name, "fanout"),
        Queue(
            name,
            (("x-queue-type", "classic"), ("x-max-length", _PARKED_MAX), ("x-overflow", "drop-head")),
            bindings=((name, ""),),
        ),
    )
    for name in (POISON, UNROUTED)
)


def standing(partitions: int) -> list[Exchange | Queue]:
    """All that is declared when a process starts; task lists and delays are when they are first used."""
    parked = [thing for pair in _PARKED for thing in pair]
    return [*parked, ACTIONS, DUE, COORDINATORS, *(partition_queue(number) for number in range(partitions))]


# ---- partitions ----------------------------------------------------------------------------------------------


def partition_key(partition: int) -> str:
    return f"p{partition:02}"


def partition_queue(partition: int) -> Queue:
    key = partition_key(partition)
    return Queue(
        f"{_ACTIONS}.{key}",
        (
            ("x-queue-type", "quorum"),
            ("x-single-active-consumer", True),
            ("x-delivery-limit", DELIVERY_LIMIT),
            ("x-dead-letter-exchange", POISON),
        ),
        bindings=((_ACTIONS, key), (_DUE, key)),
    )


def owners(partitions: int, members: Iterable[str]) -> list[str]:
    """Which member is to have each partition: even shares, the same wherever it is reckoned, few moves on a change.

    Each partition goes to the member that it ranks highest among those whose share is not full.
    """
    shares = dict.fromkeys(sorted(members), 0)
    chosen = []
    for partition in range(partitions):
        full = -(-partitions // len(shares))
        free = [member for member, share in shares.items() if share < full]
        best = max(free, key=lambda member: hashlib.sha256(f"{partition}:{member}".encode()).digest())
        shares[best] += 1
        chosen.append(best)
    return chosen


# ---- delays --------------------------------------------------------------------------------------------------

# A queue expires messages at its head only, so each holds one time to live and nothing else. Delays are cut in base
# 64: 1 to 63 seconds and 1 to 63 times 64 seconds.
_BASE: Final = 64
#: milliseconds
HORIZON: Final = (_BASE * _BASE - 1) * 1000


def delay_seconds(milliseconds: int) -> int:
    """The longest delay queue that *milliseconds* fill: what is left is for the next hop. 0: less than a second."""
    seconds = min(milliseconds, HORIZON) // 1000
    return seconds if seconds < _BASE else seconds - seconds % _BASE


def delay_exchange(seconds: int) -> Exchange:
    """A fanout keeps the routing key, by which the message finds its partition when its time is over."""
    return Exchange(f"delay.{seconds:04}s", "fanout")


def delay_queue(seconds: int) -> Queue:
    name = delay_exchange(seconds).name
    return Queue(
        name,
        (
            ("x-queue-type", "quorum"),
            ("x-message-ttl", seconds * 1000),
            ("x-dead-letter-exchange", _DUE),
            ("x-dead-letter-strategy", "at-least-once"),
            ("x-overflow", "reject-publish"),
            ("x-max-length", _DELAYED_MAX),
        ),
        bindings=((name, ""),),
    )


# ---- replies, presence ---------------------------------------------------------------------------------------


def reply_queue(name: str) -> Queue:
    return Queue(f"replies.{name}", (("x-queue-type", "classic"),), exclusive=True)


def presence_queue(name: str) -> Queue:
    return Queue(
        f"{COORDINATORS.name}.{name}",
        (("x-queue-type", "classic"),),
        bindings=((COORDINATORS.name, ""),),
        exclusive=True,
    )


# ---- task lists ----------------------------------------------------------------------------------------------

_NAME_MAX: Final = 255
#: Letters, digits and a little more; the slash ends a domain's region, and names may not hold one.
_PLAIN: Final = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.-/")
_DIGEST: Final = 10

PRIORITIES: Final = 3
#: What the queues of task lists begin with.
TASKS: Final = "tasks."


def priority(of_task: int) -> int:
    """SWF's int32 in three: below 0, 0, above 0. Within each the longest waiting goes first."""
    return 1 + (of_task > 0) - (of_task < 0)


def task_queue(task_list: TaskList) -> Queue:
    return Queue(_task_queue_name(task_list), (("x-queue-type", "classic"), ("x-max-priority", PRIORITIES - 1)))


def _task_queue_name(task_list: TaskList) -> str:
    if task_list.kind is TaskKind.LAMBDA:
        return f"{TASKS}{task_list.kind}"
    head = f"{TASKS}{task_list.kind}:"
    room = (_NAME_MAX - len(head) - 1) // 2
    return f"{head}{_escaped(task_list.domain, room)}:{_escaped(task_list.name, room)}"


def _escaped(name: str, room: int) -> str:
    """What AMQP clients accept in a name: every other byte as +HH; what is too long ends in # and a digest."""
    whole = "".join(chr(byte) if byte in _PLAIN else f"+{byte:02X}" for byte in name.encode())
    if len(whole) <= room:
        return whole
    digest = hashlib.sha256(name.encode()).hexdigest()[:_DIGEST]
    return f"{whole[: room - _DIGEST - 1]}#{digest}"
