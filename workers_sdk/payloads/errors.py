"""What goes wrong with a value on its way into a text of SWF, or out of one.

Law: a message says which value, what is wrong with it and what to do; it describes what came by its form and its
length, for a payload may be secret and a message ends in logs.

    PayloadError                   this value, or this text, will not do: the same again will not either
     +-- PayloadTooLarge           longer than SWF takes
     +-- PayloadMissing            the store has no such object
    PayloadStoreUnavailable        the store did not answer: the same again may well do
"""

from __future__ import annotations


class PayloadError(Exception):
    """A value that cannot be written, or a text that cannot be read as what was asked for."""

    #: which value it was, such as "input of event 5, ActivityTaskScheduled"; empty as long as nobody knew
    what: str = ""

    def __str__(self) -> str:
        message = super().__str__()
        return f"{self.what}: {message}" if self.what else message


class PayloadTooLarge(PayloadError):
    """A text is longer than its member may be. *length* and *limit* are characters as SWF counts them."""

    def __init__(self, length: int, limit: int, what: str = "") -> None:
        super().__init__(
            f"{length:,} characters, but SWF takes {limit:,}: give Payloads a ClaimCheck, which keeps what is too "
            "long in a store, or pass a reference to the data instead of the data"
        )
        self.what = what
        self.length = length
        self.limit = limit


class PayloadMissing(PayloadError):
    """No store that was asked has an object of this *key*."""

    def __init__(self, key: str) -> None:
        super().__init__(f"no store has the object {key!r}: was it removed, or is a store missing from also_read?")
        self.key = key


class PayloadStoreUnavailable(Exception):
    """A store could not be written or read; its own exception is the cause. Worth another try, unlike PayloadError."""
