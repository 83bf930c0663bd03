"""The documents name what there is: every setting with its default, every operation, every decision, every file."""

from __future__ import annotations

import re
from pathlib import Path

import msgspec
import pytest

from cli.options import variable
from workflowsvc.settings import Settings
from workflowsvc.swf.decisions import DECISIONS
from workflowsvc.swf.operations import OPERATIONS

ROOT = Path(__file__).parents[2]
README = ROOT / "README.md"
COMPATIBILITY = ROOT / "docs" / "compatibility.md"


def rows(document: Path) -> list[list[str]]:
    """The cells of every row of every table."""
    lines = (line for line in document.read_text().splitlines() if line.startswith("|"))
    return [[cell.strip().strip("`") for cell in line.strip("|").split("|")] for line in lines]


def test_the_readme_has_every_setting_with_its_variable_and_default() -> None:
    told = {row[0]: row[1:3] for row in rows(README) if row[0].startswith("--")}
    for field in msgspec.structs.fields(Settings):
        option = "--" + field.name.replace("_", "-")
        assert told[option] == [variable(field.name), str(field.default) or "none"]


@pytest.mark.parametrize("section", [OPERATIONS, [kind.value for kind in DECISIONS]], ids=["operations", "decisions"])
def test_the_table_of_compatibility_is_whole(section: list[str]) -> None:
    assert set(section) <= {row[0] for row in rows(COMPATIBILITY)}


def test_the_first_sample_of_the_library_is_the_example_that_is_run() -> None:
    """examples/hello.py, which a test runs, without its docstring; at most 25 lines."""
    sample = re.findall(r"```python\n(.*?)```", README.read_text(), re.DOTALL)[0]
    example = (ROOT / "examples" / "hello.py").read_text()
    assert sample == example.partition('"""\n\n')[2]
    assert len(example.splitlines()) <= 25


@pytest.mark.parametrize("document", [README, *sorted(ROOT.glob("docs/**/*.md"))], ids=lambda path: path.name)
def test_what_a_document_points_to_is_there(document: Path) -> None:
    for target in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", document.read_text()):
        assert (document.parent / target).exists(), target
