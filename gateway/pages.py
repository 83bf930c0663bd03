"""How a list is cut into pages.

Law: one more than the page is asked for, so that "nextPageToken is absent on the last page even if that is exactly
full" (SWF.md §8).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, TypeVar

T = TypeVar("T")

#: "Page size 0 or absent = 1000" (SWF.md §8)
_DEFAULT: Final = 1000


def page_size(arguments: Any) -> int:
    size: int | None = arguments.maximum_page_size
    return size or _DEFAULT


def paged(found: Sequence[T], limit: int) -> tuple[list[T], T | None]:
    """The page, and its last item if there is more behind it."""
    page = list(found[:limit])
    return page, page[-1] if len(found) > limit else None
