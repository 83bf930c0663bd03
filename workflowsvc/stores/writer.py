"""What the writing thread does: whatever waits, in one transaction, so that many commits share one fsync.

Law: every job is answered; an error goes to the one that caused it, or to all where the file is to blame. After an
error of the file it starts over with a new connection: whether a write that failed is there, only the file can tell.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Sequence
from typing import Final, cast

import msgspec
from msgspec import Struct

from workflowsvc.ports import Conflict, StoreUnavailable
from workflowsvc.records import Commit
from workflowsvc.stores import queries, reads
from workflowsvc.stores.database import Database
from workflowsvc.stores.draft import Claim, Draft, Head, claim_of
from workflowsvc.stores.groups import Job
from workflowsvc.stores.reads import Ask

#: Runs whose last event is remembered; of the others it is looked up.
_HEADS: Final = 50_000
#: A purge holds the writer for so many events at a time.
_SWEEP: Final = 2_000


class Unit(Struct, frozen=True):
    commits: Sequence[Commit]


class Settle(Struct, frozen=True):
    run_ids: Sequence[str]


class Change(Struct, frozen=True):
    """Anything else: a transaction of its own."""

    make: Callable[[Ask], object]


Work = Unit | Settle | Change
_Write = Callable[[Database, Sequence[Job[Work]]], None]


class Writer:
    def __init__(self, first: Database, reopen: Callable[[], Database]) -> None:
        self._reopen = reopen
        self._database: Database | None = None
        #: where runs stand in the file, as of the last transaction that returned
        self._heads: OrderedDict[str, Head] = OrderedDict()
        self._next_number = 0
        self._use(first)

    def work(self, jobs: Sequence[Job[Work]]) -> None:
        """Units and settlements share a transaction; changes, which are rare, follow."""
        shared = [job for job in jobs if not isinstance(job.work, Change)]
        if shared:
            self._guarded(self._commit, shared)
        for job in jobs:
            if isinstance(job.work, Change):
                self._guarded(self._change, [job])

    def forget(self, ask: Ask, now: int, limit: int) -> int:
        """Make settled runs that have expired unknown; their events wait to be swept."""
        runs = reads.purgeable(ask, now, limit)
        numbers = msgspec.json.encode([number for number, _ in runs]).decode()
        for statement in queries.FORGET_RUNS if runs else ():
            ask(statement, (numbers,))
        for _, run_id in runs:
            self._heads.pop(run_id, None)
        return len(runs)

    def close(self) -> None:
        if self._database is not None:
            self._database.close()
        self._database = None

    def _guarded(self, write: _Write, jobs: Sequence[Job[Work]]) -> None:
        try:
            write(self._database or self._use(self._reopen()), jobs)
        except StoreUnavailable as error:
            self._heads.clear()
            self.close()
            for job in jobs:
                job.error = error
        except Exception as error:
            if len(jobs) == 1:
                jobs[0].error = error
                return
            for job in jobs:
                self._guarded(write, [job])

    def _commit(self, database: Database, jobs: Sequence[Job[Work]]) -> None:
        if not self._commit_at_once(database, jobs):
            self._commit_with_care(database, jobs)

    def _commit_at_once(self, database: Database, jobs: Sequence[Job[Work]]) -> bool:
        """Write the jobs in one step, trusting that runs which begin are new and their workflow ids free.

        Nearly always that is so. Where it is not, or a job is wrong, nothing is written, and the answer is False.
        """
        commits = [commit for job in jobs if isinstance(job.work, Unit) for commit in job.work.commits]
        if _overtaken(commits):
            return False
        run_ids = {commit.run_id for commit in commits}
        known = {run_id: self._heads[run_id] for run_id in run_ids if run_id in self._heads}
        draft = Draft(known, {}, self._next_number)
        try:
            for job in jobs:
                _add(draft, job.work)
            batch = draft.batch()
            if batch is None:
                return False
            database.ask(*batch)
        except (Conflict, ValueError):
            return False
        self._remember(draft)
        return True

    def _commit_with_care(self, database: Database, jobs: Sequence[Job[Work]]) -> None:
        refused: dict[Job[Work], Conflict] = {}
        with database.transaction():
            draft = self._draft(database, [job.work.commits for job in jobs if isinstance(job.work, Unit)])
            for job in jobs:
                try:
                    _add(draft, job.work)
                except Conflict as conflict:
                    refused[job] = conflict
            database.run(draft.statements())
        self._remember(draft)
        for job, reason in refused.items():
            job.error = reason

    def _change(self, database: Database, jobs: Sequence[Job[Work]]) -> None:
        (job,) = jobs
        with database.transaction():
            job.value = cast("Change", job.work).make(database.ask)

    def _draft(self, database: Database, units: Sequence[Sequence[Commit]]) -> Draft:
        commits = [commit for unit in units for commit in unit]
        run_ids = {commit.run_id for commit in commits}
        heads = {run_id: self._heads[run_id] for run_id in run_ids if run_id in self._heads}
        unknown = [run_id for run_id in run_ids if run_id not in heads]
        if not unknown:
            return Draft(heads, {}, self._next_number)
        starting = {claim_of(commit) for commit in commits if commit.run_id not in heads}
        found, claims = reads.standing(database.ask, unknown, list(starting))
        return Draft(heads | found, claims, self._next_number)

    def _remember(self, draft: Draft) -> None:
        self._next_number = draft.next_number
        self._heads.update(draft.heads)
        for run_id in draft.heads:
            self._heads.move_to_end(run_id)
        while len(self._heads) > _HEADS:
            self._heads.popitem(last=False)

    def _use(self, database: Database) -> Database:
        self._next_number = reads.last_number(database.ask) + 1
        database.expect_batches()
        self._database = database
        return database


def _overtaken(commits: Sequence[Commit]) -> bool:
    """Whether a run begins before another commit touches a run of its workflow id: closing that comes too late.

    In one step the tables see closes first, and would let the beginning pass.
    """
    begun: dict[Claim, str] = {}
    for commit in commits:
        if begun.get(claim_of(commit), commit.run_id) != commit.run_id:
            return True
        if commit.first == 1 and commit.events:
            begun[claim_of(commit)] = commit.run_id
    return False


def _add(draft: Draft, work: Work) -> None:
    if isinstance(work, Unit):
        draft.add(work.commits)
    elif isinstance(work, Settle):
        draft.settle(work.run_ids)


def sweep(ask: Ask) -> bool:
    """Remove some events of forgotten runs; whether there may be more."""
    ask(queries.SWEEP_EVENTS, (_SWEEP,))
    if ask("SELECT changes()", ()) == (_SWEEP,):
        return True
    ask(queries.SWEPT, ())
    return False
