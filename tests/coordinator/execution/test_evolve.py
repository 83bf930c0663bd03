"""Folding a history gives the state in memory, event by event; a heartbeat is the only thing beside the history."""

from __future__ import annotations

import pytest

from coordinator.execution.evolve import beat, create, evolve, fold
from coordinator.execution.history import decode, encode
from coordinator.execution.state import milliseconds
from tests.coordinator.execution.scenario import Scenario, marker, schedule, started
from tests.coordinator.execution.test_history import runs
from tests.coordinator.execution.test_turn import full
from workflowsvc.records import Heartbeat


def test_the_stored_bytes_fold_to_the_state() -> None:
    """DESIGN.md §4: "State is derived from events, never counted by hand", for every scenario."""
    for run in [*runs(), full()]:
        e = run.execution
        stored = [encode(event) for event in run.history]
        folded = fold(map(decode, stored), e.domain, e.workflow_id, e.run_id, e.started_by)
        for heartbeat in run.beats:
            beat(folded, heartbeat)
        assert folded == e


def test_every_prefix_of_a_history_is_a_state() -> None:
    """One event after the other gives what folding them at once gives."""
    run = full()
    e = run.execution
    names = (e.domain, e.workflow_id, e.run_id, e.started_by)
    state = create(run.history[0], *names)
    for count, event in enumerate(run.history[1:], 2):
        evolve(state, event)
        assert state == fold(run.history[:count], *names)
        assert (state.last_event_id, state.last_event_at) == (event.id, event.at)


def test_a_heartbeat_of_a_task_that_is_gone_is_ignored() -> None:
    """The store keeps the latest heartbeat of each task that ever sent one."""
    run = started().decide(schedule()).begin().beat(details="d").completes()
    before = run.folded()
    assert beat(run.folded(), Heartbeat(5, run.at + 1, "late")) == before == run.execution


def test_an_event_without_a_meaning_for_the_state_moves_its_end_only() -> None:
    """§7.12: markers are history only."""

    def rest(run: Scenario) -> dict[str, object]:
        e = run.execution
        return {name: getattr(e, name) for name in e.__struct_fields__ if not name.startswith("last_event")}

    assert rest(started().decide(marker())) == rest(started().decide())


@pytest.mark.parametrize(
    ("timeout", "expected"),
    [(None, None), ("NONE", None), ("0", 0), ("007", 7_000), ("31536000", 31_536_000_000)],
)
def test_durations_of_the_wire(timeout: str | None, expected: int | None) -> None:
    """§6: seconds as strings; NONE is unlimited; 0 is a value."""
    assert milliseconds(timeout) == expected
