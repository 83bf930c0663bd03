"""What the package names, and what it costs to import it."""

from __future__ import annotations

import subprocess
import sys

import pytest

import workers_sdk


@pytest.mark.parametrize("name", workers_sdk.__all__)
def test_every_public_name_is_there(name: str) -> None:
    assert getattr(workers_sdk, name) is not None
    assert name in dir(workers_sdk)


def test_names_and_their_homes_are_the_same() -> None:
    assert sorted(workers_sdk._HOMES) == sorted(workers_sdk.__all__)


def test_what_is_not_there_is_said() -> None:
    with pytest.raises(AttributeError, match="no attribute 'workflov'"):
        workers_sdk.workflov  # type: ignore[attr-defined]  # noqa: B018


def test_importing_the_package_loads_no_http() -> None:
    """The pytest plugin is imported in every run of pytest, of those who never use it too."""
    code = "import sys, workers_sdk.testing.plugin; print(sorted({'aiohttp', 'msgspec', 'asyncio'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
