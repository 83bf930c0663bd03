"""What crosses the broker: actions to the coordinator, replies to the gateway, tasks to task lists.

Law: data only. Requests that a client makes travel in their wire shape (workflowsvc.swf.shapes); what the service
says to itself is defined here. Times are integer milliseconds since the epoch, timeouts of the wire are strings
of seconds. Domains are scoped keys (workflowsvc.names).
"""

from __future__ import annotations

from enum import StrEnum

from msgspec import Struct

from workflowsvc.swf import shapes


class TaskKind(StrEnum):
    DECISION = "decision"
    ACTIVITY = "activity"
    LAMBDA = "lambda"


class TaskList(Struct, frozen=True):
    """One list of tasks. Decisions and activities are two namespaces: one name may serve both."""

    domain: str
    kind: TaskKind
    name: str


#: All Lambda tasks wait here for whoever can invoke functions.
LAMBDA_TASKS = TaskList("", TaskKind.LAMBDA, "")


class Task(Struct, frozen=True):
    """A pointer to one scheduled task. A hint: the coordinator says, when it is taken, whether it still stands."""

    task_list: TaskList
    lane: int
    domain: str
    workflow_id: str
    run_id: str
    scheduled_event_id: int
    #: SWF's int32, higher first
    priority: int = 0


# ---- what the service asks of itself -------------------------------------------------------------------------


class StartTask(Struct, frozen=True):
    """A poller is there: commit the *Started* event of the scheduled task that `Action.task` names.

    Answered by a Given… or, when the task is no longer to be had, by Stale.
    """

    kind: TaskKind
    identity: str | None = None


class Wake(Struct, frozen=True):
    """A deadline of the run may have come: expire what is due."""


class Resume(Struct, frozen=True):
    """Release again all that must be in flight for the run: the broker may have lost it."""


class StartChild(Struct, frozen=True):
    """Start the child that the parent's StartChildWorkflowExecutionInitiated event asks for."""

    parent: shapes.WorkflowExecution
    initiated_event_id: int
    initiated_at: int
    attributes: shapes.StartChildWorkflowExecutionInitiatedEventAttributes


class ChildStarted(Struct, frozen=True):
    initiated_event_id: int
    child: shapes.WorkflowExecution
    workflow_type: shapes.WorkflowType


class ChildNotStarted(Struct, frozen=True):
    initiated_event_id: int
    cause: shapes.StartChildWorkflowExecutionFailedCause


class ChildClosed(Struct, frozen=True):
    """The child (or the last run that continues it) closed; never with CONTINUED_AS_NEW."""

    initiated_event_id: int
    child: shapes.WorkflowExecution
    workflow_type: shapes.WorkflowType
    status: shapes.CloseStatus
    result: str | None = None
    reason: str | None = None
    details: str | None = None


class ApplyChildPolicy(Struct, frozen=True):
    """The parent was terminated or timed out: do to its child what its child policy says."""

    parent: shapes.WorkflowExecution
    initiated_event_id: int
    policy: shapes.ChildPolicy


class SignalExternal(Struct, frozen=True):
    source: shapes.WorkflowExecution
    initiated_event_id: int
    signal_name: str
    input: str | None = None


class CancelExternal(Struct, frozen=True):
    source: shapes.WorkflowExecution
    initiated_event_id: int


class ExternalDone(Struct, frozen=True):
    """The answer to SignalExternal and CancelExternal: *target* is None where no such execution is open."""

    initiated_event_id: int
    target: shapes.WorkflowExecution | None = None


class FinishLambda(Struct, frozen=True):
    """The invocation that `Action.task` names came back. A *reason* says that it failed."""

    result: str | None = None
    reason: str | None = None
    details: str | None = None


#: What one execution says to another.
Word = (
    StartChild
    | ChildStarted
    | ChildNotStarted
    | ChildClosed
    | ApplyChildPolicy
    | SignalExternal
    | CancelExternal
    | ExternalDone
)
ExecutionRequest = (
    shapes.StartWorkflowExecutionInput
    | shapes.SignalWorkflowExecutionInput
    | shapes.RequestCancelWorkflowExecutionInput
    | shapes.TerminateWorkflowExecutionInput
    | shapes.DescribeWorkflowExecutionInput
    | shapes.RespondDecisionTaskCompletedInput
    | shapes.RespondActivityTaskCompletedInput
    | shapes.RespondActivityTaskFailedInput
    | shapes.RespondActivityTaskCanceledInput
    | shapes.RecordActivityTaskHeartbeatInput
    | StartTask
    | Wake
    | Resume
    | Word
    | FinishLambda
)
#: Handled on the lane of the domain itself: `lane_of(domain)`.
CatalogRequest = (
    shapes.RegisterDomainInput
    | shapes.DeprecateDomainInput
    | shapes.UndeprecateDomainInput
    | shapes.RegisterActivityTypeInput
    | shapes.DeprecateActivityTypeInput
    | shapes.UndeprecateActivityTypeInput
    | shapes.DeleteActivityTypeInput
    | shapes.RegisterWorkflowTypeInput
    | shapes.DeprecateWorkflowTypeInput
    | shapes.UndeprecateWorkflowTypeInput
    | shapes.DeleteWorkflowTypeInput
    | shapes.TagResourceInput
    | shapes.UntagResourceInput
)


class CatalogChanged(Struct, frozen=True):
    """What is remembered of domains and types may be stale. Each partition is told, in line with all else."""


class Show(Struct, frozen=True):
    """What was committed in the partition before is to be seen by every process: somebody wants to read."""


Request = ExecutionRequest | CatalogRequest | CatalogChanged | Show


class TaskRef(Struct, frozen=True):
    """A task of a run, by the ids of its events. *started_event_id* is 0 in StartTask."""

    scheduled_event_id: int = 0
    started_event_id: int = 0


NO_TASK = TaskRef()


class Action(Struct, frozen=True):
    """One thing to do to one execution or to the catalogue. The same id is the same action, however often it comes.

    `run_id` "" means the open run of `workflow_id`. `domain` and `workflow_id` may be "" where a run is named by a
    task token too short to hold them: the lane and the run id suffice. `reply_to` "" wants no reply.
    """

    id: str
    lane: int
    domain: str
    workflow_id: str
    run_id: str
    request: Request
    task: TaskRef = NO_TASK
    reply_to: str = ""
    #: it may have been sent, and even handled, before: its sender was resumed, or lost the way of its reply
    repeated: bool = False


# ---- what comes back -----------------------------------------------------------------------------------------


class GivenDecisionTask(Struct, frozen=True):
    workflow_execution: shapes.WorkflowExecution
    workflow_type: shapes.WorkflowType
    task: TaskRef
    previous_started_event_id: int
    #: every event up to DecisionTaskStarted in wire form, or None where the gateway had better read the store
    history: list[bytes] | None = None


class GivenActivityTask(Struct, frozen=True):
    workflow_execution: shapes.WorkflowExecution
    task: TaskRef
    activity_id: str
    activity_type: shapes.ActivityType
    input: str | None = None


class GivenLambda(Struct, frozen=True):
    workflow_execution: shapes.WorkflowExecution
    task: TaskRef
    name: str
    #: seconds
    timeout: int
    input: str | None = None


class Stale(Struct, frozen=True):
    """The task is not to be had any more: acknowledge its hint and take the next."""


Result = (
    None
    | shapes.Run
    | shapes.ActivityTaskStatus
    | shapes.WorkflowExecutionDetail
    | GivenDecisionTask
    | GivenActivityTask
    | GivenLambda
    | Stale
)


class Refusal(Struct, frozen=True):
    """A fault on its way to the wire: the class name of workflowsvc.swf.faults or .errors, and the text."""

    code: str
    message: str | None = None


class Reply(Struct, frozen=True):
    to: str
    action_id: str
    result: Result = None
    refusal: Refusal | None = None
