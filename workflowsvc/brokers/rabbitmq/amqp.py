"""AMQP as the adapter wants it: channels whose every failure is BrokerUnavailable, and a link that comes back.

Law: aio-pika and its underlay are imported here and nowhere else. A channel or connection that failed is never used
again: whoever held it starts over on the next. So plain connections under a supervisor of our own, not aio-pika's
robust ones, which bring back some of what stood and none of what was on its way (BROKER.md D).
"""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager, suppress
from types import TracebackType
from typing import Any, Final, NamedTuple, Self, cast

import aio_pika
import aiormq
from aiormq.abc import DeliveredMessage
from yarl import URL

from workflowsvc.brokers.errors import BrokerRefused
from workflowsvc.brokers.rabbitmq.topology import Exchange, Queue
from workflowsvc.jobs import end
from workflowsvc.ports import BrokerUnavailable

_LOG: Final = logging.getLogger(__name__)
# It calls it an error that a broker shuts down in good order. Whatever fails is told by who asked for it.
logging.getLogger("aiormq.connection").setLevel(logging.CRITICAL)
# Its frames wait in a queue with room for ten, and whoever waits for room when the writer dies waits for ever: an
# acknowledgement, and with it a lane. It holds nobody back anyway, as the writer does not wait for the socket.
aiormq.Connection.FRAME_BUFFER_SIZE = 0

#: Seconds within which a broker that works answers. A blocked one (memory or disk alarm) does not.
ANSWER_SECONDS: Final = 5.0
#: Seconds that a close may take. What does not answer it is gone for us, and ends with its connection or its process.
CLOSE_SECONDS: Final = 2.0
#: Seconds that a publisher waits while the broker takes nothing (connection.blocked).
BLOCKED_SECONDS: Final = 1.0
_HEARTBEAT_SECONDS: Final = 10
#: Between two attempts to connect: at first, and at most.
_RETRY_SECONDS: Final = (0.1, 2.0)

#: What aiormq raises when something is amiss, its own state included. Waiters of a channel that closes are cancelled
#: or get its exception.
_FAILURES: Final = (aiormq.exceptions.AMQPError, aiormq.exceptions.InvalidFrameError, OSError, RuntimeError)

Headers = Mapping[str, str | int]


class Unroutable(BrokerUnavailable):
    """No queue takes the message."""


class Missing(BrokerUnavailable):
    """There is no exchange or queue of this name. The channel is closed."""


class Unconfirmed(BrokerUnavailable):
    """The broker may have taken the message, or not."""


class Arrived(NamedTuple):
    body: bytes
    headers: Mapping[str, Any]
    tag: int
    redelivered: bool


class Seen(NamedTuple):
    """A message that was looked at, and by which exchange and key it came where it lies."""

    body: bytes
    headers: Mapping[str, Any]
    exchange: str
    key: str


class _unavailable:  # noqa: N801 - a context manager is a verb; one made of a generator costs as much as what is in it
    """Around every call of aiormq: what it raises is BrokerUnavailable, and no cancellation is lost.

    It waits in asyncio.wait_for, which may swallow one (until Python 3.12), and cancels those who wait on a channel
    that closes.
    """

    __slots__ = ("_before", "_task", "_what")

    def __init__(self, what: str) -> None:
        self._what = what

    def __enter__(self) -> None:
        self._task = asyncio.current_task()
        self._before = self._cancellations()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        cancelled = self._cancellations() > self._before
        if error is None and cancelled:
            raise asyncio.CancelledError
        if error is not None and not (cancelled and isinstance(error, asyncio.CancelledError)):
            self._translate(error)

    def _cancellations(self) -> int:
        return 0 if self._task is None else self._task.cancelling()

    def _translate(self, error: BaseException) -> None:
        what = self._what
        match error:
            case aiormq.exceptions.PublishError():
                raise Unroutable(f"{what}: no queue takes it") from error
            case aiormq.exceptions.ChannelNotFoundEntity():
                raise Missing(f"{what}: {error}") from error
            case TimeoutError():
                raise BrokerUnavailable(f"{what}: no answer in {ANSWER_SECONDS:g} s") from error
            case asyncio.CancelledError():
                raise BrokerUnavailable(f"{what}: the channel was closed") from None
            case _ if isinstance(error, _FAILURES):
                raise BrokerUnavailable(f"{what}: {error!r}") from error


async def _unblocked(connection: aiormq.abc.AbstractConnection) -> None:
    try:
        async with asyncio.timeout(BLOCKED_SECONDS):
            await connection.ready()
    except TimeoutError:
        raise BrokerUnavailable("the broker takes nothing now") from None


class _Turn:
    """In place of a connection's queue of frames: those of one turn of the loop go there as one.

    The writer sends each by itself, and a send costs both sides more than most frames do.
    """

    def __init__(self, queue: asyncio.Queue[aiormq.abc.ChannelFrame]) -> None:
        self._queue = queue
        self._payloads: list[bytes] = []

    async def put(self, frame: aiormq.abc.ChannelFrame) -> None:
        self.put_nowait(frame)

    def put_nowait(self, frame: aiormq.abc.ChannelFrame) -> None:
        if frame.should_close or frame.should_drain:
            self._flush()
            self._queue.put_nowait(frame)
            return
        if not self._payloads:
            asyncio.get_running_loop().call_soon(self._flush)
        self._payloads.append(frame.payload)

    def _flush(self) -> None:
        if self._payloads:
            payload, self._payloads = b"".join(self._payloads), []
            self._queue.put_nowait(aiormq.abc.ChannelFrame(payload, should_close=False))


class Channel:
    """Raises BrokerUnavailable from every method once it is closed, by whomever."""

    def __init__(self, channel: aiormq.Channel) -> None:
        self._channel = channel
        #: done when it is closed
        self.closed: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        channel.closing.add_done_callback(self._has_closed)

    def _has_closed(self, closing: asyncio.Future[Any]) -> None:
        if not closing.cancelled():
            closing.exception()  # seen
        if not self.closed.done():
            self.closed.set_result(None)

    @property
    def open(self) -> bool:
        return not self.closed.done()

    # -- declaring

    async def declare(self, thing: Exchange | Queue) -> None:
        """Raises BrokerRefused where it is there with other arguments."""
        with self._declaring(thing.name):
            if isinstance(thing, Exchange):
                await self._channel.exchange_declare(
                    thing.name,
                    exchange_type=thing.type,
                    durable=True,
                    arguments=dict(thing.arguments),
                    timeout=ANSWER_SECONDS,
                )
                return
            await self._channel.queue_declare(
                thing.name,
                durable=not thing.exclusive,
                exclusive=thing.exclusive,
                auto_delete=thing.exclusive,
                arguments=dict(thing.arguments),
                timeout=ANSWER_SECONDS,
            )
            for exchange, key in thing.bindings:
                await self._channel.queue_bind(thing.name, exchange, key, timeout=ANSWER_SECONDS)

    @contextmanager
    def _declaring(self, name: str) -> Iterator[None]:
        try:
            with _unavailable(f"declaring {name}"):
                yield
        except BrokerUnavailable as error:
            cause = error.__cause__
            refusals = (
                aiormq.exceptions.ChannelPreconditionFailed,
                aiormq.exceptions.ChannelAccessRefused,
                aiormq.exceptions.ChannelLockedResource,
            )
            if isinstance(cause, refusals):
                raise BrokerRefused(f"{name}: {cause}") from cause
            raise

    async def exists(self, exchange: str) -> bool:
        """Where it does not, the channel is closed."""
        try:
            with _unavailable(f"looking for {exchange}"):
                await self._channel.exchange_declare(exchange, passive=True, timeout=ANSWER_SECONDS)
        except Missing:
            return False
        return True

    async def remove_exchange(self, exchange: str) -> None:
        with _unavailable(f"removing {exchange}"):
            await self._channel.exchange_delete(exchange, timeout=ANSWER_SECONDS)

    async def depth(self, queue: str) -> tuple[int, int] | None:
        """Messages that wait in the queue, and its consumers; None, and the channel is closed, where there is none."""
        try:
            with _unavailable(f"looking at {queue}"):
                answer = await self._channel.queue_declare(queue, passive=True, timeout=ANSWER_SECONDS)
        except Missing:
            return None
        return answer.message_count or 0, answer.consumer_count or 0

    async def peek(self, queue: str, limit: int) -> list[Seen]:
        """The first messages of a queue that is there. They go back to their places when the channel is closed."""
        seen: list[Seen] = []
        with _unavailable(f"looking into {queue}"):
            while len(seen) < limit:
                message = await self._channel.basic_get(queue, timeout=ANSWER_SECONDS)
                if message.delivery_tag is None:
                    break
                headers = message.header.properties.headers or {}
                seen.append(Seen(message.body, headers, message.exchange or "", message.routing_key or ""))
        return seen

    async def remove(self, queue: str) -> bool:
        """Delete it if it is unused and empty. Where it is not, the channel is closed."""
        try:
            with _unavailable(f"removing {queue}"):
                await self._channel.queue_delete(queue, if_unused=True, if_empty=True, timeout=ANSWER_SECONDS)
        except BrokerUnavailable as error:
            if isinstance(error.__cause__, aiormq.exceptions.ChannelPreconditionFailed):
                return False
            raise
        return True

    # -- publishing

    async def publish(
        self, exchange: str, key: str, body: bytes, headers: Headers, *, priority: int = 0, durable: bool = True
    ) -> None:
        """Returned means confirmed. Raises Unroutable, Unconfirmed, and Missing where there is no such exchange."""
        properties = aiormq.spec.Basic.Properties(
            content_type="application/json",
            headers=dict(headers),
            delivery_mode=aio_pika.DeliveryMode.PERSISTENT if durable else aio_pika.DeliveryMode.NOT_PERSISTENT,
            priority=priority,
        )
        with _unavailable(f"publishing to {exchange or key}"):
            await _unblocked(self._channel.connection)
            try:
                await self._channel.basic_publish(
                    body,
                    exchange=exchange,
                    routing_key=key,
                    properties=properties,
                    mandatory=True,
                    timeout=ANSWER_SECONDS,
                    wait=False,
                )
            except TimeoutError as error:
                raise Unconfirmed(f"publishing to {exchange or key}: no answer in {ANSWER_SECONDS:g} s") from error

    # -- consuming

    async def prefetch(self, number: int) -> None:
        """For consumers that begin from now on."""
        with _unavailable("prefetch"):
            await self._channel.basic_qos(prefetch_count=number, timeout=ANSWER_SECONDS)

    async def consume(self, queue: str, tag: str, arrived: Callable[[Arrived], None], *, no_ack: bool = False) -> None:
        async def receive(message: DeliveredMessage) -> None:
            headers = message.header.properties.headers or {}
            arrived(Arrived(message.body, headers, message.delivery_tag or 0, bool(message.redelivered)))

        with _unavailable(f"consuming {queue}"):
            await self._channel.basic_consume(queue, receive, no_ack=no_ack, consumer_tag=tag, timeout=ANSWER_SECONDS)

    def on_cancelled(self, callback: Callable[[str], object]) -> None:
        """Called with the tag of a consumer that the broker cancelled: its queue has gone."""

        def told(frame: aiormq.spec.Basic.Cancel | aiormq.spec.Basic.CancelOk) -> None:
            # What it gives is kept here: the channel's reader would wait for it, and a close for the reader.
            callback(frame.consumer_tag or "")

        self._channel.on_consumer_cancel_callbacks.add(told)

    async def cancel(self, tag: str) -> None:
        """What was sent to the consumer before has arrived when this returns.

        Without waiting, aiormq would forget the consumer at once, and drop what still comes for it, unsettled.
        """
        with _unavailable("cancelling"):
            await self._channel.basic_cancel(tag, timeout=ANSWER_SECONDS)

    async def ack(self, tag: int) -> None:
        with _unavailable("acknowledging"):
            await self._channel.basic_ack(tag, wait=False)

    async def give_back(self, tag: int) -> None:
        with _unavailable("giving back"):
            await self._channel.basic_nack(tag, requeue=True, wait=False)

    async def close(self) -> None:
        with suppress(BrokerUnavailable), _unavailable("closing"):
            async with asyncio.timeout(CLOSE_SECONDS):
                await self._channel.close()


class Connection:
    def __init__(self, connection: aio_pika.abc.AbstractConnection) -> None:
        self._connection = connection
        self._frames: _Turn | None = None
        self.closed: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        connection.close_callbacks.add(self._has_closed)

    def _has_closed(self, *_: object) -> None:
        if not self.closed.done():
            self.closed.set_result(None)

    @property
    def open(self) -> bool:
        return not self.closed.done()

    @property
    def product(self) -> str:
        """Name and version of the broker, as it introduced itself."""
        transport = self._connection.transport
        properties: Mapping[str, Any] = transport.connection.server_properties if transport else {}
        return f"{properties.get('product', 'a broker')} {properties.get('version', 'of no version')}"

    async def channel(self) -> Channel:
        with _unavailable("opening a channel"):
            if self._connection.transport is not None:
                await _unblocked(self._connection.transport.connection)
            async with asyncio.timeout(ANSWER_SECONDS):
                channel = self._connection.channel(publisher_confirms=True, on_return_raises=True)
                await channel.initialize()
                # What aio-pika has of its own here takes as long again as all that is below it.
                underlay = cast("aiormq.Channel", await channel.get_underlay_channel())
                underlay.write_queue = self._turn(underlay.connection)
                return Channel(underlay)

    def _turn(self, connection: aiormq.abc.AbstractConnection) -> asyncio.Queue[aiormq.abc.ChannelFrame]:
        if self._frames is None:
            self._frames = _Turn(connection.write_queue)
        return cast("asyncio.Queue[aiormq.abc.ChannelFrame]", self._frames)

    @asynccontextmanager
    async def throwaway(self) -> AsyncIterator[Channel]:
        """For what may close a channel."""
        channel = await self.channel()
        try:
            yield channel
        finally:
            await channel.close()

    def give_up(self, *_: object) -> None:
        """Something that cannot be mended on it has gone: whoever supervises it makes another."""
        self._has_closed()

    async def close(self) -> None:
        with suppress(BrokerUnavailable), _unavailable("closing"):
            async with asyncio.timeout(CLOSE_SECONDS):
                await self._connection.close()
        self._has_closed()


async def connect(url: str, name: str) -> Connection:
    """Raises BrokerRefused where URL, credentials or virtual host are wrong, BrokerUnavailable where nobody answers."""
    try:
        address = URL(url)
        return await _connect(address, name, str(address.with_password(None)))
    except ValueError as error:
        raise BrokerRefused(f"the URL of the broker cannot be used: {error}") from error


async def _connect(address: URL, name: str, shown: str) -> Connection:
    try:
        with _unavailable(f"connecting to {shown}"):
            async with asyncio.timeout(ANSWER_SECONDS):
                return Connection(
                    await aio_pika.connect(
                        address.update_query(heartbeat=_HEARTBEAT_SECONDS)
                        if "heartbeat" not in address.query
                        else address,
                        client_properties={"connection_name": name},
                    )
                )
    except BrokerUnavailable as error:
        refusals = (aiormq.exceptions.AuthenticationError, aiormq.exceptions.ProbableAuthenticationError)
        if isinstance(error.__cause__, refusals):
            raise BrokerRefused(f"{shown}: {error.__cause__}") from error
        if _closed_at_opening(error.__cause__):
            raise BrokerRefused(f"{shown}: there is no such virtual host, or the user may not use it") from error
        raise


def _closed_at_opening(error: BaseException | None) -> bool:
    """The virtual host was refused, for which the broker closes the connection; aiormq keeps its words to itself."""
    return isinstance(error, aiormq.exceptions.InvalidFrameError) and "Connection.Close" in str(error)


class Link:
    """One connection after another, as long as it is entered. What stood on the last one has to be built anew.

    *up* is called on each new connection, before anybody else may use it; if it raises, another is made.
    """

    def __init__(
        self, url: str, name: str, up: Callable[[Connection], Awaitable[None]], down: Callable[[], None]
    ) -> None:
        self._url = url
        self._name = name
        self._up = up
        self._down = down
        self._connection: Connection | None = None
        self._supervisor: asyncio.Task[None]

    async def __aenter__(self) -> Self:
        """Returns when the first connection is up. Raises BrokerRefused."""
        first = asyncio.get_running_loop().create_future()
        self._supervisor = asyncio.create_task(self._supervise(first), name=f"link {self._name}")
        try:
            await first
        except BaseException:
            await self._stop()
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._stop()

    async def _stop(self) -> None:
        await end([self._supervisor])

    @property
    def up(self) -> bool:
        return self._connection is not None and self._connection.open

    @property
    def connection(self) -> Connection:
        """Raises BrokerUnavailable."""
        connection = self._connection
        if connection is None or not connection.open:
            raise BrokerUnavailable("there is no connection to the broker now")
        return connection

    async def _supervise(self, first: asyncio.Future[None]) -> None:
        wait, longest = _RETRY_SECONDS
        while True:
            try:
                await self._serve(first)
                wait = _RETRY_SECONDS[0]
            except BrokerRefused as error:
                if not first.done():
                    first.set_exception(error)
                    return
                _LOG.error("%s: the broker refuses: %s", self._name, error)
            except BrokerUnavailable as error:
                _LOG.warning("%s: no broker: %s", self._name, error)
            except Exception:
                # A process without its broker is worth nothing: whatever this was, it is tried again.
                _LOG.exception("%s", self._name)
            # Not all at once: a broker that comes back has enough to do.
            await asyncio.sleep(wait * random.uniform(0.5, 1.0))  # noqa: S311
            wait = min(2 * wait, longest)

    async def _serve(self, first: asyncio.Future[None]) -> None:
        connection = await connect(self._url, self._name)
        try:
            await self._up(connection)
            self._connection = connection
            if not first.done():
                first.set_result(None)
            await asyncio.shield(connection.closed)
            _LOG.warning("%s: the connection was lost", self._name)
        finally:
            self._connection = None
            self._down()
            await connection.close()
