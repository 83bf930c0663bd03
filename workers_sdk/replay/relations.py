"""Calls of children, of other executions and of Lambda functions.

Law: like an activity's (calls.py): a call is a future, and an end that the history tells.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from workers_sdk import errors
from workers_sdk.definitions.lambdas import LambdaFunction
from workers_sdk.definitions.options import priority_text, seconds_text, task_list_of
from workers_sdk.definitions.workflows import Workflow
from workers_sdk.failures import failure_from
from workers_sdk.replay.calls import UNANSWERED
from workers_sdk.replay.commands import Command
from workers_sdk.replay.loop import WorkflowFuture
from workflowsvc.swf import shapes
from workflowsvc.swf.shapes import DecisionType

if TYPE_CHECKING:
    from workers_sdk.replay.run import Run


class ChildCall(WorkflowFuture[Any]):
    """The result of a child; `started` is its run id. An execution has as many open ones as SWF lets it."""

    def __init__(self, run: Run, workflow: Workflow[..., Any], text: str | None) -> None:
        super().__init__(run.loop)
        self._run = run
        self._workflow = workflow
        self._input = text
        self._serial_id = run.next_id()
        # Of this run, so that the next one, after continue-as-new, does not meet children that are still open.
        self.workflow_id = workflow.options.workflow_id or f"{run.execution.run_id}-{self._serial_id}"
        self.started: WorkflowFuture[str] = WorkflowFuture(run.loop)
        self._command: Command | None = None
        self._open = False
        self._cancelling = False
        run.children.admit(self)

    @property
    def wanted(self) -> bool:
        return not self.done()

    def schedule(self) -> None:
        self._open = True
        type_ = DecisionType.START_CHILD_WORKFLOW_EXECUTION
        self._command = Command(type_, self.workflow_id, self._subject, self._attributes, self)
        self._run.commands.add(self._command)

    @property
    def _subject(self) -> str:
        return f"{self._workflow.name} {self._workflow.version}"

    def _attributes(self) -> shapes.Shape:
        options = self._workflow.said
        return shapes.StartChildWorkflowExecutionDecisionAttributes(
            workflow_id=self.workflow_id,
            workflow_type=shapes.WorkflowType(name=self._workflow.name, version=self._workflow.version),
            input=self._input,
            task_list=task_list_of(options.task_list),
            task_priority=priority_text(options.priority),
            execution_start_to_close_timeout=seconds_text(options.execution_timeout),
            task_start_to_close_timeout=seconds_text(options.task_timeout),
            child_policy=shapes.ChildPolicy(options.child_policy) if options.child_policy else None,
            tag_list=None if options.tags is None else list(options.tags),
            lambda_role=options.lambda_role,
        )

    # ---- what the history says

    def recorded(self, event: shapes.HistoryEvent) -> None:
        self._command = None
        self._run.initiated[event.event_id] = self

    def refused(self, cause: str) -> None:
        self._command = None
        self._close()
        self._fail(errors.DecisionRefused(f"child {self._subject}", cause))

    def begun(self, execution: shapes.WorkflowExecution) -> None:
        if not self.started.done():
            self.started.set_result(execution.run_id)

    def completed(self, result: str | None) -> None:
        self._close()
        if self._was_cancelled():
            return
        try:
            self.set_result(self._run.converter.from_text(result, self._workflow.signature.returns))
        except Exception as error:
            self.set_exception(error)

    def failed(self, reason: str | None, details: str | None) -> None:
        self._end(errors.ChildFailed(f"child {self._subject}", failure_from(reason, details)))

    def canceled(self) -> None:
        self._end(errors.ChildCanceled(f"child {self._subject} was canceled"))

    def timed_out(self) -> None:
        self._end(errors.ChildTimedOut(f"child {self._subject} timed out"))

    def terminated(self) -> None:
        self._end(errors.ChildTerminated(f"child {self._subject} was terminated"))

    def _end(self, error: errors.WorkersError) -> None:
        self._close()
        if not self._was_cancelled():
            self._fail(error)

    def _was_cancelled(self) -> bool:
        """Whoever cancelled it and waited for its end is told so, however it ended: as asyncio does."""
        if self._cancelling:
            super().cancel()
        return self.done()

    def _fail(self, error: errors.WorkersError) -> None:
        if isinstance(error, errors.ChildError):
            error.workflow_id = self.workflow_id
            error.run_id = self.started.result() if self.started.done() and not self.started.cancelled() else ""
        if not self.started.done():
            self.started.set_exception(error)
            self.started.exception()  # whoever asks for it gets it; nobody need
        if not self.done():
            self.set_exception(error)

    def _close(self) -> None:
        if self._open:
            self._open = False
            self._run.children.leave()

    # ---- cancel

    def cancel(self, msg: Any | None = None) -> bool:
        """Take it back if it is not started, else ask the child to end."""
        if self.done():
            return False
        if self._command is not None and self._run.commands.take_back(self._command):
            self._command = None
            self._close()
        if not self._open:
            self.started.cancel()
            return super().cancel(msg)
        if not self._cancelling:
            self._cancelling = True
            self._run.commands.add(_request_cancel(self.workflow_id, None, UNANSWERED))
        return True if self._workflow.options.wait_for_cancel else super().cancel(msg)


class ExternalCall(WorkflowFuture[None]):
    """A signal or a cancel request on its way to another execution: done when that has it."""

    def __init__(self, run: Run, what: str, make: Callable[[ExternalCall], Command]) -> None:
        super().__init__(run.loop)
        self._run = run
        self._what = what
        self._command = make(self)
        run.commands.add(self._command)

    def recorded(self, event: shapes.HistoryEvent) -> None:
        self._run.initiated[event.event_id] = self

    def refused(self, cause: str) -> None:
        if not self.done():
            self.set_exception(errors.DecisionRefused(self._what, cause))

    def delivered(self) -> None:
        if not self.done():
            self.set_result(None)

    def cancel(self, msg: Any | None = None) -> bool:
        """What is on its way cannot be called back: it is only awaited no more."""
        self._run.commands.take_back(self._command)
        return super().cancel(msg)


def signal_call(run: Run, workflow_id: str, run_id: str | None, name: str, text: str | None) -> ExternalCall:
    attributes = shapes.SignalExternalWorkflowExecutionDecisionAttributes(
        workflow_id=workflow_id, run_id=run_id, signal_name=name, input=text
    )
    type_ = DecisionType.SIGNAL_EXTERNAL_WORKFLOW_EXECUTION
    what = f"signal {name} to {workflow_id}"
    return ExternalCall(run, what, lambda call: Command(type_, workflow_id, name, lambda: attributes, call))


def cancel_call(run: Run, workflow_id: str, run_id: str | None) -> ExternalCall:
    what = f"cancel request to {workflow_id}"
    return ExternalCall(run, what, lambda call: _request_cancel(workflow_id, run_id, call))


def _request_cancel(workflow_id: str, run_id: str | None, issuer: Any) -> Command:
    attributes = shapes.RequestCancelExternalWorkflowExecutionDecisionAttributes(workflow_id=workflow_id, run_id=run_id)
    type_ = DecisionType.REQUEST_CANCEL_EXTERNAL_WORKFLOW_EXECUTION
    return Command(type_, workflow_id, "", lambda: attributes, issuer)


class LambdaCall(WorkflowFuture[Any]):
    def __init__(self, run: Run, function: LambdaFunction[Any], text: str | None) -> None:
        super().__init__(run.loop)
        self._run = run
        self._function = function
        attributes = shapes.ScheduleLambdaFunctionDecisionAttributes(
            id=run.next_id(),
            name=function.name,
            input=text,
            start_to_close_timeout=seconds_text(function.start_to_close),
        )
        type_ = DecisionType.SCHEDULE_LAMBDA_FUNCTION
        self._command = Command(type_, attributes.id, function.name, lambda: attributes, self)
        self._open = False
        run.lambdas.admit(self)

    @property
    def wanted(self) -> bool:
        return not self.done()

    def schedule(self) -> None:
        self._open = True
        self._run.commands.add(self._command)

    def recorded(self, event: shapes.HistoryEvent) -> None:
        self._run.tasks[event.event_id] = self

    def refused(self, cause: str) -> None:
        self._end(errors.DecisionRefused(f"function {self._function.name}", cause))

    def completed(self, result: str | None) -> None:
        self._close()
        if self.done():
            return
        try:
            self.set_result(self._run.converter.from_text(result, self._function.returns))
        except Exception as error:
            self.set_exception(error)

    def failed(self, reason: str | None, details: str | None) -> None:
        self._end(errors.LambdaFailed(f"function {self._function.name}", failure_from(reason, details)))

    def timed_out(self) -> None:
        self._end(errors.LambdaTimedOut(f"function {self._function.name} timed out"))

    def _end(self, error: errors.WorkersError) -> None:
        self._close()
        if not self.done():
            self.set_exception(error)

    def _close(self) -> None:
        if self._open:
            self._open = False
            self._run.lambdas.leave()

    def cancel(self, msg: Any | None = None) -> bool:
        """Taken back if it was not sent; a function that runs is only awaited no more."""
        if self._run.commands.take_back(self._command):
            self._close()
        return super().cancel(msg)
