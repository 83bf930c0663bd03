"""What workflow code did once and must find again: side effects and patches.

Law: what a marker says is known before the code runs that asks for it. A patch is not matched in order, and its marker
is sent first: code that asks for it no more still fits.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

import msgspec

from workers_sdk.failures import cut
from workers_sdk.replay.calls import UNANSWERED
from workers_sdk.replay.commands import Command
from workers_sdk.replay.limits import OWN
from workflowsvc.swf import shapes
from workflowsvc.swf.shapes import DecisionType

if TYPE_CHECKING:
    from workers_sdk.replay.run import Run

SIDE_EFFECT: Final = OWN + "side_effect"
PATCH: Final = OWN + "patch"
_NAME_LIMIT: Final = 256


class _SideEffect(msgspec.Struct, frozen=True):
    id: str
    name: str
    value: str


_decode: Final = msgspec.json.Decoder(_SideEffect).decode


class Markers:
    def __init__(self, run: Run) -> None:
        self._run = run
        self._values: dict[str, str] = {}
        self._patches: dict[str, bool] = {}
        self._patched: set[str] = set()

    def known(self, marker: shapes.MarkerRecordedEventAttributes) -> None:
        """One that the history has."""
        if marker.marker_name == SIDE_EFFECT and marker.details:
            effect = _decode(marker.details)
            self._values[effect.id] = effect.value
        elif marker.marker_name == PATCH and marker.details:
            self._patched.add(marker.details)

    def record(self, name: str, value: object) -> None:
        details = None if value is None else self._run.converter.to_text(value)
        self._run.commands.add(_marker(cut(name, _NAME_LIMIT), "", details))

    def side_effect(self, name: str, function: Callable[[], Any], type_: Any) -> Any:
        run = self._run
        key = run.next_id()
        text = self._values.pop(key, None)
        if text is None:
            # At a replay without its marker this is one command more than the history has: that is found out there.
            with run.unguarded():
                text = run.converter.to_text(function())
        details = msgspec.json.encode(_SideEffect(key, name, text)).decode()
        run.commands.add(_marker(SIDE_EFFECT, f"{name} #{key}", details))
        return run.converter.from_text(text, type_)

    def patched(self, patch: str) -> bool:
        if patch not in self._patches:
            known = patch in self._patched
            self._patches[patch] = known or not self._run.replaying
            if not known and not self._run.replaying:
                self._run.commands.add_first(_marker(PATCH, patch, patch))
        return self._patches[patch]


def _marker(name: str, subject: str, details: str | None) -> Command:
    attributes = shapes.RecordMarkerDecisionAttributes(marker_name=name, details=details)
    return Command(DecisionType.RECORD_MARKER, name, subject, lambda: attributes, UNANSWERED)


def marker_subject(marker: shapes.MarkerRecordedEventAttributes) -> str:
    """What besides its name tells a marker from others: which patch, which side effect."""
    if marker.marker_name == PATCH:
        return marker.details or ""
    if marker.marker_name != SIDE_EFFECT or not marker.details:
        return ""
    effect = _decode(marker.details)
    return f"{effect.name} #{effect.id}"
