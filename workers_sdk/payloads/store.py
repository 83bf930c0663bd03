"""What a store of payloads is.

Law: contracts only, and what a key may be.
"""

from __future__ import annotations

import re
from typing import Final, Protocol

from workers_sdk.payloads.errors import PayloadError

#: A key comes out of a history, which others may have written: no path leads out of a store.
_KEY: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,254}\Z")


class ObjectStore(Protocol):
    """Bytes by key, kept until the store's own rules remove them. Any number of programs use it at once."""

    async def put(self, key: str, data: bytes) -> None:
        """Durable when it returns. The same key always comes with the same bytes; putting them again is no error and
        makes the object young again. Raises PayloadStoreUnavailable."""
        ...

    async def get(self, key: str) -> bytes:
        """Whole or not at all. Raises PayloadMissing, PayloadStoreUnavailable; PayloadError for what is no key."""
        ...


def checked(key: str) -> str:
    """*key*, if it is one: letters, digits, "." "_" "-", at most 255, not beginning with a sign."""
    if not _KEY.match(key):
        raise PayloadError(f"{key[:300]!r} is no key of an object")
    return key
