"""What is on the wire, where boto3 would hide it. Law: SWF.md §1, §1.1 and §13."""

from __future__ import annotations

import json
import re
import urllib.error
import urllib.request
from typing import Any, NamedTuple

import pytest

from tests.end_to_end.swf import Swf, complete

_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_MODERN = {"Content-Type": "application/x-amz-json-1.0"}


class Raw(NamedTuple):
    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


def send(url: str, target: str | None, body: bytes, **headers: str) -> Raw:
    given = _MODERN | headers | ({} if target is None else {"X-Amz-Target": target})
    request = urllib.request.Request(url, body, given, method="POST")  # noqa: S310  it is our own URL
    try:
        with urllib.request.urlopen(request, timeout=20) as response:  # noqa: S310
            return Raw(response.status, dict(response.headers), response.read())
    except urllib.error.HTTPError as error:
        with error:
            return Raw(error.code, dict(error.headers), error.read())


def call(swf: Swf, operation: str, **members: Any) -> Raw:
    return send(swf.url, f"SimpleWorkflowService.{operation}", json.dumps({"domain": swf.domain} | members).encode())


def test_point_03_void_actions_have_an_empty_body(swf: Swf) -> None:
    """200, Content-Length: 0, not {}; every answer has a request id."""
    swf.start()
    token = swf.poll()["taskToken"]
    type_ = {"workflowType": {"name": "order", "version": "1"}}
    for operation, members in (
        ("SignalWorkflowExecution", {"workflowId": "w", "signalName": "s"}),
        ("RequestCancelWorkflowExecution", {"workflowId": "w"}),
        ("RespondDecisionTaskCompleted", {"taskToken": token}),
        ("TerminateWorkflowExecution", {"workflowId": "w"}),
        ("RegisterActivityType", {"name": "n", "version": "1"}),
        ("DeprecateWorkflowType", type_),
        ("UndeprecateWorkflowType", type_),
        ("DeprecateWorkflowType", type_),
        ("DeleteWorkflowType", type_),
        ("DeprecateDomain", {"name": swf.domain}),
        ("UndeprecateDomain", {"name": swf.domain}),
    ):
        answer = call(swf, operation, **members)
        assert (answer.status, answer.body) == (200, b""), operation
        assert answer.headers["Content-Length"] == "0"
        assert _UUID.fullmatch(answer.headers["x-amzn-RequestId"])


def test_answers_are_compact_sorted_and_free_of_nulls(swf: Swf) -> None:
    """Keys in alphabetical order at every depth, timestamps as numbers of seconds with milliseconds at most."""
    run = swf.start(input="i", tagList=["t"])
    swf.decide(complete(result="r"))
    execution = {"workflowId": "w", "runId": run}
    for operation in ("GetWorkflowExecutionHistory", "DescribeWorkflowExecution"):
        answer = call(swf, operation, execution=execution)
        assert answer.headers["Content-Type"] == "application/x-amz-json-1.0"
        pairs: list[list[str]] = []

        def seen(members: list[tuple[str, Any]], into: list[list[str]] = pairs) -> dict[str, Any]:
            into.append([name for name, _ in members])
            assert all(value is not None for _, value in members)
            return dict(members)

        body = json.loads(answer.body, object_pairs_hook=seen)
        assert all(names == sorted(names) for names in pairs)
        assert json.dumps(body, separators=(",", ":"), sort_keys=True).encode() == answer.body
    at = call(swf, "GetWorkflowExecutionHistory", execution=execution).json["events"][0]["eventTimestamp"]
    assert isinstance(at, int | float)
    assert round(at * 1000) / 1000 == at


def test_the_old_form_is_understood(swf: Swf) -> None:
    """The long target, and Content-Encoding: amz-1.0, which is a label; unknown members and nulls are passed over."""
    body = json.dumps({"name": swf.domain, "unknown": {"a": 1}, "description": None}).encode()
    answer = send(
        swf.url,
        "com.amazonaws.swf.service.model.SimpleWorkflowService.DescribeDomain",
        body,
        **{"Content-Type": "application/json; charset=UTF-8", "Content-Encoding": "amz-1.0"},
    )
    assert answer.status == 200
    assert answer.headers["Content-Type"].startswith("application/json")
    assert answer.json["domainInfo"]["name"] == swf.domain


@pytest.mark.parametrize(
    ("target", "body", "status", "code"),
    [
        ("DescribeDomain", b"{", 400, "com.amazon.coral.service#SerializationException"),
        ("DescribeDomain", b'{"name":7}', 400, "com.amazon.coral.service#SerializationException"),
        ("DescribeDomain", b"[]", 400, "com.amazon.coral.service#SerializationException"),
        ("DescribeDomain", b"{}", 400, "com.amazon.coral.validate#ValidationException"),
        ("DescribeDomain", b'{"name":"no"}', 400, "com.amazonaws.swf.base.model#UnknownResourceFault"),
        ("Dance", b"{}", 400, "com.amazon.coral.service#UnknownOperationException"),
        (None, b"{}", 400, "com.amazon.coral.service#UnknownOperationException"),
        (
            "DescribeDomain",
            b'{"name":"' + b"x" * 1024 * 1024 + b'"}',
            413,
            "com.amazon.coral.service#RequestEntityTooLargeException",
        ),
    ],
)
def test_whatever_is_wrong_has_its_type(url: str, target: str | None, body: bytes, status: int, code: str) -> None:
    """A complete answer with `__type`, also to a request that is too large."""
    answer = send(url, target and f"SimpleWorkflowService.{target}", body)
    assert (answer.status, answer.json["__type"]) == (status, code)
    assert "x-amzn-query-error" not in {name.lower() for name in answer.headers}
