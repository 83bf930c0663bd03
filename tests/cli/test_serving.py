"""How every service ends, whatever it hangs in. Law: the process is real; what it serves is only its hanging."""

from __future__ import annotations

import signal
import subprocess
import sys

import pytest

from tests.end_to_end.service import PATIENCE

#: Seconds for leaving, and after which the process is gone.
LEAVE, LAST = 0.2, 1.0

SERVICE = """
import asyncio, sys, time
from cli import serving

serving.LEAVE_SECONDS, serving.LAST_SECONDS = {leave}, {last}

async def hang():
    await asyncio.Event().wait()

async def block():
    time.sleep(60)

async def build(stack):
    stack.callback(print, "left", flush=True)
    stack.push_async_callback({how})
    return "ready"

sys.exit(serving.serve(build))
"""


def stopped(how: str) -> tuple[int, str, str]:
    """Exit code and what it said, from the time when it was asked to end."""
    script = SERVICE.format(leave=LEAVE, last=LAST, how=how)
    with subprocess.Popen(
        [sys.executable, "-c", script], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        process.send_signal(signal.SIGTERM)
        out, errors = process.communicate(timeout=PATIENCE)
        return process.returncode, out, errors


@pytest.mark.parametrize("how", ["asyncio.sleep, 0", "hang"])
def test_what_hangs_is_cancelled_and_the_rest_is_left_in_order(how: str) -> None:
    code, out, errors = stopped(how)
    assert (code, out) == (0, "left\n")
    assert ("something hung" in errors) == (how == "hang")


def test_a_process_that_cannot_be_left_ends_all_the_same() -> None:
    """It tells where it was."""
    code, out, errors = stopped("block")
    assert (code, out) == (1, "")
    assert "Timeout" in errors
    assert "in block" in errors
