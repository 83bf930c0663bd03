"""What all examples of the SDK have in common: a docstring that says how to run them, and that they run so."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
EXAMPLES = ROOT / "examples"
NAMES = ["hello", "saga", "fan_out", "cron", "approval", "files", "versions"]

#: The README's first sample: "at most 25 lines, runs as it stands".
LINES_OF_HELLO = 25
LINES = 120
DEFAULT = "http://127.0.0.1:8080"


def run(*arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """Python with no AWS configuration but *variables*."""
    plain = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "WORKFLOWSVC_"))}
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=ROOT,
        env=plain | variables,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.mark.parametrize("name", NAMES)
def test_an_example_says_how_to_run_it(name: str) -> None:
    source = (EXAMPLES / f"{name}.py").read_text()
    told = ast.get_docstring(ast.parse(source)) or ""
    assert f"Start `workflowsvc dev`, then `python -m examples.{name}`." in told


@pytest.mark.parametrize("name", NAMES)
def test_an_example_is_read_in_two_minutes(name: str) -> None:
    lines = (EXAMPLES / f"{name}.py").read_text().splitlines()
    assert len(lines) <= (LINES_OF_HELLO if name == "hello" else LINES)


@pytest.mark.parametrize("name", NAMES)
def test_an_example_asks_the_service_where_dev_starts_it(name: str) -> None:
    assert (EXAMPLES / f"{name}.py").read_text().count(f'"{DEFAULT}"') == 1


def test_the_index_has_all_examples() -> None:
    index = (EXAMPLES / "README.md").read_text()
    programs = {path.name for path in EXAMPLES.glob("*.py")} - {"__init__.py", "story.py"}
    assert {name for name in programs if f"]({name})" not in index} == set()


def test_hello_runs_as_it_stands(url: str, tmp_path: Path) -> None:
    """A copy elsewhere, as its readers make one; only the port is another here."""
    copy = tmp_path / "hello.py"
    copy.write_text((EXAMPLES / "hello.py").read_text().replace(DEFAULT, url))
    told = run(str(copy))
    assert (told.returncode, told.stdout, told.stderr) == (0, "Hello, World!\n", "")


def test_an_example_finds_the_service_by_the_variable_of_the_sdks(url: str) -> None:
    told = run("-m", "examples.files", AWS_ENDPOINT_URL_SWF=url)
    assert (told.returncode, told.stderr) == (0, "")
    assert len(told.stdout.splitlines()) == 6
