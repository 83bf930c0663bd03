"""The number of partitions, for commands that work on what is there.

Law: the database knows it; it need not be given.
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Mapping

from cli.options import read_settings, variable

_FIELD = "partitions"


def add_partitions(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        f"--{_FIELD}",
        metavar="VALUE",
        help=f"how many there ought to be; none: as many as the database was set up for ({variable(_FIELD)})",
    )


def read_partitions(options: argparse.Namespace, environment: Mapping[str, str] = os.environ) -> int | None:
    """None where nobody says it. Raises Usage."""
    settings = read_settings(options, environment)
    given = getattr(options, _FIELD) is not None or variable(_FIELD) in environment
    return settings.partitions if given else None
