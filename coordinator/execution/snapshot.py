"""The state as bytes, so that a long history need not be folded from its beginning each time.

Law: a snapshot is a shortcut and never the truth. One that another version of the state wrote is ignored.
"""

from __future__ import annotations

import zlib

import msgspec

from coordinator.execution.state import Execution

_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(Execution).decode
_VERSION = zlib.crc32(msgspec.json.encode(msgspec.json.schema(Execution))).to_bytes(4, "big")


def freeze(execution: Execution) -> bytes:
    return _VERSION + _encode(execution)


def thaw(snapshot: bytes | None) -> Execution | None:
    """The state, or None where the snapshot is missing or was written by another version of it."""
    if snapshot is None or snapshot[:4] != _VERSION:
        return None
    return _decode(snapshot[4:])
