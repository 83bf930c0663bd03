"""A snapshot gives back the state that it froze, and is ignored where another version of the state wrote it."""

from __future__ import annotations

import pytest

from coordinator.execution import snapshot
from coordinator.execution.deadlines import next_deadline
from coordinator.execution.effects import outstanding
from coordinator.execution.view import detail
from tests.coordinator.execution.scenario import Scenario, started
from tests.coordinator.execution.test_history import runs
from tests.coordinator.execution.test_turn import full


def test_every_state_comes_back() -> None:
    """freeze and thaw are inverses for every scenario, at its end."""
    for run in [*runs(), full()]:
        thawed = snapshot.thaw(snapshot.freeze(run.execution))
        assert thawed == run.execution
        assert thawed is not None
        assert detail(thawed) == detail(run.execution)
        assert next_deadline(thawed) == next_deadline(run.execution)
        assert outstanding(thawed) == outstanding(run.execution)


def test_a_thawed_run_goes_on_as_the_other_would() -> None:
    """What is done to the copy writes what is done to the original."""

    def later(run: Scenario) -> list[str]:
        return run.completes("a").decide().after(50).decide().terminate().types

    run, twin = full(), full()
    twin.state = snapshot.thaw(snapshot.freeze(run.execution))
    assert later(run) == later(twin)


def test_a_snapshot_of_another_version_is_refused() -> None:
    """The first bytes say which version of the state wrote it."""
    frozen = snapshot.freeze(started().execution)
    for other in (b"", b"\x00\x00\x00\x00" + frozen[4:], frozen[4:], frozen[:3]):
        assert snapshot.thaw(other) is None


def test_no_snapshot_no_state() -> None:
    """A run without a snapshot is folded from its beginning."""
    assert snapshot.thaw(None) is None


@pytest.mark.parametrize("run", [started(), full()])
def test_a_snapshot_depends_on_the_state_only(run: Scenario) -> None:
    """Frozen twice, or from the folded history, it is the same bytes."""
    assert snapshot.freeze(run.execution) == snapshot.freeze(run.execution) == snapshot.freeze(run.folded())
