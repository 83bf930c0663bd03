"""`workflowsvc-replay`: kept histories against the code of today, for CI.

Law: exit code 0 only if there were histories and each fits the code; 1 if one does not, or is no history; 2 if the
command was not understood. What is wrong with a history is said in one line that names it.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final, TextIO

from workers_sdk.errors import DecisionFailed
from workers_sdk.payloads import PayloadError
from workers_sdk.testing.apps import NoWorkflows, find_workflows
from workers_sdk.testing.errors import UnknownWorkflow, UnusableHistory
from workers_sdk.testing.replayer import Replayer

_DOES_NOT_FIT: Final = 1
_NOT_UNDERSTOOD: Final = 2

_DESCRIPTION: Final = """\
Replay histories of executions with the workflows of today: what they decide must be what the histories say that they
decided. Run it in CI before a deployment: what does not fit would stop executions that are running.
"""
_EPILOG: Final = """\
A history is a file of JSON, as export_history() writes it, or as the AWS CLI prints it:

  aws swf get-workflow-execution-history --output json --domain shop \\
      --execution workflowId=order-1,runId=R > histories/order-1.json

That does not tell the run id, which seeds random() and uuid4(), and names children that have no workflow_id of their
own. Give it with --run-id, or put it into the file:

  jq '{execution: {workflowId: "order-1", runId: "R"}} + .'

exit codes: 0 all fit; 1 some do not; 2 the command was not understood, or there is nothing to replay
"""


def main(arguments: Sequence[str] | None = None) -> int:
    parser = _parser()
    options = parser.parse_args(arguments)
    try:
        found = find_workflows(options.app)
        paths = list(_files(options.histories))
        replayer = Replayer(found.workflows, found.payloads)
    except (NoWorkflows, OSError, ValueError) as error:
        _say(f"workflowsvc-replay: {error}", sys.stderr)
        return _NOT_UNDERSTOOD
    if (options.run_id or options.workflow_id) and len(paths) > 1:
        parser.error("--run-id and --workflow-id are for a single history")
    fitting = [_fits(replayer, path, options) for path in paths].count(True)
    _say(f"{len(paths)} {'history' if len(paths) == 1 else 'histories'} replayed: {_verdict(fitting, len(paths))}")
    return 0 if fitting == len(paths) else _DOES_NOT_FIT


def _fits(replayer: Replayer, path: Path, options: argparse.Namespace) -> bool:
    try:
        done = replayer.replay_file(path, run_id=options.run_id, workflow_id=options.workflow_id)
    except (DecisionFailed, UnusableHistory, UnknownWorkflow, PayloadError, OSError) as error:
        _say(f"FAILED {path}: {error}")
        for note in getattr(error, "__notes__", ()):
            _say(f"       {note}")
        return False
    if not options.quiet:
        _say(f"ok     {path}: {done.name} {done.version}, {done.events} events, {done.decisions} decisions")
    return True


def _files(given: Sequence[Path]) -> Iterator[Path]:
    """Raises ValueError for a directory without histories: a gate that looks at nothing lets everything pass."""
    for path in given:
        if not path.is_dir():
            yield path
            continue
        inside = sorted(path.rglob("*.json"))
        if not inside:
            raise ValueError(f"there is no *.json in {path}")
        yield from inside


def _verdict(fitting: int, all_: int) -> str:
    if fitting == all_:
        return "all fit" if all_ > 1 else "it fits"
    return f"{fitting} fit, {all_ - fitting} not"


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="workflowsvc-replay",
        description=_DESCRIPTION,
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "app",
        metavar="MODULE[:APP]",
        help="where the workflows are: an App, or anything with `workflows`, or a list of them; else the module's own",
    )
    parser.add_argument(
        "histories",
        metavar="HISTORY",
        nargs="+",
        type=Path,
        help="a file, or a directory: all *.json in it and below",
    )
    parser.add_argument("--run-id", metavar="ID", help="of a single history that does not tell it")
    parser.add_argument("--workflow-id", metavar="ID", help="likewise; for workflows that look at info().workflow_id")
    parser.add_argument("-q", "--quiet", action="store_true", help="say nothing of histories that fit")
    return parser


def _say(line: str, to: TextIO | None = None) -> None:
    print(line, file=to, flush=True)


if __name__ == "__main__":
    sys.exit(main())
