"""AWS JSON 1.0, outgoing: structures, faults and pages as bytes.

Law: every answer's body is made here, in one piece; stored bytes are spliced in, never decoded. Member names come
from the generated vocabulary; `__type` alone is the protocol's own.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

import msgspec

from workflowsvc.swf.errors import Fault
from workflowsvc.swf.shapes import Shape

_ENCODER: Final = msgspec.json.Encoder()
#: What an empty list of the frame looks like, where items are to be spliced in.
_GAP: Final = b"[]"


def encode(value: object) -> bytes:
    """A body; None is the answer of a void operation: "Content-Length: 0, empty body (not {})" (SWF.md §1)."""
    return b"" if value is None else _ENCODER.encode(value)


def splice(frame: Shape, items: Iterable[bytes]) -> bytes:
    """The frame with *items*, ready bytes each, in its list, which is empty and its first member in wire order."""
    head, _, tail = _ENCODER.encode(frame).partition(_GAP)
    return b"".join((head, b"[", b",".join(items), b"]", tail))


def fault(refused: Fault) -> bytes:
    """`{"__type":"<namespace>#<Code>","message":"..."}`; no text, no member (SWF.md §1.1)."""
    body = {"__type": f"{refused.namespace}#{refused.code}"}
    if refused.message is not None:
        body[refused.message_member] = refused.message
    return _ENCODER.encode(body)
