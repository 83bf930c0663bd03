"""What a converter is: values to text and back.

Law: pure and synchronous, for workflow code calls it at every replay: no I/O, no clock, no chance; the same value gives
the same text in every process.
"""

from __future__ import annotations

import inspect
from collections.abc import Mapping, Sequence
from typing import Any, Protocol


class Converter(Protocol):
    """Every method raises PayloadError, and nothing else, for a value or text that will not do."""

    def to_text(self, value: object) -> str:
        """A result, a signal's input, details: anything that is one value."""
        ...

    def from_text(self, text: str | None, type_: Any = Any) -> Any:
        """The value of *type_* that *text* is. None and "" are None, if *type_* allows that."""
        ...

    def arguments_to_text(self, arguments: Sequence[object]) -> str | None:
        """The input of a call. None: there are no arguments."""
        ...

    def text_to_arguments(
        self, text: str | None, signature: inspect.Signature, hints: Mapping[str, Any], *, function: str = ""
    ) -> tuple[list[Any], dict[str, Any]]:
        """What to call a function of *signature* with. *hints*: ``typing.get_type_hints`` of it; a parameter without
        a hint takes anything. *function* is its name, for messages."""
        ...
