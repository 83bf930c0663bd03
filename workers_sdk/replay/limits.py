"""How much goes into one answer to a decision task.

Law: what does not fit comes with the next task, which a timer of no length brings at once. Nothing is left out, and the
order stays.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import msgspec

from workers_sdk.replay.commands import decision_of
from workflowsvc.swf import shapes
from workflowsvc.swf.shapes import DecisionType

#: SWF documents none, but the Flow Framework never sends more: what it does is what AWS is used to.
DECISIONS_LIMIT: Final = 100
#: "Request size: 1 MB" (SWF quotas), less what else is in the request.
BYTES_LIMIT: Final = 1_000_000 - 50_000

#: Names of the library's own in a history. All else is the workflow's.
OWN: Final = "workers_sdk."
#: The timer that brings the rest.
MORE: Final = OWN + "more"
#: The marker of a decision that could not be made, and the timer that brings the next attempt (failing.py).
FAILED: Final = OWN + "decision_failed"
RETRY: Final = OWN + "retry"

_encode: Final = msgspec.json.Encoder().encode


def fitting(decisions: Sequence[shapes.Decision]) -> list[shapes.Decision]:
    """As many of the first as fit, and then, if that is not all, what makes the next task come."""
    if len(decisions) <= DECISIONS_LIMIT and _size(decisions) <= BYTES_LIMIT:
        return list(decisions)
    fit: list[shapes.Decision] = []
    room = BYTES_LIMIT
    for decision in decisions[: DECISIONS_LIMIT - 1]:
        room -= _size([decision])
        if room < 0 and fit:
            break
        fit.append(decision)
    return [*fit, _MORE]


def _size(decisions: Sequence[shapes.Decision]) -> int:
    return len(_encode(decisions))


_MORE: Final = decision_of(
    DecisionType.START_TIMER, shapes.StartTimerDecisionAttributes(timer_id=MORE, start_to_fire_timeout="0")
)
