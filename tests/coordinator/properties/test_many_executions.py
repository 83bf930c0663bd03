"""Parents, children, successors and strangers over a network that delays, repeats and loses.

Law: what must hold at each moment is an invariant of the machine; what must hold when all has been said is checked
at the end of each program, after every run was resumed once.
"""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from coordinator.execution.state import Execution
from tests.coordinator.properties import making
from tests.coordinator.properties.making import CLOSES, decisions_of
from tests.coordinator.properties.network import Network
from tests.coordinator.properties.oracle import CLOSES as CLOSE_EVENTS
from workflowsvc.swf import shapes
from workflowsvc.swf.shapes import ChildPolicy, CloseStatus, DecisionType

WORKFLOW_IDS = ["root", "other", "child", "grandchild"]

workflow_ids = st.sampled_from(WORKFLOW_IDS)
lots = st.integers(0, 100)
REACHING_OUT = (
    DecisionType.START_CHILD_WORKFLOW_EXECUTION,
    DecisionType.START_CHILD_WORKFLOW_EXECUTION,
    DecisionType.SIGNAL_EXTERNAL_WORKFLOW_EXECUTION,
    DecisionType.REQUEST_CANCEL_EXTERNAL_WORKFLOW_EXECUTION,
)
reaching_out = st.lists(decisions_of(workflow_ids, REACHING_OUT), min_size=1, max_size=4)
closing = st.builds(
    lambda before, last: [*before, last],
    st.lists(decisions_of(workflow_ids, REACHING_OUT), max_size=2),
    decisions_of(workflow_ids, CLOSES),
)

CHILD_CLOSED = {
    CloseStatus.COMPLETED: "ChildWorkflowExecutionCompleted",
    CloseStatus.FAILED: "ChildWorkflowExecutionFailed",
    CloseStatus.CANCELED: "ChildWorkflowExecutionCanceled",
    CloseStatus.TERMINATED: "ChildWorkflowExecutionTerminated",
    CloseStatus.TIMED_OUT: "ChildWorkflowExecutionTimedOut",
}
ANSWERS = {
    "SignalExternalWorkflowExecutionInitiated": (
        "ExternalWorkflowExecutionSignaled",
        "SignalExternalWorkflowExecutionFailed",
    ),
    "RequestCancelExternalWorkflowExecutionInitiated": (
        "ExternalWorkflowExecutionCancelRequested",
        "RequestCancelExternalWorkflowExecutionFailed",
    ),
}


class ManyExecutions(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.network = Network()

    @initialize(policy=st.sampled_from(ChildPolicy), decisions=reaching_out)
    def start_a_parent(self, policy: ChildPolicy, decisions: list[shapes.Decision]) -> None:
        self.network.ask("root", making.start_of("root", child_policy=policy))
        self.network.decide(self.network.chains["root"][0], decisions)

    # ---- clients, deciders, time

    @rule(workflow_id=workflow_ids, policy=making.policies)
    def start(self, workflow_id: str, policy: ChildPolicy | None) -> None:
        was_open = any(run.workflow_id == workflow_id for run in self.network.open_runs())
        accepted = self.network.ask(workflow_id, making.start_of(workflow_id, child_policy=policy))
        assert accepted != was_open

    @precondition(lambda self: self.network.open_runs())
    @rule(lot=lots, decisions=reaching_out)
    def reach_out(self, lot: int, decisions: list[shapes.Decision]) -> None:
        self.network.decide(self._open(lot).run_id, decisions)

    @precondition(lambda self: self.network.open_runs())
    @rule(lot=lots, decisions=closing)
    def close(self, lot: int, decisions: list[shapes.Decision]) -> None:
        """UNHANDLED_DECISION makes this fail at times; a decider then decides again."""
        run = self._open(lot)
        self.network.decide(run.run_id, decisions)
        if run.open:
            self.network.decide(run.run_id, decisions[-1:])

    @precondition(lambda self: self.network.open_runs())
    @rule(lot=lots, decisions=reaching_out)
    def be_overtaken_while_deciding(self, lot: int, decisions: list[shapes.Decision]) -> None:
        """Something comes in between the start of a decision task and its end."""
        run = self._open(lot)
        self.network.start_decision_task(run.run_id)
        self._deliver_some(lot)
        if run.open:
            self.network.decide(run.run_id, decisions)

    @precondition(lambda self: self.network.open_runs())
    @rule(lot=lots, policy=making.policies)
    def terminate(self, lot: int, policy: ChildPolicy | None) -> None:
        run = self._open(lot)
        request = shapes.TerminateWorkflowExecutionInput(
            domain="orders", workflow_id=run.workflow_id, child_policy=policy
        )
        assert self.network.ask(run.workflow_id, request)

    @rule(step=st.sampled_from([0, 1000, 8000, 70_000]))
    def pass_time(self, step: int) -> None:
        self.network.pass_time(step)

    # ---- the network

    @precondition(lambda self: self.network.links)
    @rule(lot=lots)
    def deliver(self, lot: int) -> None:
        self._deliver_some(lot)

    @precondition(lambda self: self.network.links)
    @rule(lots=st.lists(lots, min_size=3, max_size=8))
    def deliver_many(self, lots: list[int]) -> None:
        for lot in lots:
            self._deliver_some(lot)

    @precondition(lambda self: self.network.links)
    @rule(lot=lots)
    def deliver_twice(self, lot: int) -> None:
        self.network.deliver_twice(self._link(lot))

    @rule(lot=lots)
    def restart(self, lot: int) -> None:
        if lot % 4 == 0:
            self.network.restart()

    def _open(self, lot: int) -> Execution:
        runs = self.network.open_runs()
        return runs[lot % len(runs)]

    def _link(self, lot: int) -> tuple[int, int]:
        links = sorted(self.network.links)
        return links[lot % len(links)]

    def _deliver_some(self, lot: int) -> None:
        if self.network.links:
            self.network.deliver(self._link(lot))

    # ---- what holds at each moment

    @invariant()
    def one_run_of_a_workflow_id_is_open(self) -> None:
        number = Counter(run.workflow_id for run in self.network.open_runs())
        assert max(number.values(), default=0) <= 1

    @invariant()
    def who_continues_as_new_is_continued(self) -> None:
        for runs in self.network.chains.values():
            for run_id, next_id in zip(runs, [*runs[1:], None], strict=True):
                last = self.network.histories[run_id][-1]
                if last.type == "WorkflowExecutionContinuedAsNew":
                    assert next_id == last.of["newExecutionRunId"]

    @invariant()
    def nobody_hears_twice_or_too_early(self) -> None:
        for run_id in self.network.runs:
            started = Counter(self._about(run_id, "ChildWorkflowExecutionStarted"))
            failed = Counter(self._about(run_id, "StartChildWorkflowExecutionFailed"))
            closed = Counter(self._about(run_id, *CHILD_CLOSED.values()))
            assert max([*started.values(), *failed.values(), *closed.values()], default=1) == 1
            assert closed.keys() <= started.keys()
            assert not started.keys() & failed.keys()

    @invariant()
    def a_policy_is_applied_once(self) -> None:
        for history in self.network.histories.values():
            assert sum(event.of.get("cause") == "CHILD_POLICY_APPLIED" for event in history) <= 1

    @invariant()
    def nothing_is_received_twice(self) -> None:
        for run_id in self.network.runs:
            received = Counter(self._received(run_id))
            assert max(received.values(), default=1) == 1

    # ---- what holds when all is said

    def teardown(self) -> None:
        if not self.network.runs:
            return
        self.network.settle()
        for run_id in sorted(self.network.runs):
            self.network.resume(run_id)
        self.network.settle()
        self.nobody_hears_twice_or_too_early()
        self.a_policy_is_applied_once()
        self.nothing_is_received_twice()
        for run in self.network.runs.values():
            if run.open:
                self._check_children(run)
            self._check_external(run)
            self._check_policy(run)

    def _check_children(self, parent: Execution) -> None:
        """Each child that was asked for began or failed; how it ended, the parent knows, if it ended."""
        history = self.network.histories[parent.run_id]
        failed = set(self._about(parent.run_id, "StartChildWorkflowExecutionFailed"))
        for initiated in self.network.events(parent.run_id, "StartChildWorkflowExecutionInitiated"):
            begun = self.network.events(parent.run_id, "ChildWorkflowExecutionStarted")
            runs = [
                run
                for run in self.network.runs.values()
                if run.parent == parent.name and run.parent_initiated_id == initiated.id
            ]
            if initiated.id in failed:
                assert not runs, "a child that has run is said not to have started"
                continue
            assert initiated.id in {event.of["initiatedEventId"] for event in begun}
            assert runs
            last = runs[-1]
            assert last.close_status is not CloseStatus.CONTINUED_AS_NEW
            ends = [
                (event.type, event.of["workflowExecution"]["runId"])
                for event in history
                if event.type in CHILD_CLOSED.values() and event.of["initiatedEventId"] == initiated.id
            ]
            assert ends == ([(CHILD_CLOSED[last.close_status], last.run_id)] if last.close_status else [])

    def _check_external(self, source: Execution) -> None:
        """Each request was answered once while its source was open, and the answer is true."""
        for asked, (reached, failed) in ANSWERS.items():
            for initiated in self.network.events(source.run_id, asked):
                answers = [
                    event
                    for event in self.network.events(source.run_id, reached, failed)
                    if event.of["initiatedEventId"] == initiated.id
                ]
                assert len(answers) == 1 if source.open else len(answers) <= 1
                had = [run for run in self.network.runs if (source.run_id, initiated.id) in self._received(run)]
                if answers and answers[0].type == reached:
                    assert answers[0].of["workflowExecution"]["runId"] in had
                # A repeat finds the run that is open then. Where that is always the same one, it is exactly once.
                if answers and self._always_one_run(initiated.of["workflowId"], source.run_id, initiated.id):
                    assert len(had) == (answers[0].type == reached)

    def _always_one_run(self, workflow_id: str, source: str, initiated: int) -> bool:
        chain = self.network.chains.get(workflow_id, [])
        commits = self.network.commits
        return not chain or (len(chain) == 1 and commits[chain[0], 1] < commits[source, initiated])

    def _check_policy(self, parent: Execution) -> None:
        """No child of a run that ended badly goes on as if nothing had happened."""
        if parent.applied_policy in (None, ChildPolicy.ABANDON):
            return
        children = {
            event.id for event in self.network.events(parent.run_id, "StartChildWorkflowExecutionInitiated")
        } - set(self._about(parent.run_id, "StartChildWorkflowExecutionFailed", *CHILD_CLOSED.values()))
        for run in self.network.open_runs():
            if run.parent == parent.name and run.parent_initiated_id in children:
                assert parent.applied_policy is ChildPolicy.REQUEST_CANCEL
                assert run.policy_applied

    def _about(self, run_id: str, *types: str) -> list[int]:
        return [
            event.of["initiatedEventId"]
            for event in self.network.events(run_id, *types)
            if event.of["initiatedEventId"]
        ]

    def _received(self, run_id: str) -> list[tuple[str, int]]:
        return [
            (event.of["externalWorkflowExecution"]["runId"], event.of["externalInitiatedEventId"])
            for event in self.network.events(run_id, "WorkflowExecutionSignaled", "WorkflowExecutionCancelRequested")
            if event.of["externalInitiatedEventId"]
        ]


TestManyExecutions = pytest.mark.timeout(300)(ManyExecutions.TestCase)
TestManyExecutions.settings = settings(making.PROFILE, max_examples=300, stateful_step_count=50)


def test_the_close_of_every_kind_is_told_to_the_parent() -> None:
    """A parent hears of each way in which its child can close, and of continue-as-new not at all."""
    ends: dict[CloseStatus, Any] = {
        CloseStatus.COMPLETED: DecisionType.COMPLETE_WORKFLOW_EXECUTION,
        CloseStatus.FAILED: DecisionType.FAIL_WORKFLOW_EXECUTION,
        CloseStatus.CANCELED: DecisionType.CANCEL_WORKFLOW_EXECUTION,
    }
    assert set(CLOSE_EVENTS.values()) == {status.value for status in CloseStatus}
    for status, kind in ends.items():
        network = Network()
        network.ask("root", making.start_of("root"))
        (root,) = network.chains["root"]
        network.decide(root, [_start_child("child")])
        network.settle()
        network.decide(network.chains["child"][-1], [making.decision(DecisionType.CONTINUE_AS_NEW_WORKFLOW_EXECUTION)])
        network.settle()
        assert len(network.chains["child"]) == 2
        assert not network.events(root, *CHILD_CLOSED.values())
        network.decide(network.chains["child"][-1], [making.decision(kind)])
        network.settle()
        (event,) = network.events(root, *CHILD_CLOSED.values())
        assert event.type == CHILD_CLOSED[status]
        assert event.of["workflowExecution"]["runId"] == network.chains["child"][-1]


def _start_child(workflow_id: str) -> shapes.Decision:
    return making.decision(
        DecisionType.START_CHILD_WORKFLOW_EXECUTION,
        workflow_id=workflow_id,
        workflow_type=making.workflow_type(making.FULL),
    )


def test_a_child_that_was_refused_and_is_started_by_a_repeat_is_revoked() -> None:
    """The parent was told WORKFLOW_ALREADY_RUNNING; the request comes again when that run has closed."""
    network = Network()
    network.ask("child", making.start_of("child"))
    network.ask("root", making.start_of("root"))
    (root,) = network.chains["root"]
    network.decide(root, [_start_child("child")])
    (link,) = network.links
    request = network.links[link][0]
    network.settle()
    assert network.events(root, "StartChildWorkflowExecutionFailed")
    network.decide(network.chains["child"][0], [making.decision(DecisionType.COMPLETE_WORKFLOW_EXECUTION)])
    network.handle(request)
    network.settle()
    (terminated,) = network.events(network.chains["child"][-1], "WorkflowExecutionTerminated")
    assert terminated.of["cause"] == "CHILD_POLICY_APPLIED"
    assert not network.events(root, "ChildWorkflowExecutionStarted")
