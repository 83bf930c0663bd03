"""What workflow code has decided, until the history confirms it.

Law: confirmed in the order in which it was decided. Whatever is in the queue while workflow code runs has not been sent
for good: it can still be taken back, at a replay exactly as it was the first time.
"""

from __future__ import annotations

import sys
from collections import OrderedDict
from collections.abc import Callable, Set
from pathlib import Path
from types import CodeType
from typing import Any, Final, Protocol

import msgspec

from workflowsvc.swf import shapes
from workflowsvc.swf.decisions import DECISIONS
from workflowsvc.swf.shapes import DecisionType

#: Code of the library and of asyncio is not where a decision comes from.
_INNER: Final = (str(Path(__file__).parents[1]), str(Path(msgspec.__file__).parent))
_STANDARD: Final = str(Path(sys.modules["asyncio"].__file__ or "").parent.parent)


class Decided(Protocol):
    """Who issued a command, and is told what became of it."""

    def recorded(self, event: shapes.HistoryEvent) -> None: ...
    def refused(self, cause: str) -> None: ...


class Command:
    """One decision. *key* is what it has in common with the event that confirms it."""

    __slots__ = ("attributes", "issuer", "key", "made_by", "subject", "type")

    def __init__(
        self, type_: DecisionType, key: str, subject: str, attributes: Callable[[], shapes.Shape], issuer: Decided
    ) -> None:
        self.type = type_
        self.key = key
        #: what besides the key must not differ: the type of the activity or child, the name of the signal
        self.subject = subject
        self.attributes = attributes
        self.issuer = issuer
        self.made_by = _caller()

    def decision(self) -> shapes.Decision:
        return decision_of(self.type, self.attributes())

    @property
    def line(self) -> str:
        return "line unknown" if self.made_by is None else _line(*self.made_by)

    def __str__(self) -> str:
        return describe(self.type, self.key, self.subject)


class Commands:
    """The commands that the history has not confirmed, oldest first."""

    def __init__(self) -> None:
        self._queue: OrderedDict[int, Command] = OrderedDict()

    def add(self, command: Command) -> None:
        self._queue[id(command)] = command

    def add_first(self, command: Command) -> None:
        """For one that must not be left for the next task: the rest of this turn goes by it."""
        self.add(command)
        self._queue.move_to_end(id(command), last=False)

    def take_back(self, command: Command) -> bool:
        """Whether it was still time."""
        return self._queue.pop(id(command), None) is not None

    def drop(self, types: Set[DecisionType]) -> None:
        """Take back all of these kinds."""
        for command in [command for command in self._queue.values() if command.type in types]:
            self.take_back(command)

    def first(self) -> Command | None:
        return next(iter(self._queue.values()), None)

    def confirm_first(self) -> None:
        self._queue.popitem(last=False)

    def decisions(self) -> list[shapes.Decision]:
        return [command.decision() for command in self._queue.values()]


def decision_of(type_: DecisionType, attributes: shapes.Shape) -> shapes.Decision:
    members: dict[str, Any] = {DECISIONS[type_].member: attributes}
    return shapes.Decision(decision_type=type_, **members)


def describe(type_: DecisionType, key: str, subject: str) -> str:
    return " ".join(part for part in (type_.value, key and f"#{key}", subject) if part)


def _caller() -> tuple[CodeType, int] | None:
    """The line of the user's code that is being run."""
    frame = sys._getframe(3)
    while frame is not None:
        name = frame.f_code.co_filename
        if not name.startswith(_INNER) and (not name.startswith(_STANDARD) or "site-packages" in name):
            return frame.f_code, frame.f_lineno
        if frame.f_back is None:
            return None
        frame = frame.f_back
    return None


def _line(code: CodeType, number: int) -> str:
    return f"{code.co_filename}:{number} in {code.co_qualname}"
