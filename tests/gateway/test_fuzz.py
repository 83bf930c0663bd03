"""Whatever arrives, the answer is a modelled one. Law: no example may hang, and none may kill the gateway."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from gateway.gateway import Gateway
from gateway.validation import reader_of
from tests.gateway.coordinator import ScriptedCoordinator
from tests.gateway.http import Answer, Client, Wire
from tests.gateway.values import sample
from workflowsvc.brokers.inprocess import InProcessBroker
from workflowsvc.clocks.manual import ManualClock
from workflowsvc.messages import Refusal
from workflowsvc.settings import Settings
from workflowsvc.stores.sqlite import SqliteStore
from workflowsvc.swf.errors import SerializationException, ValidationException
from workflowsvc.swf.operations import OPERATIONS

fuzzed = settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)

READERS = {name: reader_of(operation) for name, operation in OPERATIONS.items()}

#: Ends whatever request came before it, and is none itself.
END = b"\r\n\r\n" * 64 + b"\x00 the end\r\n\r\n"

SCALARS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=20)
    | st.sampled_from(["", "30", "NONE", "arn", "REGISTERED", "a:b", "x" * 300, "\U0001f600" * 256])
)


@pytest.fixture
async def fuzz_url(
    clock: ManualClock,
    broker: InProcessBroker,
    store: SqliteStore,
    coordinator: ScriptedCoordinator,
    domain: str,
) -> AsyncIterator[str]:
    for operation in OPERATIONS.values():
        coordinator.say(operation.input, Refusal("OperationNotPermittedFault", "No."))
    async with Gateway(Settings(poll_seconds=0.001), clock, broker, store) as gateway:
        yield await gateway.listen("127.0.0.1", 0)


def check(answer: Answer) -> None:
    assert answer.headers.get("x-amzn-requestid") or answer.headers.get("x-amzn-RequestId")
    if answer.status == 200:
        assert not answer.body or "__type" not in answer.json
    else:
        assert answer.status in (400, 413), answer
        assert answer.json["__type"].startswith("com.amazon")


# ---- bytes -----------------------------------------------------------------------------------------------------

LINES = st.sampled_from(
    [
        b"Host: x",
        b"X-Amz-Target: SimpleWorkflowService.ListDomains",
        b"X-Amz-Target: \xff\xfe",
        b"Content-Type: application/x-amz-json-1.0",
        b"Content-Length: 7",
        b"Content-Length: 0007",
        b"Content-Length: x",
        b"Transfer-Encoding: chunked",
        b"Transfer-Encoding: gzip",
        b"Content-Encoding: gzip",
        b"Expect: 100-continue",
        b"Connection: close",
        b"Authorization: AWS4-HMAC-SHA256 Credential=a/20260101/\xc3\xa4/swf/aws4_request",
        b" folded",
        b": nameless",
    ]
)
STARTS = st.sampled_from(
    [
        b"POST / HTTP/1.1",
        b"POST / HTTP/1.0",
        b"GET / HTTP/1.1",
        b"HEAD / HTTP/1.1",
        b"OPTIONS * HTTP/1.1",
        b"CONNECT x:1 HTTP/1.1",
        b"POST //\xff?%zz# HTTP/1.1",
        b"PRI * HTTP/2.0",
        b"POST /",
    ]
)
REQUESTS = st.builds(
    lambda start, lines, body: b"\r\n".join([start, *lines, b"", body]),
    STARTS | st.binary(max_size=20),
    st.lists(LINES | st.binary(max_size=20), max_size=6),
    st.sampled_from([b"", b"{}", b'{"a":1}', b"2\r\n{}\r\n0\r\n\r\n", b"zz\r\n"]) | st.binary(max_size=30),
)


@fuzzed
@given(data=st.binary(max_size=200) | REQUESTS | st.lists(REQUESTS, max_size=3).map(b"".join))
async def test_any_bytes_get_modelled_answers(fuzz_url: str, data: bytes) -> None:
    # aiohttp drops what follows a request for an upgrade in the same packet: END would not arrive.
    assume(b"upgrade" not in data.lower())
    async with Wire(fuzz_url) as wire:
        await wire.send(data + END)
        async with asyncio.timeout(10):
            raw = await wire.reader.read()
    assert raw.startswith(b"HTTP/1."), raw
    rest = raw.replace(b"HTTP/1.1 100 Continue\r\n\r\n", b"")
    while rest:
        head, _, rest = rest.partition(b"\r\n\r\n")
        status, *lines = head.decode().split("\r\n")
        headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines)}
        assert status.startswith("HTTP/1."), status
        length = int(headers["content-length"])
        if data.startswith(b"HEAD") and not rest.startswith(b"{"):
            continue
        check(Answer(int(status.split(" ")[1]), headers, rest[:length]))
        rest = rest[length:]


# ---- JSON ------------------------------------------------------------------------------------------------------


def mutated(value: Any) -> st.SearchStrategy[Any]:
    """The value with something in it replaced, anywhere."""
    anything = st.recursive(SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner))
    choices: list[st.SearchStrategy[Any]] = [st.just(value), anything]
    if isinstance(value, dict) and value:
        keys = st.sampled_from(sorted(value))
        choices.append(keys.flatmap(lambda k: mutated(value[k]).map(lambda v: {**value, k: v})))
        choices.append(keys.map(lambda k: {name: v for name, v in value.items() if name != k}))
    if isinstance(value, list) and value:
        choices.append(mutated(value[0]).map(lambda v: [*value, v]))
    return st.one_of(choices)


def requests(operation: Any) -> st.SearchStrategy[Any]:
    return mutated(sample(operation.input)) | mutated(sample(operation.input, full=False))


OPERATION_AND_BODY = st.sampled_from(list(OPERATIONS.values())).flatmap(
    lambda op: st.tuples(st.just(op), requests(op).map(msgspec.json.encode) | st.binary(max_size=40))
)


@fuzzed
@given(asked=OPERATION_AND_BODY, region=st.sampled_from(["", "eu-west-1"]))
async def test_any_json_at_any_operation_gets_a_modelled_answer(
    fuzz_url: str, asked: tuple[Any, bytes], region: str
) -> None:
    operation, body = asked
    async with Client(fuzz_url) as client:
        check(await client.call(operation.name, body.replace(b'"30"', b'"shop"'), region=region))


@settings(max_examples=500, deadline=None)
@given(asked=OPERATION_AND_BODY)
def test_what_a_reader_does_not_take_it_refuses(asked: tuple[Any, bytes]) -> None:
    operation, body = asked
    with suppress(ValidationException, SerializationException):
        assert isinstance(READERS[operation.name](body), operation.input)
