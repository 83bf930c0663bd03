"""How an execution ends, by how its code ended.

Law: one decision closes it, the last of all, and is asked for again if SWF says UNHANDLED_DECISION: something came in
between. If it was the only decision, the code is run again and sees that first (history.py); what was decided beside it
stands, and then the close is only repeated. A close that is refused for another reason fails one decision, which is
seen, and is asked for again when that one is tried again.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Final

from workers_sdk.definitions.options import priority_text, seconds_text, task_list_of
from workers_sdk.definitions.workflows import Workflow
from workers_sdk.errors import DecisionFailed, DecisionImpossible
from workers_sdk.failures import failure_of
from workers_sdk.replay.commands import Command, Commands
from workflowsvc.swf import shapes
from workflowsvc.swf.shapes import DecisionType

if TYPE_CHECKING:
    from workers_sdk.replay.run import Run

#: "Specified decision is incompatible with close decision": SWF refuses a batch that holds one of these and closes.
_INCOMPATIBLE: Final = frozenset(
    {
        DecisionType.SCHEDULE_ACTIVITY_TASK,
        DecisionType.REQUEST_CANCEL_ACTIVITY_TASK,
        DecisionType.SCHEDULE_LAMBDA_FUNCTION,
        DecisionType.START_TIMER,
    }
)
#: and what a closed execution has no use for
_NEEDLESS: Final = frozenset({DecisionType.CANCEL_TIMER})
CLOSING: Final = frozenset(
    {
        DecisionType.COMPLETE_WORKFLOW_EXECUTION,
        DecisionType.FAIL_WORKFLOW_EXECUTION,
        DecisionType.CANCEL_WORKFLOW_EXECUTION,
        DecisionType.CONTINUE_AS_NEW_WORKFLOW_EXECUTION,
    }
)
UNHANDLED: Final = "UNHANDLED_DECISION"


class ContinueAsNew(BaseException):
    """Ends this run of the workflow, through every `except Exception`."""

    def __init__(self, workflow: Workflow[..., Any], text: str | None) -> None:
        super().__init__(workflow.name)
        self.workflow = workflow
        self.text = text


class Ending:
    """The one decision that closes the execution: the last of its batch, or SWF refuses the batch."""

    def __init__(self, type_: DecisionType, attributes: shapes.Shape, why: str = "") -> None:
        """*why* is for whoever reads that this is not what the history has."""
        self._command = Command(type_, "", why, lambda: attributes, self)
        self._refusal = ""

    def issue(self, commands: Commands) -> None:
        """At the end of each turn until it is sent. What would have begun is not begun any more.

        Raises DecisionImpossible.
        """
        if self._refusal:
            raise DecisionImpossible(f"{self._command.type.value} was refused: {self._refusal}")
        commands.drop(_INCOMPATIBLE | _NEEDLESS)
        commands.take_back(self._command)
        commands.add(self._command)

    def recorded(self, event: shapes.HistoryEvent) -> None:
        """It is closed: nobody will ask for more."""

    def refused(self, cause: str) -> None:
        self._refusal = "" if cause == UNHANDLED else cause

    def try_again(self) -> None:
        """The refusal was told, in a decision that failed."""
        self._refusal = ""


def ending_of(run: Run, main: asyncio.Task[Any], *, cancel_requested: bool) -> Ending:
    """What the end of *main* means for the execution. Raises DecisionFailed."""
    try:
        result = main.result()
        text = None if result is None else run.converter.to_text(result)
    except BaseException as error:  # whatever it is, it is the code's: nothing else runs here
        return ended_by(run, error, cancel_requested=cancel_requested)
    attributes = shapes.CompleteWorkflowExecutionDecisionAttributes(result=text)
    return Ending(DecisionType.COMPLETE_WORKFLOW_EXECUTION, attributes)


def ended_by(run: Run, error: BaseException, *, cancel_requested: bool = False) -> Ending:
    """What it means that the code, or a signal's handler, ended by *error*. Raises DecisionFailed."""
    if isinstance(error, DecisionFailed):
        raise error
    if isinstance(error, asyncio.CancelledError) and cancel_requested:
        return Ending(DecisionType.CANCEL_WORKFLOW_EXECUTION, shapes.CancelWorkflowExecutionDecisionAttributes())
    ending = _continue_as_new(error)
    if ending is not None:
        return Ending(DecisionType.CONTINUE_AS_NEW_WORKFLOW_EXECUTION, _continuation(run.started, ending))
    return _failed(error)


def _continue_as_new(error: BaseException) -> ContinueAsNew | None:
    """It itself, or what a TaskGroup makes of it."""
    while isinstance(error, BaseExceptionGroup) and len(error.exceptions) == 1:
        error = error.exceptions[0]
    return error if isinstance(error, ContinueAsNew) else None


def _failed(error: BaseException) -> Ending:
    failure = failure_of(error)
    attributes = shapes.FailWorkflowExecutionDecisionAttributes(reason=failure.reason, details=failure.details)
    return Ending(DecisionType.FAIL_WORKFLOW_EXECUTION, attributes, failure.reason or "")


def _continuation(
    started: shapes.WorkflowExecutionStartedEventAttributes, ending: ContinueAsNew
) -> shapes.ContinueAsNewWorkflowExecutionDecisionAttributes:
    """All is said: "settings not given come from the type's defaults, not from the old run"; tags would be lost."""
    options = ending.workflow.said
    tags: list[str | None] | None = started.tag_list if options.tags is None else [*options.tags]
    return shapes.ContinueAsNewWorkflowExecutionDecisionAttributes(
        input=ending.text,
        workflow_type_version=ending.workflow.version,
        task_list=task_list_of(options.task_list) or started.task_list,
        task_priority=priority_text(options.priority) or started.task_priority,
        execution_start_to_close_timeout=seconds_text(options.execution_timeout)
        or started.execution_start_to_close_timeout,
        task_start_to_close_timeout=seconds_text(options.task_timeout) or started.task_start_to_close_timeout,
        child_policy=shapes.ChildPolicy(options.child_policy) if options.child_policy else started.child_policy,
        tag_list=tags,
        lambda_role=options.lambda_role or started.lambda_role,
    )
