"""One execution as its code sees it: the context that answers what workflow code asks for.

Law: it decides nothing by itself. Calls become commands and futures; the history (replay.py) tells it what happened.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from datetime import UTC, datetime
from random import Random
from typing import Any, Final, NoReturn

from workers_sdk.definitions.activities import Activity
from workers_sdk.definitions.children import Child
from workers_sdk.definitions.context import Info
from workers_sdk.definitions.lambdas import LambdaFunction
from workers_sdk.definitions.workflows import Workflow
from workers_sdk.payloads import Converter
from workers_sdk.replay.calls import ActivityCall
from workers_sdk.replay.commands import Commands
from workers_sdk.replay.ending import ContinueAsNew
from workers_sdk.replay.gate import Gate
from workers_sdk.replay.guards import Guard
from workers_sdk.replay.inbox import Inbox
from workers_sdk.replay.loop import WorkflowLoop
from workers_sdk.replay.markers import Markers
from workers_sdk.replay.relations import ChildCall, ExternalCall, LambdaCall, cancel_call, signal_call
from workers_sdk.replay.timers import Timers
from workflowsvc.swf import shapes

#: Events from which on a history is long: "maximum workflow execution history size: 25,000 events" (SWF quotas).
LONG_HISTORY: Final = 10_000


class Run:
    """Implements definitions.context.WorkflowContext."""

    loop: WorkflowLoop
    activities: Gate
    children: Gate
    lambdas: Gate

    def __init__(
        self, workflow: Workflow[..., Any], execution: shapes.WorkflowExecution, domain: str, converter: Converter
    ) -> None:
        self.workflow = workflow
        self.execution = execution
        self.domain = domain
        self.converter = converter
        self.guard = Guard()
        self.commands = Commands()
        self.timers = Timers(self)
        self.loop = WorkflowLoop(self, self.timers.start, self.timers.cancel)
        self.inbox = Inbox(self.loop, converter)
        self.markers = Markers(self)
        self.random = Random(execution.run_id)  # noqa: S311  the same at every replay: that is what it is for
        self.activities, self.children, self.lambdas = Gate(), Gate(), Gate()
        #: what is open, by the event that scheduled or initiated it
        self.tasks: dict[int, ActivityCall | LambdaCall] = {}
        self.initiated: dict[int, ChildCall | ExternalCall] = {}
        #: whether the code is only catching up with what it did before
        self.replaying = True
        self.history_length = 0
        self.started: shapes.WorkflowExecutionStartedEventAttributes
        self.state: str | None = None
        self._ids = 0
        self._began = self._now = 0.0

    def next_id(self) -> str:
        """Of whatever is decided next: from the order of calls, so the same at every replay."""
        self._ids += 1
        return str(self._ids)

    # ---- time

    def begin(self, started: shapes.WorkflowExecutionStartedEventAttributes, at: float) -> None:
        self.started = started
        self._began = at

    def set_time(self, at: float) -> None:
        """Seconds since the epoch. It stands while code runs."""
        self._now = max(self._now, at)
        self.loop.set_time(self._now - self._began)

    def now(self) -> datetime:
        return datetime.fromtimestamp(self._now, UTC)

    # ---- what is asked

    def info(self) -> Info:
        started = self.started
        return Info(
            domain=self.domain,
            workflow_id=self.execution.workflow_id,
            run_id=self.execution.run_id,
            name=started.workflow_type.name,
            version=started.workflow_type.version,
            task_list=started.task_list.name,
            tags=tuple(tag for tag in started.tag_list or () if tag is not None),
            started_at=datetime.fromtimestamp(self._began, UTC),
            parent=started.parent_workflow_execution,
            continued_from=started.continued_execution_run_id or None,
            history_length=self.history_length,
            continue_as_new_suggested=self.history_length >= LONG_HISTORY,
        )

    def activity(
        self, activity: Activity[..., Any], args: tuple[Any, ...], kwargs: Mapping[str, Any]
    ) -> asyncio.Future[Any]:
        return ActivityCall(self, activity, self._text(activity.signature.positional(args, kwargs)))

    def child(self, workflow: Workflow[..., Any], args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Child[Any]:
        call = ChildCall(self, workflow, self._text(workflow.signature.positional(args, kwargs)))
        return Child(call.workflow_id, call.started, call)

    def lambda_function(self, function: LambdaFunction[Any], argument: object) -> asyncio.Future[Any]:
        return LambdaCall(self, function, None if argument is None else self.converter.to_text(argument))

    def signal_external(self, workflow_id: str, run_id: str | None, name: str, value: object) -> asyncio.Future[None]:
        text = None if value is None else self.converter.to_text(value)
        return signal_call(self, workflow_id, run_id, name, text)

    def cancel_external(self, workflow_id: str, run_id: str | None) -> asyncio.Future[None]:
        return cancel_call(self, workflow_id, run_id)

    async def receive(self, name: str, type_: Any) -> Any:
        return await self.inbox.receive(name, type_)

    def received(self, name: str, type_: Any) -> list[Any]:
        return self.inbox.received(name, type_)

    def handle(self, name: str, type_: Any, handler: Callable[[Any], object]) -> None:
        self.inbox.handle(name, type_, handler)

    def wait_until(self, condition: Callable[[], bool]) -> asyncio.Future[None]:
        return self.loop.wait_until(condition)

    def record_marker(self, name: str, value: object) -> None:
        self.markers.record(name, value)

    def side_effect(self, name: str, function: Callable[[], Any], type_: Any) -> Any:
        return self.markers.side_effect(name, function, type_)

    def patched(self, patch: str) -> bool:
        return self.markers.patched(patch)

    def set_state(self, value: object) -> None:
        self.state = self.converter.to_text(value)

    def continue_as_new(
        self, workflow: Workflow[..., Any], args: tuple[Any, ...], kwargs: Mapping[str, Any]
    ) -> NoReturn:
        name = self.started.workflow_type.name
        if workflow.name != name:
            raise ValueError(
                f"an execution of {name} cannot continue as {workflow.name}: SWF lets it change its version"
            )
        raise ContinueAsNew(workflow, self._text(workflow.signature.positional(args, kwargs)))

    def unguarded(self) -> AbstractContextManager[None]:
        return self.guard.lifted()

    def _text(self, arguments: tuple[Any, ...]) -> str | None:
        return self.converter.arguments_to_text(arguments)
