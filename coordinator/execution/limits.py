"""The year that an execution can last, and the refusal of more.

Law: a client that asks for more is refused; a decision that does is cut to it.
"""

from __future__ import annotations

from workflowsvc.swf.errors import ValidationException, violation
from workflowsvc.swf.members import wire_name
from workflowsvc.swf.shapes import Shape

#: "Maximum workflow execution time: 1 year. This is a hard limit" (seconds)
YEAR = 31_536_000


def check_execution_timeout(request: Shape, member: str) -> None:
    """ "You cannot specify NONE": there is a limit. Raises ValidationException."""
    timeout: str | None = getattr(request, member)
    if timeout is not None and (timeout == "NONE" or int(timeout) > YEAR):
        rule = f"Member must be a number of seconds less than or equal to {YEAR}"
        raise ValidationException.of(violation(f"'{timeout}'", wire_name(type(request), member), rule))


def within_a_year(timeout: str) -> str:
    """NONE, and all that is longer, ends with the year."""
    return str(YEAR) if timeout == "NONE" or int(timeout) > YEAR else timeout
