"""An execution's code against its history: what happened is played to it, what it decides is compared or sent.

Law: code runs once for each decision task that was completed, on the events that its decider had seen, and then on the
news. What the code decided then, and what the history has of it, agree in order, kind and name, or a
NonDeterminismError says where not. The last run, and only that, is new.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from typing import Any, Final

import msgspec

from workers_sdk.definitions.workflows import Workflow
from workers_sdk.errors import NonDeterminismError
from workers_sdk.payloads import Converter
from workers_sdk.replay.commands import Command
from workers_sdk.replay.ending import Ending, ended_by, ending_of
from workers_sdk.replay.history import OUTCOMES, Answer, Answers, attributes_of, is_news
from workers_sdk.replay.markers import PATCH
from workers_sdk.replay.run import Run
from workflowsvc.swf import shapes
from workflowsvc.swf.shapes import EventType

_LOG: Final = logging.getLogger(__name__)


class Turn(msgspec.Struct, frozen=True, kw_only=True):
    """What one decision task is answered with. `closes`: the execution ends, if SWF agrees."""

    decisions: list[shapes.Decision]
    execution_context: str | None
    closes: bool


class Replay:
    """One execution in memory. Used by one thread at a time, and never from within a running task."""

    def __init__(
        self,
        workflow: Workflow[..., Any],
        execution: shapes.WorkflowExecution,
        domain: str,
        converter: Converter,
        *,
        guarded: bool = True,
    ) -> None:
        #: the startedEventId of the decision task that was decided last; 0: none was
        self.last_started = 0
        self._guarded = guarded
        self._run = Run(workflow, execution, domain, converter)
        self._main: asyncio.Task[Any] | None = None
        self._ending: Ending | None = None
        self._cancel_requested = False
        self._news: list[shapes.HistoryEvent] = []
        #: what SWF has of the workflow's state
        self._state: str | None = None
        #: the last event that was played, and when decision tasks that are still to be decided were started
        self._seen = 0
        self._started: dict[int, float] = {}

    def decide(self, events: Sequence[shapes.HistoryEvent], started_event_id: int) -> Turn:
        """Play the *events* that follow those of the last call, and decide the task that *started_event_id* began.

        Events of before are passed over. Raises DecisionFailed: this object is of no more use then.
        """
        self.catch_up(events)
        if started_event_id not in self._started:
            raise ValueError(f"the events end before the decision task {started_event_id} was started")
        self._take_turn(started_event_id, replaying=False)
        run = self._run
        state = run.state if run.state != self._state else None
        self._state = run.state
        return Turn(decisions=run.commands.decisions(), execution_context=state, closes=self._ending is not None)

    def catch_up(self, events: Sequence[shapes.HistoryEvent]) -> None:
        """Play *events* as far as they were decided. Raises DecisionFailed."""
        answers = Answers(events)
        for marker in answers.markers:
            self._run.markers.known(marker)
        for event in events:
            if event.event_id <= self._seen:
                continue
            self._seen = event.event_id
            if event.event_type is EventType.DECISION_TASK_STARTED:
                self._started[event.event_id] = event.event_timestamp
            elif event.event_type is EventType.DECISION_TASK_COMPLETED:
                self._check(event, answers)
            elif event.event_type in _NEWS and not _is_answer(event):
                self._news.append(event)

    def close(self) -> None:
        """Throw the coroutines away. What stands in their `finally` runs, and has no effect."""
        self._run.loop.throw_away()

    # ---- what was decided

    def _check(self, completed: shapes.HistoryEvent, answers: Answers) -> None:
        """Decide as it was decided then, and compare."""
        if completed.event_id in answers.failed and self._ending is not None:
            self._ending.try_again()
        if completed.event_id in answers.failed or answers.was_only_unhandled(completed.event_id):
            return
        started = attributes_of(completed).started_event_id
        if started != self.last_started:
            self._take_turn(started, replaying=True)
            self._state = self._run.state
        commands = self._run.commands
        agreed: list[tuple[Command, Answer]] = []
        for answer in answers.of(completed.event_id):
            command = commands.first()
            if command is not None and _agree(command, answer):
                commands.confirm_first()
                agreed.append((command, answer))
            elif answer.key != PATCH:
                raise _differ(answer.event.event_id, str(answer), command)
        if commands.first() is not None and completed.event_id not in answers.partial:
            raise _differ(completed.event_id, "nothing more for this decision task", commands.first())
        for command, answer in agreed:
            if answer.cause is None:
                command.issuer.recorded(answer.event)
            else:
                command.issuer.refused(answer.cause)

    # ---- a turn

    def _take_turn(self, started_event_id: int, *, replaying: bool) -> None:
        run = self._run
        run.replaying = replaying
        run.history_length = started_event_id
        run.set_time(self._started.pop(started_event_id))
        self.last_started = started_event_id
        news = self._news
        self._news = [event for event in news if event.event_id > started_event_id]
        told = [event for event in news if event.event_id < started_event_id]
        with nullcontext() if replaying or not self._guarded else run.guard.watching():
            run.loop.run()
            # What others say comes first, so that code that is about to end can look for it.
            for event in sorted(told, key=lambda event: event.event_type not in _SAID):
                _NEWS[event.event_type](self, event, attributes_of(event))
                if event.event_type not in _SAID:
                    run.loop.run()
            run.loop.run()
        forbidden = run.guard.caught or run.loop.caught
        if forbidden is not None:
            if self._main is not None and self._main.done() and not self._main.cancelled():
                self._main.exception()  # it is heard here
            raise forbidden
        self._end()

    def _end(self) -> None:
        run = self._run
        if self._ending is None and self._main is not None:
            if self._main.done():
                self._ending = ending_of(run, self._main, cancel_requested=self._cancel_requested)
            elif run.inbox.failure is not None:
                self._ending = ended_by(run, run.inbox.failure)
            if self._ending is not None and run.inbox.unread and not run.replaying:
                _LOG.warning("%s ends with signals that it has not received: %s", run.execution, run.inbox.unread)
        if self._ending is not None:
            self._ending.issue(run.commands)

    # ---- the news

    def begin(self, event: shapes.HistoryEvent, started: shapes.WorkflowExecutionStartedEventAttributes) -> None:
        run = self._run
        run.begin(started, event.event_timestamp)
        self._main = run.loop.create_task(self._call(started.input))

    async def _call(self, text: str | None) -> Any:
        workflow = self._run.workflow
        signature = workflow.signature
        args, kwargs = self._run.converter.text_to_arguments(
            text, signature.signature, signature.hints, function=workflow.name
        )
        return await workflow.fn(*args, **kwargs)

    def cancel(self, event: shapes.HistoryEvent, attributes: Any) -> None:
        """Once: a second request must not cut short the cleaning up of the first."""
        if not self._cancel_requested and self._main is not None:
            self._cancel_requested = True
            self._main.cancel()

    def signaled(self, event: shapes.HistoryEvent, signal: shapes.WorkflowExecutionSignaledEventAttributes) -> None:
        self._run.inbox.arrived(signal.signal_name, signal.input)

    def fired(self, event: shapes.HistoryEvent, timer: shapes.TimerFiredEventAttributes) -> None:
        self._run.timers.fired(timer.started_event_id)

    def task(self, scheduled_event_id: int) -> Any:
        return self._run.tasks.pop(scheduled_event_id)

    def relation(self, initiated_event_id: int, *, last: bool) -> Any:
        """None: nobody waits for it, as for the cancel request to a child."""
        initiated = self._run.initiated
        return initiated.pop(initiated_event_id, None) if last else initiated.get(initiated_event_id)


def _is_answer(event: shapes.HistoryEvent) -> bool:
    """Among the news, only those *Failed events that may be either."""
    return event.event_type in OUTCOMES and not is_news(event, attributes_of(event))


def _agree(command: Command, answer: Answer) -> bool:
    """Kind and key are the same, and so is the name, where the event has it."""
    same = command.type is answer.type and command.key == answer.key
    return same and (not answer.subject or command.subject == answer.subject)


def _differ(event_id: int, expected: str, command: Command | None) -> NonDeterminismError:
    got = "nothing more" if command is None else str(command)
    return NonDeterminismError(event_id, expected, got, "end of the code" if command is None else command.line)


_Teller = Callable[[Replay, shapes.HistoryEvent, Any], None]


def _task(tell: Callable[[Any, Any], None]) -> _Teller:
    """For the call that scheduled the task."""

    def told(replay: Replay, event: shapes.HistoryEvent, attributes: Any) -> None:
        tell(replay.task(attributes.scheduled_event_id), attributes)

    return told


def _relation(tell: Callable[[Any, Any], None], *, last: bool = True) -> _Teller:
    """For the call that initiated it; *last*: nothing more comes."""

    def told(replay: Replay, event: shapes.HistoryEvent, attributes: Any) -> None:
        call = replay.relation(attributes.initiated_event_id, last=last)
        if call is not None:
            tell(call, attributes)

    return told


_E: Final = EventType
_SAID: Final = {
    _E.WORKFLOW_EXECUTION_STARTED,
    _E.WORKFLOW_EXECUTION_SIGNALED,
    _E.WORKFLOW_EXECUTION_CANCEL_REQUESTED,
}
#: What becomes of each event that answers no decision. Those that are missing say nothing to a workflow's code.
_NEWS: Final[dict[EventType, _Teller]] = {
    _E.WORKFLOW_EXECUTION_STARTED: Replay.begin,
    _E.WORKFLOW_EXECUTION_SIGNALED: Replay.signaled,
    _E.WORKFLOW_EXECUTION_CANCEL_REQUESTED: Replay.cancel,
    _E.TIMER_FIRED: Replay.fired,
    _E.ACTIVITY_TASK_COMPLETED: _task(lambda call, event: call.completed(event.result)),
    _E.ACTIVITY_TASK_FAILED: _task(lambda call, event: call.failed(event.reason, event.details)),
    _E.ACTIVITY_TASK_TIMED_OUT: _task(lambda call, event: call.timed_out(event.timeout_type.value, event.details)),
    _E.ACTIVITY_TASK_CANCELED: _task(lambda call, event: call.canceled()),
    _E.LAMBDA_FUNCTION_COMPLETED: _task(lambda call, event: call.completed(event.result)),
    _E.LAMBDA_FUNCTION_FAILED: _task(lambda call, event: call.failed(event.reason, event.details)),
    _E.LAMBDA_FUNCTION_TIMED_OUT: _task(lambda call, event: call.timed_out()),
    _E.START_LAMBDA_FUNCTION_FAILED: _task(lambda call, event: call.refused(event.cause.value)),
    _E.CHILD_WORKFLOW_EXECUTION_STARTED: _relation(
        lambda call, event: call.begun(event.workflow_execution), last=False
    ),
    _E.CHILD_WORKFLOW_EXECUTION_COMPLETED: _relation(lambda call, event: call.completed(event.result)),
    _E.CHILD_WORKFLOW_EXECUTION_FAILED: _relation(lambda call, event: call.failed(event.reason, event.details)),
    _E.CHILD_WORKFLOW_EXECUTION_CANCELED: _relation(lambda call, event: call.canceled()),
    _E.CHILD_WORKFLOW_EXECUTION_TIMED_OUT: _relation(lambda call, event: call.timed_out()),
    _E.CHILD_WORKFLOW_EXECUTION_TERMINATED: _relation(lambda call, event: call.terminated()),
    _E.START_CHILD_WORKFLOW_EXECUTION_FAILED: _relation(lambda call, event: call.refused(event.cause.value)),
    _E.EXTERNAL_WORKFLOW_EXECUTION_SIGNALED: _relation(lambda call, event: call.delivered()),
    _E.SIGNAL_EXTERNAL_WORKFLOW_EXECUTION_FAILED: _relation(lambda call, event: call.refused(event.cause.value)),
    _E.EXTERNAL_WORKFLOW_EXECUTION_CANCEL_REQUESTED: _relation(lambda call, event: call.delivered()),
    _E.REQUEST_CANCEL_EXTERNAL_WORKFLOW_EXECUTION_FAILED: _relation(
        lambda call, event: call.refused(event.cause.value)
    ),
}
