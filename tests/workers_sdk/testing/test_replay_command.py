"""`workflowsvc-replay`: what it says, and what it exits with."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.workers_sdk.histories.make import HISTORIES, ROOT
from workers_sdk.testing.apps import NoWorkflows, find_workflows
from workers_sdk.testing.replay_command import main

APPS = "tests.workers_sdk.testing.apps"
SEQUENCE = str(HISTORIES / "sequence.json")
CHANCE = HISTORIES / "chance.json"


def lines(capsys: pytest.CaptureFixture[str]) -> list[str]:
    return capsys.readouterr().out.splitlines()


@pytest.fixture
def of_aws(tmp_path: Path) -> str:
    """A history whose run id matters, and that does not tell it."""
    path = tmp_path / "chance.json"
    path.write_text(json.dumps({"events": json.loads(CHANCE.read_bytes())["events"]}))
    return str(path)


def test_all_histories_of_a_directory_fit(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([f"{APPS}:app", str(HISTORIES)]) == 0
    *each, summary = lines(capsys)
    assert summary == "14 histories replayed: all fit"
    assert f"ok     {SEQUENCE}: sequence 1.0, 24 events, 5 decisions" in each


def test_one_history_fits(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--quiet", f"{APPS}:app", SEQUENCE]) == 0
    assert lines(capsys) == ["1 history replayed: it fits"]


def test_what_does_not_fit_is_told_with_its_file_event_and_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([f"{APPS}:changed", SEQUENCE, "--quiet"]) == 1
    failed, summary = lines(capsys)
    assert failed.startswith(
        f"FAILED {SEQUENCE}: event 5: the history has ScheduleActivityTask #1 double 1.0, "
        "the code wants ScheduleActivityTask #1 negate 1.0 ("
    )
    assert failed.endswith(" in _swapped)")
    assert summary == "1 history replayed: 0 fit, 1 not"


def test_one_that_does_not_fit_keeps_none_from_being_looked_at(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    broken = tmp_path / "broken.json"
    broken.write_text("{")
    assert main([f"{APPS}:one", str(broken), str(CHANCE), str(tmp_path / "absent.json"), SEQUENCE]) == 1
    first, second, third, fourth, summary = lines(capsys)
    assert first.startswith(f"FAILED {broken}: no JSON: ")
    assert second == f"FAILED {CHANCE}: the history is of chance 1.0; the workflows here are: sequence 1.0"
    assert third.startswith("FAILED ")
    assert "absent.json" in third
    assert fourth.startswith(f"ok     {SEQUENCE}")
    assert summary == "4 histories replayed: 1 fit, 3 not"


def test_the_run_id_is_asked_for_where_it_matters(capsys: pytest.CaptureFixture[str], of_aws: str) -> None:
    assert main([f"{APPS}:app", of_aws]) == 1
    assert "does not tell its run id" in lines(capsys)[1]
    assert main([f"{APPS}:app", of_aws, "--run-id", json.loads(CHANCE.read_bytes())["execution"]["runId"]]) == 0


def test_a_run_id_is_of_one_history(capsys: pytest.CaptureFixture[str], of_aws: str) -> None:
    with pytest.raises(SystemExit) as raised:
        main([f"{APPS}:app", of_aws, SEQUENCE, "--run-id", "r"])
    assert raised.value.code == 2


def test_a_directory_without_histories_does_not_pass(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert main([f"{APPS}:app", str(tmp_path)]) == 2
    assert f"there is no *.json in {tmp_path}" in capsys.readouterr().err


def test_two_workflows_of_one_type_are_told(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([f"{APPS}:twice", SEQUENCE]) == 2
    assert "two of the workflow sequence 1.0" in capsys.readouterr().err


def test_it_is_a_command() -> None:
    """Modules are looked for in the working directory."""
    done = subprocess.run(
        [sys.executable, "-I", "-c", _COMMAND, "tests.workers_sdk.corpus", SEQUENCE],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout.splitlines()[-1:], done.stderr) == (0, ["1 history replayed: it fits"], "")


_COMMAND = "import sys; from workers_sdk.testing.replay_command import main; sys.exit(main())"


# ---- where the workflows are


@pytest.mark.parametrize("name", ["app", "anything", "nested.app", "made"])
def test_workflows_are_found(name: str) -> None:
    """Deciders are passed over."""
    assert len(find_workflows(f"{APPS}:{name}").workflows) == 14


def test_one_workflow_is_found() -> None:
    assert [one.name for one in find_workflows(f"{APPS}:one").workflows] == ["sequence"]


def test_a_module_has_what_it_names() -> None:
    assert len(find_workflows("tests.workers_sdk.corpus").workflows) == 14


def test_the_payloads_of_an_app_are_found() -> None:
    assert find_workflows(f"{APPS}:app").payloads is not None
    assert find_workflows(f"{APPS}:anything").payloads is None


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("no.such.module", "cannot be imported: No module named 'no'"),
        (f"{APPS}:absent", "cannot be imported: .*absent"),
        (":app", "cannot be imported"),
        (f"{APPS}:deciders", "has no workflows"),
        ("tests.workers_sdk.histories:HISTORIES", "cannot be imported"),
        ("json", "has no workflows"),
    ],
)
def test_what_has_no_workflows_is_refused(capsys: pytest.CaptureFixture[str], name: str, message: str) -> None:
    with pytest.raises(NoWorkflows, match=message):
        find_workflows(name)
    assert main([name, SEQUENCE]) == 2
    assert capsys.readouterr().err.startswith("workflowsvc-replay: ")
