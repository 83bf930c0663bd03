"""What `workflowsvc-replay` can be pointed at."""

from __future__ import annotations

from types import SimpleNamespace

from tests.workers_sdk import corpus
from tests.workers_sdk.testing.mutations import MUTATIONS
from workers_sdk.deciders import decider
from workers_sdk.definitions.workflows import Workflow
from workers_sdk.payloads import Payloads
from workers_sdk.worker import App


@decider("other", "1.0")
def nothing(history: object) -> list[object]:
    return []


app = App(task_list="tests", workflows=[*corpus.WORKFLOWS, nothing], payloads=Payloads())
anything = SimpleNamespace(workflows=tuple(corpus.WORKFLOWS))
nested = SimpleNamespace(app=app)
deciders = App(task_list="tests", workflows=[nothing])
one = corpus.sequence
changed = Workflow(MUTATIONS["sequence"].code, "sequence", "1.0", corpus.sequence.options)
twice = [corpus.sequence, changed]


def made() -> App:
    return app
