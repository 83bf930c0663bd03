"""What decorators make of functions, as mypy and Pyright see it: right calls are accepted, wrong ones refused.

Law: both checkers in their strict modes. Pyright is basedpyright here, which needs no download.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent
ROOT = HERE.parents[2]
RIGHT, WRONG = HERE / "right.py", HERE / "wrong.py"
_MARK = "# WRONG"


def _lines_marked() -> set[int]:
    return {number for number, line in enumerate(WRONG.read_text().splitlines(), 1) if _MARK in line}


@pytest.fixture(scope="module")
def mypy() -> dict[str, set[int]]:
    """Lines with errors, by file."""
    done = subprocess.run(
        [sys.executable, "-m", "mypy", "--strict", "--hide-error-context", "--no-pretty", RIGHT, WRONG],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode in {0, 1}, done.stderr
    found: dict[str, set[int]] = {"right.py": set(), "wrong.py": set()}
    for name, line in re.findall(r"(\w+\.py):(\d+): error", done.stdout):
        found[name].add(int(line))
    return found


@pytest.fixture(scope="module")
def pyright(tmp_path_factory: pytest.TempPathFactory) -> dict[str, set[int]]:
    settings = tmp_path_factory.mktemp("pyright") / "pyrightconfig.json"
    settings.write_text(
        json.dumps(
            {
                "include": [str(RIGHT), str(WRONG)],
                "typeCheckingMode": "strict",
                "pythonPath": sys.executable,
                "extraPaths": [str(ROOT)],
            }
        )
    )
    done = subprocess.run(
        [sys.executable, "-m", "basedpyright", "--outputjson", "--project", settings, "--pythonpath", sys.executable],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    found: dict[str, set[int]] = {"right.py": set(), "wrong.py": set()}
    for one in json.loads(done.stdout)["generalDiagnostics"]:
        if one["severity"] == "error":
            found[Path(one["file"]).name].add(one["range"]["start"]["line"] + 1)
    return found


def test_mypy_accepts_what_is_right(mypy: dict[str, set[int]]) -> None:
    assert mypy["right.py"] == set()


def test_mypy_refuses_what_is_wrong(mypy: dict[str, set[int]]) -> None:
    assert mypy["wrong.py"] == _lines_marked()


def test_pyright_accepts_what_is_right(pyright: dict[str, set[int]]) -> None:
    assert pyright["right.py"] == set()


def test_pyright_refuses_what_is_wrong(pyright: dict[str, set[int]]) -> None:
    assert pyright["wrong.py"] == _lines_marked()
