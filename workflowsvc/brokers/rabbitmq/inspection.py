"""What stands in the broker, seen from outside: for whoever wants to know whether all is well.

Law: nothing is declared, taken or settled; a message that was looked at is back in its place before the answer is
given. It takes a bounded time.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Mapping
from typing import Any, Final, NamedTuple, TypeVar

from workflowsvc.brokers.rabbitmq import codec, topology
from workflowsvc.brokers.rabbitmq.amqp import Channel, Connection, Seen, connect
from workflowsvc.brokers.rabbitmq.topology import Exchange, Queue
from workflowsvc.messages import LAMBDA_TASKS
from workflowsvc.ports import BrokerUnavailable

T = TypeVar("T")

#: For everything together.
LOOK_SECONDS: Final = 20.0
#: Messages of `poison` and `unrouted` that are shown.
SHOWN: Final = 5


class Depth(NamedTuple):
    queue: str
    waiting: int
    consumers: int


class Parked(NamedTuple):
    """A message that lies in `poison` or `unrouted`. What it does not tell is ""."""

    reason: str
    origin: str
    #: what it asks for, of the first that travelled in it, and how many travelled
    action: str
    domain: str
    workflow_id: str
    actions: int


class Parking(NamedTuple):
    waiting: int
    first: list[Parked]


class Inspection(NamedTuple):
    product: str
    #: exchanges and queues that are always there, and are not
    missing: list[str]
    partitions: list[Depth]
    #: whether it was told that all that must be in flight was sent
    recovered: bool
    poison: Parking
    unrouted: Parking


async def inspect(url: str, partitions: int) -> Inspection:
    """Raises BrokerRefused, BrokerUnavailable."""
    connection = await connect(url, "doctor")
    try:
        async with asyncio.timeout(LOOK_SECONDS):
            return await _inspect(connection, partitions)
    except TimeoutError:
        raise BrokerUnavailable(f"it did not answer everything in {LOOK_SECONDS:g} s") from None
    finally:
        await connection.close()


async def _inspect(connection: Connection, partitions: int) -> Inspection:
    look = _Look(connection)
    depths: dict[str, Depth] = {}
    missing = []
    for thing in topology.standing(partitions):
        if isinstance(thing, Exchange):
            if not await look.exists(thing.name):
                missing.append(thing.name)
        elif depth := await look.depth(thing.name):
            depths[thing.name] = depth
        else:
            missing.append(thing.name)
    names = (topology.partition_queue(number).name for number in range(partitions))
    return Inspection(
        connection.product,
        missing,
        [depths[name] for name in names if name in depths],
        await look.exists(topology.RECOVERED.name),
        await _parking(connection, depths.get(topology.POISON)),
        await _parking(connection, depths.get(topology.UNROUTED)),
    )


class _Look:
    """Questions on one channel for as long as it stays open: what is not there closes it."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._channel: Channel | None = None

    async def exists(self, exchange: str) -> bool:
        return await self._ask(lambda channel: channel.exists(exchange))

    async def depth(self, queue: str) -> Depth | None:
        found = await self._ask(lambda channel: channel.depth(queue))
        return None if found is None else Depth(queue, *found)

    async def _ask(self, question: Callable[[Channel], Coroutine[Any, Any, T]]) -> T:
        if self._channel is None or not self._channel.open:
            self._channel = await self._connection.channel()
        return await question(self._channel)


# ---- what could not be handled -------------------------------------------------------------------------------


async def _parking(connection: Connection, depth: Depth | None) -> Parking:
    if depth is None or not depth.waiting:
        return Parking(0, [])
    async with connection.throwaway() as channel:
        seen = await channel.peek(depth.queue, SHOWN)
    return Parking(depth.waiting, [_parked(message) for message in seen])


def _parked(message: Seen) -> Parked:
    headers = message.headers
    # Whoever parked it says why; else the broker may have, having dropped it from a queue.
    reason = headers.get("reason") or headers.get("x-first-death-reason") or "no queue took it"
    origin = headers.get("from") or headers.get("x-first-death-queue") or f"{message.exchange} by {message.key}"
    return Parked(str(reason), str(origin), *_contents(message.body))


def _contents(body: bytes) -> tuple[str, str, str, int]:
    try:
        actions = [sent.action for sent in codec.decode_actions(body)]
    except codec.Undecodable:
        return _task(body)
    if not actions:
        return "", "", "", 0
    first = actions[0]
    return codec.name_of(first.request), first.domain, first.workflow_id, len(actions)


def _task(body: bytes) -> tuple[str, str, str, int]:
    try:
        task = codec.decode_task(body)
    except codec.Undecodable:
        return "", "", "", 0
    return f"{task.task_list.kind} task", task.domain, task.workflow_id, 1


# ---- what ought to stand there -------------------------------------------------------------------------------


class Expected:
    """What is to stand under a name, whether or not it does."""

    def __init__(self, partitions: int) -> None:
        seconds = {topology.delay_seconds(at) for at in range(1000, topology.HORIZON + 1, 1000)}
        delays = [topology.delay_queue(each) for each in seconds]
        things = [*topology.standing(partitions), topology.RECOVERED, *map(topology.delay_exchange, seconds), *delays]
        self._exchanges = {thing.name: thing for thing in things if isinstance(thing, Exchange)}
        self._queues = {thing.name: thing for thing in things if isinstance(thing, Queue)}
        self._delays = {queue.name for queue in delays}

    def exchange(self, name: str) -> Exchange | None:
        return self._exchanges.get(name)

    def queue(self, name: str) -> Queue | None:
        # The queues of all task lists have the same arguments.
        return topology.task_queue(LAMBDA_TASKS) if self.is_task_list(name) else self._queues.get(name)

    def is_task_list(self, name: str) -> bool:
        return name.startswith(topology.TASKS)

    def is_delay(self, name: str) -> bool:
        return name in self._delays


def differences(wanted: Mapping[str, Any], found: Mapping[str, Any]) -> list[str]:
    """Each argument that is not as it ought to be, in words."""
    return [
        f"{name} is {found.get(name, 'not set')} and ought to be {wanted.get(name, 'not set')}"
        for name in sorted(wanted.keys() | found.keys())
        if found.get(name) != wanted.get(name)
    ]
