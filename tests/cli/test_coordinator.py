"""`workflowsvc coordinator`: how it begins and ends. What it has in common with others is in test_engine.py.

Law: SIGTERM ends it within five seconds, and what it had goes on with the next.
"""

from __future__ import annotations

import time
from pathlib import Path

from tests.cli.command import run
from tests.cli.test_engine import ENDING_SECONDS
from tests.end_to_end.service import Distributed
from tests.end_to_end.swf import Swf, complete, schedule


def test_help_names_its_options() -> None:
    """Those of executions, and none of HTTP's."""
    done = run("coordinator", "--help", COLUMNS="200")
    for option in ("--cached-executions", "--cached-megabytes", "--retention-seconds", "--lambda-endpoint"):
        assert option in done.out
    for option in ("--host", "--port", "--poll-seconds", "--data"):
        assert option not in done.out


def test_the_ready_line_says_how_many_partitions(tmp_path: Path, amqp_url: str, mongodb_url: str) -> None:
    done = run("coordinator", "--amqp-url", amqp_url, "--mongodb-url", mongodb_url, "--partitions", "3")
    assert done.out == "workflowsvc coordinator is ready: it shares in 3 partitions\n"


def test_sigterm_ends_it_and_another_goes_on(tmp_path: Path) -> None:
    """Exit code 0 within five seconds, in the middle of executions; they come to their end with the other."""
    with Distributed(tmp_path / "data") as service:
        swf = Swf(service.url)
        runs = [swf.start(f"w{number}") for number in range(20)]
        for _ in runs:
            swf.decide(schedule("a"))
        other = service.coordinator()
        assert other.first_line()
        first, service.processes[0] = service.processes[0], other
        since = time.monotonic()
        first.terminate()
        assert first.wait() == 0
        assert time.monotonic() - since < ENDING_SECONDS
        for _ in runs:
            swf.client.respond_activity_task_completed(taskToken=swf.work()["taskToken"])
        for _ in runs:
            swf.decide(complete())
        for number, run_id in enumerate(runs):
            assert swf.types(run_id, f"w{number}")[-1] == "WorkflowExecutionCompleted"
        swf.check_histories()
        assert service.errors() == ""
