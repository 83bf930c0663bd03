"""When to ask again, and after how long.

Law: pure. Time and chance come as arguments; nothing here waits.

As the AWS SDKs do, every operation is repeated after a lost connection or a 5xx, though then nobody knows whether it
took place. What a repetition does where it had:

    reads, counts, lists              nothing
    RecordActivityTaskHeartbeat       nothing
    PollFor*                          the lost task runs into its timeout; the repetition gets another
    RequestCancelWorkflowExecution    a second event in the history, which asks for the same
    SignalWorkflowExecution           **the signal arrives twice**
    StartWorkflowExecution            WorkflowExecutionAlreadyStartedFault, though it is this start that succeeded
    TerminateWorkflowExecution        UnknownResourceFault, though it is terminated
    Respond*                          UnknownResourceFault, though the response was taken
    Register*, Deprecate*, ...        TypeAlreadyExistsFault, TypeDeprecatedFault, ...: as it was wanted
    TagResource, UntagResource        nothing

`errors.trail_of` tells such a fault from one that was there before. Who must not repeat gives `Retries(attempts=1)`.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Final

from workers_sdk.client.errors import ServiceFault
from workflowsvc.swf.errors import Fault, ThrottlingException
from workflowsvc.swf.faults import LimitExceededFault


class Nature(Enum):
    """What became of an attempt that did not succeed."""

    #: an answer: the next one would be the same
    FINAL = "final"
    #: nothing was sent
    UNSENT = "unsent"
    #: sent, and no answer came
    LOST = "lost"
    #: 5xx
    BROKEN = "broken"
    #: refused for there being too much
    THROTTLED = "throttled"

    @property
    def in_doubt(self) -> bool:
        """Whether the action may have taken place."""
        return self in (Nature.LOST, Nature.BROKEN)


#: ThrottlingException apart: the codes of AWS's front ends that SDKs take for throttling.
_THROTTLING: Final = frozenset(
    {"RequestLimitExceeded", "RequestThrottled", "RequestThrottledException", "Throttling", "ThrottledException"}
    | {"SlowDown", "TooManyRequestsException"}
)
_TOO_MANY_REQUESTS: Final = 429
#: Beyond, powers of two are above any cap.
_DOUBLINGS: Final = 60


def nature_of(fault: Fault, *, poll: bool) -> Nature:
    """A poll's LimitExceededFault is throttling: "Limit on maximum concurrent poll requests per task list reached"."""
    if fault.status >= 500:
        return Nature.BROKEN
    limited = poll and isinstance(fault, LimitExceededFault)
    foreign = isinstance(fault, ServiceFault) and (fault.code in _THROTTLING or fault.status == _TOO_MANY_REQUESTS)
    return Nature.THROTTLED if limited or foreign or isinstance(fault, ThrottlingException) else Nature.FINAL


@dataclass(frozen=True, kw_only=True, slots=True)
class Retries:
    """Exponential back-off with full jitter: each pause is drawn between 0 and a ceiling that doubles.

    All but `attempts` are seconds.
    """

    #: how often is asked at most, the first time included; 1: never again
    attempts: int = 8
    #: the ceiling of the first pause
    first: float = 0.1
    #: the same where the service throttles
    throttled: float = 1.0
    #: the ceiling of ceilings
    cap: float = 20.0
    #: how long after the first failure a new attempt may begin
    deadline: float = 60.0

    def pause(
        self, nature: Nature, *, failed: int, since: float, draw: float, retry_after: float | None = None
    ) -> float | None:
        """Seconds until the next attempt; None: there is none.

        *failed* attempts there were, the first of them failed *since* seconds ago; *draw* is of [0, 1). What the
        service asks for by Retry-After is waited at least.
        """
        if nature is Nature.FINAL or failed >= self.attempts:
            return None
        start = self.throttled if nature is Nature.THROTTLED else self.first
        ceiling = min(self.cap, start * 2.0 ** min(failed - 1, _DOUBLINGS))
        pause = max(draw * ceiling, retry_after or 0.0)
        return pause if since + pause <= self.deadline else None
