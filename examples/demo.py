"""The three stories against a service of their own: `make demo`, and `make demo-distributed` for the distributed form.

Law: it leaves nothing behind. What it starts listens on free ports, keeps its data in a directory that is removed, and
is stopped before the demo ends, however the stories end. Exit code 0 only if everything was as told.
"""

from __future__ import annotations

import argparse
import os
import re
import shlex
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from threading import Timer
from typing import Any

from examples import simpleclient, terminateclient, timeoutclient
from examples.story import NotAsTold, say, told

STORIES = (simpleclient.story, timeoutclient.story, terminateclient.story)
START_SECONDS = 30.0
STOP_SECONDS = 15.0
SERVICES = Path(__file__).parents[1] / "scripts" / "services"
_READY = re.compile(r"workflowsvc (?:coordinator )?is ready")
_URL = re.compile(r"ready at (http\S+)")
_RULE = "=" * 100


def main() -> int:
    parser = argparse.ArgumentParser(description="Three stories against a service of their own.")
    parser.add_argument("--distributed", action="store_true", help="on a RabbitMQ and a MongoDB of their own")
    form = distributed if parser.parse_args().distributed else service
    begin = time.monotonic()
    try:
        with tempfile.TemporaryDirectory(prefix="workflowsvc-demo-") as directory, form(Path(directory)) as url:
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


# ---- the two forms: each is a URL while its context lasts, and raises NotAsTold if it does not start or stop well


@contextmanager
def service(data: Path) -> Iterator[str]:
    say("Starting `workflowsvc dev` on a free port, with its data in a temporary directory.")
    with _running("dev", "--port", "0", "--data", str(data)) as line:
        yield _URL.findall(line)[0]


@contextmanager
def distributed(directory: Path) -> Iterator[str]:
    say("Starting RabbitMQ and MongoDB with their data in a temporary directory; what is not there is installed first.")
    with _servers(directory) as urls:
        say("Starting `workflowsvc coordinator`, and `workflowsvc gateway` on a free port.")
        # The gateway is stopped first: what it has begun needs a coordinator.
        with _running("coordinator", **urls), _running("gateway", "--port", "0", **urls) as line:
            yield _URL.findall(line)[0]


# ---- what they are made of


@contextmanager
def _servers(directory: Path) -> Iterator[Mapping[str, str]]:
    """RabbitMQ and MongoDB while the context lasts; the variables that name them."""
    try:
        yield dict(line.split("=", 1) for line in shlex.split(_services("up", directory)))
    finally:
        _services("down", directory)


def _services(command: str, directory: Path) -> str:
    done = subprocess.run(  # noqa: S603  the project's own command
        [sys.executable, str(SERVICES), command, str(directory)], stdout=subprocess.PIPE, text=True, check=False
    )
    if done.returncode != 0:
        raise NotAsTold(f"`scripts/services {command}` failed; its reason stands above")
    return done.stdout


@contextmanager
def _running(*arguments: str, **variables: str) -> Iterator[str]:
    """One process of the service while the context lasts; the line that says that it is ready."""
    command = [str(Path(sys.executable).with_name("workflowsvc")), *arguments]
    process = subprocess.Popen(  # noqa: S603  the project's own command
        command, env=os.environ | variables, stdout=subprocess.PIPE, text=True
    )
    try:
        yield _ready(process)
    finally:
        process.terminate()
        code = _code(process)
    if code != 0:
        raise NotAsTold(f"`workflowsvc {arguments[0]}` ended with exit code {code}")


def _ready(process: subprocess.Popen[str]) -> str:
    """The first line that it prints."""
    too_late = Timer(START_SECONDS, process.kill)
    too_late.start()
    try:
        line = process.stdout.readline() if process.stdout else ""
    finally:
        too_late.cancel()
    if not _READY.match(line):
        raise NotAsTold("the service did not start; its reason stands above")
    say(line.rstrip())
    return line


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
