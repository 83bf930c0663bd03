"""What a decorated function takes and gives.

Law: types are looked at when they are first needed: names in annotations may come later than the function.
"""

from __future__ import annotations

import inspect
import typing
from collections.abc import Callable, Mapping
from functools import cached_property
from typing import Any, Final

#: Parameters that SWF's input can hold: it is a list of values.
_POSITIONAL: Final = {
    inspect.Parameter.POSITIONAL_ONLY,
    inspect.Parameter.POSITIONAL_OR_KEYWORD,
    inspect.Parameter.VAR_POSITIONAL,
}


class FunctionSignature:
    """Of *fn*; with *skip_first*, as its callers see it, without the instance that a method is called on."""

    def __init__(self, fn: Callable[..., Any], *, skip_first: bool = False) -> None:
        self._fn = fn
        parameters = list(inspect.signature(fn).parameters.values())
        if skip_first:
            parameters = parameters[1:]
        for parameter in parameters:
            if parameter.kind not in _POSITIONAL:
                raise TypeError(
                    f"{fn.__qualname__} takes {parameter.name!r} by keyword only: arguments travel as a list, so let "
                    "all parameters be positional"
                )
        self.signature = inspect.Signature(parameters)

    @cached_property
    def hints(self) -> Mapping[str, Any]:
        return typing.get_type_hints(self._fn, include_extras=True)

    @property
    def returns(self) -> Any:
        return self.hints.get("return", Any)

    def positional(self, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> tuple[Any, ...]:
        """The arguments as a list: what is left out before the last one that was given is its default.

        Raises TypeError, as the call itself would.
        """
        if not kwargs:
            self.signature.bind(*args)
            return args
        bound = self.signature.bind(*args, **kwargs)
        last = list(bound.arguments)[-1]
        given: list[Any] = []
        for name, parameter in self.signature.parameters.items():
            if parameter.kind is inspect.Parameter.VAR_POSITIONAL:
                given.extend(bound.arguments.get(name, ()))
            else:
                given.append(bound.arguments.get(name, parameter.default))
            if name == last:
                break
        return tuple(given)
