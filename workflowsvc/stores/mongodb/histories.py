"""The documents of runs' histories, found by their numbers: 0, 1, 2, ... of each run, without a hole.

Law: no index but that of `_id`, since each index would cost every commit; so ids are asked for that there may not be.
Each document has an event at least, so a run's numbers are never above its event ids.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from workflowsvc.stores.mongodb import schema
from workflowsvc.stores.mongodb.documents import Document, history_id
from workflowsvc.stores.mongodb.server import Server

#: Numbers that are asked for at a time: at first, as most runs are short, and then.
_FIRST_PAGE: Final = 32
_PAGE: Final = 128
#: Above every number that a run of 25,000 events can have.
_END: Final = 2**15
#: What is asked for at first of a run of any length.
_PROBES: Final = (*range(_FIRST_PAGE), *(2**power for power in range(_FIRST_PAGE.bit_length(), _END.bit_length() - 1)))
_PLACE: Final = ("number", "first", "last")


class Histories:
    def __init__(self, server: Server) -> None:
        self._server = server

    async def numbered(
        self, run_id: str, numbers: Iterable[int], fields: Sequence[str] | None = None
    ) -> list[Document]:
        """Those of the numbers that there are, in their order."""
        # The run says on which shard they are.
        wanted = {"run": run_id, "_id": {"$in": [history_id(run_id, number) for number in numbers]}}
        found = await self._server.find(schema.HISTORIES, wanted, fields=fields)
        return sorted(found, key=_number)

    async def since(self, run_id: str, number: int, until: int = _END) -> list[Document]:
        """All from *number* on, before *until*."""
        found: list[Document] = []
        for page in _pages(number, until):
            part = await self.numbered(run_id, page)
            found += part
            if len(part) < len(page):
                break
        return found

    async def last(self, run_id: str) -> Document | None:
        place = await self.place(run_id)
        found = [] if place is None else await self.numbered(run_id, [place["number"]])
        return found[0] if found else None

    async def place(self, run_id: str, event_id: int | None = None) -> Document | None:
        """Number, first and last event of the last document that begins with the event or before; None for the last."""
        low, high = None, _END
        probes: Sequence[int] = _PROBES
        while True:
            found = await self.numbered(run_id, probes, _PLACE)
            fitting = [each for each in found if event_id is None or each["first"] <= event_id]
            low = fitting[-1] if fitting else low
            if low is None:
                return None
            high = next((number for number in probes if number > low["number"]), high)
            if high - low["number"] <= 1:
                return low
            probes = _between(low["number"], high)

    async def events(self, run_id: str, first: int, last: int) -> list[bytes]:
        """The events from *first* to *last*, as far as they follow one another."""
        begin = {"number": 0} if first == 1 else await self.place(run_id, first)
        found: list[bytes] = []
        for page in _pages(begin["number"], _END) if begin else ():
            documents = await self.numbered(run_id, page)
            found += events_of(documents, first + len(found))
            if len(documents) < len(page) or len(found) > last - first:
                break
        return found[: last - first + 1]

    async def has_action(self, run_id: str, action_id: str) -> bool:
        """Looked for along the run from its end, where what is asked for again has just been written."""
        place = await self.place(run_id)
        end = 0 if place is None else place["number"] + 1
        while end > 0:
            begin = max(0, end - _PAGE)
            page = await self.numbered(run_id, range(begin, end), ["number", "actions"])
            if any(action_id in document["actions"] for document in page):
                return True
            end = begin
        return False


def events_of(documents: Iterable[Document], first: int) -> Iterator[bytes]:
    """The events from *first* on, as far as they follow one another: a run that is being purged has holes."""
    expected = None
    for document in documents:
        if document["first"] != (expected or document["first"]) or (expected is None and document["first"] > first):
            return
        yield from document["events"][max(first - document["first"], 0) :]
        expected = document["last"] + 1


def _number(document: Document) -> int:
    return int(document["number"])


def _pages(number: int, until: int) -> Iterator[range]:
    size = _FIRST_PAGE
    while number < until:
        yield range(number, min(number + size, until))
        number, size = number + size, _PAGE


def _between(low: int, high: int) -> Sequence[int]:
    """Numbers above *low* and below *high*: all of them, or as many as make the next gap much smaller."""
    step = max(1, (high - low) // _FIRST_PAGE)
    return range(low + step, high, step)
