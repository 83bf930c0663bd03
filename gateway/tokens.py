"""Task tokens and page tokens: what a client carries for us between two calls.

Law: opaque outside, signed inside; nothing is remembered here, so a token survives a restart and is good at every
gateway. Whatever was not made by `seal` with the same kind and context is refused with "Invalid token".
"""

from __future__ import annotations

import binascii
import hashlib
import hmac
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from enum import IntEnum
from typing import Any, Final, TypeVar

import msgspec

from workflowsvc.messages import TaskKind, TaskRef
from workflowsvc.ports import Clock
from workflowsvc.swf.errors import ValidationException
from workflowsvc.swf.shapes import Shape

T = TypeVar("T")

_MAC_BYTES: Final = 16
_HEAD_BYTES: Final = 16
#: TaskToken: "length ... maximum of 1024" (service model); base64 makes four characters of three bytes.
_TASK_TOKEN_BYTES: Final = 1024 // 4 * 3
#: ListDomains.nextPageToken: "valid for 24 hours".
_PAGE_LIFETIME: Final = 24 * 60 * 60 * 1000


class TokenKind(IntEnum):
    DECISION = 1
    ACTIVITY = 2
    PAGE = 3


_OF_TASK: Final = {TaskKind.DECISION: TokenKind.DECISION, TaskKind.ACTIVITY: TokenKind.ACTIVITY}


class Signer:
    """Seals bytes into tokens and opens them again; *context* is signed but not carried."""

    def __init__(self, secret: bytes) -> None:
        self._secret = secret

    def seal(self, kind: TokenKind, context: bytes, payload: bytes) -> str:
        # Real tokens begin AAAAKgAAAAEAAAAAAAAAA (SWF.md §1): three big-endian words, then one that names the kind.
        head = struct.pack(">IIII", 42, 1, 0, kind)
        raw = head + self._mac(head, context, payload) + payload
        return binascii.b2a_base64(raw, newline=False).decode()

    def open(self, kind: TokenKind, context: bytes, token: str) -> bytes:
        """The payload. Raises ValidationException."""
        try:
            raw = binascii.a2b_base64(token, strict_mode=True)
        except ValueError:
            raise invalid() from None
        head, rest = raw[:_HEAD_BYTES], raw[_HEAD_BYTES:]
        mac, payload = rest[:_MAC_BYTES], rest[_MAC_BYTES:]
        if not hmac.compare_digest(mac, self._mac(head, context, payload)):
            raise invalid()
        if head[-1] != kind:
            raise invalid()
        return payload

    def _mac(self, head: bytes, context: bytes, payload: bytes) -> bytes:
        signed = b"".join((head, len(context).to_bytes(4, "big"), context, payload))
        # BLAKE2's own keyed mode: as strong here as HMAC-SHA256, at a tenth of what OpenSSL takes to set that up.
        return hashlib.blake2b(signed, key=self._secret, digest_size=_MAC_BYTES).digest()


def invalid() -> ValidationException:
    return ValidationException("Invalid token")


@contextmanager
def _of_another_version() -> Iterator[None]:
    """A token that we signed and cannot read was made before an upgrade, or after it."""
    try:
        yield
    except msgspec.DecodeError:
        raise invalid() from None


# ---- tasks -----------------------------------------------------------------------------------------------------


class TaskToken(msgspec.Struct, frozen=True, array_like=True):
    """Which task of which run. *domain* and *workflow_id* are "" where they would have made the token too long."""

    lane: int
    domain: str
    workflow_id: str
    run_id: str
    scheduled_event_id: int
    started_event_id: int

    @property
    def task(self) -> TaskRef:
        return TaskRef(self.scheduled_event_id, self.started_event_id)


class TaskTokens:
    """Bound to the region: "tokens and runIds do not cross" (SWF.md §1, Region)."""

    def __init__(self, signer: Signer) -> None:
        self._signer = signer
        self._encode = msgspec.msgpack.Encoder().encode
        self._decode = msgspec.msgpack.Decoder(TaskToken).decode

    def seal(self, region: str, kind: TaskKind, token: TaskToken) -> str:
        payload = self._encode(token)
        if _HEAD_BYTES + _MAC_BYTES + len(payload) > _TASK_TOKEN_BYTES:
            payload = self._encode(msgspec.structs.replace(token, domain="", workflow_id=""))
        return self._signer.seal(_OF_TASK[kind], region.encode(), payload)

    def open(self, region: str, kind: TaskKind, token: str) -> TaskToken:
        """Raises ValidationException: garbage, forged, of another region, or of the other kind of task."""
        payload = self._signer.open(_OF_TASK[kind], region.encode(), token)
        with _of_another_version():
            return self._decode(payload)


# ---- pages -----------------------------------------------------------------------------------------------------


class _PageToken(msgspec.Struct, frozen=True, array_like=True):
    expires_at: int
    position: msgspec.Raw


class PageTokens:
    """Bound to the operation, the region and every other argument: "Keep all other arguments unchanged"."""

    def __init__(self, signer: Signer, clock: Clock) -> None:
        self._signer = signer
        self._clock = clock

    def seal(self, region: str, arguments: Any, position: object) -> str:
        """The token of the page that begins after (or at) *position*, for a request like *arguments*."""
        raw = msgspec.Raw(msgspec.msgpack.encode(position))
        payload = msgspec.msgpack.encode(_PageToken(self._clock.now() + _PAGE_LIFETIME, raw))
        return self._signer.seal(TokenKind.PAGE, _digest(region, arguments), payload)

    def open(self, region: str, arguments: Any, position: type[T]) -> T | None:
        """The position that the request's token holds; None where it has none. Raises ValidationException."""
        token: str | None = arguments.next_page_token
        if token is None:
            return None
        payload = self._signer.open(TokenKind.PAGE, _digest(region, arguments), token)
        with _of_another_version():
            page = msgspec.msgpack.decode(payload, type=_PageToken)
            found = msgspec.msgpack.decode(page.position, type=position)
        if page.expires_at < self._clock.now():
            raise ValidationException("Specified token has exceeded its maximum lifetime")
        return found


def _digest(region: str, arguments: Shape) -> bytes:
    bare = msgspec.structs.replace(arguments, next_page_token=None)
    parts = (region.encode(), type(arguments).__name__.encode(), msgspec.json.encode(bare))
    return hashlib.sha256(b"\0".join(parts)).digest()
