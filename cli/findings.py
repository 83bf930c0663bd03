"""What a look at the service found, as a person reads it and as a program does.

Law: one finding a line; what needs a hand is marked and says how to mend it.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final, NamedTuple
from urllib.parse import urlsplit

#: Details that are shown of one finding; JSON has all of them.
_SHOWN: Final = 10


Detail = Mapping[str, str | int]


class Finding(NamedTuple):
    about: str
    name: str
    says: str
    #: how to mend it; "" where all is well
    mend: str = ""
    details: Sequence[Detail] = ()


def place_of(url: str) -> str:
    """Host and port, without user and password."""
    return urlsplit(url).netloc.rpartition("@")[2]


def well(findings: Iterable[Finding]) -> bool:
    return not any(finding.mend for finding in findings)


def as_text(findings: Sequence[Finding]) -> str:
    about, name = (max((len(finding[place]) for finding in findings), default=0) for place in (0, 1))
    return "\n".join(line for finding in findings for line in _lines(finding, about, name))


def _lines(finding: Finding, about: int, name: int) -> Iterator[str]:
    mark = "!!" if finding.mend else "ok"
    indent = " " * (len(mark) + 2)
    yield f"{mark}  {finding.about:{about}}  {finding.name:{name}}  {finding.says}"
    for detail in finding.details[:_SHOWN]:
        yield f"{indent}- {', '.join(f'{key} {value}' for key, value in detail.items() if value != '')}"
    if len(finding.details) > _SHOWN:
        yield f"{indent}- and {len(finding.details) - _SHOWN} more, which --json shows"
    if finding.mend:
        yield f"{indent}to mend it: {finding.mend}"


def as_json(findings: Sequence[Finding]) -> str:
    document = {"well": well(findings), "findings": [finding._asdict() for finding in findings]}
    return json.dumps(document, indent=2, ensure_ascii=False)
