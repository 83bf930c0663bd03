"""Python imports this by itself, before anything else, in a process whose PYTHONPATH names the directory.

Law: it makes a process kill itself at a named point, once, when a file says so; or be one of two active consumers. The
service knows nothing of it. `DIE_AT` is METHOD:before or METHOD:after, `DIE_ARMED` the file, `DIE_ON` the class of the
request that must be among the arguments, if any.
"""

# ruff: noqa: PLC0415  only what is asked for is imported
from __future__ import annotations

import os
import signal
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

Method = Callable[..., Coroutine[Any, Any, Any]]


def _die_if_armed() -> None:
    try:
        Path(os.environ["DIE_ARMED"]).unlink()
    except FileNotFoundError:
        return
    os.kill(os.getpid(), signal.SIGKILL)


def _concerns(arguments: tuple[Any, ...]) -> bool:
    wanted = os.environ.get("DIE_ON", "")
    found = [one for argument in arguments for one in (argument if isinstance(argument, list | tuple) else [argument])]
    return not wanted or any(wanted in (type(getattr(one, "request", one)).__name__, _signal(one)) for one in found)


def _signal(action: Any) -> str:
    return str(getattr(getattr(action, "request", None), "signal_name", ""))


def _mortal(method: Method, when: str) -> Method:
    async def call(self: Any, *arguments: Any, **named: Any) -> Any:
        concerned = _concerns(arguments)
        if concerned and when == "before":
            _die_if_armed()
        result = await method(self, *arguments, **named)
        if concerned and when == "after":
            _die_if_armed()
        return result

    return call


def _install(point: str) -> None:
    from workflowsvc.brokers.rabbitmq import RabbitBroker
    from workflowsvc.brokers.rabbitmq.mailbox import Box
    from workflowsvc.brokers.rabbitmq.partitions import Partition
    from workflowsvc.stores.mongo import MongoStore

    name, _, when = point.partition(":")
    if name == "replied":  # the answer has come, and is not yet with the client
        replied = Box._arrived

        def arrived(self: Box, message: Any) -> None:
            if os.environ["DIE_ON"].encode() in message.body:
                _die_if_armed()
            replied(self, message)

        Box._arrived = arrived  # type: ignore[method-assign]
    elif name == "delivered":
        init = Partition.__init__

        def begin(self: Partition, *arguments: Any) -> None:
            init(self, *arguments)
            deliver = self.deliver

            def delivered(delivery: Any) -> None:
                if _concerns((delivery.message,)):
                    os.kill(os.getpid(), signal.SIGKILL)
                deliver(delivery)

            self.deliver = delivered

        Partition.__init__ = begin  # type: ignore[method-assign]
    else:
        kind: Any = MongoStore if name == "commit" else RabbitBroker
        setattr(kind, name, _mortal(getattr(kind, name), when))


def _two_active_consumers() -> None:
    """Partitions without their single active consumer: each of two coordinators gets half of every lane's actions."""
    from dataclasses import replace

    from workflowsvc.brokers.rabbitmq import topology

    single = topology.partition_queue

    def shared(partition: int) -> topology.Queue:
        queue = single(partition)
        arguments = tuple(pair for pair in queue.arguments if pair[0] != "x-single-active-consumer")
        return replace(queue, arguments=arguments)

    topology.partition_queue = shared


if point := os.environ.get("DIE_AT"):
    _install(point)
if os.environ.get("TWO_ACTIVE"):
    _two_active_consumers()
