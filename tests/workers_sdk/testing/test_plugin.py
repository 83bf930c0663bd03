"""The plugin, in a project of its own: its fixtures, with whatever runs asynchronous tests, and what it costs."""

from __future__ import annotations

import subprocess
import sys
import urllib.error
import urllib.request
from importlib.metadata import entry_points
from pathlib import Path

import pytest

WORKFLOW = """
import asyncio
from workers_sdk.definitions.activities import activity
from workers_sdk.definitions.workflows import workflow
from workers_sdk.worker import activity_context

@activity("mail", "1.0")
def mail(to):
    activity_context().heartbeat(to)
    return f"mail to {to}"

@workflow("remind", "1.0")
async def remind(to: str) -> str:
    await asyncio.sleep(30 * 86_400)
    return await mail(to)

async def scenario(environment):
    async with environment as env, env.worker(workflows=[remind], activities=[mail]):
        handle = await remind.start(env.client, "ann")
        assert await handle.result(20) == "mail to ann"
"""

#: what runs asynchronous tests: the options, and the tests of a project that uses it
_SCOPE = ("-o", "asyncio_default_fixture_loop_scope=function")  # unset, pytest-asyncio warns
PROJECTS = {
    "pytest-asyncio, auto": (
        (*_SCOPE, "-o", "asyncio_mode=auto"),
        """
async def test_it(workflow_environment):
    await scenario(workflow_environment)
""",
    ),
    "pytest-asyncio, strict": (
        (*_SCOPE, "-o", "asyncio_mode=strict"),
        """
import pytest

@pytest.mark.asyncio
async def test_it(workflow_environment):
    await scenario(workflow_environment)
""",
    ),
    "nothing": (
        ("-p", "no:asyncio"),
        """
def test_it(workflow_environment):
    asyncio.run(scenario(workflow_environment))

def test_once_more(workflow_environment):
    asyncio.run(scenario(workflow_environment))

def test_an_activity(activity_environment):
    assert activity_environment.run(mail, "bob") == "mail to bob"
    assert activity_environment.heartbeats == ["bob"]
""",
    ),
}
#: written where the project can be seen: the address of the service that its session had
_ADDRESS = """
def test_address(workflow_service):
    from pathlib import Path
    Path("address").write_text(workflow_service.url)
"""
_INSTALLED = any(one.name == "workers_sdk" for one in entry_points(group="pytest11"))


@pytest.mark.parametrize("project", PROJECTS)
def test_its_fixtures_work_with(project: str, tmp_path: Path) -> None:
    """And the service ends with the session."""
    options, tests = PROJECTS[project]
    (tmp_path / "test_project.py").write_text(WORKFLOW + tests + _ADDRESS)
    (tmp_path / "pytest.ini").write_text("[pytest]\nfilterwarnings = error\n")
    plugin = () if _INSTALLED else ("-p", "workers_sdk.testing.plugin")
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", *plugin, *options],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"{tests.count('def test') + 1} passed" in done.stdout
    with pytest.raises(urllib.error.URLError, match="refused"):
        urllib.request.urlopen((tmp_path / "address").read_text())  # noqa: S310  127.0.0.1


def test_importing_it_brings_nothing_that_pytest_and_the_library_do_not() -> None:
    program = """
import sys, pytest, workers_sdk
before = set(sys.modules)
import workers_sdk.testing.plugin
print(*sorted(set(sys.modules) - before))
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["workers_sdk.testing", "workers_sdk.testing.plugin"]
