"""RabbitMQ's management API, as far as a look at it needs: a question is a path, an answer is what the JSON says.

Law: it only asks, and nothing but Unanswered comes of it. What AMQP reaches without a proxy is reached so here, too.
"""

from __future__ import annotations

import argparse
import base64
import http.client
import json
import urllib.error
import urllib.request
from typing import Any, Final
from urllib.parse import SplitResult, quote, unquote, urlsplit

from cli.options import Usage, from_environment

_SECONDS: Final = 5.0
_OPENER: Final = urllib.request.build_opener(urllib.request.ProxyHandler({}))


class Unanswered(Exception):
    """The sentence says why."""


def add_management_url(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--management-url",
        metavar="URL",
        default=from_environment("management_url", ""),
        help="http://USER:PASSWORD@HOST:PORT of RabbitMQ's management plugin, or https://: by it task lists, delays,"
        " connections and the arguments of queues are seen (WORKFLOWSVC_MANAGEMENT_URL)",
    )


def read_management_url(options: argparse.Namespace) -> str:
    """ "" where there is none. Raises Usage."""
    url: str = options.management_url
    if url and not (url.startswith(("http://", "https://")) and _has_host(url)):
        raise Usage("--management-url: http://HOST:PORT or https://HOST:PORT is needed")
    return url


def _has_host(url: str) -> bool:
    try:
        parts = urlsplit(url)
        return bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False


class Management:
    """Of one virtual host."""

    def __init__(self, url: str, vhost: str) -> None:
        parts = urlsplit(url)
        credentials = f"{unquote(parts.username or '')}:{unquote(parts.password or '')}"
        self._headers = {"Authorization": f"Basic {base64.b64encode(credentials.encode()).decode()}"}
        self._base = f"{parts.scheme}://{_address(parts)}{parts.path.rstrip('/')}/api"
        self._vhost = quote(vhost, safe="")

    def all(self, what: str) -> Any:
        """Of all virtual hosts."""
        return self._get(f"{self._base}/{what}")

    def of_vhost(self, what: str) -> Any:
        return self._get(f"{self._base}/{what}/{self._vhost}")

    def connections(self) -> Any:
        return self._get(f"{self._base}/vhosts/{self._vhost}/connections")

    def _get(self, url: str) -> Any:
        request = urllib.request.Request(url, headers=self._headers)  # noqa: S310  http or https: see above
        try:
            with _OPENER.open(request, timeout=_SECONDS) as response:
                return json.load(response)
        except urllib.error.HTTPError as error:
            raise Unanswered(f"{url}: {error.code} {error.reason}") from error
        except urllib.error.URLError as error:
            raise Unanswered(f"{url}: {error.reason}") from error
        except (OSError, http.client.HTTPException, ValueError) as error:
            raise Unanswered(f"{url}: {error}") from error


def _address(parts: SplitResult) -> str:
    """Without user and password."""
    return parts.netloc.rpartition("@")[2]
