"""The region of a request."""

from __future__ import annotations

import pytest

from gateway.access import region_of


@pytest.mark.parametrize(
    ("authorization", "region"),
    [
        (
            "AWS4-HMAC-SHA256 Credential=AKID/20260101/eu-west-1/swf/aws4_request, SignedHeaders=host, Signature=0",
            "eu-west-1",
        ),
        ("AWS4-HMAC-SHA256 Credential=AKID/20260101/cn-north-1/swf/aws4_request,SignedHeaders=a", "cn-north-1"),
        (None, "home"),
        ("", "home"),
        ("Basic dXNlcjpwYXNz", "home"),
        ("AWS4-HMAC-SHA256 Credential=AKID/20260101/swf/aws4_request", "home"),
        ("AWS4-HMAC-SHA256 Credential=AKID/today/eu-west-1/swf/aws4_request", "home"),
        ("AWS4-HMAC-SHA256 Credential=AKID/20260101/a|b/swf/aws4_request", "home"),
        ("AWS4-HMAC-SHA256 Credential=AKID/20260101/" + "r" * 33 + "/swf/aws4_request", "home"),
    ],
)
def test_the_region_is_that_of_the_credential_scope_or_the_default(authorization: str | None, region: str) -> None:
    assert region_of(authorization, "home") == region
