"""Signatures: what botocore's signer makes of the same request."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from unittest import mock

import botocore.auth
import botocore.awsrequest
import botocore.credentials
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.workers_sdk.client.stub import JSON_1_0, Asked, Stub
from workers_sdk.client import Client, Credentials
from workers_sdk.client.endpoint import endpoint_of
from workers_sdk.client.signing import signed

AT = datetime(2026, 2, 3, 4, 5, 6, tzinfo=UTC)
KEY = Credentials("AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY")
SESSION = Credentials("ASIAEXAMPLE", "secret", "a token/with+signs==")


def theirs(url: str, headers: dict[str, str], body: bytes, credentials: Credentials, region: str, at: datetime) -> Any:
    """The Authorization header as botocore computes it."""
    request = botocore.awsrequest.AWSRequest("POST", url, headers=headers, data=body)
    key = botocore.credentials.Credentials(credentials.access_key, credentials.secret_key, credentials.session_token)
    with mock.patch("botocore.auth.get_current_datetime", return_value=at.replace(tzinfo=None)):
        botocore.auth.SigV4Auth(key, "swf", region).add_auth(request)
    return request.headers["Authorization"]


def headers_of(url: str) -> dict[str, str]:
    return {
        "Host": endpoint_of(url).host,
        "Content-Type": JSON_1_0,
        "X-Amz-Target": "SimpleWorkflowService.ListDomains",
    }


@pytest.mark.parametrize("credentials", [KEY, SESSION], ids=["key", "session"])
@pytest.mark.parametrize(
    "url",
    [
        "https://swf.eu-west-1.amazonaws.com/",
        "http://127.0.0.1:8080/",
        "http://proxy:80/swf/",
        "http://proxy/a b/%C3%A4/",
    ],
)
def test_the_signature_is_botocores(url: str, credentials: Credentials) -> None:
    """Of AWS's address, of a port, of a path, of a path with characters to be escaped."""
    ours = signed(url, headers_of(url), b'{"a": 1}', credentials=credentials, region="eu-west-1", at=AT)
    assert ours["Authorization"] == theirs(url, headers_of(url), b'{"a": 1}', credentials, "eu-west-1", AT)
    assert ours["X-Amz-Date"] == "20260203T040506Z"
    assert ours.get("X-Amz-Security-Token") == credentials.session_token


@given(st.binary(max_size=100), st.datetimes(min_value=datetime(2000, 1, 1), max_value=datetime(2100, 1, 1)))
def test_the_signature_is_of_this_body_and_this_moment(body: bytes, at: datetime) -> None:
    url = "https://swf.us-east-1.amazonaws.com/"
    ours = signed(url, headers_of(url), body, credentials=KEY, region="us-east-1", at=at)
    assert ours["Authorization"] == theirs(url, headers_of(url), body, KEY, "us-east-1", at)


def received(asked: Asked, stub: Stub, credentials: Credentials, region: str) -> Any:
    """The Authorization header that the request should have had, by the signed headers that arrived."""
    names = asked.headers["Authorization"].partition("SignedHeaders=")[2].partition(",")[0].split(";")
    headers = {name: asked.headers[name] for name in names if name not in ("x-amz-date", "x-amz-security-token")}
    at = datetime.strptime(asked.headers["X-Amz-Date"], "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
    return theirs(stub.url, headers, asked.raw, credentials, region, at)


async def test_what_arrives_is_what_was_signed(stub: Stub) -> None:
    """Nothing between the signature and the socket changes a signed header, the Host above all."""
    async with Client(stub.url, domain="d", region="eu-west-1", credentials=SESSION) as client:
        await client.signal_workflow_execution(workflow_id="w", signal_name="ä", input="€")
    (asked,) = stub.asked
    assert asked.headers["Authorization"] == received(asked, stub, SESSION, "eu-west-1")
    assert "host;x-amz-date;x-amz-security-token;x-amz-target" in asked.headers["Authorization"]


async def test_credentials_of_the_environment_sign(stub: Stub) -> None:
    """Without an option the chain of botocore is asked; the region too is the environment's."""
    async with Client(stub.url, domain="d") as client:
        await client.signal_workflow_execution(workflow_id="w", signal_name="s")
    (asked,) = stub.asked
    assert asked.headers["Authorization"] == received(asked, stub, Credentials("AKIDTESTS", "secret"), "us-east-1")


async def test_none_does_not_sign(stub: Stub) -> None:
    async with Client(stub.url, domain="d", credentials="none") as client:
        await client.signal_workflow_execution(workflow_id="w", signal_name="s")
    assert "Authorization" not in stub.asked[0].headers
    assert "X-Amz-Date" not in stub.asked[0].headers
