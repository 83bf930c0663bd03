"""Any program of actions on one execution, at any time and in any order: a declared fault or a legal state.

Law: the machine acts as gateway, workers, deciders and other executions would at their worst; what must hold is
checked after each step, against the oracle and not against what the coordinator thinks of itself.
"""

from __future__ import annotations

from collections import Counter
from typing import Any

import msgspec
import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from coordinator.execution import snapshot
from coordinator.execution.act import act, again
from coordinator.execution.deadlines import next_deadline
from coordinator.execution.effects import effects_of, outstanding
from coordinator.execution.evolve import beat, fold
from coordinator.execution.history import decode, encode
from coordinator.execution.outcome import Outcome
from coordinator.execution.state import Execution
from coordinator.execution.view import detail, info
from tests.coordinator.properties import making
from tests.coordinator.properties.making import (
    CLOSES,
    DOMAIN,
    KNOWN,
    KNOWN_WITHOUT_LAMBDA,
    START,
    decisions_of,
    ids,
    policies,
)
from tests.coordinator.properties.oracle import NEEDING_A_DECISION, OF_TIME, UNHANDLED, Entry, Oracle
from workflowsvc import messages
from workflowsvc.messages import NO_TASK, Action, Task, TaskKind, TaskRef
from workflowsvc.records import Heartbeat
from workflowsvc.swf import shapes
from workflowsvc.swf.errors import Fault, ValidationException
from workflowsvc.swf.faults import UnknownResourceFault, WorkflowExecutionAlreadyStartedFault
from workflowsvc.swf.shapes import ChildPolicy, CloseStatus, DecisionType

PARENT = shapes.WorkflowExecution(workflow_id="parent", run_id="parent-run")
STRANGER = shapes.WorkflowExecution(workflow_id="stranger", run_id="stranger-run")

#: The faults that each request may be refused with; what the service says to itself is never refused.
DECLARED: dict[type[Any], tuple[type[Fault], ...]] = {
    shapes.StartWorkflowExecutionInput: (WorkflowExecutionAlreadyStartedFault,),
    shapes.SignalWorkflowExecutionInput: (UnknownResourceFault,),
    shapes.RequestCancelWorkflowExecutionInput: (UnknownResourceFault,),
    shapes.TerminateWorkflowExecutionInput: (UnknownResourceFault,),
    shapes.RespondDecisionTaskCompletedInput: (UnknownResourceFault, ValidationException),
    shapes.RespondActivityTaskCompletedInput: (UnknownResourceFault,),
    shapes.RespondActivityTaskFailedInput: (UnknownResourceFault,),
    shapes.RespondActivityTaskCanceledInput: (UnknownResourceFault,),
    shapes.RecordActivityTaskHeartbeatInput: (UnknownResourceFault,),
}

#: mostly small, so that deadlines are met exactly; at times back, as two coordinators' clocks differ
steps = st.sampled_from([0, 0, 1, 500, 999, 1000, 1000, 2000, 3000, 5000, -700])
BESIDE_A_CLOSE = (
    DecisionType.RECORD_MARKER,
    DecisionType.CANCEL_TIMER,
    DecisionType.START_CHILD_WORKFLOW_EXECUTION,
    DecisionType.SIGNAL_EXTERNAL_WORKFLOW_EXECUTION,
    DecisionType.REQUEST_CANCEL_EXTERNAL_WORKFLOW_EXECUTION,
)
#: activity tasks have the most that can happen to them
OPENING = [*(kind for kind in DecisionType if kind not in CLOSES), *[DecisionType.SCHEDULE_ACTIVITY_TASK] * 5]
workflow_ids = st.sampled_from(["self", "parent", "stranger", "child"])
#: what a decider sends most of the time: things are opened, nothing is closed
opening = st.lists(decisions_of(workflow_ids, OPENING), max_size=6)
batches = st.one_of(
    opening,
    opening,
    st.builds(
        lambda before, last: [*before, last],
        st.lists(decisions_of(workflow_ids, BESIDE_A_CLOSE), max_size=2),
        decisions_of(workflow_ids, CLOSES),
    ),
    st.lists(decisions_of(workflow_ids), max_size=5),
)
lots = st.integers(0, 30)


def _legal(decisions: list[shapes.Decision]) -> bool:
    """The rules of the batch (section 3.1), and the range of a function's timeout."""
    kinds = [decision.decision_type for decision in decisions]
    beside = {
        DecisionType.SCHEDULE_ACTIVITY_TASK,
        DecisionType.START_TIMER,
        DecisionType.REQUEST_CANCEL_ACTIVITY_TASK,
        DecisionType.SCHEDULE_LAMBDA_FUNCTION,
    }
    closes = [kind for kind in kinds if kind in CLOSES]
    functions = [d.schedule_lambda_function_decision_attributes for d in decisions]
    return not (
        len(closes) > 1
        or (closes and kinds[-1] not in CLOSES)
        or (closes and beside & set(kinds))
        or any(function and function.start_to_close_timeout == "901" for function in functions)
    )


class OneExecution(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.now = START
        self.actions = 0
        self.execution: Execution | None = None
        self.wire: list[bytes] = []
        self.beats: list[Heartbeat] = []
        self.oracle = Oracle()
        self.pending: Counter[tuple[str, str, int]] = Counter()
        self.released_tasks: dict[int, Task] = {}
        self.released_messages: dict[str, Action] = {}
        #: every token that was ever given out
        self.tokens: list[TaskRef] = []

    # ---- one step

    def act(self, request: Any, task: TaskRef = NO_TASK, known: Any = KNOWN) -> Outcome | None:
        """What the action does, checked; None where it is refused."""
        self.actions += 1
        execution = self.execution
        action = making.action(self.actions, "self", request, execution.run_id if execution else "", task)
        before = execution and snapshot.freeze(execution)
        try:
            outcome = act(execution, action, self.now, known)
        except DECLARED.get(type(request), ()):
            assert before == (execution and snapshot.freeze(execution)), "a fault changed something"
            return None
        if execution is not None:
            assert outcome.execution is execution
        self.execution = outcome.execution
        self._follow(outcome, isinstance(request, messages.Wake))
        return outcome

    def _follow(self, outcome: Outcome, woken: bool) -> None:
        execution = outcome.execution
        assert execution is not None
        new = [self._record(event) for event in outcome.events]
        assert woken or not any(event.type in OF_TIME for event in new)
        if len(new) > 1:
            assert len({event.at for event in new}) == 1, "the events of one commit have one timestamp"
        self._check_decision_task(new)
        if outcome.heartbeat is not None:
            self.beats.append(outcome.heartbeat)
            self.oracle.beats[outcome.heartbeat.scheduled_event_id] = outcome.heartbeat.at
        for task in outcome.scheduled:
            self.pending[task.task_list.kind, task.task_list.name, task.scheduled_event_id] += 1
        for task in outcome.unscheduled:
            self.pending[task.task_list.kind, task.task_list.name, task.scheduled_event_id] -= 1
        effects = effects_of(execution, outcome.events)
        self.released_tasks |= {task.scheduled_event_id: task for task in effects.tasks}
        self.released_messages |= {message.id: message for message in effects.messages}

    def _record(self, event: Any) -> Entry:
        wire = encode(event)
        assert decode(wire) == event
        self.wire.append(wire)
        return self.oracle.read(wire)

    def _check_decision_task(self, new: list[Entry]) -> None:
        if self.oracle.closed is None and any(event.type in NEEDING_A_DECISION for event in new):
            assert self.oracle.queued is not None
        if any(event.type == "DecisionTaskScheduled" for event in new):
            assert any(event.type in NEEDING_A_DECISION for event in new)

    def twice(self, request: Any) -> None:
        """A message of the service to itself: what comes again changes nothing and is answered the same."""
        first = self.act(request)
        second = self.act(request)
        assert first is not None
        assert second is not None
        assert second.events == []
        assert [message.request for message in second.messages] == [message.request for message in first.messages]

    # ---- rules: the beginning

    @initialize(
        given=st.fixed_dictionaries(
            {
                "execution_start_to_close_timeout": st.sampled_from([*["31536000"] * 6, "300", "20", "0"]),
                "task_start_to_close_timeout": st.sampled_from(["0", "4", "NONE"]),
                "child_policy": st.sampled_from(ChildPolicy),
                "task_priority": making.priorities,
                "lambda_role": st.sampled_from([None, "role", "role"]),
                "tag_list": st.sampled_from([None, [], ["red", ""]]),
            }
        ),
        as_child=st.booleans(),
    )
    def start(self, given: dict[str, Any], as_child: bool) -> None:
        if as_child:
            attributes = shapes.StartChildWorkflowExecutionInitiatedEventAttributes(
                workflow_id="self",
                workflow_type=making.workflow_type(making.FULL),
                task_list=making.MAIN,
                decision_task_completed_event_id=4,
                **given,
            )
            self.act(messages.StartChild(PARENT, 5, START, attributes))
        else:
            self.act(making.start_of("self", **given))
        assert [event.type for event in self.oracle.entries] == ["WorkflowExecutionStarted", "DecisionTaskScheduled"]

    # ---- rules: time

    @rule(step=st.one_of(steps, st.sampled_from([70_000, 1_000_000])))
    def pass_time(self, step: int) -> None:
        self.now += step

    @rule(early=st.sampled_from([0, 0, 1]))
    def wake_at_the_next_deadline(self, early: int) -> None:
        """Exactly when it is due, or a millisecond before."""
        deadline = self.oracle.next_deadline()
        if deadline is not None and deadline - self.now < 400_000:
            self.now = max(self.now, deadline - early)
        self.wake(0)

    @rule(step=steps)
    def wake(self, step: int) -> None:
        self.now += step
        due = [due for due in self.oracle.deadlines() if due.at <= self.now]
        outcome = self.act(messages.Wake())
        assert outcome is not None
        turn = max(self.now, self.oracle.entries[-1].at)
        assert bool(outcome.events) == bool(due) or turn > self.now
        left = self.oracle.next_deadline()
        assert left is None or left > self.now

    # ---- rules: clients

    @rule(name=ids, input=st.sampled_from([None, "", "x"]))
    def signal(self, name: str, input: str | None) -> None:
        accepted = self.act(
            shapes.SignalWorkflowExecutionInput(domain="orders", workflow_id="self", signal_name=name, input=input)
        )
        assert (accepted is None) == (self.oracle.closed is not None)

    @rule(lot=lots)
    def request_cancel(self, lot: int) -> None:
        if lot > 20:
            self.act(shapes.RequestCancelWorkflowExecutionInput(domain="orders", workflow_id="self"))

    @rule(policy=policies, lot=lots)
    def terminate(self, policy: ChildPolicy | None, lot: int) -> None:
        if lot == 30:
            self.act(shapes.TerminateWorkflowExecutionInput(domain="orders", workflow_id="self", child_policy=policy))

    @precondition(lambda self: self.oracle.closed is None)
    @rule()
    def start_a_second(self) -> None:
        assert self.act(making.start_of("self")) is None

    # ---- rules: tasks

    @rule(kind=st.sampled_from(list(TaskKind)), lot=lots, right=st.integers(0, 9))
    def take_any_task(self, kind: TaskKind, lot: int, right: int) -> None:
        """A hint may be late, repeated, or point to what never was a task."""
        self._take(kind, lot if right == 0 else self._one_of(sorted(self.oracle.on_offer()), lot))

    @precondition(lambda self: self.oracle.queued is not None)
    @rule()
    def take_the_decision_task(self) -> None:
        self._take(TaskKind.DECISION, self.oracle.queued.id)

    @precondition(lambda self: self.oracle.lambdas)
    @rule(lot=lots)
    def take_a_function(self, lot: int) -> None:
        self._take(TaskKind.LAMBDA, self._one_of(sorted(self.oracle.lambdas), lot))

    @precondition(lambda self: self.oracle.activities)
    @rule(lot=lots, how=st.integers(0, 9))
    def work(self, lot: int, how: int) -> None:
        """As a worker does that is neither late nor lost."""
        self.take_an_activity_task(lot)
        self.finish_an_activity_task(lot, how % 3, "x") if how > 5 else self.heartbeat(lot, "half")

    @precondition(lambda self: self.oracle.activities)
    @rule(lot=lots)
    def take_an_activity_task(self, lot: int) -> None:
        self._take(TaskKind.ACTIVITY, self._one_of(sorted(self.oracle.activities), lot))

    def _take(self, kind: TaskKind, scheduled: int) -> None:
        kinds: dict[TaskKind, Any] = {
            TaskKind.DECISION: [self.oracle.queued.id] if self.oracle.queued else [],
            TaskKind.ACTIVITY: self.oracle.activities,
            TaskKind.LAMBDA: self.oracle.lambdas,
        }
        to_be_had = scheduled in self.oracle.on_offer() and scheduled in kinds[kind]
        without_role = kind is TaskKind.LAMBDA and "lambdaRole" not in self.oracle.entries[0].of
        previous = self.oracle.previous_started
        request = messages.StartTask(kind, "worker")
        outcome = self.act(request, TaskRef(scheduled))
        assert outcome is not None
        assert isinstance(outcome.result, messages.Stale) == (not to_be_had or without_role)
        if isinstance(outcome.result, messages.Stale):
            assert bool(outcome.events) == (to_be_had and without_role)
            return
        given: Any = outcome.result
        assert given.task.scheduled_event_id == scheduled
        assert given.task.started_event_id == len(self.wire)
        if kind is TaskKind.DECISION:
            assert given.previous_started_event_id == previous
        self.tokens.append(given.task)
        assert self.execution is not None
        repeated = making.action(self.actions, "self", request, self.execution.run_id, TaskRef(scheduled))
        assert again(self.execution, repeated) == given

    @rule(
        decisions=batches,
        lot=lots,
        context=st.sampled_from([None, None, "", "context"]),
        task_list=making.task_lists,
        schedule_to_start=st.sampled_from([None, None, "0", "3", "NONE"]),
        known=st.sampled_from([KNOWN, KNOWN, KNOWN_WITHOUT_LAMBDA]),
    )
    def complete_a_decision_task(
        self,
        decisions: list[shapes.Decision],
        lot: int,
        context: str | None,
        task_list: shapes.TaskList | None,
        schedule_to_start: str | None,
        known: Any,
    ) -> None:
        self._complete(self._any_token(lot), decisions, known, context, task_list, schedule_to_start)

    @precondition(lambda self: self.oracle.queued or self.oracle.started)
    @rule(decisions=batches)
    def decide(self, decisions: list[shapes.Decision]) -> None:
        """As a decider does that is neither late nor lost."""
        if self.oracle.started is None:
            self._take(TaskKind.DECISION, self.oracle.queued.id)
        started = self.oracle.started.id
        self._complete(TaskRef(started, self.oracle.begun[started].id), decisions, KNOWN, None, None, None)

    # Hypothesis leaves out some rules of each program: this one should be in most.
    decide_again = precondition(lambda self: self.oracle.queued or self.oracle.started)(
        rule(decisions=opening)(lambda self, decisions: OneExecution.decide(self, decisions))  # noqa: PLW0108 - a rule is no function
    )
    decide_once_more = precondition(lambda self: self.oracle.queued or self.oracle.started)(
        rule(decisions=opening)(lambda self, decisions: OneExecution.decide(self, decisions))  # noqa: PLW0108 - a rule is no function
    )

    def _complete(
        self, token: TaskRef, decisions: list[shapes.Decision], known: Any, context: str | None, *task_list: Any
    ) -> None:
        request = shapes.RespondDecisionTaskCompletedInput(
            task_token="token",  # noqa: S106 - no password
            decisions=decisions,
            execution_context=context,
            task_list=task_list[0],
            task_list_schedule_to_start_timeout=task_list[1],
        )
        started, queued, count = self.oracle.started, self.oracle.queued, len(self.wire)
        stands = started is not None and self.oracle.begun[started.id].id == token.started_event_id
        outcome = self.act(request, token, known)
        assert (outcome is not None) == (stands and _legal(decisions))
        if outcome is None:
            return
        new = self.oracle.entries[count:]
        assert new[0].type == "DecisionTaskCompleted"
        # One event a decision, two where a task is cancelled at once, and the decision task at the end.
        answered = [event for event in new[1:] if event.type not in ("ActivityTaskCanceled", "DecisionTaskScheduled")]
        assert len(answered) == len(decisions)
        if decisions and decisions[-1].decision_type in CLOSES:
            assert (new[-1].type in UNHANDLED or self.oracle.closed is not None) or queued is None
            if queued is not None:
                assert self.oracle.closed is None
                assert new[-1].type in UNHANDLED
                assert new[-1].of["cause"] == "UNHANDLED_DECISION"
            self._check_successor(outcome, new)

    def _check_successor(self, outcome: Outcome, new: list[Entry]) -> None:
        continued = new[-1].type == "WorkflowExecutionContinuedAsNew"
        assert (outcome.successor is not None) == continued
        if outcome.successor is None:
            return
        successor, old = outcome.successor.execution, self.execution
        assert successor is not None
        assert old is not None
        assert successor.open
        assert successor.run_id == new[-1].of["newExecutionRunId"] != old.run_id
        assert (successor.domain, successor.workflow_id) == (old.domain, old.workflow_id)
        assert (successor.parent, successor.parent_initiated_id) == (old.parent, old.parent_initiated_id)
        assert [event.id for event in outcome.successor.events] == [1, 2]

    @precondition(lambda self: self.tokens)
    @rule(lot=lots, how=st.integers(0, 2), details=st.sampled_from([None, "", "x"]))
    def finish_an_activity_task(self, lot: int, how: int, details: str | None) -> None:
        token: dict[str, Any] = {"task_token": "token"}
        request: Any = (
            shapes.RespondActivityTaskCompletedInput(**token, result=details),
            shapes.RespondActivityTaskFailedInput(**token, details=details),
            shapes.RespondActivityTaskCanceledInput(**token, details=details),
        )[how]
        ref = self._activity_token(lot)
        works = self._works(ref)
        assert (self.act(request, ref) is not None) == works
        # "second call always UR"
        assert self.act(request, ref) is None

    @precondition(lambda self: self.tokens)
    @rule(lot=lots, details=st.sampled_from([None, "", "half"]))
    def heartbeat(self, lot: int, details: str | None) -> None:
        ref = self._activity_token(lot)
        works = self._works(ref)
        outcome = self.act(shapes.RecordActivityTaskHeartbeatInput(task_token="token", details=details), ref)  # noqa: S106
        assert (outcome is not None) == works
        if outcome is None:
            return
        assert outcome.events == []
        activity = self.oracle.activities[ref.scheduled_event_id].of["activityId"]
        wanted = any(
            event.type == "ActivityTaskCancelRequested" and event.of["activityId"] == activity
            for event in self.oracle.entries[ref.scheduled_event_id :]
        )
        assert outcome.result == shapes.ActivityTaskStatus(cancel_requested=wanted)

    @precondition(lambda self: self.oracle.lambdas)
    @rule(lot=lots, reason=st.sampled_from([None, "Unhandled"]))
    def finish_a_function(self, lot: int, reason: str | None) -> None:
        open_ = [
            TaskRef(about, self.oracle.begun[about].id) for about in self.oracle.lambdas if about in self.oracle.begun
        ]
        ref = open_[lot % len(open_)] if open_ else self._any_token(lot)
        for _ in range(2):
            outcome = self.act(messages.FinishLambda(result="r", reason=reason), ref)
            assert outcome is not None
        assert outcome.events == []

    def _works(self, ref: TaskRef) -> bool:
        begun = self.oracle.begun.get(ref.scheduled_event_id)
        return (
            self.oracle.closed is None
            and ref.scheduled_event_id in self.oracle.activities
            and begun is not None
            and begun.id == ref.started_event_id
        )

    def _any_token(self, lot: int) -> TaskRef:
        """One that was given out, the latest most of the time, or a foreign one."""
        if not self.tokens or lot == 0:
            return TaskRef(lot, lot + 1)
        return self.tokens[-1] if lot < 20 else self.tokens[lot % len(self.tokens)]

    def _activity_token(self, lot: int) -> TaskRef:
        working = [
            TaskRef(about, self.oracle.begun[about].id)
            for about in self.oracle.activities
            if about in self.oracle.begun
        ]
        return working[lot % len(working)] if working and lot < 25 else self._any_token(lot)

    def _worked_on(self, tasks: dict[int, Entry]) -> list[TaskRef]:
        begun = self.oracle.begun
        return [TaskRef(about, begun[about].id) for about in tasks if about in begun]

    @staticmethod
    def _one_of(choices: list[int], lot: int) -> int:
        return choices[lot % len(choices)] if choices else lot

    # ---- rules: other executions

    @precondition(lambda self: self.oracle.children)
    @rule(lot=lots)
    def a_child_has_started(self, lot: int) -> None:
        initiated, child = self._child(lot)
        self.twice(messages.ChildStarted(initiated, child, making.workflow_type(making.FULL)))

    @precondition(lambda self: self.oracle.children)
    @rule(lot=lots)
    def a_child_has_not_started(self, lot: int) -> None:
        cause = shapes.StartChildWorkflowExecutionFailedCause.WORKFLOW_ALREADY_RUNNING
        self.twice(messages.ChildNotStarted(self._child(lot)[0], cause))

    @precondition(lambda self: self.oracle.children)
    @rule(
        lot=lots,
        status=st.sampled_from(sorted(set(CloseStatus) - {CloseStatus.CONTINUED_AS_NEW})),
    )
    def a_child_has_closed(self, lot: int, status: CloseStatus) -> None:
        initiated, child = self._child(lot)
        self.twice(
            messages.ChildClosed(initiated, child, making.workflow_type(making.FULL), status, "r", "why", "what")
        )
        assert initiated not in self.oracle.children or self.oracle.closed

    def _child(self, lot: int) -> tuple[int, shapes.WorkflowExecution]:
        """One that is open, most of the time; or one that was never asked for."""
        initiated = self._one_of(sorted(self.oracle.children), lot) if lot < 25 else lot
        return initiated, shapes.WorkflowExecution(workflow_id="child", run_id=f"child-{initiated}")

    @rule(source=st.sampled_from([PARENT, STRANGER]), about=st.integers(5, 7), name=ids)
    def be_signalled_from_outside(self, source: shapes.WorkflowExecution, about: int, name: str) -> None:
        self.twice(messages.SignalExternal(source, about, name))

    @rule(source=st.sampled_from([PARENT, STRANGER]), about=st.integers(7, 9))
    def be_cancelled_from_outside(self, source: shapes.WorkflowExecution, about: int) -> None:
        self.twice(messages.CancelExternal(source, about))

    @precondition(lambda self: self.oracle.external)
    @rule(lot=lots, reached=st.booleans())
    def be_answered_from_outside(self, lot: int, reached: bool) -> None:
        initiated = self._one_of(sorted(self.oracle.external), lot) if lot < 25 else lot
        self.twice(messages.ExternalDone(initiated, STRANGER if reached else None))

    @rule(
        parent=st.sampled_from([PARENT, STRANGER]), about=st.sampled_from([5, 6]), policy=st.sampled_from(ChildPolicy)
    )
    def have_the_policy_applied(self, parent: shapes.WorkflowExecution, about: int, policy: ChildPolicy) -> None:
        if policy is not ChildPolicy.ABANDON:  # which is never sent
            self.twice(messages.ApplyChildPolicy(parent, about, policy))
            applied = [event for event in self.oracle.entries if event.of.get("cause") == "CHILD_POLICY_APPLIED"]
            assert len(applied) <= 1

    @rule()
    def resume(self) -> None:
        self.twice(messages.Resume())

    # ---- what must always hold

    @invariant()
    def the_history_makes_the_state(self) -> None:
        if self.execution is None:
            return
        e = self.execution
        folded = fold(map(decode, self.wire), DOMAIN, "self", e.run_id, e.started_by)
        for heartbeat in self.beats:
            beat(folded, heartbeat)
        assert folded == e
        assert snapshot.thaw(snapshot.freeze(e)) == e

    @invariant()
    def deadlines_follow_from_the_events(self) -> None:
        if self.execution is not None:
            assert next_deadline(self.execution) == self.oracle.next_deadline()

    @invariant()
    def pending_tasks_add_up(self) -> None:
        if self.execution is None:
            return
        assert set(self.pending.values()) <= {0, 1}
        if self.oracle.closed is None:
            # A close drops the pending tasks of its run without naming them.
            assert {task for task, number in self.pending.items() if number} == self.oracle.pending()

    @invariant()
    def the_view_follows_from_the_events(self) -> None:
        if self.execution is None:
            return
        seen = msgspec.to_builtins(detail(self.execution))
        assert seen["openCounts"] == self.oracle.open_counts()
        latest = self.oracle.latest_activity()
        assert seen.get("latestActivityTaskTimestamp") == (None if latest is None else latest / 1000)
        assert seen.get("latestExecutionContext") == self.oracle.context
        row = info(self.execution)
        assert row.execution_status == ("OPEN" if self.oracle.closed is None else "CLOSED")
        assert (row.close_timestamp is None) == (self.oracle.closed is None)

    @invariant()
    def what_was_released_and_is_not_done_is_outstanding(self) -> None:
        if self.execution is None:
            return
        still = outstanding(self.execution)
        on_offer = self.oracle.on_offer()
        assert {task.scheduled_event_id for task in still.tasks} == on_offer
        assert all(self.released_tasks[task.scheduled_event_id] == task for task in still.tasks)
        there = {message.id: message for message in still.messages}
        for message in self.released_messages.values():
            if not self._is_done(message.request):
                assert there.get(message.id) == message
        # And nothing comes up that was not released when it began.
        assert there.keys() <= self.released_messages.keys()

    def _is_done(self, request: Any) -> bool:
        """The farewell of a closed run is never known to be done."""
        match request:
            case messages.StartChild():
                return request.initiated_event_id not in set(self.oracle.children) - set(self.oracle.begun)
            case messages.SignalExternal() | messages.CancelExternal():
                return request.initiated_event_id not in self.oracle.external
            case messages.ChildStarted():
                return self.oracle.closed is not None
        return False


TestOneExecution = pytest.mark.timeout(300)(OneExecution.TestCase)
TestOneExecution.settings = settings(making.PROFILE, max_examples=300, stateful_step_count=50)


@pytest.mark.parametrize("name", [request.__name__ for request in DECLARED])
def test_an_action_that_finds_no_execution_is_refused_or_does_nothing(name: str) -> None:
    """Where there is no execution, every request of a client but a start is refused as SWF refuses it."""
    request: Any = next(kind for kind in DECLARED if kind.__name__ == name)
    given = {"domain": "orders", "workflow_id": "self", "signal_name": "s", "task_token": "token"}
    made = request(**{key: value for key, value in given.items() if key in request.__struct_fields__}, **_more(request))
    if request is shapes.StartWorkflowExecutionInput:
        assert act(None, making.action(1, "self", made), START, KNOWN).events
    else:
        with pytest.raises(UnknownResourceFault, match="Unknown execution, workflowId = self"):
            act(None, making.action(1, "self", made), START, KNOWN)


def _more(request: type[Any]) -> dict[str, Any]:
    return {"workflow_type": making.workflow_type(making.FULL)} if "workflow_type" in request.__struct_fields__ else {}


@pytest.mark.parametrize(
    "request_",
    [
        messages.Wake(),
        messages.Resume(),
        messages.StartTask(TaskKind.DECISION),
        messages.FinishLambda(),
        messages.ChildStarted(5, STRANGER, making.workflow_type(making.FULL)),
        messages.ChildNotStarted(5, shapes.StartChildWorkflowExecutionFailedCause.WORKFLOW_ALREADY_RUNNING),
        messages.ChildClosed(5, STRANGER, making.workflow_type(making.FULL), CloseStatus.COMPLETED),
        messages.ApplyChildPolicy(PARENT, 5, ChildPolicy.TERMINATE),
        messages.SignalExternal(PARENT, 5, "s"),
        messages.CancelExternal(PARENT, 5),
        messages.ExternalDone(5),
    ],
    ids=lambda request: type(request).__name__,
)
def test_a_message_that_finds_no_execution_records_nothing(request_: Any) -> None:
    """What the service says to an execution that is gone changes nothing; who asked hears that there is none."""
    outcome = act(None, making.action(1, "self", request_), START, KNOWN)
    assert outcome.events == []
    assert outcome.execution is None
    asked = isinstance(request_, messages.SignalExternal | messages.CancelExternal)
    assert [message.request for message in outcome.messages] == ([messages.ExternalDone(5, None)] if asked else [])
