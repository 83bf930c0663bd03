"""What a member must be beyond what its type can say.

Law: a rule reads one request and raises ValidationException; the table at the end says whose rule it is.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from workflowsvc.swf import shapes
from workflowsvc.swf.errors import ValidationException
from workflowsvc.swf.members import wire_name

Rule = Callable[[Any], None]


def _exclusive(shape: type[shapes.Shape]) -> Rule:
    """ "At most one" of the filters that do not ask for a time (SWF.md §8)."""
    known = set(shape.__struct_fields__)
    filters = {m: wire_name(shape, m) for m in sorted(known & _FILTERS)}

    def check(arguments: Any) -> None:
        given = [wire for member, wire in filters.items() if getattr(arguments, member) is not None]
        if len(given) > 1:
            raise ValidationException(
                f"Cannot specify more than one exclusive filters in the same query: [{', '.join(given)}]"
            )

    return check


_FILTERS: Final = frozenset({"close_status_filter", "execution_filter", "tag_filter", "type_filter"})


def _one_time_filter(arguments: Any) -> None:
    """ "Exactly one of startTimeFilter, closeTimeFilter" (SWF.md §8)."""
    if arguments.start_time_filter is None and arguments.close_time_filter is None:
        raise ValidationException("Must specify time filter")
    if arguments.start_time_filter is not None and arguments.close_time_filter is not None:
        start, close = (wire_name(type(arguments), f"{time}_time_filter") for time in ("start", "close"))
        raise ValidationException(f"Cannot specify both a {start} and a {close}")


RULES: Final[Mapping[type[shapes.Shape], Sequence[Rule]]] = {
    shapes.ListOpenWorkflowExecutionsInput: (_exclusive(shapes.ListOpenWorkflowExecutionsInput),),
    shapes.CountOpenWorkflowExecutionsInput: (_exclusive(shapes.CountOpenWorkflowExecutionsInput),),
    shapes.ListClosedWorkflowExecutionsInput: (
        _one_time_filter,
        _exclusive(shapes.ListClosedWorkflowExecutionsInput),
    ),
    shapes.CountClosedWorkflowExecutionsInput: (
        _one_time_filter,
        _exclusive(shapes.CountClosedWorkflowExecutionsInput),
    ),
}
