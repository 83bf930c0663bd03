"""Groups of commits: in order, one at a time, no key twice, and what costs more only now and then."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest

from workflowsvc.stores.mongodb.gathering import Groups, Job


class Written:
    """Groups as they were written; each waits until the test lets it go."""

    def __init__(self) -> None:
        self.groups: list[list[str]] = []
        self.refuse: set[str] = set()
        self._go = asyncio.Semaphore(0)

    async def __call__(self, jobs: Sequence[Job[str]]) -> None:
        self.groups.append([job.work for job in jobs])
        for job in jobs:
            if job.work in self.refuse:
                job.error = ValueError(job.work)
        await self._go.acquire()

    async def through(self, groups: Groups[str]) -> None:
        for _ in range(100):
            self._go.release()
        await groups.finish()


@pytest.fixture
def written() -> Written:
    return Written()


@pytest.fixture
def groups(written: Written) -> Groups[str]:
    return Groups(written)


async def test_what_is_ready_together_goes_together_and_the_rest_while_that_is_written(
    groups: Groups[str], written: Written
) -> None:
    done = [groups.submit(work, work) for work in "ab"]
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    done += [groups.submit(work, work) for work in "cd"]
    await written.through(groups)
    assert written.groups == [["a", "b"], ["c", "d"]]
    assert all(each.done() for each in done)


async def test_who_shares_a_key_waits_and_keeps_the_order(groups: Groups[str], written: Written) -> None:
    for work, keys in (("1", "x"), ("2", "xy"), ("3", "y"), ("4", "z")):
        groups.submit(work, keys)
    await written.through(groups)
    assert written.groups == [["1", "4"], ["2"], ["3"]]


async def test_an_error_is_that_of_its_job(groups: Groups[str], written: Written) -> None:
    written.refuse = {"bad"}
    good, bad = groups.submit("good", "g"), groups.submit("bad", "b")
    await written.through(groups)
    assert good.exception() is None
    assert isinstance(bad.exception(), ValueError)


async def test_what_costs_a_command_of_its_own_lets_two_groups_go_first(groups: Groups[str], written: Written) -> None:
    groups.submit("0", "0")
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    groups.submit("apart", "a", apart=True)
    for number in range(1, 5):
        groups.submit(str(number), "k")  # one a group
    await written.through(groups)
    assert written.groups == [["0"], ["1"], ["apart", "2"], ["3"], ["4"]]


async def test_where_there_is_nothing_else_it_does_not_wait(groups: Groups[str], written: Written) -> None:
    for number in range(3):
        groups.submit(str(number), "k", apart=True)
    await written.through(groups)
    assert written.groups == [["0"], ["1"], ["2"]]


async def test_it_goes_first_where_all_else_waits_for_it(groups: Groups[str], written: Written) -> None:
    groups.submit("begins", "w", apart=True)
    groups.submit("goes on", "w")
    await written.through(groups)
    assert written.groups == [["begins"], ["goes on"]]


async def test_a_waiter_that_is_cancelled_leaves_its_work(groups: Groups[str], written: Written) -> None:
    groups.submit("a", "a").cancel()
    await written.through(groups)
    assert written.groups == [["a"]]
