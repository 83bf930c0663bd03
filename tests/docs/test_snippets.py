"""What docs/sdk shows of our library is type-checked and imported, and the tests in it are run.

A section of a page is one module: what the page begins with (its prelude), and then the section's blocks.
"""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections import defaultdict
from pathlib import Path
from typing import Final

import pytest

from tests.docs.blocks import ROOT, SDK, Block, blocks

#: The tutorial's files are run by a test of their own.
PAGES: Final = sorted(page for page in SDK.glob("*.md") if page.name != "tutorial.md")
INI: Final = "[pytest]\nasyncio_mode = auto\nasyncio_default_fixture_loop_scope = function\nfilterwarnings = error\n"
#: A machine that others use too takes its time.
pytestmark = pytest.mark.timeout(300)
MARKS: Final = {"", "prelude", "foreign"}


def ours(page: Path) -> list[Block]:
    found = [block for block in blocks(page) if block.language == "python" and block.mark != "foreign"]
    assert {block.mark for block in found} <= MARKS
    return found


def modules() -> dict[str, str]:
    """The text of each section's module, by its name."""
    found: defaultdict[str, list[str]] = defaultdict(list)
    for page in PAGES:
        prelude = "".join(block.text for block in ours(page) if block.mark == "prelude")
        for block in ours(page):
            if block.mark != "prelude":
                name = re.sub(r"\W+", "_", f"test_{page.stem}_{block.section}".lower()).strip("_")
                found[name] = found[name] or [prelude]
                found[name].append(f"\n# line {block.line} of {page.name}\n{block.text}")
    return {name: "".join(parts) for name, parts in found.items()}


@pytest.fixture
def written(tmp_path: Path) -> Path:
    (tmp_path / "pytest.ini").write_text(INI)
    for name, text in modules().items():
        (tmp_path / f"{name}.py").write_text(text)
    return tmp_path


def python(*arguments: str, directory: Path) -> str:
    done = subprocess.run(
        [sys.executable, "-m", *arguments], cwd=directory, capture_output=True, text=True, timeout=280, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_snippets_are_typed(written: Path) -> None:
    """By mypy, strictly."""
    files = [f"{name}.py" for name in modules()]
    options = ["--strict", "--cache-dir", str(ROOT / ".mypy_cache" / "docs"), "--python-version", "3.11"]
    python("mypy", *options, *files, directory=written)


def test_snippets_are_imported_and_their_tests_pass(written: Path) -> None:
    """Each module has tests, if only that it can be imported: pytest collects it."""
    python("pytest", "-q", "-p", "no:cacheprovider", directory=written)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_foreign_code_is_python_too(page: Path) -> None:
    for block in blocks(page):
        if block.language == "python":
            ast.parse(block.text, f"{page.name}:{block.line}")
