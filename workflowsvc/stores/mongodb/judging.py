"""Who may write: a unit against where its runs stand, and the documents that it becomes.

Law: pure. The judge knows what its unit touches; whether a workflow id is free that nothing in the unit holds, and
whether an event id is, only the server can tell, when the document is inserted.

A run that begins on a workflow id which its own unit frees *hangs on* the run that frees it: it lies in the other's
document, so that both are written by one insert or none. The runs of a unit that no workflow id ties together have
a document each.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from msgspec import Struct, field

from workflowsvc.ports import Conflict
from workflowsvc.records import Commit
from workflowsvc.stores.mongodb.documents import Document, claim_id, claimed, history
from workflowsvc.stores.mongodb.server import Encoded, encoded


class Head(NamedTuple):
    """Where a run stands."""

    last: int
    open: bool
    #: how many documents its history has
    documents: int = 0


class Snapshot(NamedTuple):
    run_id: str
    #: the event after which this is the state, and the number of the document that has it
    at: int
    document: int
    state: bytes


class Draft(Struct):
    """What becomes of a unit."""

    #: marks its documents as its own
    nonce: bytes
    #: to be inserted; each may carry others in `then`
    anchors: list[Document] = field(default_factory=list)
    #: the same in wire form
    encoded: list[Encoded] = field(default_factory=list)
    #: parts without events, which are only followed
    asides: list[Document] = field(default_factory=list)
    snapshots: list[Snapshot] = field(default_factory=list)
    #: the workflow ids that must be free, as those who want them would have them
    claims: list[Document] = field(default_factory=list)
    heads: dict[str, Head] = field(default_factory=dict)

    def documents(self) -> list[Document]:
        """All that is written, each run's own."""
        return [each for anchor in self.anchors for each in (anchor, *anchor.get("then", ()))]


def claim_of(commit: Commit) -> str:
    return claim_id(commit.domain, commit.workflow_id)


def begins(commit: Commit) -> bool:
    return commit.first == 1 and commit.row is not None and bool(commit.events)


def drafted(unit: Sequence[Commit], heads: Mapping[str, Head], nonce: bytes) -> Draft:
    """Raises Conflict, or ValueError where the unit makes no sense."""
    judge = _Judge(unit, heads)
    draft = Draft(nonce, claims=judge.claims, heads=judge.heads)
    documents: dict[str, Document] = {}
    for run_id, commits in judge.parts.items():
        head, number = judge.heads[run_id], heads[run_id].documents if run_id in heads else 0
        part = documents[run_id] = history(commits, number, head.last, is_open=head.open, nonce=nonce)
        judge.heads[run_id] = head._replace(documents=number + bool(part["events"]))
        draft.snapshots += _snapshots(part, commits)
        if run_id in judge.frees:
            part["frees"] = judge.frees[run_id]
        if run_id in judge.hangs_on:
            documents[judge.hangs_on[run_id]].setdefault("then", []).append(part)
        else:
            (draft.anchors if part["events"] else draft.asides).append(part)
    for run_id in judge.holders.values():
        if run_id in judge.hangs_on:
            documents[judge.hangs_on[run_id]]["next"] = run_id
    draft.encoded = [encoded(anchor) for anchor in draft.anchors]
    for aside in draft.asides:
        encoded(aside)
    return draft


def _snapshots(part: Document, commits: Sequence[Commit]) -> list[Snapshot]:
    """The last one of a part."""
    at, newest = part["first"] - 1, []
    for commit in commits:
        at += len(commit.events)
        if commit.snapshot is not None:
            newest = [Snapshot(part["run"], at, part["number"], commit.snapshot)]
    return newest


class _Judge:
    def __init__(self, unit: Sequence[Commit], heads: Mapping[str, Head]) -> None:
        self.heads: dict[str, Head] = {}
        self.parts: dict[str, list[Commit]] = {}
        self.claims: list[Document] = []
        #: who holds a workflow id after what was judged so far, and who freed it
        self.holders: dict[str, str] = {}
        self._freed: dict[str, str] = {}
        #: the workflow ids that runs free
        self.frees: dict[str, str] = {}
        self.hangs_on: dict[str, str] = {}
        for commit in unit:
            if (head := heads.get(commit.run_id)) and head.open:
                self.holders[claim_of(commit)] = commit.run_id
        for commit in unit:
            self._judge(commit, self.heads.get(commit.run_id) or heads.get(commit.run_id))

    def _judge(self, commit: Commit, before: Head | None) -> None:
        claim = claim_of(commit)
        if before is None:
            before = self._newborn(commit, claim)
        after = _advanced(before, commit)
        self.heads[commit.run_id] = after
        self.parts.setdefault(commit.run_id, []).append(commit)
        if after.open:
            self.holders[claim] = commit.run_id
        elif before.open:
            self.holders.pop(claim, None)
            self._freed[claim] = self.hangs_on.get(commit.run_id, commit.run_id)
            self.frees[commit.run_id] = claim

    def _newborn(self, commit: Commit, claim: str) -> Head:
        if claim in self.holders:
            raise Conflict(f"{commit.workflow_id!r} is open: run {self.holders[claim]}")
        if commit.row is None or not commit.events:
            raise Conflict(f"run {commit.run_id} is unknown")
        if claim in self._freed:
            self.hangs_on[commit.run_id] = self._freed[claim]
        else:
            self.claims.append(claimed(commit.row, commit.wake_at))
        return Head(0, open=True)


def _advanced(before: Head, commit: Commit) -> Head:
    if commit.events and commit.first != before.last + 1:
        raise Conflict(f"run {commit.run_id}: event {commit.first} does not follow event {before.last}")
    if not commit.events and (commit.row or commit.scheduled or commit.unscheduled or commit.snapshot is not None):
        raise ValueError(f"run {commit.run_id}: without events, only a heartbeat or a time to wake can be kept")
    still_open = before.open if commit.row is None else commit.row.closed_at is None
    if still_open and not before.open:
        raise Conflict(f"run {commit.run_id} is closed")
    return Head(before.last + len(commit.events), still_open)
