"""Resource names of SWF: `arn:aws:swf:REGION:ACCOUNT:/domain/NAME`, "the sole resource kind is the domain".

Law: a pure function; an ARN that names no domain of the caller's region names nothing.
"""

from __future__ import annotations

import re
from typing import Final

from workflowsvc.swf.faults import UnknownResourceFault

_DOMAIN: Final = re.compile(r"arn:[a-z-]+:swf:(?P<region>[^:]*):[^:]*:/domain/(?P<name>.+)", re.DOTALL)


def domain_named(region: str, arn: str) -> str:
    """The bare name of the domain. Raises UnknownResourceFault."""
    found = _DOMAIN.fullmatch(arn)
    if found is None or found["region"] != region:
        raise UnknownResourceFault(f"Unknown resource: {arn}")
    return found["name"]
