"""The API reference: whatever is public says what it is, and the pages come out without a warning."""

from __future__ import annotations

import inspect
import re
import subprocess
import sys
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from scripts.reference import PUBLIC, public_names
from tests.docs.blocks import ROOT


def documented() -> Iterator[tuple[str, Any]]:
    """Classes and functions that are public, and the public methods and properties that their classes define."""
    for module in PUBLIC:
        for name, one in public_names(import_module(module)).items():
            if inspect.ismodule(one):
                yield from ((f"{one.__name__}.{inner}", it) for inner, it in _functions_of(one))
            elif inspect.isclass(one) or inspect.isfunction(one):
                yield f"{module}.{name}", one
                yield from ((f"{module}.{name}.{member}", it) for member, it in _members_of(one))


def _functions_of(module: Any) -> Iterator[tuple[str, Any]]:
    for name, one in vars(module).items():
        if inspect.isfunction(one) and one.__module__ == module.__name__:
            yield name, one


def _members_of(one: Any) -> Iterator[tuple[str, Any]]:
    for name, member in vars(one).items() if inspect.isclass(one) else ():
        function = getattr(member, "__func__", member)
        if not name.startswith("_") and (inspect.isfunction(function) or isinstance(function, property)):
            yield name, member


ALL = sorted(dict(documented()).items())


@pytest.mark.parametrize(("name", "one"), ALL, ids=[name for name, _ in ALL])
def test_whatever_is_public_says_what_it_is(name: str, one: Any) -> None:
    """In a sentence: words, and a full stop or a colon."""
    told = inspect.getdoc(one) or ""
    assert re.search(r"\w.*[.:?]", told), f"{name}: {told!r}"


def test_reference_is_built_without_warnings(tmp_path: Path) -> None:
    script = ROOT / "scripts" / "reference.py"
    done = subprocess.run([sys.executable, script, tmp_path], cwd=ROOT, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    for module in PUBLIC:
        page = tmp_path / (module.replace(".", "/") + ".html")
        names = re.findall(r'<section id="(\w+)">', page.read_text())
        assert set(public_names(import_module(module))) <= {*names, "decisions"}
