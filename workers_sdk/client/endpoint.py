"""Where the service is.

Law: pure. An explicit argument wins over the environment, the environment over AWS's own address.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, NamedTuple
from urllib.parse import SplitResult, urlsplit

from workers_sdk.client.errors import Misconfigured

#: "AWS_ENDPOINT_URL_<SERVICE>" wins over "AWS_ENDPOINT_URL" (AWS SDKs and Tools, "Service-specific endpoints").
_URLS: Final = ("AWS_ENDPOINT_URL_SWF", "AWS_ENDPOINT_URL")
_REGIONS: Final = ("AWS_REGION", "AWS_DEFAULT_REGION")
#: Partitions of AWS whose hosts end differently.
_SUFFIXES: Final = {"cn": "amazonaws.com.cn", "eusc": "amazonaws.eu"}
_SUFFIX: Final = "amazonaws.com"
_PORTS: Final = {"http": 80, "https": 443}


class Endpoint(NamedTuple):
    """A place to ask: its address, and what the Host header says."""

    url: str
    host: str
    #: AWS itself, where nothing is answered without a signature
    aws: bool
    #: whether a machine's role may be asked for: not by who talks to a neighbour in plain text
    encrypted: bool


def url_in(environ: Mapping[str, str]) -> str | None:
    return _first(_URLS, environ)


def region_in(environ: Mapping[str, str]) -> str | None:
    return _first(_REGIONS, environ)


def aws_url(region: str) -> str:
    """E.g. https://swf.eu-west-1.amazonaws.com (AWS General Reference, "Amazon SWF endpoints and quotas")."""
    return f"https://swf.{region}.{_SUFFIXES.get(region.partition('-')[0], _SUFFIX)}"


def endpoint_of(url: str) -> Endpoint:
    """Raises Misconfigured for what is no http(s) address, or has a user, a query or a fragment."""
    try:
        parts = urlsplit(url)
        host = _host(parts)
    except ValueError as error:
        raise Misconfigured(f"not an endpoint: {url!r}: {error}") from error
    aws = (parts.hostname or "").endswith(tuple(f".{suffix}" for suffix in (_SUFFIX, *_SUFFIXES.values())))
    return Endpoint(parts._replace(path=parts.path or "/").geturl(), host, aws, parts.scheme == "https")


def _host(parts: SplitResult) -> str:
    if parts.scheme not in _PORTS or not parts.hostname:
        raise ValueError("it does not begin with http:// or https:// and a host")
    if parts.username is not None or parts.query or parts.fragment:
        raise ValueError("it may have a host, a port and a path")
    name = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    return name if parts.port in (None, _PORTS[parts.scheme]) else f"{name}:{parts.port}"


def _first(names: tuple[str, ...], environ: Mapping[str, str]) -> str | None:
    return next((environ[name] for name in names if environ.get(name)), None)
