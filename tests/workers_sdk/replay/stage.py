"""A workflow's code against the service's own core, with no worker, no server and no clock in between.

Law: every decision is made twice, by the replay that is kept and by one that begins anew with the whole history, and
both must be the same. What SWF makes of it is the core's (tests/coordinator/execution/scenario.py), not a fake's.
"""

from __future__ import annotations

from typing import Any, Self

import msgspec

from coordinator.execution.state import Execution
from tests.coordinator.execution.scenario import (
    ACTIVITY_DEFAULTS,
    RUN_DEFAULTS,
    Domain,
    Scenario,
    Wire,
    activity_type,
    knowing,
    workflow_type,
)
from workers_sdk.definitions.workflows import Workflow
from workers_sdk.payloads import JsonConverter
from workers_sdk.replay.limits import fitting
from workers_sdk.replay.replay import Replay, Turn
from workflowsvc.swf import shapes

CONVERTER = JsonConverter()
_RUN_DEFAULTS = {**RUN_DEFAULTS, "defaultExecutionStartToCloseTimeout": "31536000"}
#: Everything that the tests' workflows and activities may be called.
KNOWN = knowing(
    *(workflow_type(name, version, **_RUN_DEFAULTS) for name in ("order", "child", "loop") for version in ("1", "2")),
    *(activity_type(name, version, **ACTIVITY_DEFAULTS) for name in ("charge", "refund", "ship") for version in "12"),
)


class Stage:
    """One execution. Verbs of Scenario are the world's; `turn` is the worker's."""

    def __init__(
        self, workflow: Workflow[..., Any], *arguments: Any, domain: Domain | None = None, **wire: Any
    ) -> None:
        self.workflow = workflow
        self.domain = domain or Domain(KNOWN)
        self.run: Scenario = self.domain.start(
            wire.pop("workflowId", "w"),
            workflowType={"name": workflow.name, "version": workflow.version},
            **({"input": CONVERTER.arguments_to_text(arguments)} if arguments else {}),
            **wire,
        )
        self.kept = self.fresh()
        self.last: Turn | None = None

    @classmethod
    def of(cls, workflow: Workflow[..., Any], run: Scenario, domain: Domain) -> Self:
        """A run that the domain has begun by itself: a child, a successor."""
        self = cls.__new__(cls)
        self.workflow, self.domain, self.run, self.last = workflow, domain, run, None
        self.kept = self.fresh()
        return self

    def fresh(self, *, guarded: bool = True) -> Replay:
        name = self.run.execution
        execution = shapes.WorkflowExecution(workflow_id=name.workflow_id, run_id=name.run_id)
        return Replay(self.workflow, execution, "shop", CONVERTER, guarded=guarded)

    def becomes(self, workflow: Workflow[..., Any]) -> Self:
        """The code is changed, and the worker that runs it is new."""
        self.workflow = workflow
        return self.evict()

    def evict(self) -> Self:
        """The worker loses it from its memory."""
        self.kept.close()
        self.kept = self.fresh()
        return self

    @property
    def state(self) -> Execution:
        return self.run.execution

    @property
    def events(self) -> list[shapes.HistoryEvent]:
        return msgspec.convert(self.run.events, list[shapes.HistoryEvent])

    # ---- the worker

    @property
    def waiting(self) -> bool:
        """Whether a decision task waits or is begun."""
        return self.state.open and (self.state.queued is not None or self.state.started is not None)

    def turn(self) -> Self:
        """Decide one task, twice, and answer it."""
        if self.state.started is None:
            self.run.take()
        anew = self.fresh()
        events, started = self.events, self.run.decision_token.started_event_id
        turn = self.kept.decide(events, started)
        assert anew.decide(events, started) == turn
        anew.close()
        self.last = turn
        self.run.decide(*self.wire(fitting(turn.decisions)), **_context(turn))
        self.domain.note(self.run)
        # A worker keeps none that is about to close: what comes in between is for one that begins anew.
        return self.evict() if turn.closes else self

    def turns(self) -> Self:
        """Decide as long as there is something to decide, with what others say to it in between."""
        self.domain.settle()
        while self.waiting:
            self.turn()
            self.domain.settle()
            if self.state.open:
                # A timer of no seconds is due at once.
                self.run.wake()
        return self

    @staticmethod
    def wire(decisions: list[shapes.Decision]) -> list[Wire]:
        wire: list[Wire] = msgspec.to_builtins(decisions)
        return wire

    # ---- the world

    def does(self, activity_id: str, result: object = None) -> Self:
        """A worker takes the activity task and completes it; then it is decided."""
        text = {} if result is None else {"result": CONVERTER.to_text(result)}
        self.run.begin(activity_id).completes(activity_id, **text)
        return self.turns()

    def fails(self, activity_id: str, reason: str = "Error", **wire: str) -> Self:
        self.run.begin(activity_id).fails(activity_id, reason=reason, **wire)
        return self.turns()

    def after(self, seconds: float) -> Self:
        self.run.after(seconds)
        return self.turns()

    def signal(self, name: str, value: object = None) -> Self:
        self.run.signal(name, **({} if value is None else {"input": CONVERTER.to_text(value)}))
        return self.turns()

    def cancel(self) -> Self:
        self.run.request_cancel()
        return self.turns()

    # ---- what there is to see

    @property
    def result(self) -> Any:
        """What the workflow returned."""
        return CONVERTER.from_text(self.run.last("WorkflowExecutionCompleted").get("result"), Any)

    def ids(self, kind: str, member: str) -> list[str]:
        """The ids of all activities or timers that there were."""
        return [attributes[member] for attributes in self.run.all(kind)]

    @property
    def scheduled(self) -> list[str]:
        return self.ids("ActivityTaskScheduled", "activityId")

    @property
    def timers(self) -> list[tuple[str, str]]:
        return [(one["timerId"], one["startToFireTimeout"]) for one in self.run.all("TimerStarted")]


def _context(turn: Turn) -> Wire:
    return {} if turn.execution_context is None else {"executionContext": turn.execution_context}
