"""What `workflowsvc doctor` says, as the tests ask for it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, NamedTuple

from tests.cli.command import run


class Examination(NamedTuple):
    code: int
    #: by "about name"
    findings: Mapping[str, Mapping[str, Any]]

    @property
    def wrong(self) -> set[str]:
        """What is to be mended."""
        return {name for name, finding in self.findings.items() if finding["mend"]}

    def says(self, name: str) -> str:
        return str(self.findings[name]["says"])

    def details(self, name: str) -> list[Mapping[str, Any]]:
        return list(self.findings[name]["details"])


def examine(amqp_url: str, mongodb_url: str, *options: object) -> Examination:
    done = run("doctor", "--amqp-url", amqp_url, "--mongodb-url", mongodb_url, "--json", *options)
    assert done.errors == ""
    document = json.loads(done.out)
    assert document["well"] == (done.code == 0)
    findings = {f"{finding['about']} {finding['name']}": finding for finding in document["findings"]}
    assert len(findings) == len(document["findings"])
    return Examination(done.code, findings)
