"""The corpus: every history fits the code that decided it, and none fits code that was changed."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.workers_sdk import corpus
from tests.workers_sdk.histories.make import HISTORIES, MAKINGS
from tests.workers_sdk.testing.mutations import MUTATIONS
from workers_sdk.definitions.workflows import Workflow
from workers_sdk.errors import NonDeterminismError
from workers_sdk.testing import Replayer
from workers_sdk.testing.histories import read_history

KEPT = sorted(HISTORIES.glob("*.json"))


def test_the_corpus_is_complete() -> None:
    """Each history can be made again, and there is a mutation for each."""
    assert {path.stem for path in KEPT} == set(MAKINGS) == set(MUTATIONS)


@pytest.mark.parametrize("path", KEPT, ids=lambda path: path.stem)
def test_a_history_fits_the_code_that_decided_it(path: Path) -> None:
    """To its end."""
    events = read_history(path.read_bytes()).events
    replayed = Replayer(corpus.WORKFLOWS).replay_file(path)
    assert replayed.events == len(events)
    assert events[-1].event_type.value in {
        "WorkflowExecutionCompleted",
        "WorkflowExecutionCanceled",
        "WorkflowExecutionContinuedAsNew",
    }


@pytest.mark.parametrize("name", MUTATIONS)
def test_a_history_does_not_fit_code_that_was_changed(name: str) -> None:
    """What differs, at which event, and on which line of the code."""
    code, event_id, expected, got = MUTATIONS[name]
    path = HISTORIES / f"{name}.json"
    started = read_history(path.read_bytes()).events[0].workflow_execution_started_event_attributes
    assert started is not None
    original = next(one for one in corpus.WORKFLOWS if one.name == started.workflow_type.name)
    mutated = Workflow(code, original.name, original.version, original.options)
    with pytest.raises(NonDeterminismError) as raised:
        Replayer([mutated]).replay_file(path)
    error = raised.value
    assert (error.event_id, error.expected, error.got) == (event_id, expected, got)
