"""The codec that makes long texts shorter.

Law: what would not get shorter is left alone, so that short payloads stay readable in every console.
"""

from __future__ import annotations

import asyncio
import zlib
from typing import Final

from workers_sdk.payloads.envelope import from_body, to_body, to_bytes, wrap
from workers_sdk.payloads.errors import PayloadError

#: zlib's own compromise; higher levels take several times as long for some percent.
_LEVEL: Final = 6
#: From this length on, zlib is called in a thread: it would hold up the event loop for milliseconds.
_LONG: Final = 65_536


class Compression:
    """zlib, for texts of *threshold* characters or more. *most*: bytes that a text may have when it is read: a small
    text can be made that would fill the memory.

    Where there is an Encryption, this stands before it: what is encrypted does not get shorter.
    """

    def __init__(self, threshold: int = 2048, *, most: int = 256 * 1024 * 1024) -> None:
        self._threshold = threshold
        self._most = most

    @property
    def name(self) -> str:
        """As of Codec."""
        return "zlib"

    async def encode(self, text: str, limit: int) -> str | None:
        """As of Codec."""
        if len(text) < self._threshold:
            return None
        data = to_bytes(text)
        packed = await asyncio.to_thread(_pack, data) if len(data) >= _LONG else _pack(data)
        body = to_body(packed)
        return body if len(wrap(self.name, body)) < len(text) else None

    async def decode(self, body: str) -> str:
        """As of Codec."""
        packed = from_body(body)
        return await asyncio.to_thread(self._unpack, packed) if len(packed) >= _LONG else self._unpack(packed)

    def _unpack(self, packed: bytes) -> str:
        unpacking = zlib.decompressobj()
        try:
            text = unpacking.decompress(packed, self._most).decode()
        except (zlib.error, UnicodeDecodeError) as error:
            raise PayloadError(f"a damaged envelope of zlib: {error}") from error
        if not unpacking.eof:
            raise PayloadError(f"an envelope of zlib that is cut, or holds more than {self._most:,} bytes")
        return text


def _pack(data: bytes) -> bytes:
    return zlib.compress(data, _LEVEL)
