"""What goes wrong in a workflow, as exceptions.

Law: what workflow code may catch and go on after is a WorkersError. What says that a decision cannot be made, because
code and history do not fit or the code does what it must not, is a DecisionFailed: workflow code never handles it, the
worker does.

    WorkersError
     +-- ActivityError             an activity did not succeed
     |    +-- ActivityFailed       RespondActivityTaskFailed, or an exception in the activity
     |    +-- ActivityTimedOut     one of its four timeouts
     +-- ChildError                a child workflow did not succeed
     |    +-- ChildFailed · ChildTimedOut · ChildTerminated · ChildCanceled
     +-- LambdaError
     |    +-- LambdaFailed · LambdaTimedOut
     +-- DecisionRefused           SWF did not carry out a decision; `cause` says why
     +-- ExecutionFailed           what Handle.result() raises: the execution did not complete
    NonRetryableError              raised by activities: no repetition mends it
    DecisionFailed
     +-- NonDeterminismError       the code no longer fits the history
     +-- ForbiddenInWorkflow       workflow code slept, read a clock, opened a file
     +-- WorkflowStuck             workflow code does not come to rest
     +-- DecisionImpossible        SWF refused to close the execution, and will again
    NotInWorkflow                  what only workflow code may do was done elsewhere
"""

from __future__ import annotations

from typing import Final

from workers_sdk.failures import Failure

__all__ = [
    "ActivityError",
    "ActivityFailed",
    "ActivityTimedOut",
    "ChildCanceled",
    "ChildError",
    "ChildFailed",
    "ChildTerminated",
    "ChildTimedOut",
    "DecisionFailed",
    "DecisionImpossible",
    "DecisionRefused",
    "ExecutionFailed",
    "Failure",
    "ForbiddenInWorkflow",
    "LambdaError",
    "LambdaFailed",
    "LambdaTimedOut",
    "NonDeterminismError",
    "NonRetryableError",
    "NotInWorkflow",
    "Reported",
    "WorkersError",
    "WorkflowStuck",
]

#: What to do about a cause whose name does not say it.
_HINTS: Final = {
    "ACTIVITY_TYPE_DOES_NOT_EXIST": " (no worker that has it was started yet: workers register their types)",
    "WORKFLOW_TYPE_DOES_NOT_EXIST": " (no worker that has it was started yet: workers register their types)",
}


class WorkersError(Exception):
    """An activity, a child, a function or a decision came to no good end."""


class Reported(WorkersError):
    """Something that reported a failure: *what* it was, and what it said."""

    def __init__(self, what: str, failure: Failure) -> None:
        super().__init__(f"{what} failed: {failure.text}")
        self.failure = failure

    @property
    def type(self) -> str:
        """The name of the exception's class where it was raised; of a program that is not ours, its reason."""
        return self.failure.type

    @property
    def reason(self) -> str | None:
        """What SWF's history has as the reason."""
        return self.failure.reason

    @property
    def details(self) -> str | None:
        """As the history has them."""
        return self.failure.details


class ActivityError(WorkersError):
    """An activity did not succeed, however often it was tried."""

    activity: str = ""
    activity_id: str = ""
    #: how many attempts were made
    attempts: int = 1


class ActivityFailed(Reported, ActivityError):
    """The activity reported a failure: ActivityTaskFailed."""


class ActivityTimedOut(ActivityError):
    """ActivityTaskTimedOut; `timeout_type` says which, `details` are those of the last heartbeat."""

    def __init__(self, what: str, timeout_type: str, details: str | None) -> None:
        super().__init__(f"{what} timed out: {timeout_type}")
        self.timeout_type = timeout_type
        self.details = details


class ChildError(WorkersError):
    """A child workflow execution did not complete."""

    workflow_id: str = ""
    run_id: str = ""


class ChildFailed(Reported, ChildError):
    """ChildWorkflowExecutionFailed."""


class ChildTimedOut(ChildError):
    """ChildWorkflowExecutionTimedOut: its execution timeout passed."""


class ChildTerminated(ChildError):
    """ChildWorkflowExecutionTerminated."""


class ChildCanceled(ChildError):
    """ChildWorkflowExecutionCanceled, though nobody here asked for it."""


class LambdaError(WorkersError):
    """A Lambda function did not succeed."""


class LambdaFailed(Reported, LambdaError):
    """LambdaFunctionFailed."""


class LambdaTimedOut(LambdaError):
    """LambdaFunctionTimedOut."""


class DecisionRefused(WorkersError):
    """SWF did not carry out a decision: one of the *Failed events. `cause` is its cause member."""

    def __init__(self, what: str, cause: str) -> None:
        super().__init__(f"{what} was refused: {cause}{_HINTS.get(cause, '')}")
        self.cause = cause


class ExecutionFailed(Reported):
    """The execution closed without a result; `status` is its closeStatus."""

    def __init__(self, what: str, status: str, failure: Failure) -> None:
        super().__init__(what, failure)
        self.status = status
        self.args = (f"{what} ended {status}: {failure.text}" if failure.text else f"{what} ended {status}",)


class NonRetryableError(Exception):
    """Raised in an activity: its policy does not try again."""


class DecisionFailed(Exception):
    """A decision cannot be made. The worker records why in the history, and tries again later."""


class NonDeterminismError(DecisionFailed):
    """The code no longer does what the history says that it did. Guard changes of running workflows by `patched`."""

    def __init__(self, event_id: int, expected: str, got: str, line: str) -> None:
        super().__init__(f"event {event_id}: the history has {expected}, the code wants {got} ({line})")
        self.event_id = event_id
        self.expected = expected
        self.got = got
        #: "file:line in function", as far as it is known
        self.line = line


class ForbiddenInWorkflow(DecisionFailed):
    """Workflow code did what would come out differently at its next replay, or hold up all others."""


class WorkflowStuck(DecisionFailed):
    """Workflow code does not come to rest: it loops without waiting for anything that happens."""


class DecisionImpossible(DecisionFailed):
    """SWF refuses to close the execution for a reason that the next attempt will not change."""


class NotInWorkflow(RuntimeError):
    """Only workflow code can do this, while it is run by a worker."""
