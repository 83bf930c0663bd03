"""`workflowsvc-worker`: an App in a process of its own."""

from __future__ import annotations

import asyncio
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.workers_sdk.worker.conftest import Domain, started
from workers_sdk.definitions.workflows import workflow
from workers_sdk.worker import App
from workers_sdk.worker.command import Unusable, load, main

SHOP = """
from workers_sdk.definitions.activities import activity
from workers_sdk.definitions.workflows import workflow
from workers_sdk.worker import App

@activity("charge", "1", start_to_close=30)
def charge(amount: int) -> int:
    return amount + 1

@workflow("order", "1")
async def order(amount: int) -> int:
    return await charge(amount)

app = App(task_list="main", workflows=[order], activities=[charge])
bad = App(task_list="main", workflows=[order, order.fn])
def make() -> App:
    return app
"""
PROGRAM = "import sys; from workers_sdk.worker.command import main; sys.exit(main())"


@workflow("order", "1")
async def order(amount: int) -> int:
    return amount


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "shop.py").write_text(SHOP)
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "shop", raising=False)
    return tmp_path


@contextmanager
def command(directory: Path, *arguments: str) -> Iterator[subprocess.Popen[str]]:
    root = Path(__file__).parents[3]
    process = subprocess.Popen(
        [sys.executable, "-c", PROGRAM, *arguments],
        cwd=directory,
        env={"PYTHONPATH": str(root), "PATH": ""},
        stderr=subprocess.PIPE,
        text=True,
    )
    with process:
        try:
            yield process
        finally:
            process.kill()


async def test_it_works_until_it_is_told_to_end_and_ends_with_0(domain: Domain, shop: Path, url: str) -> None:
    with command(
        shop, "shop:app", "--endpoint", url, "--domain", domain.client.domain, "--max-pollers", "2"
    ) as process:
        assert await domain.result(await started(domain, order, "[41]")) == "42"
        process.send_signal(signal.SIGTERM)
        _, said = await asyncio.to_thread(process.communicate, timeout=20)
    assert process.returncode == 0, said
    assert "SIGTERM: ending; once more ends at once" in said


def test_an_app_or_a_function_that_makes_one_is_loaded(shop: Path) -> None:
    assert load("shop:app") is load("shop:make")
    assert isinstance(load("shop:app"), App)


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("shop", "not MODULE:NAME"),
        ("shop:nothing", "cannot be imported"),
        ("nowhere:app", "No module named 'nowhere'"),
        ("shop:order", "no App and makes none"),
    ],
)
def test_what_is_no_app_is_said(shop: Path, name: str, why: str) -> None:
    with pytest.raises(Unusable, match=why):
        load(name)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["shop:app", "--endpoint", "http://127.0.0.1:1"], "no domain"),
        (["shop:app", "--endpoint", "nonsense", "--domain", "d"], "not an endpoint"),
        (["shop:bad", "--endpoint", "http://127.0.0.1:1", "--domain", "d"], "not a workflow"),
        (["shop:app", "--endpoint", "http://127.0.0.1:1", "--domain", "d", "--max-threads", "0"], "max_threads is 1"),
    ],
)
def test_what_it_cannot_begin_with_is_one_line_and_1(
    shop: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], said: str
) -> None:
    assert main(arguments) == 1
    error = capsys.readouterr().err
    assert error.startswith("workflowsvc-worker: ")
    assert said in error


def test_its_help_names_every_option(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["--help"])
    assert ended.value.code == 0
    assert "--register-domain" in capsys.readouterr().out
