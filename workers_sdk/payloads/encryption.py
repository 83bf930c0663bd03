"""The codec that keeps payloads from whoever can read histories.

Law: no cryptography of our own. What encrypts is yours, or a library's.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, Protocol

from workers_sdk.payloads.envelope import from_body, to_body, to_bytes
from workers_sdk.payloads.errors import PayloadError

#: Stands between the id of the key and what was encrypted.
_SEPARATOR: Final = ":"


class Cipher(Protocol):
    """An authenticated encryption with one key. Called in the event loop: must not wait for anything. Whatever
    *decrypt* raises becomes a PayloadError."""

    def encrypt(self, data: bytes, /) -> bytes:
        """*data*, as only *decrypt* can read it."""
        ...

    def decrypt(self, data: bytes, /) -> bytes:
        """What *data* was made of."""
        ...


class Encryption:
    """Encrypts every payload with *cipher*; *key_id* is written beside it, in the clear.

    With the library ``cryptography``::

        from cryptography.fernet import Fernet

        Payloads(codecs=[Compression(), Encryption(Fernet(key), "2026-11")])

    To change the key, go on reading the old one for as long as histories have it:
    ``Encryption(Fernet(new), "2027-01", also_read={"2026-11": Fernet(old)})``. First give the new key to all programs
    under *also_read*, then let them write with it.

    The text gets longer, with Fernet by 78% and some 130 characters. Compression before it and a ClaimCheck after it
    make it fit. Not encrypted are names, ids, tags, `control`, the `reason` of failures (their `details` are) and what
    a Lambda function takes and gives.
    """

    def __init__(self, cipher: Cipher, key_id: str, *, also_read: Mapping[str, Cipher] | None = None) -> None:
        """Raises ValueError if *key_id* is empty or has a ":"."""
        if not key_id or _SEPARATOR in key_id:
            raise ValueError(f"{key_id!r} is no key_id: it may not be empty, nor have a {_SEPARATOR!r}")
        self._cipher = cipher
        self._key_id = key_id
        self._ciphers: Mapping[str, Cipher] = {**(also_read or {}), key_id: cipher}

    @property
    def name(self) -> str:
        """As of Codec."""
        return "encrypted"

    async def encode(self, text: str, limit: int) -> str | None:
        """As of Codec."""
        return f"{self._key_id}{_SEPARATOR}{to_body(self._cipher.encrypt(to_bytes(text)))}"

    async def decode(self, body: str) -> str:
        """As of Codec."""
        key_id, _, encrypted = body.partition(_SEPARATOR)
        if key_id not in self._ciphers:
            raise PayloadError(f"encrypted with the key {key_id!r}, which Encryption was not given: see also_read")
        try:
            return self._ciphers[key_id].decrypt(from_body(encrypted)).decode()
        except PayloadError:
            raise
        except Exception as error:
            why = f"{type(error).__name__} {error}".strip()
            raise PayloadError(f"the key {key_id!r} does not decrypt it: {why}") from error
