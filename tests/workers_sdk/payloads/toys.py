"""A cipher and a store for tests. Law: as small as their contracts allow."""

from __future__ import annotations

import hashlib

from workers_sdk.payloads import PayloadMissing


class Xor:
    """No encryption, but it refuses what another key encrypted."""

    def __init__(self, key: bytes) -> None:
        self._mark = hashlib.sha256(key).digest()[:8]
        self._key = key[0]

    def encrypt(self, data: bytes, /) -> bytes:
        return self._mark + bytes(byte ^ self._key for byte in data)

    def decrypt(self, data: bytes, /) -> bytes:
        if data[:8] != self._mark:
            raise LookupError("another key")
        return bytes(byte ^ self._key for byte in data[8:])


class MemoryStore:
    """An ObjectStore that counts its writes."""

    def __init__(self) -> None:
        self.objects: dict[str, bytes] = {}
        self.puts = 0

    async def put(self, key: str, data: bytes) -> None:
        self.puts += 1
        self.objects[key] = data

    async def get(self, key: str) -> bytes:
        try:
            return self.objects[key]
        except KeyError:
            raise PayloadMissing(key) from None
