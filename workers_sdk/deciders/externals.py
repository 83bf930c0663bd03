"""Work that concerns other executions: children, and signals and cancel requests to any execution of the domain.

Law: names are those of the attributes that they are read from; what `work` has in common is said there.
"""

from __future__ import annotations

from workers_sdk.deciders.work import Answered, Work
from workflowsvc.swf import shapes


class Child(Answered, frozen=True):
    """One child execution. INITIATED, then STARTED and so on, or START_FAILED (its id was taken; see `cause`).

    A child that continues as new stays the same child (SWF tells the parent of the last run only).
    """

    @property
    def initiated(self) -> shapes.StartChildWorkflowExecutionInitiatedEventAttributes:
        """All that it is started with, defaults filled in."""
        return self.opening_as(shapes.StartChildWorkflowExecutionInitiatedEventAttributes)

    @property
    def started(self) -> shapes.ChildWorkflowExecutionStartedEventAttributes | None:
        """Its ids, once it has started."""
        return self.last(shapes.ChildWorkflowExecutionStartedEventAttributes)

    @property
    def id(self) -> str:
        return self.initiated.workflow_id

    @property
    def workflow_id(self) -> str:
        """As `id`."""
        return self.id

    @property
    def run_id(self) -> str | None:
        """Once it has started."""
        return self.started.workflow_execution.run_id if self.started else None

    @property
    def type(self) -> shapes.WorkflowType:
        """Name and version."""
        return self.initiated.workflow_type

    @property
    def input(self) -> str | None:
        """As it is started with."""
        return self.initiated.input

    @property
    def control(self) -> str | None:
        """What the decider noted for itself."""
        return self.initiated.control

    @property
    def initiated_id(self) -> int:
        """Of its event StartChildWorkflowExecutionInitiated."""
        return self.opened_id

    @property
    def cause(self) -> shapes.StartChildWorkflowExecutionFailedCause | None:
        """Of what is START_FAILED."""
        failed = self.last(shapes.StartChildWorkflowExecutionFailedEventAttributes)
        return failed.cause if failed else None


class ExternalSignal(Work, frozen=True):
    """One signal to another execution. INITIATED, then SIGNALED or FAILED."""

    @property
    def initiated(self) -> shapes.SignalExternalWorkflowExecutionInitiatedEventAttributes:
        """All that the decision said."""
        return self.opening_as(shapes.SignalExternalWorkflowExecutionInitiatedEventAttributes)

    @property
    def id(self) -> str:
        """The workflow id that it goes to: SWF has no other name for it."""
        return self.initiated.workflow_id

    @property
    def workflow_id(self) -> str:
        """As `id`."""
        return self.id

    @property
    def run_id(self) -> str | None:
        """The run that got it; before that, the one that was asked for."""
        signaled = self.last(shapes.ExternalWorkflowExecutionSignaledEventAttributes)
        return signaled.workflow_execution.run_id if signaled else self.initiated.run_id

    @property
    def signal_name(self) -> str:
        """The signal's."""
        return self.initiated.signal_name

    @property
    def input(self) -> str | None:
        """The signal's."""
        return self.initiated.input

    @property
    def control(self) -> str | None:
        """What the decider noted for itself."""
        return self.initiated.control

    @property
    def initiated_id(self) -> int:
        """Of its event SignalExternalWorkflowExecutionInitiated."""
        return self.opened_id

    @property
    def cause(self) -> shapes.SignalExternalWorkflowExecutionFailedCause | None:
        """Of what FAILED."""
        failed = self.last(shapes.SignalExternalWorkflowExecutionFailedEventAttributes)
        return failed.cause if failed else None


class ExternalCancel(Work, frozen=True):
    """One cancel request to another execution. INITIATED, then CANCEL_REQUESTED or FAILED."""

    @property
    def initiated(self) -> shapes.RequestCancelExternalWorkflowExecutionInitiatedEventAttributes:
        """All that the decision said."""
        return self.opening_as(shapes.RequestCancelExternalWorkflowExecutionInitiatedEventAttributes)

    @property
    def id(self) -> str:
        """The workflow id that it goes to: SWF has no other name for it."""
        return self.initiated.workflow_id

    @property
    def workflow_id(self) -> str:
        """As `id`."""
        return self.id

    @property
    def run_id(self) -> str | None:
        """The run that got it; before that, the one that was asked for."""
        requested = self.last(shapes.ExternalWorkflowExecutionCancelRequestedEventAttributes)
        return requested.workflow_execution.run_id if requested else self.initiated.run_id

    @property
    def control(self) -> str | None:
        """What the decider noted for itself."""
        return self.initiated.control

    @property
    def initiated_id(self) -> int:
        """Of its event RequestCancelExternalWorkflowExecutionInitiated."""
        return self.opened_id

    @property
    def cause(self) -> shapes.RequestCancelExternalWorkflowExecutionFailedCause | None:
        """Of what FAILED."""
        failed = self.last(shapes.RequestCancelExternalWorkflowExecutionFailedEventAttributes)
        return failed.cause if failed else None
