"""The fenced blocks of a document.

Law: what a reader sees is what is tested. A comment in the line before a block says what it is for; nothing else is
hidden from the reader.

    <!-- file: NAME -->    the block is this file, from here on
    <!-- run -->           its commands are run, and print what the next block says, if that is a text
    <!-- worker -->        its last command is a worker, which runs until the next one is begun
    <!-- prelude -->       it stands before every block of the page
    <!-- foreign -->       it is another library's: it is only parsed
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final, NamedTuple

ROOT: Final = Path(__file__).parents[2]
SDK: Final = ROOT / "docs" / "sdk"

_FENCE: Final = re.compile(r"```(\w*)\s*\Z")
_COMMENT: Final = re.compile(r"<!-- (\w+)(?:: (\S+))? -->\Z")
_HEADING: Final = re.compile(r"##? (.+)\Z")


class Block(NamedTuple):
    """*mark* and *name* are the comment's, *section* the heading of first or second order above, *line* its first."""

    language: str
    text: str
    mark: str
    name: str
    section: str
    line: int


def blocks(document: Path) -> Iterator[Block]:
    """Raises ValueError for a fence that is not closed."""
    section = before = ""
    lines = iter(enumerate(document.read_text().splitlines(), 1))
    for number, line in lines:
        if heading := _HEADING.match(line):
            section = heading[1]
        elif fence := _FENCE.match(line):
            mark, name = _comment(before)
            yield Block(fence[1], _until_closed(lines, document, number), mark, name, section, number + 1)
        before = line


def _comment(line: str) -> tuple[str, str]:
    found = _COMMENT.match(line)
    return (found[1], found[2] or "") if found else ("", "")


def _until_closed(lines: Iterator[tuple[int, str]], document: Path, begun: int) -> str:
    text: list[str] = []
    for _, line in lines:
        if line == "```":
            return "".join(f"{one}\n" for one in text)
        text.append(line)
    raise ValueError(f"{document.name}:{begun}: a block that does not end")
