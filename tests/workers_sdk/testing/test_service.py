"""The service's process: it is ready or says why not, and outlives nobody."""

from __future__ import annotations

import subprocess
import sys
import urllib.error
import urllib.request
from pathlib import Path

import pytest

from workers_sdk.testing import ServiceNotStarted, WorkflowService

OUT_OF_THE_WAY = """
from workers_sdk.testing import WorkflowService
service = WorkflowService()
service.start()
print(service.url, flush=True)
{end}
"""


def is_there(url: str) -> bool:
    try:
        with urllib.request.urlopen(f"{url}/time-skipping"):  # noqa: S310  127.0.0.1
            return True
    except urllib.error.URLError:
        return False


def test_it_runs_between_start_and_stop_as_often_as_one_likes() -> None:
    service = WorkflowService()
    for _ in range(2):
        service.start()
        assert is_there(service.url)
        assert service.errors() == ""
        service.stop()
        assert not is_there(service.url)
        service.stop()


@pytest.mark.parametrize("end", ["", "1 / 0"])
def test_it_ends_with_the_interpreter_that_started_it(end: str) -> None:
    """Also where nobody stopped it."""
    done = subprocess.run(
        [sys.executable, "-c", OUT_OF_THE_WAY.format(end=end)], capture_output=True, text=True, check=False
    )
    url = done.stdout.strip()
    assert url.startswith("http://127.0.0.1:")
    assert not is_there(url)


def test_the_settings_of_a_developer_are_none_of_its_business(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WORKFLOWSVC_PARTITIONS", "many")
    monkeypatch.setenv("WORKFLOWSVC_DATA", "/nowhere")
    with WorkflowService() as service:
        assert is_there(service.url)


def test_without_the_command_it_cannot_be_started(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(sys, "executable", str(tmp_path / "python"))
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ServiceNotStarted, match="`workflowsvc` is neither beside this interpreter nor on the path"):
        WorkflowService().start()


def test_a_command_that_does_not_get_ready_is_quoted(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    command = tmp_path / "workflowsvc"
    command.write_text("#!/bin/sh\necho no room left >&2\nexit 1\n")
    command.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(tmp_path / "python"))
    with pytest.raises(ServiceNotStarted, match="did not get ready: no room left"):
        WorkflowService().start()
