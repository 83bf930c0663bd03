"""Where the service is: what wins over what, and what is no address."""

from __future__ import annotations

import pytest

from workers_sdk.client.endpoint import aws_url, endpoint_of, region_in, url_in
from workers_sdk.client.errors import Misconfigured


def test_the_variable_of_the_service_wins() -> None:
    """ "AWS_ENDPOINT_URL_<SERVICE>" over "AWS_ENDPOINT_URL"; what is empty is not set."""
    assert url_in({"AWS_ENDPOINT_URL_SWF": "http://a", "AWS_ENDPOINT_URL": "http://b"}) == "http://a"
    assert url_in({"AWS_ENDPOINT_URL_SWF": "", "AWS_ENDPOINT_URL": "http://b"}) == "http://b"
    assert url_in({}) is None


def test_the_region_of_the_environment() -> None:
    assert region_in({"AWS_REGION": "eu-west-1", "AWS_DEFAULT_REGION": "us-west-2"}) == "eu-west-1"
    assert region_in({"AWS_DEFAULT_REGION": "us-west-2"}) == "us-west-2"
    assert region_in({}) is None


@pytest.mark.parametrize(
    ("region", "url"),
    [
        ("us-east-1", "https://swf.us-east-1.amazonaws.com"),
        ("us-gov-west-1", "https://swf.us-gov-west-1.amazonaws.com"),
        ("cn-north-1", "https://swf.cn-north-1.amazonaws.com.cn"),
    ],
)
def test_aws_is_at_an_address_of_the_region(region: str, url: str) -> None:
    """ "swf.REGION.amazonaws.com", in China with .cn (AWS General Reference)."""
    assert aws_url(region) == url
    assert endpoint_of(url).aws


@pytest.mark.parametrize(
    ("url", "host"),
    [
        ("http://127.0.0.1:8080", "127.0.0.1:8080"),
        ("http://127.0.0.1:80/", "127.0.0.1"),
        ("https://swf.example:443/", "swf.example"),
        ("https://swf.example:80/", "swf.example:80"),
        ("http://[::1]:8080/", "[::1]:8080"),
    ],
)
def test_the_host_header_names_the_port_unless_it_is_the_schemes_own(url: str, host: str) -> None:
    """RFC 9110, 4.2.3 and 7.2."""
    assert endpoint_of(url).host == host


def test_an_address_has_a_path() -> None:
    assert endpoint_of("http://127.0.0.1:8080").url == "http://127.0.0.1:8080/"
    assert endpoint_of("http://proxy/swf/").url == "http://proxy/swf/"


@pytest.mark.parametrize(
    "url",
    [
        "",
        "127.0.0.1:8080",
        "ftp://host/",
        "http://",
        "http://u:p@host/",
        "http://host/?a=1",
        "http://h:99999/",
        "http://[",
    ],
)
def test_what_is_no_address_is_refused(url: str) -> None:
    with pytest.raises(Misconfigured, match="not an endpoint"):
        endpoint_of(url)


def test_who_only_sounds_like_aws_is_not() -> None:
    assert not endpoint_of("https://amazonaws.com.example/").aws
