"""What workflow code can ask for, and from where it is answered.

Law: definitions know no worker and no replay. A call inside a workflow finds its context on the event loop that runs
it, as asyncio itself does; anywhere else it is refused with a word on what to do.
"""

from __future__ import annotations

import asyncio
from asyncio import Future
from collections.abc import Callable, Mapping
from datetime import datetime
from random import Random
from typing import TYPE_CHECKING, Any, NoReturn, Protocol

import msgspec

from workers_sdk.errors import NotInWorkflow
from workflowsvc.swf import shapes

if TYPE_CHECKING:
    from workers_sdk.definitions.activities import Activity
    from workers_sdk.definitions.children import Child
    from workers_sdk.definitions.lambdas import LambdaFunction
    from workers_sdk.definitions.workflows import Workflow


class Info(msgspec.Struct, frozen=True, kw_only=True):
    """What a workflow can know of its execution: WorkflowExecutionStarted, and how far the history has grown.

    `history_length` is in events. `continue_as_new_suggested`: it has grown long (SWF closes an execution at 25,000).
    """

    domain: str
    workflow_id: str
    run_id: str
    name: str
    version: str
    task_list: str
    tags: tuple[str, ...]
    started_at: datetime
    parent: shapes.WorkflowExecution | None
    continued_from: str | None
    history_length: int
    continue_as_new_suggested: bool


class WorkflowContext(Protocol):
    """One execution, as its code sees it. What returns a future begins at once, awaited or not."""

    replaying: bool
    random: Random

    def now(self) -> datetime: ...
    def info(self) -> Info: ...
    def activity(
        self, activity: Activity[..., Any], args: tuple[Any, ...], kwargs: Mapping[str, Any]
    ) -> Future[Any]: ...
    def child(self, workflow: Workflow[..., Any], args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Child[Any]: ...
    def lambda_function(self, function: LambdaFunction[Any], argument: object) -> Future[Any]: ...
    def signal_external(self, workflow_id: str, run_id: str | None, name: str, value: object) -> Future[None]: ...
    def cancel_external(self, workflow_id: str, run_id: str | None) -> Future[None]: ...
    async def receive(self, name: str, type_: Any) -> Any: ...
    def received(self, name: str, type_: Any) -> list[Any]: ...
    def handle(self, name: str, type_: Any, handler: Callable[[Any], object]) -> None: ...
    def wait_until(self, condition: Callable[[], bool]) -> Future[None]: ...
    def record_marker(self, name: str, value: object) -> None: ...
    def side_effect(self, name: str, function: Callable[[], Any], type_: Any) -> Any: ...
    def patched(self, patch: str) -> bool: ...
    def set_state(self, value: object) -> None: ...
    def continue_as_new(
        self, workflow: Workflow[..., Any], args: tuple[Any, ...], kwargs: Mapping[str, Any]
    ) -> NoReturn: ...


def context_or_none() -> WorkflowContext | None:
    loop = asyncio._get_running_loop()
    return getattr(loop, "workflow_context", None)


def current(what: str) -> WorkflowContext:
    """The context of the workflow that is running. Raises NotInWorkflow, which names *what* was tried."""
    context = context_or_none()
    if context is None:
        raise NotInWorkflow(f"{what} is for workflow code, while a worker runs it")
    return context
