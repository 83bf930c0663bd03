"""What a codec is: it rewrites texts between the converter and SWF.

Law: workflow code never meets one; worker and client apply them to what they send and receive. So a codec may wait,
call other services and come out differently each time.
"""

from __future__ import annotations

from typing import Protocol


class Codec(Protocol):
    """Compression, Encryption, ClaimCheck, or yours."""

    @property
    def name(self) -> str:
        """What its envelopes are called: a to z, digits and "-". Written into histories: never change it."""
        ...

    async def encode(self, text: str, limit: int) -> str | None:
        """The body of an envelope that *decode* makes *text* of; None: leave the text as it is.

        *limit* is how many characters the member may have in which the text is sent. Raises PayloadError,
        PayloadStoreUnavailable.
        """
        ...

    async def decode(self, body: str) -> str:
        """The text that *body* was made of. Raises PayloadError, PayloadStoreUnavailable."""
        ...
