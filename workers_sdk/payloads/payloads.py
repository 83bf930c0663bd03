"""Converter and codecs together, and where in SWF's structures they are applied.

Law: the converter is for workflow code and everybody; the rest of this is for the edge, where worker and client speak
with SWF, once on the way out and once on the way in. What no codec touches stays the converter's text, and the very
same objects.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, TypeVar

import msgspec

from workers_sdk.payloads.codec import Codec
from workers_sdk.payloads.converter import Converter
from workers_sdk.payloads.envelope import PREFIX, TEXT, characters, check_name, escaped, opened, wrap
from workers_sdk.payloads.errors import PayloadError, PayloadTooLarge
from workers_sdk.payloads.json_converter import JsonConverter
from workers_sdk.payloads.members import DECISION_PAYLOADS, EVENT_PAYLOADS, Member, payload_members
from workers_sdk.payloads.together import together
from workflowsvc.swf.shapes import Decision, HistoryEvent, Shape

S = TypeVar("S", bound=Shape)

#: "Length Constraints: Maximum length of 32768" (API reference, Data and FunctionInput).
DATA_LIMIT: Final = 32_768


class Payloads:
    """*codecs* are applied first to last to what is sent: compress, encrypt, then store what is still too long. What
    is received is undone in whatever order it was made, by those and by *also_read*: codecs that programs no longer
    write with, or do not write with yet. All methods but the converter's may raise PayloadStoreUnavailable."""

    def __init__(
        self, converter: Converter | None = None, codecs: Sequence[Codec] = (), *, also_read: Sequence[Codec] = ()
    ) -> None:
        """Raises ValueError for two codecs of one name, or a name that is none."""
        self.converter: Converter = converter or JsonConverter()
        self._codecs = tuple(codecs)
        readers = (*codecs, *also_read)
        self._readers = {check_name(codec.name): codec for codec in readers}
        if len(self._readers) != len(readers):
            raise ValueError(f"two codecs have the same name: {', '.join(codec.name for codec in readers)}")

    async def encode(self, text: str | None, limit: int = DATA_LIMIT, *, what: str = "") -> str | None:
        """*text* as it is sent in a member that takes *limit* characters; *what* it is, for messages. Raises
        PayloadTooLarge if nothing makes it fit."""
        if text is None:
            return None
        try:
            encoded = escaped(text)
            for codec in self._codecs:
                body = await codec.encode(encoded, limit)
                if body is not None:
                    encoded = wrap(codec.name, body)
            _measure(encoded, limit, what)
        except PayloadError as error:
            error.what = error.what or what
            raise
        return encoded

    async def decode(self, text: str | None, *, what: str = "") -> str | None:
        """*text* without its envelopes. Raises PayloadError for an envelope of a codec that is not here."""
        if text is None or not text.startswith(PREFIX):
            return text
        try:
            return await self._open(text)
        except PayloadError as error:
            error.what = error.what or what
            raise

    async def decode_events(self, events: Sequence[HistoryEvent]) -> Sequence[HistoryEvent]:
        """*events* with their payloads decoded; itself if there is nothing to decode."""
        places = [index for index, event in enumerate(events) if _is_encoded(event)]
        if not places:
            return events
        decoded = await together(self._decode_event, [events[index] for index in places])
        changed = dict(zip(places, decoded, strict=True))
        return [changed.get(index, event) for index, event in enumerate(events)]

    async def encode_decisions(self, decisions: Sequence[Decision]) -> Sequence[Decision]:
        """*decisions* with their payloads encoded; itself if that changes none. Raises PayloadTooLarge, which says of
        which decision."""
        numbered = list(enumerate(decisions, 1))
        if self._codecs:
            encoded = await together(self._encode_decision, numbered)
        else:
            encoded = [await self._encode_decision(each) for each in numbered]
        changed = any(new is not old for new, old in zip(encoded, decisions, strict=True))
        return encoded if changed else decisions

    async def encode_request(self, request: S) -> S:
        """A request with its own payloads encoded: input, result, details, executionContext. Decisions in it are left
        as they are. Itself if that changes none."""
        return await self._encode_members(request, payload_members(type(request)), type(request).__name__)

    async def decode_answer(self, answer: S) -> S:
        """An answer with its own payloads decoded: input of an ActivityTask, latestExecutionContext. Events in it are
        left as they are. Itself if that changes none."""
        return await self._decode_members(answer, payload_members(type(answer)), type(answer).__name__)

    async def _open(self, text: str) -> str:
        for _ in range(len(self._readers) + 1):
            parts = opened(text)
            if parts is None:
                return text
            name, body = parts
            if name == TEXT:
                return body
            if name not in self._readers:
                raise PayloadError(f"made by a codec {name!r} that Payloads does not have: see codecs and also_read")
            text = await self._readers[name].decode(body)
        raise PayloadError("more envelopes in one another than there are codecs")

    async def _decode_event(self, event: HistoryEvent) -> HistoryEvent:
        place = EVENT_PAYLOADS[event.event_type]
        whose = f"event {event.event_id}, {event.event_type}"
        attributes = await self._decode_members(getattr(event, place.attributes), place.members, whose)
        return msgspec.structs.replace(event, **{place.attributes: attributes})

    async def _encode_decision(self, numbered: tuple[int, Decision]) -> Decision:
        number, decision = numbered
        place = DECISION_PAYLOADS.get(decision.decision_type)
        attributes: Shape | None = getattr(decision, place.attributes) if place else None
        if place is None or attributes is None:
            return decision
        whose = f"decision {number}, {decision.decision_type}"
        encoded = await self._encode_members(attributes, place.members, whose)
        return decision if encoded is attributes else msgspec.structs.replace(decision, **{place.attributes: encoded})

    async def _encode_members(self, shape: S, members: Sequence[Member], whose: str) -> S:
        changed: dict[str, Any] = {}
        for name, limit, coded in members:
            text: str | None = getattr(shape, name)
            if text is not None and not coded:
                _measure(text, limit, f"{name} of {whose}")
            elif text is not None:
                changed[name] = await self.encode(text, limit, what=f"{name} of {whose}")
        return _replaced(shape, changed)

    async def _decode_members(self, shape: S, members: Sequence[Member], whose: str) -> S:
        changed: dict[str, Any] = {}
        for name, _, coded in members:
            text: str | None = getattr(shape, name)
            if coded and text is not None and text.startswith(PREFIX):
                changed[name] = await self.decode(text, what=f"{name} of {whose}")
        return _replaced(shape, changed)


def _replaced(shape: S, members: dict[str, Any]) -> S:
    changed = {name: text for name, text in members.items() if text is not getattr(shape, name)}
    return msgspec.structs.replace(shape, **changed) if changed else shape


def _is_encoded(event: HistoryEvent) -> bool:
    """Asked of every event at every replay, and nearly always answered no."""
    place = EVENT_PAYLOADS.get(event.event_type)
    if place is None:
        return False
    attributes = getattr(event, place.attributes)
    for member in place.members:
        text: str | None = getattr(attributes, member.name, None)
        if text is not None and text.startswith(PREFIX):
            return True
    return False


def _measure(text: str, limit: int, what: str) -> None:
    if len(text) * 2 > limit and (length := characters(text)) > limit:
        raise PayloadTooLarge(length, limit, what)
