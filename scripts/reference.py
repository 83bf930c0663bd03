"""The SDK's API reference as HTML, out of its docstrings: `make reference`.

Law: what is public is what the modules below name, and nothing is written about it but its docstrings. A warning, such
as of a name that is not there, is an error.
"""

from __future__ import annotations

import sys
import warnings
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any, Final

import pdoc

#: The packages that `workers_sdk` says are public.
PUBLIC: Final = (
    "workers_sdk",
    "workers_sdk.client",
    "workers_sdk.deciders",
    "workers_sdk.errors",
    "workers_sdk.payloads",
    "workers_sdk.testing",
    "workers_sdk.worker",
)
#: SWF's shapes and faults, which the SDK gives and raises.
VOCABULARY: Final = ("workflowsvc.swf.errors", "workflowsvc.swf.faults", "workflowsvc.swf.shapes")


def public_names(module: ModuleType) -> dict[str, Any]:
    """What it names in __all__, else what it defines. What a module imports when it is first asked for is in it
    afterwards, as pdoc wants it."""
    names: list[str] = getattr(module, "__all__", None) or [
        name
        for name, one in vars(module).items()
        if not name.startswith("_") and getattr(one, "__module__", "") == module.__name__
    ]
    found = {name: getattr(module, name) for name in names}
    vars(module).update(found)
    return found


def main(directory: Path) -> None:
    warnings.simplefilter("error")
    for name in PUBLIC:
        public_names(import_module(name))
    pdoc.render.configure(docformat="markdown", show_source=False)
    pdoc.pdoc(*PUBLIC, *VOCABULARY, output_directory=directory)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
