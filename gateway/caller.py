"""What a handler is told besides the operation's input, and what a handler is.

Law: types only.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, NamedTuple


class Caller(NamedTuple):
    region: str
    #: whether the client hung up
    gone: Callable[[], bool]


#: Takes the operation's input, gives the body of the answer, raises a Fault.
Handler = Callable[[Caller, Any], Awaitable[bytes]]
