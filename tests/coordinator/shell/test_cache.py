"""The cache is bounded by what it keeps for its clients, too. Law: what is dropped is read again."""

from __future__ import annotations

from coordinator.cache import Executions
from tests.coordinator.shell.world import World, activity
from workflowsvc.messages import Wake


async def test_inputs_count_and_the_oldest_runs_make_room(world: World) -> None:
    """Runs with inputs of 30,000 characters: as many are kept as fit, and each is found again."""
    executions = Executions(world.sqlite, 1_000, 100_000)
    runs = []
    for number in range(5):
        runs.append(await world.start(str(number)))
        await world.decide(activity(input="x" * 30_000))
    for number, run_id in enumerate(runs):
        found = await executions.find(world.action(Wake(), str(number), run_id=run_id), redelivered=False)
        assert found is not None
        assert found.reckon() >= 30_000
        executions.trim()
    assert list(executions._runs) == runs[2:]
    assert executions._held_bytes <= 100_000
    for run_id in runs:
        executions.drop(run_id)
    assert executions._held_bytes == 0
