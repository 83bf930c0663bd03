"""The three stories against a service of their own: `make demo`.

Law: it leaves nothing behind. The service listens on a free port, keeps its data in a directory that is removed, and
is stopped before the demo ends, however the stories end. Exit code 0 only if everything was as told.
"""

from __future__ import annotations

import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Timer
from typing import Any

from examples import simpleclient, terminateclient, timeoutclient
from examples.story import NotAsTold, say, told

STORIES = (simpleclient.story, timeoutclient.story, terminateclient.story)
START_SECONDS = 30.0
STOP_SECONDS = 15.0
_READY = re.compile(r"ready at (http\S+)")
_RULE = "=" * 100


def main() -> int:
    begin = time.monotonic()
    try:
        with tempfile.TemporaryDirectory(prefix="workflowsvc-demo-") as directory, service(Path(directory)) as url:
            as_told = [_tell(story, url) for story in STORIES].count(0)
    except NotAsTold as error:
        print(f"NOT AS TOLD: {error}", file=sys.stderr)
        return 1
    say(f"\n{_RULE}\n  ok  the service stopped when it was asked to, with exit code 0")
    say(f"\n{as_told} of {len(STORIES)} stories ended as told, in {time.monotonic() - begin:.1f} seconds.")
    return 0 if as_told == len(STORIES) else 1


def _tell(story: Callable[[Any], None], url: str) -> int:
    say(f"\n{_RULE}")
    return told(story, url)


@contextmanager
def service(data: Path) -> Iterator[str]:
    """`workflowsvc dev` while the context lasts; its URL. Raises NotAsTold if it does not start or stop well."""
    say("Starting `workflowsvc dev` on a free port, with its data in a temporary directory.")
    command = [str(Path(sys.executable).with_name("workflowsvc")), "dev", "--port", "0", "--data", str(data)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)  # noqa: S603  the project's own command
    try:
        yield _ready(process)
    finally:
        process.terminate()
        code = _code(process)
    if code != 0:
        raise NotAsTold(f"the service ended with exit code {code}")


def _ready(process: subprocess.Popen[str]) -> str:
    """The URL of the line that says that the service is ready: the first that it prints."""
    too_late = Timer(START_SECONDS, process.kill)
    too_late.start()
    try:
        line = process.stdout.readline() if process.stdout else ""
    finally:
        too_late.cancel()
    found = _READY.search(line)
    if found is None:
        raise NotAsTold("the service did not start; its reason stands above")
    say(line.rstrip())
    return found[1]


def _code(process: subprocess.Popen[str]) -> int:
    try:
        process.communicate(timeout=STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.communicate()
        raise NotAsTold(f"the service did not stop within {STOP_SECONDS:.0f} seconds") from None
    return process.returncode


if __name__ == "__main__":
    sys.exit(main())
