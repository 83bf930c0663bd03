"""What a plain HTTP route is, beside SWF's operations: it takes a body, it gives status and body.

Law: types only.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable

Route = Callable[[bytes], Awaitable[tuple[int, bytes]]]
