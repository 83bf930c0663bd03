"""`workflowsvc-worker`: runs an App until it is told to end.

Law: options become arguments of Client and Worker, and errors become one line; nothing else happens here.
"""

from __future__ import annotations

import argparse
import importlib
import inspect
import logging
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final, cast

from workers_sdk.client import Client, ClientError
from workers_sdk.worker.app import App
from workers_sdk.worker.errors import WorkerNotStarted
from workers_sdk.worker.settings import SettingsMembers, WorkerSettings
from workers_sdk.worker.worker import Worker
from workflowsvc.swf.errors import Fault

_DEFAULTS: Final = WorkerSettings()
#: Options of settings: their help. Types and defaults are the settings' own.
_NUMBERS: Final = {
    "max_decisions": "decision tasks in work at a time",
    "max_async": "`async def` activities at a time",
    "max_threads": "`def` activities at a time, each in a thread",
    "max_processes": "run `def` activities in so many processes instead; 0: in threads",
    "max_pollers": "polls of a task list at a time, at most",
    "cached_workflows": "workflows kept in memory between their decisions",
    "sticky_timeout": "seconds that a decision waits for the worker that has its workflow in memory",
    "grace": "seconds that running work has, once the worker was told to end",
    "cancel_grace": "seconds that activities have after that, once they were told to end",
    "register_domain": "register the domain too, with so many days of retention",
}
_SWITCHES: Final = {
    "sticky": "keep no workflow in memory: replay it from its whole history for each decision",
    "auto_heartbeat": "send no heartbeats but those of the activities themselves",
    "register": "register no types: somebody else does",
    "guarded": "let workflow code sleep, read the clock, open files",
}


class Unusable(Exception):
    """What was named is no App, or one of which no worker can be made."""


def main(arguments: Sequence[str] | None = None) -> int:
    """The exit code: 0 after an end that was asked for, 1 if the worker could not begin."""
    options = _parser().parse_args(arguments)
    logging.basicConfig(level=options.log_level, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    try:
        _worker(options).run_blocking()
    except (Unusable, WorkerNotStarted, Fault, ClientError) as error:
        logging.getLogger(__name__).debug("not started", exc_info=True)
        print(f"workflowsvc-worker: {error}", file=sys.stderr)  # noqa: T201  a command's answer
        return 1
    return 0


def _worker(options: argparse.Namespace) -> Worker:
    app = load(options.app)
    client = Client(options.endpoint, domain=options.domain or app.domain, region=options.region)
    try:
        return app.worker(client, options.task_list, **_settings(options))
    except (TypeError, ValueError) as error:
        raise Unusable(f"{options.app}: {error}") from error


def load(name: str) -> App:
    """The App that *name*, MODULE:NAME, is or makes. Modules are looked for in the working directory too."""
    module_name, _, attribute = name.partition(":")
    if not module_name or not attribute:
        raise Unusable(f"{name!r} is not MODULE:NAME")
    if str(Path.cwd()) not in sys.path:
        sys.path.insert(0, str(Path.cwd()))
    try:
        found: Any = importlib.import_module(module_name)
        for part in attribute.split("."):
            found = getattr(found, part)
    except (ImportError, AttributeError) as error:
        raise Unusable(f"{name!r} cannot be imported: {error}") from error
    app = found() if inspect.isfunction(found) else found
    if not isinstance(app, App):
        raise Unusable(f"{name!r} is no App and makes none: {app!r}")
    return app


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="workflowsvc-worker",
        description="Run workflows and activities of an App until SIGTERM or SIGINT; a second signal ends it at once.",
    )
    parser.add_argument("app", metavar="MODULE:APP", help="an App, or a function without arguments that makes one")
    parser.add_argument("--endpoint", metavar="URL", help="the service; else AWS_ENDPOINT_URL_SWF, else AWS itself")
    parser.add_argument("--domain", help="the domain; else the App's")
    parser.add_argument("--region", help="the region that requests are signed for; else AWS_REGION")
    parser.add_argument("--task-list", metavar="NAME", help="the task list to poll; else the App's")
    group = parser.add_argument_group("settings; unsaid, the App's")
    for name, text in _NUMBERS.items():
        default = getattr(_DEFAULTS, name)
        kind = float if isinstance(default, float) else int
        shown = "" if default is None else f" (default {default:g})"
        group.add_argument(_option(name), type=kind, metavar="N", help=text + shown)
    for name, text in _SWITCHES.items():
        group.add_argument(_option(f"no_{name}"), dest=name, action="store_const", const=False, help=text)
    levels = ("DEBUG", "INFO", "WARNING", "ERROR")
    parser.add_argument("--log-level", choices=levels, default="INFO", help="what to log on standard error")
    return parser


def _option(name: str) -> str:
    return f"--{name.replace('_', '-')}"


def _settings(options: argparse.Namespace) -> SettingsMembers:
    said = {name: value for name in (*_NUMBERS, *_SWITCHES) if (value := getattr(options, name)) is not None}
    return cast(SettingsMembers, said)
