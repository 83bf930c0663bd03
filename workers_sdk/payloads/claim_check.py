"""The codec that keeps in a store what does not fit, and sends a reference instead.

Law: what comes back is what was put there, or a PayloadError; the same text has the same key, so that a repeated write
changes nothing.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Final

import msgspec

from workers_sdk.payloads.envelope import characters, to_bytes
from workers_sdk.payloads.errors import PayloadError, PayloadMissing
from workers_sdk.payloads.store import ObjectStore


class Reference(msgspec.Struct, frozen=True):
    """What stands in the history: where the text is, and what it was when it was put there. *size*: bytes of UTF-8."""

    key: str
    sha256: str
    size: int


_to_json: Final = msgspec.json.Encoder().encode
_from_json: Final = msgspec.json.Decoder(Reference).decode


class ClaimCheck:
    """Puts into *store* what is longer than the member allows in which it is sent, or longer than *threshold*
    characters. Stands last among the codecs: what it stores is compressed and encrypted, if anything is.

    *also_read*: stores in which older references are looked up, when *store* has not their object. Objects are never
    removed: a history that refers to one may be read for as long as the domain retains it. Let the store forget them by
    age, later than the longest execution and the retention together; an object that is put again is young again.
    """

    def __init__(
        self, store: ObjectStore, *, threshold: int | None = None, also_read: Sequence[ObjectStore] = ()
    ) -> None:
        self._store = store
        self._threshold = threshold
        self._readable = (store, *also_read)

    @property
    def name(self) -> str:
        """As of Codec."""
        return "claim"

    async def encode(self, text: str, limit: int) -> str | None:
        """As of Codec."""
        if characters(text) <= (limit if self._threshold is None else min(limit, self._threshold)):
            return None
        data = to_bytes(text)
        digest = hashlib.sha256(data).hexdigest()
        await self._store.put(digest, data)
        return _to_json(Reference(key=digest, sha256=digest, size=len(data))).decode()

    async def decode(self, body: str) -> str:
        """As of Codec."""
        try:
            reference = _from_json(body)
        except msgspec.DecodeError as error:
            raise PayloadError(f"a damaged reference to a store: {error}") from error
        data = await self._find(reference.key)
        if len(data) != reference.size or hashlib.sha256(data).hexdigest() != reference.sha256:
            raise PayloadError(f"the object {reference.key!r} in the store is not what was put there")
        return data.decode()

    async def _find(self, key: str) -> bytes:
        for store in self._readable:
            try:
                return await store.get(key)
            except PayloadMissing:
                continue
        raise PayloadMissing(key)
