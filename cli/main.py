"""The `workflowsvc` command.

Law: one subcommand a file; whatever the user can mend is one line on standard error and exit code 2.
"""

from __future__ import annotations

import argparse
import logging
import sys
from importlib.metadata import version
from typing import NoReturn

from cli import coordinator, dev, doctor, gateway, reconcile
from cli.options import Usage

_DESCRIPTION = "The self-hosted Amazon Simple Workflow Service: any AWS SDK works after one change, the endpoint URL."


class Parser(argparse.ArgumentParser):
    """Says what is wrong in one line, where argparse shows the usage first."""

    def error(self, message: str) -> NoReturn:
        raise Usage(f"{message} ({self.prog} --help tells more)")


def parser() -> argparse.ArgumentParser:
    root: argparse.ArgumentParser = Parser(prog="workflowsvc", description=_DESCRIPTION)
    root.add_argument("--version", action="version", version=version("workflowsvc"))
    commands = root.add_subparsers(title="commands", metavar="COMMAND", required=True)
    for command in (dev, gateway, coordinator, doctor, reconcile):
        command.add_parser(commands)
    return root


def main() -> int:
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    # What it logs as an error it raises, too, and the broker's adapter says it in its own words.
    logging.getLogger("aiormq").setLevel(logging.CRITICAL)
    try:
        options = parser().parse_args()
        code: int = options.run(options)
    except Usage as usage:
        print(f"workflowsvc: {usage}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 130
    return code


if __name__ == "__main__":
    sys.exit(main())
