"""From bytes to bytes: whatever arrives, a modelled answer in one write."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from gateway.app import _Connection
from tests.gateway.coordinator import ScriptedCoordinator
from tests.gateway.http import Answer, Client, Wire, request
from workflowsvc.messages import Refusal
from workflowsvc.ports import StoreUnavailable
from workflowsvc.stores.sqlite import SqliteStore
from workflowsvc.swf import shapes

MEGABYTE = 1024 * 1024
DESCRIBE = b'{"name":"shop"}'


@pytest.fixture
async def wire(url: str) -> Any:
    async with Wire(url) as wire:
        yield wire


def is_modelled(answer: Answer) -> bool:
    return bool(answer.json["__type"].startswith("com.amazon"))


# ---- the target ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "prefix", ["SimpleWorkflowService.", "com.amazonaws.swf.service.model.SimpleWorkflowService.", ""]
)
async def test_the_operation_is_the_last_component_of_the_target(client: Client, domain: str, prefix: str) -> None:
    head = {"X-Amz-Target": f"{prefix}DescribeDomain"}
    answer = await client.send("POST", "/", DESCRIBE, **head)
    assert (answer.status, answer.json["domainInfo"]["name"]) == (200, "shop")


@pytest.mark.parametrize("path", ["/", "/swf", "//", "/%00", "/?Action=x"])
async def test_the_path_of_an_operation_does_not_matter(client: Client, domain: str, path: str) -> None:
    head = {"X-Amz-Target": "SimpleWorkflowService.DescribeDomain"}
    assert (await client.send("POST", path, DESCRIBE, **head)).status == 200


@pytest.mark.parametrize(
    ("method", "path", "target"),
    [
        ("POST", "/", ""),
        ("POST", "/", "SimpleWorkflowService.MakeCoffee"),
        ("POST", "/", "SimpleWorkflowService."),
        ("POST", "/nowhere", ""),
        ("GET", "/", ""),
        ("GET", "/", "SimpleWorkflowService.DescribeDomain"),
        ("PUT", "/", "SimpleWorkflowService.DescribeDomain"),
        ("OPTIONS", "/healthz", ""),
        ("GET", "/time-skipping", ""),
        ("POST", "/time-skipping/lock", ""),
    ],
)
async def test_no_or_an_unknown_operation(client: Client, method: str, path: str, target: str) -> None:
    head = {"X-Amz-Target": target} if target else {}
    answer = await client.send(method, path, b"{}", **head)
    assert (answer.status, answer.body) == (400, b'{"__type":"com.amazon.coral.service#UnknownOperationException"}')


# ---- headers ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("sent", "received"),
    [
        ("application/x-amz-json-1.0", "application/x-amz-json-1.0"),
        ("application/json; charset=UTF-8", "application/json"),
        ("application/json", "application/json"),
        ("text/plain", "application/json"),
    ],
)
async def test_the_content_type_is_echoed_for_json_1_0(client: Client, domain: str, sent: str, received: str) -> None:
    head = {"Content-Type": sent}
    assert (await client.call("DescribeDomain", DESCRIBE, **head)).headers["Content-Type"] == received
    assert (await client.call("DescribeDomain", b"{}", **head)).headers["Content-Type"] == received


async def test_every_answer_has_a_request_id_of_its_own(client: Client, domain: str) -> None:
    answers = [
        await client.call("DescribeDomain", DESCRIBE),
        await client.call("DescribeDomain"),
        await client.send("GET", "/"),
        await client.send("GET", "/healthz"),
    ]
    assert len({answer.headers["x-amzn-RequestId"] for answer in answers}) == len(answers)


async def test_the_content_encoding_is_a_label(client: Client, domain: str) -> None:
    for label in ("amz-1.0", "gzip", "deflate", "br"):
        head = {"Content-Encoding": label}
        assert (await client.call("DescribeDomain", DESCRIBE, **head)).status == 200


async def test_a_void_answer_has_length_0(client: Client, coordinator: ScriptedCoordinator, wire: Wire) -> None:
    coordinator.say(shapes.DeprecateDomainInput, None)
    await wire.send(request("DeprecateDomain", DESCRIBE))
    status, headers = await wire.head()
    assert (status, headers["content-length"]) == ("HTTP/1.1 200 OK", "0")


async def test_the_region_selects_the_domain(client: Client, domain: str) -> None:
    assert (await client.call("DescribeDomain", DESCRIBE, region="us-east-1")).status == 200
    elsewhere = await client.call("DescribeDomain", DESCRIBE, region="eu-west-1")
    assert (elsewhere.code, elsewhere.message) == ("UnknownResourceFault", "Unknown domain: shop")


# ---- one write -------------------------------------------------------------------------------------------------


class _Counting:
    """A transport that counts its writes."""

    def __init__(self, transport: Any, writes: list[int]) -> None:
        self._transport = transport
        self._writes = writes

    def write(self, data: bytes) -> None:
        self._writes.append(len(data))
        self._transport.write(data)

    def writelines(self, parts: Any) -> None:
        self.write(b"".join(parts))

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)


async def test_header_and_body_go_out_in_one_write(
    url: str, store: SqliteStore, domain: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """ "With two writes the Go SDK drops 0.4-3 % of the connections" (SWF.md §13.1)."""
    writes: list[int] = []
    made = _Connection.connection_made
    monkeypatch.setattr(_Connection, "connection_made", lambda self, t: made(self, _Counting(t, writes)))
    async with Wire(url) as wire:
        big = b'{"name":"' + b"x" * 100_000 + b'"}'
        for body in (DESCRIBE, b"{}", big):
            await wire.send(request("DescribeDomain", body))
            await wire.answer()
            assert len(writes) == 1
            writes.clear()
        await wire.send(b"nonsense\r\n\r\n")
        await wire.answer()
        assert len(writes) == 1


# ---- size ------------------------------------------------------------------------------------------------------


async def test_a_request_of_over_1_mb_is_answered_413(client: Client) -> None:
    answer = await client.call("DescribeDomain", b" " * (MEGABYTE + 1))
    assert (answer.status, answer.code) == (413, "RequestEntityTooLargeException")


async def test_the_headers_count(wire: Wire) -> None:
    await wire.send(request("DescribeDomain", DESCRIBE + b" " * (MEGABYTE - 500 - len(DESCRIBE))))
    assert (await wire.answer()).code == "UnknownResourceFault"
    await wire.send(request("DescribeDomain", DESCRIBE + b" " * (MEGABYTE - 50 - len(DESCRIBE))))
    assert (await wire.answer()).status == 413


async def test_413_is_read_by_a_client_that_writes_it_all_first(wire: Wire) -> None:
    await wire.send(request("DescribeDomain", b" " * (8 * MEGABYTE)))
    [answer] = await wire.answers()
    assert (answer.status, answer.code, answer.headers["connection"]) == (
        413,
        "RequestEntityTooLargeException",
        "close",
    )


async def test_a_chunked_body_over_1_mb_is_answered_413(wire: Wire) -> None:
    head = request("DescribeDomain", b"").replace(b"Content-Length: 0", b"Transfer-Encoding: chunked")
    await wire.send(head + (b"10000\r\n" + b" " * 0x10000 + b"\r\n") * 40 + b"0\r\n\r\n")
    [answer] = await wire.answers()
    assert (answer.status, answer.code) == (413, "RequestEntityTooLargeException")


async def test_a_chunked_body_is_read(wire: Wire, domain: str) -> None:
    head = request("DescribeDomain", b"").replace(b"Content-Length: 0", b"Transfer-Encoding: chunked")
    await wire.send(head + b'7\r\n{"name"\r\n8\r\n:"shop"}\r\n0\r\n\r\n')
    assert (await wire.answer()).status == 200


@pytest.mark.parametrize("length", [70_000, 3_000_000])
async def test_a_header_that_is_too_long_is_answered_413(wire: Wire, length: int) -> None:
    await wire.send(request("DescribeDomain", DESCRIBE, f"X-Padding: {'x' * length}"))
    [answer] = await wire.answers()
    assert (answer.status, answer.code) == (413, "RequestEntityTooLargeException")


async def test_many_headers_of_over_1_mb_are_answered_413(wire: Wire) -> None:
    await wire.send(request("DescribeDomain", DESCRIBE, *(f"X-Padding: {'x' * 60_000}" for _ in range(20))))
    [answer] = await wire.answers()
    assert (answer.status, answer.code) == (413, "RequestEntityTooLargeException")


async def test_long_credentials_fit(wire: Wire, domain: str) -> None:
    await wire.send(request("DescribeDomain", DESCRIBE, f"X-Amz-Security-Token: {'x' * 20_000}"))
    assert (await wire.answer()).status == 200


# ---- Expect ----------------------------------------------------------------------------------------------------


async def test_a_client_that_asks_first_is_told_to_go_on(wire: Wire, domain: str) -> None:
    whole = request("DescribeDomain", DESCRIBE, "Expect: 100-continue")
    await wire.send(whole.removesuffix(DESCRIBE))
    assert (await wire.head())[0] == "HTTP/1.1 100 Continue"
    await wire.send(DESCRIBE)
    assert (await wire.answer()).status == 200


async def test_a_client_that_asks_first_is_told_that_it_is_too_much(wire: Wire) -> None:
    whole = request("DescribeDomain", b" " * (2 * MEGABYTE), "Expect: 100-continue")
    await wire.send(whole.rstrip() + b"\r\n\r\n")
    assert (await wire.answer()).status == 413


# ---- not HTTP --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "data",
    [
        b"\x00\x01\x02\x03\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"hello\r\n\r\n",
        b"GET\r\n\r\n",
        b"GET / HTTP/9.9\r\n\r\n",
        b"BREW / HTTP/1.1\r\n\r\n",
        b"POST / HTTP/1.1\r\nno colon\r\n\r\n",
        b"POST / HTTP/1.1\r\nContent-Length: many\r\n\r\n",
        b"POST / HTTP/1.1\r\nContent-Length: -1\r\n\r\n",
        b"POST / HTTP/1.1\r\nContent-Length: 99999999999999999999999\r\n\r\n",
        b"POST / HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
        b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nnonsense\r\n",
        b"POST / HTTP/1.1\r\nX: \x00\r\n\r\n",
        b"POST / HTTP/1.1\r\n" + b"X: y\r\n" * 1000 + b"\r\n",
        b"POST http://[::1 HTTP/1.1\r\n\r\n",
    ],
)
async def test_what_is_not_http_gets_a_modelled_answer(wire: Wire, data: bytes) -> None:
    await wire.send(data)
    [answer] = await wire.answers()
    assert 400 <= answer.status < 500
    assert is_modelled(answer)


async def test_a_client_that_does_not_close_is_closed(
    wire: Wire, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("gateway.app._LINGER_SECONDS", 0.0)
    await wire.send(b"nonsense\r\n\r\n")
    assert (await wire.answer()).status == 400
    assert await wire.reader.read() == b""
    assert not caplog.records


async def test_nonsense_after_a_request_is_answered_too(wire: Wire, domain: str) -> None:
    await wire.send(request("DescribeDomain", DESCRIBE))
    assert (await wire.answer()).status == 200
    await wire.send(b"\x00\x00\r\n\r\n")
    [answer] = await wire.answers()
    assert answer.status == 400


async def test_pipelined_requests_are_answered_in_order(wire: Wire, domain: str) -> None:
    bodies = [b'{"name":"shop"}', b"{}", b'{"name":"none"}'] * 5
    await wire.send(b"".join(request("DescribeDomain", body) for body in bodies))
    assert [(await wire.answer()).code for _ in bodies] == ["", "ValidationException", "UnknownResourceFault"] * 5


@pytest.mark.parametrize("upgrade", ["websocket", "h2c"])
async def test_a_connection_is_not_upgraded(wire: Wire, domain: str, upgrade: str) -> None:
    """Java's HTTP client asks for h2c with every request."""
    asked = request("DescribeDomain", DESCRIBE, "Connection: Upgrade, HTTP2-Settings", f"Upgrade: {upgrade}")
    await wire.send(asked)
    assert (await wire.answer()).status == 200
    await wire.send(request("DescribeDomain", DESCRIBE))
    assert (await wire.answer()).status == 200


async def test_http_1_0_is_answered_and_closed(wire: Wire, domain: str) -> None:
    await wire.send(request("DescribeDomain", DESCRIBE).replace(b"HTTP/1.1", b"HTTP/1.0"))
    [answer] = await wire.answers()
    assert answer.status == 200


# ---- failures --------------------------------------------------------------------------------------------------


async def test_a_store_that_is_away_is_503(client: Client, store: SqliteStore, monkeypatch: pytest.MonkeyPatch) -> None:
    async def away(*_: object) -> None:
        raise StoreUnavailable

    monkeypatch.setattr(store, "domain", away)
    answer = await client.call("DescribeDomain", DESCRIBE)
    assert (answer.status, answer.code) == (503, "ServiceUnavailableException")


async def test_a_bug_is_500_and_in_the_log(
    client: Client, store: SqliteStore, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async def broken(*_: object) -> None:
        raise TimeoutError("a bug")

    monkeypatch.setattr(store, "domain", broken)
    answer = await client.call("DescribeDomain", DESCRIBE)
    assert (answer.status, answer.body) == (500, b'{"__type":"com.amazon.coral.service#InternalFailure"}')
    assert "a bug" in caplog.text


async def test_a_refusal_of_the_coordinator_is_its_fault(client: Client, coordinator: ScriptedCoordinator) -> None:
    coordinator.say(shapes.DeprecateDomainInput, Refusal("DomainDeprecatedFault", "shop"))
    answer = await client.call("DeprecateDomain", DESCRIBE)
    assert answer.status == 400
    assert answer.json == {"__type": "com.amazonaws.swf.base.model#DomainDeprecatedFault", "message": "shop"}


async def test_a_client_that_hangs_up_within_a_body_harms_nobody(url: str, client: Client, domain: str) -> None:
    async with Wire(url) as wire:
        await wire.send(request("DescribeDomain", DESCRIBE)[:-3])
    assert (await client.call("DescribeDomain", DESCRIBE)).status == 200


async def test_a_client_that_only_stops_sending_is_answered(wire: Wire, domain: str) -> None:
    """It has closed its half of the connection (`nc -N`, some proxies): the whole answer, then the close."""
    wire.writer.write(request("DescribeDomain", DESCRIBE))
    wire.writer.write_eof()
    (answer,) = await wire.answers()
    assert answer.status == 200


async def test_a_body_that_ends_too_soon_is_answered(wire: Wire, domain: str) -> None:
    wire.writer.write(request("DescribeDomain", DESCRIBE)[:-3])
    wire.writer.write_eof()
    (answer,) = await wire.answers()
    assert (answer.status, answer.code) == (400, "SerializationException")


async def test_many_requests_at_once(client: Client, domain: str) -> None:
    answers = await asyncio.gather(*(client.call("DescribeDomain", DESCRIBE) for _ in range(100)))
    assert {answer.status for answer in answers} == {200}
