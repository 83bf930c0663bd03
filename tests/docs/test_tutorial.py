"""The tutorial, step by step, in an empty directory: its files, its commands, its test."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from itertools import pairwise
from pathlib import Path
from typing import Final

import pytest

from tests.docs.blocks import SDK, Block, blocks

BIN: Final = Path(sys.executable).parent
#: What the page leaves to the reader's patience.
STARTED: Final = "until aws swf list-open-workflow-executions --domain shop --start-time-filter oldestDate=0 | \
grep -q order-3; do :; done"
#: Lines that are not the same twice.
CHANGING: Final = ("started ", "....", "5 passed in ")


def environment(url: str) -> dict[str, str]:
    return os.environ | {"AWS_ENDPOINT_URL_SWF": url, "PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}"}


@contextmanager
def worker(command: str, directory: Path, url: str) -> Iterator[None]:
    """It ends by SIGINT, with exit code 0."""
    name, *arguments = command.split()
    process = subprocess.Popen(
        [BIN / name, *arguments], cwd=directory, env=environment(url), stderr=subprocess.PIPE, text=True
    )
    assert process.stderr is not None
    try:
        said = iter(process.stderr.readline, "")
        assert any(" polls orders in shop" in line for line in said)
        yield
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=30)
        assert process.returncode == 0
    finally:
        process.kill()
        process.communicate()


def run(block: Block, directory: Path, url: str) -> str:
    """What the commands print."""
    lines = [line for line in block.text.splitlines() if not line.startswith((". .venv", "export AWS_"))]
    script = "\n".join(STARTED if line == "sleep 2" else line for line in lines)
    done = subprocess.run(
        ["bash", "-euc", script],
        cwd=directory,
        env=environment(url),
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    assert done.returncode == 0, f"line {block.line}: {done.stdout}{done.stderr}"
    return done.stdout


def lasting(told: str) -> list[str]:
    return [line for line in told.splitlines() if not line.startswith(CHANGING)]


@pytest.mark.timeout(300)
def test_tutorial(tmp_path: Path, url: str) -> None:
    """Files as they stand, commands one after the other; what they print is what the page says."""
    steps = tuple(blocks(SDK / "tutorial.md"))
    with ExitStack() as stack:
        for step, after in pairwise((*steps, steps[0])):
            if step.mark == "file":
                (tmp_path / step.name).write_text(step.text)
            elif step.mark == "worker":
                stack.close()
                stack.enter_context(worker(step.text.splitlines()[-1], tmp_path, url))
            elif step.mark == "run":
                told = run(step, tmp_path, url)
                assert after.language != "text" or lasting(told) == lasting(after.text)
    assert {step.mark for step in steps} == {"", "file", "worker", "run"}
