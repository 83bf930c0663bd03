"""What clients ask of a run as a whole (SWF.md §2.2, §7.5 to §7.7): signal, cancel, terminate."""

from __future__ import annotations

import pytest

from tests.coordinator.execution.scenario import Scenario, Wire, cancel, complete, started
from workflowsvc.swf import faults

DTS = "DecisionTaskScheduled"
SIGNALED, CANCEL_REQUESTED = "WorkflowExecutionSignaled", "WorkflowExecutionCancelRequested"
TERMINATED = "WorkflowExecutionTerminated"


@pytest.mark.parametrize("wire", [{}, {"input": ""}, {"input": "i"}])
def test_a_signal(wire: Wire) -> None:
    """§4, point 30: without input the event has none; externalInitiatedEventId 0 via the API."""
    run = started().decide().signal("a:name|of any kind", **wire)
    assert run.new == [SIGNALED, DTS]
    assert run.last(SIGNALED) == {"signalName": "a:name|of any kind", "externalInitiatedEventId": 0, **wire}


def test_signals_stand_in_order_of_arrival() -> None:
    """§7.6: each call writes an event."""
    run = started().signal("one").signal("two").signal("one")
    assert [signal["signalName"] for signal in run.all(SIGNALED)] == ["one", "two", "one"]


def test_a_cancel_request_is_an_event_and_no_more() -> None:
    """§7.7, §12 #16: repeated ones are written again; the run simply continues."""
    run = started().decide().request_cancel()
    assert run.new == [CANCEL_REQUESTED, DTS]
    assert run.last(CANCEL_REQUESTED) == {"externalInitiatedEventId": 0}
    assert run.request_cancel().new == [CANCEL_REQUESTED]
    assert run.execution.open
    assert run.decide(complete()).types[-1] == "WorkflowExecutionCompleted"


def test_cancelling_needs_no_request() -> None:
    """§3.2: CancelWorkflowExecution closes as CANCELED without a cancel request."""
    run = started().decide(cancel())
    assert run.describe()["executionInfo"]["closeStatus"] == "CANCELED"


@pytest.mark.parametrize("wire", [{}, {"reason": "", "details": ""}, {"reason": "r", "details": "d"}])
def test_a_termination(wire: Wire) -> None:
    """§4.1, §12 #8: this event only, with the effective policy and cause OPERATOR_INITIATED."""
    run = started().take().signal().terminate(**wire)
    assert run.new == [TERMINATED]
    assert run.last(TERMINATED) == {"childPolicy": "TERMINATE", "cause": "OPERATOR_INITIATED", **wire}
    assert run.describe()["executionInfo"]["closeStatus"] == "TERMINATED"


@pytest.mark.parametrize("ask", ["signal", "request_cancel", "terminate"])
@pytest.mark.parametrize("run", [Scenario("gone"), Scenario("gone").start().terminate()], ids=["no run", "closed"])
def test_only_open_runs_are_changed(ask: str, run: Scenario) -> None:
    """§1.3, §2.2: UR if not open, so a repeated terminate fails."""
    with run.refusing(faults.UnknownResourceFault, "Unknown execution, workflowId = gone"):
        getattr(run, ask)()
