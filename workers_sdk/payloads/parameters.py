"""What a signature asks for, sorted once: it is asked at every replay.

Law: data only, derived from the signature and the hints.
"""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

_Parameter = inspect.Parameter


@dataclass(frozen=True, slots=True)
class Parameters:
    """The parameters of a function by how they can be given, and their types by name (Any without a hint)."""

    signature: inspect.Signature
    types: Mapping[str, Any]
    #: those that an array can fill, in order
    positional: tuple[str, ...]
    #: those that an object's keys can name
    named: frozenset[str]
    required: tuple[str, ...]
    #: the names of ``*args`` and ``**kwargs``, if it has them
    rest: str | None
    named_rest: str | None

    @classmethod
    def of(cls, signature: inspect.Signature, hints: Mapping[str, Any]) -> Parameters:
        def names(*kinds: Any) -> tuple[str, ...]:
            return tuple(each.name for each in signature.parameters.values() if each.kind in kinds)

        gathering = (_Parameter.VAR_POSITIONAL, _Parameter.VAR_KEYWORD)
        mandatory = {each.name for each in signature.parameters.values() if each.default is _Parameter.empty}
        return cls(
            signature=signature,
            types={name: hints.get(name, Any) for name in signature.parameters},
            positional=names(_Parameter.POSITIONAL_ONLY, _Parameter.POSITIONAL_OR_KEYWORD),
            named=frozenset(names(_Parameter.POSITIONAL_OR_KEYWORD, _Parameter.KEYWORD_ONLY)),
            required=tuple(name for name in signature.parameters if name in mandatory - set(names(*gathering))),
            rest=next(iter(names(_Parameter.VAR_POSITIONAL)), None),
            named_rest=next(iter(names(_Parameter.VAR_KEYWORD)), None),
        )
