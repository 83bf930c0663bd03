"""The thread that writes the tables: batches of what is in the journal, and what stands aside, in the order they came.

Law: it alone writes the database. After an error of the file it does nothing any more: what is in the tables then, only
the file can tell.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Sequence
from functools import partial
from queue import SimpleQueue
from typing import Any, Final

import msgspec

from workflowsvc.ports import StoreUnavailable
from workflowsvc.stores import queries, reads
from workflowsvc.stores.database import Database
from workflowsvc.stores.draft import Draft
from workflowsvc.stores.works import FINE, Aside, Change, Forget, Outcome, Show, Sweep, failed

#: A purge holds the thread for so many events at a time.
_SWEEP: Final = 2_000


class Batch:
    """A draft on its way into the tables, and the last group that is in it: its number in the journal, its count."""

    def __init__(self, draft: Draft, number: int, groups: int) -> None:
        self.draft = draft
        self.number = number
        self.groups = groups
        #: set when it is in the tables, and when it never will be
        self.over = threading.Event()


class Tables:
    def __init__(self, database: Database, groups: int, answered: Callable[[Outcome, int], None]) -> None:
        self.error: StoreUnavailable | None = None
        #: how many groups are in the tables
        self.shown = groups
        #: runs that are not known any more
        self.forgotten: deque[str] = deque()
        self._database = database
        self._answered = answered
        self._works: SimpleQueue[Batch | Aside | None] = SimpleQueue()
        self._thread = threading.Thread(target=self._run, name="sqlite-tables", daemon=True)
        self._thread.start()

    def do(self, work: Batch | Aside) -> None:
        self._works.put(work)

    def close(self) -> None:
        """When all is done."""
        self._works.put(None)
        self._thread.join()

    def _run(self) -> None:
        while (work := self._works.get()) is not None:
            if isinstance(work, Batch):
                self._guarded(partial(self._write, work))
                work.over.set()
            else:
                self._answered(self._guarded(partial(self._value, work)), self.shown)

    def _guarded(self, work: Callable[[], Any]) -> Outcome:
        if self.error is None:
            try:
                value = work()
                return FINE if value is None else Outcome(value)
            except StoreUnavailable as error:
                self.error = error
            except Exception as error:
                return failed(error)
        return failed(self.error)

    def _write(self, batch: Batch) -> None:
        try:
            with self._database.transaction():
                self._database.run(batch.draft.statements())
                self._database.ask(queries.NOTE_JOURNALED, (batch.number,))
            self.shown = batch.groups
        except StoreUnavailable:
            raise
        except Exception as error:  # it was judged: so the tables are not what they were taken for
            raise StoreUnavailable(f"the tables do not take what is in the journal: {error!r}") from error

    def _value(self, work: Aside) -> Any:
        if isinstance(work, Show):
            return None
        with self._database.transaction():
            if isinstance(work, Change):
                return self._changed(work.statements)
            if isinstance(work, Sweep):
                return self._sweep()
            forgotten = self._forget(work)
        self.forgotten.extend(forgotten)
        return len(forgotten)

    def _changed(self, statements: Sequence[tuple[str, Sequence[Any]]]) -> tuple[Any, ...] | None:
        row = None
        for statement, parameters in statements:
            row = self._database.ask(statement, parameters)
        return row

    def _forget(self, work: Forget) -> list[str]:
        """Their events wait to be swept."""
        runs = reads.purgeable(self._database.ask, work.now, work.limit)
        numbers = msgspec.json.encode([number for number, _ in runs]).decode()
        for statement in queries.FORGET_RUNS if runs else ():
            self._database.ask(statement, (numbers,))
        return [run_id for _, run_id in runs]

    def _sweep(self) -> bool:
        self._database.ask(queries.SWEEP_EVENTS, (_SWEEP,))
        if self._database.ask("SELECT changes()") == (_SWEEP,):
            return True
        self._database.ask(queries.SWEPT)
        return False
