"""What documents of a run's history leave in the other collections, all of them together.

Law: pure. What comes and goes between two looks leaves nothing: most runs are over before anybody asks.
"""

from __future__ import annotations

from collections.abc import Iterable

from msgspec import Struct, field

from workflowsvc.stores.mongodb.documents import Document, pending_ids
from workflowsvc.stores.mongodb.judging import Snapshot


class Trace(Struct):
    """Of one run, after documents that follow one another were added in their order."""

    run: str
    #: others may have followed some of the documents: what they left must be undone, too
    mending: bool = False
    #: the run's first document is among them
    begins: bool = False
    last: int = 0
    #: how many documents the run's history has
    documents: int = 0
    closed: bool = False
    #: its visibility row, where one was said, and the event as of which it is that
    row: Document = field(default_factory=dict)
    row_at: int = 0
    #: by id, the tasks that wait now, and those that did and do no more
    waiting: dict[str, None] = field(default_factory=dict)
    gone: dict[str, None] = field(default_factory=dict)
    #: by task, the last sign of life
    beats: dict[int, Document] = field(default_factory=dict)
    #: when to look at it, and the event as of which that is so
    wake: str | None = None
    wake_at: int = 0
    #: that was said after the run began: what a run begins with is with its workflow id already
    wake_changed: bool = False
    #: a document without events said so, which is newer than one with the same last event
    aside: bool = False
    #: the workflow id that it has while it is open, as far as a time to wake named it
    claim: str = ""
    #: the workflow id that it leaves, and the beginning of the run that takes it over
    frees: str | None = None
    heir: Document | None = None
    snapshot: Snapshot | None = None

    @property
    def fresh(self) -> bool:
        """Nobody has followed its beginning."""
        return self.begins and not self.mending

    @property
    def closes(self) -> bool:
        """The document that closes the run is among them; it has a row."""
        return self.closed and bool(self.row)

    def add(self, part: Document) -> None:
        self.begins = self.begins or _begins(part)
        self.last, self.closed = part["last"], part["closed"]
        self.documents = part["number"] + 1
        self._add_tasks(part)
        self.beats.update((beat["task"], beat) for beat in part["beats"])
        if "row" in part:
            self.row, self.row_at = part["row"], part["last"]
        if "wake" in part:
            self.wake, self.wake_at, self.claim = part["wake"], part["last"], part["claim"]
            self.wake_changed, self.aside = not _begins(part), not part["events"]
        if "frees" in part:
            self.frees = part["frees"]
            self.heir = next((each for each in part.get("then", ()) if each["run"] == part.get("next")), None)

    def _add_tasks(self, part: Document) -> None:
        for key in pending_ids(self.run, part["unscheduled"]):
            if self.mending or key not in self.waiting:
                self.gone[key] = None
            self.waiting.pop(key, None)
        for key in pending_ids(self.run, part["scheduled"]):
            self.waiting[key] = None
            self.gone.pop(key, None)
        if self.closed:
            if self.mending:
                self.gone.update(self.waiting)
            self.waiting.clear()


def _begins(part: Document) -> bool:
    return part["first"] == 1 and bool(part["events"])


def traced(documents: Iterable[Document], *, mending: bool = False) -> dict[str, Trace]:
    """By run. Parts that lie in another run's document must be among *documents* by themselves."""
    traces: dict[str, Trace] = {}
    for document in documents:
        trace_of(traces, document["run"], mending=mending).add(document)
    return traces


def trace_of(traces: dict[str, Trace], run_id: str, *, mending: bool = False) -> Trace:
    trace = traces.get(run_id)
    if trace is None:
        trace = traces[run_id] = Trace(run_id, mending)
    return trace
