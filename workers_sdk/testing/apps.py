"""The workflows of a program, by the name of where they are.

Law: what `workflowsvc-worker` can be given can be given here; importing the module is all that is done to it.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple, cast

from workers_sdk.definitions.workflows import Workflow
from workers_sdk.payloads import Payloads


class NoWorkflows(Exception):
    """What was named cannot be imported, or has no workflows."""


class Found(NamedTuple):
    workflows: list[Workflow[..., Any]]
    payloads: Payloads | None


def find_workflows(name: str) -> Found:
    """Of MODULE, or of MODULE:OBJECT: an object with `workflows` (and, if need be, `payloads`), as an App is; a
    function without arguments that makes one; a list of workflows; or one. Of a module, all that it names. Deciders,
    which nobody replays, are passed over. Modules are looked for in the working directory too.

    Raises NoWorkflows.
    """
    thing = _imported(name)
    if callable(thing) and not isinstance(thing, Workflow) and not hasattr(thing, "workflows"):
        thing = thing()
    workflows = [one for one in _candidates(thing) if isinstance(one, Workflow)]
    if not workflows:
        raise NoWorkflows(f"{name!r} has no workflows: {thing!r}")
    payloads = getattr(thing, "payloads", None)
    return Found(
        cast("list[Workflow[..., Any]]", list(dict.fromkeys(workflows))),
        payloads if isinstance(payloads, Payloads) else None,
    )


def _imported(name: str) -> Any:
    module, _, path = name.partition(":")
    if str(Path.cwd()) not in sys.path:
        sys.path.insert(0, str(Path.cwd()))
    try:
        thing: Any = import_module(module)
        for part in path.split(".") if path else ():
            thing = getattr(thing, part)
    except (ImportError, AttributeError, ValueError) as error:
        raise NoWorkflows(f"{name!r} cannot be imported: {error}") from error
    return thing


def _candidates(thing: Any) -> Iterable[object]:
    if isinstance(thing, Workflow):
        return (thing,)
    named: Any = thing if isinstance(thing, list | tuple) else getattr(thing, "workflows", None)
    if isinstance(named, Iterable):
        return cast("Iterable[object]", named)
    return vars(thing).values() if isinstance(thing, ModuleType) else ()
