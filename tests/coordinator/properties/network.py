"""Several executions of one domain and a network between them at its worst, as far as the broker's promise allows.

Law: what one lane sends to another arrives in order; all else is left to the test: how long it takes, how often it
comes, whether it is lost until the sender is resumed. A commit is one step: events, successor and effects together.
"""

from __future__ import annotations

from collections import deque
from typing import Any

from coordinator.execution.act import act
from coordinator.execution.deadlines import next_deadline
from coordinator.execution.effects import effects_of, outstanding
from coordinator.execution.history import encode
from coordinator.execution.outcome import Outcome
from coordinator.execution.state import Execution
from tests.coordinator.properties import making
from tests.coordinator.properties.making import DOMAIN, KNOWN, START
from tests.coordinator.properties.oracle import Entry, entry
from workflowsvc import messages, names
from workflowsvc.messages import NO_TASK, Action, TaskKind, TaskRef
from workflowsvc.swf import shapes
from workflowsvc.swf.errors import Fault

#: A bound on what can be on its way until nothing is: far above what any program brings about.
MANY = 20_000

Link = tuple[int, int]


class Network:
    def __init__(self) -> None:
        self.now = START
        self.runs: dict[str, Execution] = {}
        self.histories: dict[str, list[Entry]] = {}
        #: the runs of a workflow id, in the order of their starts
        self.chains: dict[str, list[str]] = {}
        self.links: dict[Link, deque[Action]] = {}
        #: the commits that brought the runs and their events, counted over all runs
        self.commits: dict[tuple[str, int], int] = {}
        self._number_of_commits = 0
        self._actions = 0

    # ---- what clients, deciders and time do

    def ask(self, workflow_id: str, request: Any, run_id: str = "", task: TaskRef = NO_TASK) -> bool:
        """Whether the request was accepted."""
        self._actions += 1
        try:
            self.handle(making.action(self._actions, workflow_id, request, run_id, task))
        except Fault:
            return False
        return True

    def start_decision_task(self, run_id: str) -> None:
        execution = self.runs[run_id]
        if execution.queued and not execution.started:
            task = TaskRef(execution.queued.scheduled_id)
            self.ask(execution.workflow_id, messages.StartTask(TaskKind.DECISION), run_id, task)

    def decide(self, run_id: str, decisions: list[shapes.Decision]) -> bool:
        execution = self.runs[run_id]
        self.start_decision_task(run_id)
        if execution.started is None:
            return False
        task = TaskRef(execution.started.scheduled_id, execution.started.started_id)
        request = shapes.RespondDecisionTaskCompletedInput(task_token="token", decisions=decisions)  # noqa: S106
        return self.ask(execution.workflow_id, request, run_id, task)

    def pass_time(self, step: int) -> None:
        self.now += step
        for execution in list(self.runs.values()):
            if (deadline := next_deadline(execution)) is not None and deadline <= self.now:
                self.ask(execution.workflow_id, messages.Wake(), execution.run_id)

    # ---- what the network does

    def deliver(self, link: Link) -> None:
        self.handle(self.links[link].popleft())
        if not self.links[link]:
            del self.links[link]

    def deliver_twice(self, link: Link) -> None:
        """The message was handled, and the acknowledgement lost: what comes back goes before all else of its lane."""
        self.handle(self.links[link][0])
        self.deliver(link)

    def restart(self) -> None:
        """All that was on its way is lost, and every run is resumed."""
        self.links.clear()
        for run_id in sorted(self.runs):
            self.resume(run_id)

    def resume(self, run_id: str) -> None:
        execution = self.runs[run_id]
        self._send(execution, outstanding(execution).messages)

    def settle(self) -> None:
        """Deliver until nothing is on its way."""
        for _ in range(MANY):
            if not self.links:
                return
            self.deliver(next(iter(self.links)))
        raise AssertionError("the executions never stop talking")

    # ---- what the coordinator does

    def handle(self, action: Action) -> None:
        addressed = self._find(action)
        outcome = act(addressed, action, self.now, KNOWN)
        if outcome.execution is None:
            # Nobody is there: the answer comes from the lane itself.
            self._put(names.lane_of(DOMAIN, action.workflow_id), outcome.messages)
        else:
            self._commit(outcome)

    def _find(self, action: Action) -> Execution | None:
        """As `start_child` and `signal_from_outside` are promised it."""
        if action.run_id:
            return self.runs.get(action.run_id)
        if isinstance(action.request, messages.StartChild):
            request = action.request
            cause = (request.parent.run_id, request.initiated_event_id, request.initiated_at)
            if made := self.runs.get(names.run_id(names.child_action_id(*cause))):
                return made
        chain = self.chains.get(action.workflow_id, [])
        return self.runs[chain[-1]] if chain else None

    def _commit(self, outcome: Outcome) -> None:
        sent = []
        self._number_of_commits += 1
        committed: Outcome | None = outcome
        while committed is not None and committed.execution is not None:
            execution = committed.execution
            if execution.run_id not in self.runs:
                self.runs[execution.run_id] = execution
                self.chains.setdefault(execution.workflow_id, []).append(execution.run_id)
            new = [entry(encode(event)) for event in committed.events]
            self.histories.setdefault(execution.run_id, []).extend(new)
            self.commits |= {(execution.run_id, event.id): self._number_of_commits for event in new}
            sent += [*committed.messages, *effects_of(execution, committed.events).messages]
            committed = committed.successor
        assert outcome.execution is not None
        self._send(outcome.execution, sent)

    def _send(self, execution: Execution, actions: list[Action]) -> None:
        self._put(names.lane_of(DOMAIN, execution.workflow_id), actions)

    def _put(self, sender: int, actions: list[Action]) -> None:
        for action in actions:
            self.links.setdefault((sender, action.lane), deque()).append(action)

    # ---- questions

    def open_runs(self) -> list[Execution]:
        return [execution for execution in self.runs.values() if execution.open]

    def events(self, run_id: str, *types: str) -> list[Entry]:
        return [event for event in self.histories[run_id] if event.type in types]
