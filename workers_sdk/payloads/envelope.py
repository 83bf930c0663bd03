"""How a text says that a codec made it: ``workers_sdk:zlib:eJyrVkrMS...``.

Law: pure. No text means two things: JSON never begins with the prefix, and a plain text that looks like an envelope is
put into one of its own, ``workers_sdk:text:``. Inside an envelope may be another: the outermost is read first.
"""

from __future__ import annotations

import base64
import binascii
import re
from typing import Final

from workers_sdk.payloads.errors import PayloadError

PREFIX: Final = "workers_sdk:"
#: The name of the envelope that holds a plain text, which begins as an envelope does.
TEXT: Final = "text"
_NAME: Final = r"[a-z][a-z0-9-]{0,30}"
_ENVELOPE: Final = re.compile(rf"{PREFIX}({_NAME}):")


def wrap(name: str, body: str) -> str:
    return f"{PREFIX}{name}:{body}"


def opened(text: str) -> tuple[str, str] | None:
    """The codec's name and the body; None: a plain text."""
    envelope = _ENVELOPE.match(text)
    return (envelope[1], text[envelope.end() :]) if envelope else None


def escaped(text: str) -> str:
    """A plain text in the form that means itself."""
    return wrap(TEXT, text) if _ENVELOPE.match(text) else text


def check_name(name: str) -> str:
    """Raises ValueError for a name that no codec can have."""
    if name == TEXT or not re.fullmatch(_NAME, name):
        raise ValueError(f"{name!r} is no name of a codec: a to z, digits and '-', at most 31, and not {TEXT!r}")
    return name


def characters(text: str) -> int:
    """The length of *text* as SWF counts: UTF-16 units, so AWS, in Java. Never less than Python's len."""
    return len(text) if text.isascii() else len(text.encode("utf-16-le", "surrogatepass")) // 2


def to_bytes(text: str) -> bytes:
    try:
        return text.encode()
    except UnicodeEncodeError as error:
        raise PayloadError("half of a surrogate pair is no character: SWF takes Unicode") from error


def to_body(data: bytes) -> str:
    """Base64: with base85, 6% more would fit, but Python's takes a hundred times as long, and no shell reads it."""
    return base64.b64encode(data).decode()


def from_body(body: str) -> bytes:
    try:
        return base64.b64decode(body, validate=True)
    except (binascii.Error, ValueError) as error:
        raise PayloadError(f"a damaged envelope: {error}") from error
