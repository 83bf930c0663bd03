"""What is committed is judged, appended to the journal, answered; a quarter of a second later it is in the tables.

Law: what was answered is in the journal or in the tables, and what waits is at most a batch beside those on their way.
A group costs one small write and one fsync; the tables get many groups at once, and of what came and went in between
nothing. After an error of a file nothing here is used again: the next writer begins with what the files say.
"""

from __future__ import annotations

import time
from collections import OrderedDict, deque
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Final

import msgspec

from workflowsvc.ports import Conflict, StoreUnavailable
from workflowsvc.stores import queries, reads
from workflowsvc.stores.database import open_for_reading, open_for_writing
from workflowsvc.stores.draft import Draft, Head, claim_of
from workflowsvc.stores.journal import Journal, journal_of
from workflowsvc.stores.tables import Batch, Tables
from workflowsvc.stores.works import FINE, Aside, Outcome, Recorded, Unit, encode, failed, recorded_of

#: Runs whose last event is remembered; of the others it is looked up.
_HEADS: Final = 50_000
#: Seconds that a batch gathers.
_GATHER: Final = 0.25
#: Seconds between two looks at a batch that takes longer.
_SHORTEST: Final = 0.01
#: Commits that a batch has at most, but for those of its last group.
_LARGEST: Final = 5_000

_bodies_of: Final = msgspec.msgpack.Decoder(list[bytes]).decode


class Writer:
    """Opening raises StoreUnavailable, and brings to the tables what an earlier one left in the journal.

    *groups*: how many there were before, as they are counted for whoever wants to know which are in the tables.
    *answered* is told what became of works that stand aside, and how many groups are in the tables.
    """

    def __init__(self, path: Path, *, durable: bool, answered: Callable[[Outcome, int], None], groups: int = 0) -> None:
        with ExitStack() as stack:
            self._journal = Journal(journal_of(path), durable=durable)
            stack.callback(self._journal.close)
            self._looking = open_for_reading(path)
            stack.callback(self._looking.close)
            database = open_for_writing(path, durable=durable)
            stack.callback(database.close)
            (self._number,) = database.ask(queries.JOURNALED) or (0,)
            first = reads.last_number(database.ask) + 1
            self._tables = Tables(database, groups, answered)
            self._groups = groups
            stack.callback(self._tables.close)
            #: where runs stand after all that is in the journal
            self._heads: OrderedDict[str, Head] = OrderedDict()
            self._draft = Draft(self._heads, {}, first)
            #: judged, and not in the draft yet
            self._judged: list[tuple[Recorded, list[Head]]] = []
            self._since = 0.0
            self._batches: deque[Batch] = deque()
            self._catch_up()
            self._resources = stack.pop_all()

    def record(self, works: Sequence[bytes]) -> list[Outcome]:
        """What follows from it waits for `follow`. Raises StoreUnavailable where it is not known what is recorded."""
        self._require_health()
        self._make_room()
        self._groups += 1
        read = [_read(work) for work in works]
        self._inform([work for work in read if not isinstance(work, Outcome)])
        outcomes = [work if isinstance(work, Outcome) else self._outcome(work) for work in read]
        if taken := [work for work, outcome in zip(works, outcomes, strict=True) if outcome is FINE]:
            self._journal.append(self._number + 1, encode(taken))
            self._number += 1
        return outcomes

    @property
    def shown(self) -> int:
        """How many groups are in the tables."""
        return self._tables.shown

    def follow(self) -> None:
        """What need not be done before a group is answered. Raises StoreUnavailable."""
        judged, self._judged = self._judged, []
        for work, heads in judged:
            if isinstance(work, Unit):
                self._draft.add(work.commits, heads)
            else:
                self._draft.settle(work.run_ids)
        self.tend()

    def do_aside(self, work: Aside) -> None:
        """After all that was recorded before. Raises StoreUnavailable; its outcome is told to *answered*."""
        self._require_health()
        self._hand_over()
        self._tables.do(work)

    def tend(self) -> None:
        """Do what is due. Raises StoreUnavailable."""
        self._require_health()
        if time.monotonic() >= self._since + _GATHER:
            self._settle_batches()
            if not self._batches:
                self._hand_over()

    def wait(self) -> float | None:
        """Seconds after which there may be something due; None if there is not."""
        if self._draft.size or self._batches:
            return max(_GATHER - (time.monotonic() - self._since), _SHORTEST)
        return None

    def finish(self) -> None:
        """Bring everything to the tables. Raises StoreUnavailable."""
        self._hand_over()
        self._settle_batches(all_of_them=True)

    def close(self) -> None:
        """What is not in the tables yet stays in the journal."""
        self._resources.close()

    # ---- judging -----------------------------------------------------------------------------------------------

    def _outcome(self, work: Recorded) -> Outcome:
        try:
            heads = self._draft.judge(work.commits) if isinstance(work, Unit) else []
        except Conflict as conflict:
            return failed(conflict)
        self._judged.append((work, heads))
        return FINE

    def _inform(self, works: Sequence[Recorded]) -> None:
        """Have the draft know all that it must to judge: from what was judged before, else from the tables."""
        while self._tables.forgotten:
            self._heads.pop(self._tables.forgotten.popleft(), None)
        commits = [commit for work in works if isinstance(work, Unit) for commit in work.commits]
        for run_id in {commit.run_id for commit in commits} & self._heads.keys():
            self._heads.move_to_end(run_id)
        unknown = [commit for commit in commits if commit.run_id not in self._heads]
        if not unknown:
            return
        claims = self._draft.claims
        wanted = {claim_of(commit) for commit in unknown} - claims.keys()
        runs = {commit.run_id for commit in unknown}
        for batch in reversed(self._batches):
            found = wanted & batch.draft.claims.keys()
            claims.update((claim, batch.draft.claims[claim]) for claim in found)
            wanted -= found
            touched = runs & batch.draft.touched.keys()
            self._heads.update((run_id, batch.draft.touched[run_id]) for run_id in touched)
            runs -= touched
        ask = self._looking.ask
        heard = [commit for commit in unknown if not reads.unheard(ask, commit.run_id, claim_of(commit))]
        self._heads.update(reads.heads(ask, [commit.run_id for commit in heard if commit.run_id in runs]))
        claims.update(dict.fromkeys(wanted))
        claims.update((claim, reads.holder(ask, claim)) for claim in wanted & set(map(claim_of, heard)))

    # ---- from the journal to the tables --------------------------------------------------------------------------

    def _hand_over(self) -> None:
        self._settle_batches()
        self._since = time.monotonic()
        if not self._draft.size:
            if not self._batches:
                self._tables.shown = self._groups  # whatever was refused is not to come
            return
        batch = Batch(self._draft, self._number, self._groups)
        self._batches.append(batch)
        self._tables.do(batch)
        self._draft = Draft(self._heads, {}, batch.draft.next_number)
        while len(self._heads) > _HEADS:
            self._heads.popitem(last=False)

    def _settle_batches(self, *, all_of_them: bool = False) -> None:
        """Let go of batches that are in the tables, and of what the journal has of them."""
        number = None
        while self._batches and (all_of_them or self._batches[0].over.is_set()):
            self._batches[0].over.wait()
            self._require_health()
            number = self._batches.popleft().number
        if number is not None:
            self._journal.trim(number)

    def _make_room(self) -> None:
        if self._draft.size >= _LARGEST:
            self._settle_batches(all_of_them=True)
            self._hand_over()

    def _catch_up(self) -> None:
        for number, body in self._journal.after(self._number):
            self._make_room()
            works = [recorded_of(work) for work in _bodies_of(body)]
            self._inform(works)
            for work in works:
                if failure := self._outcome(work).failure():
                    raise StoreUnavailable(f"the tables do not take what is in the journal: {failure}")
            self._number = number
            self.follow()
        self._hand_over()
        self._settle_batches(all_of_them=True)

    def _require_health(self) -> None:
        if self._tables.error is not None:
            raise StoreUnavailable(str(self._tables.error))


def _read(work: bytes) -> Recorded | Outcome:
    try:
        recorded: Recorded = recorded_of(work)
    except msgspec.ValidationError as error:
        return failed(error)
    return recorded
