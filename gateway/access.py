"""Who asks, and of which region.

Law: nothing here believes more than it is told. Signatures are not checked in this mode: the credential scope is
read for the region alone ("the same name in two regions is two domains", SWF.md §1, Region).
"""

from __future__ import annotations

import re
from typing import Final

# Signature Version 4: "Credential=AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request". The length is ours: a
# region is part of every key, and of every token.
_SCOPE: Final = re.compile(r"Credential=[^/,\s]+/[0-9]{8}/([A-Za-z0-9-]{1,32})/[A-Za-z0-9-]+/aws4_request")


def region_of(authorization: str | None, default: str) -> str:
    """The region of the credential scope, or *default* where there is none that can be read."""
    scope = _SCOPE.search(authorization) if authorization else None
    return scope.group(1) if scope else default
