"""Runs the command to its end. Law: what it says to the user is one line, on standard error, and never a traceback."""

from __future__ import annotations

import os
import subprocess
import threading
from typing import NamedTuple

from tests.end_to_end.service import COMMAND, PATIENCE

#: How a service says that it serves.
_READY = (b"workflowsvc is ready", b"workflowsvc coordinator is ready")


class Done(NamedTuple):
    code: int
    out: str
    errors: str


def run(*arguments: object, **environment: str) -> Done:
    """With these arguments and, besides the tests' own, these variables. A service that begins to serve is killed."""
    process = subprocess.Popen(
        [COMMAND, *map(str, arguments)],
        env=os.environ | environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        bufsize=0,  # what a line leaves behind is for `communicate`
    )
    late = threading.Timer(PATIENCE, process.kill)
    late.start()
    try:
        assert process.stdout is not None
        first = process.stdout.readline()
        if first.startswith(_READY):
            process.kill()
        out, errors = process.communicate()
    finally:
        late.cancel()
    return Done(process.returncode, (first + out).decode(), errors.decode())


def sentence(*arguments: object, **environment: str) -> str:
    """The one line with which the command refuses."""
    done = run(*arguments, **environment)
    assert not done.out, f"it was not refused: {done.out}"
    assert done.code > 0, done
    assert "Traceback" not in done.errors, done.errors
    lines = done.errors.splitlines()
    assert len(lines) == 1, done.errors
    assert lines[0].startswith("workflowsvc: ")
    return lines[0]
