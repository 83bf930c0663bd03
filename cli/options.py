"""Options of the command and the variables that stand for them.

Law: every field of Settings is an option `--some-field` and a variable `WORKFLOWSVC_SOME_FIELD`; an option wins.
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Mapping
from typing import Any

import msgspec

from workflowsvc.settings import Settings

PREFIX = "WORKFLOWSVC_"

_HELP = {
    "poll_seconds": "how long an empty poll is held",
    "partitions": "how many lanes are handled independently of one another",
    "region": "the region of requests that are not signed for one",
    "account": "the account number in ARNs",
    "lambda_endpoint": "base URL of what speaks AWS Lambda's Invoke API; none: no Lambda tasks",
    "cached_executions": "executions kept in memory",
    "cached_megabytes": "megabytes of their inputs and histories kept in memory at most",
    "retention_seconds": "seconds between two looks for expired executions",
    "quota_domains": "domains at most; 0: any number (AWS: 100)",
    "quota_types": "workflow types of a domain at most, and activity types; 0: any number (AWS: 10000)",
    "quota_open_executions": "open executions of a domain at most; 0: any number (AWS: 100000)",
    "quota_pollers": "polls of a task list at a time at most; 0: any number (AWS: 1000)",
    "quota_rates": "part of AWS's rates of requests and decisions that is allowed (1: AWS's); 0: any rate",
}


class Usage(Exception):
    """An option or a variable has a value that cannot be used; the sentence says which."""


def variable(field: str) -> str:
    return PREFIX + field.upper()


def add_settings(parser: argparse.ArgumentParser, *names: str) -> None:
    """Those of the settings that are named; all of them where none is."""
    group = parser.add_argument_group("settings")
    for field in msgspec.structs.fields(Settings):
        if names and field.name not in names:
            continue
        group.add_argument(
            "--" + field.name.replace("_", "-"),
            metavar="VALUE",
            help=f"{_HELP[field.name]} (default {field.default!r}; {variable(field.name)})",
        )


def read_settings(options: argparse.Namespace, environment: Mapping[str, str] = os.environ) -> Settings:
    """Raises Usage."""
    given: dict[str, Any] = {}
    for field in msgspec.structs.fields(Settings):
        value = getattr(options, field.name, None)
        name = "--" + field.name.replace("_", "-")
        if value is None:
            name, value = variable(field.name), environment.get(variable(field.name))
        if value is None:
            continue
        try:
            given[field.name] = msgspec.convert(value, field.type, strict=False)
        except msgspec.ValidationError as error:
            raise Usage(f"{name}: {value!r} cannot be used: {error}") from None
    return Settings(**given)


def from_environment(name: str, default: str, environment: Mapping[str, str] = os.environ) -> str:
    return environment.get(variable(name), default)


def is_set(name: str, environment: Mapping[str, str] = os.environ) -> bool:
    """Whether a switch is on: its variable is there, and neither empty nor 0."""
    return from_environment(name, "", environment) not in ("", "0")
