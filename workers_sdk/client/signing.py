"""Signature Version 4 for the one request that SWF knows: POST, JSON, no query.

Law: pure, and in memory. botocore finds the credentials (credentials.py); its signer takes any request and five times
as long. The tests recompute the signatures with it.

Source: AWS, "Create a signed AWS API request".
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping
from datetime import datetime
from functools import lru_cache
from typing import Final
from urllib.parse import quote, urlsplit

from workers_sdk.client.credentials import Credentials

_ALGORITHM: Final = "AWS4-HMAC-SHA256"
_SERVICE: Final = "swf"
_END: Final = "aws4_request"


def signed(
    url: str, headers: Mapping[str, str], body: bytes, *, credentials: Credentials, region: str, at: datetime
) -> dict[str, str]:
    """*headers* with those that sign the request. All that are given are signed, and Host has to be among them.

    *at* is in UTC.
    """
    moment = at.strftime("%Y%m%dT%H%M%SZ")
    complete = {**headers, "X-Amz-Date": moment}
    if credentials.session_token is not None:
        complete["X-Amz-Security-Token"] = credentials.session_token
    lines = sorted((name.lower(), " ".join(value.split())) for name, value in complete.items())
    names = ";".join(name for name, _ in lines)
    path = quote(urlsplit(url).path or "/", safe="/~")
    digest = hashlib.sha256(body).hexdigest()
    canonical = "\n".join(("POST", path, "", *(f"{name}:{value}" for name, value in lines), "", names, digest))
    scope = f"{moment[:8]}/{region}/{_SERVICE}/{_END}"
    to_sign = "\n".join((_ALGORITHM, moment, scope, hashlib.sha256(canonical.encode()).hexdigest()))
    signature = _hmac(_key(credentials.secret_key, moment[:8], region), to_sign).hex()
    complete["Authorization"] = (
        f"{_ALGORITHM} Credential={credentials.access_key}/{scope}, SignedHeaders={names}, Signature={signature}"
    )
    return complete


@lru_cache(maxsize=8)
def _key(secret: str, day: str, region: str) -> bytes:
    key = f"AWS4{secret}".encode()
    for part in (day, region, _SERVICE, _END):
        key = _hmac(key, part)
    return key


def _hmac(key: bytes, text: str) -> bytes:
    return hmac.digest(key, text.encode(), "sha256")
