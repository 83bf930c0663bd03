"""A call's arguments, out of the one text that SWF has for them.

Law: what another program or a person wrote by hand is understood if it can be understood in one way: ``[1, "a"]`` is
positional, ``{"number": 1}`` is keywords if each key is a parameter, all else is the sole argument. Pure.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, NamedTuple

import msgspec

from workers_sdk.payloads.description import describe, takes_str, type_name
from workers_sdk.payloads.errors import PayloadError
from workers_sdk.payloads.parameters import Parameters

#: Reads a text, or a part of one, as a value of one type. Raises whatever it likes.
Reader = Callable[["str | msgspec.Raw"], Any]
#: What to call the function with: positional arguments, keyword arguments.
Arguments = tuple[list[Any], dict[str, Any]]

_array: Final = msgspec.json.Decoder(list[msgspec.Raw]).decode
_object: Final = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode


class Call(NamedTuple):
    """*function* is what messages call it, *reader* makes what reads a type."""

    parameters: Parameters
    function: str
    reader: Callable[[Any], Reader]

    def read(self, part: msgspec.Raw, parameter: str) -> Any:
        try:
            return self.reader(self.parameters.types[parameter])(part)
        except Exception as error:
            raise self.unfit(bytes(part).decode(), parameter, error) from error

    def refuse(self, why: str) -> PayloadError:
        return PayloadError(f"{self.function}{self.parameters.signature}: {why}")

    def unfit(self, text: str, parameter: str, error: Exception) -> PayloadError:
        expected = type_name(self.parameters.types[parameter])
        return self.refuse(f"parameter {parameter!r} takes {expected}, but {describe(text)} came: {error}")


def read_arguments(text: str | None, call: Call) -> Arguments:
    """Raises PayloadError that names function, parameter and what came."""
    arguments = ([], {}) if text is None else _FORMS.get(text.lstrip()[:1], _sole)(text, call)
    positional, keywords = arguments
    given = call.parameters.positional[: len(positional)]
    missing = [name for name in call.parameters.required if name not in given and name not in keywords]
    if missing:
        raise call.refuse(f"no argument for {' and '.join(map(repr, missing))}: {describe(text)} came")
    return arguments


def _positional(text: str, call: Call) -> Arguments:
    try:
        parts = _array(text)
    except msgspec.DecodeError:
        return _sole(text, call)
    names = call.parameters.positional
    if len(parts) > len(names):
        if call.parameters.rest is None:
            raise call.refuse(f"takes {len(names)} positional arguments at most, but {describe(text)} came")
        names = (*names, *[call.parameters.rest] * (len(parts) - len(names)))
    return [call.read(part, name) for part, name in zip(parts, names, strict=False)], {}


def _keywords(text: str, call: Call) -> Arguments:
    try:
        parts = _object(text)
    except msgspec.DecodeError:
        return _sole(text, call)
    named, rest = call.parameters.named, call.parameters.named_rest
    unknown = parts.keys() - named
    if (unknown and rest is None) or not (parts or not call.parameters.required):
        return _sole(text, call)
    return [], {name: call.read(part, name if name in named else str(rest)) for name, part in parts.items()}


def _sole(text: str, call: Call) -> Arguments:
    """A text that means itself is an argument where str is expected; an empty one only where something must be."""
    parameter = next(iter(call.parameters.positional), call.parameters.rest)
    if not text.strip() and parameter not in call.parameters.required:
        return [], {}
    if parameter is None and text.strip() == "null":
        return [], {}
    if parameter is None:
        raise call.refuse(f"takes no positional argument, but {describe(text)} came")
    if not text.strip() and parameter not in call.parameters.required:
        return [], {}
    type_ = call.parameters.types[parameter]
    try:
        return [call.reader(type_)(text)], {}
    except Exception as error:
        if takes_str(type_) and text.strip() != "null":
            return [text], {}
        raise call.unfit(text, parameter, error) from error


_FORMS: Final = {"[": _positional, "{": _keywords}
