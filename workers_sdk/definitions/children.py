"""A child workflow execution and any other one, as a workflow sees them.

Law: handles only: what they do is the context's.
"""

from __future__ import annotations

import asyncio
from asyncio import Future
from collections.abc import Generator
from typing import Any, Generic, TypeVar, overload

from workers_sdk.definitions.context import current
from workers_sdk.definitions.signals import Signal

R_co = TypeVar("R_co", covariant=True)
T = TypeVar("T")


class External:
    """An execution of the same domain, by its ids; without *run_id* the one that is open."""

    def __init__(self, workflow_id: str, run_id: str | None = None) -> None:
        self.workflow_id = workflow_id
        self.run_id = run_id

    @overload
    def signal(self, signal: Signal[None]) -> Future[None]: ...
    @overload
    def signal(self, signal: Signal[T], value: T) -> Future[None]: ...
    def signal(self, signal: Signal[Any], value: Any = None) -> Future[None]:
        """Done when the other execution has the signal. Raises DecisionRefused: there is no such open execution."""
        return self.signal_by_name(signal.name, value)

    def signal_by_name(self, name: str, value: object = None) -> Future[None]:
        """The same for a signal that is not declared here; None as *value* is no input."""
        context = current("signalling another execution")
        return context.signal_external(self.workflow_id, self.run_id, name, value)

    def request_cancel(self) -> Future[None]:
        """Done when the other execution has the request. Raises DecisionRefused: there is no such open execution."""
        return current("cancelling another execution").cancel_external(self.workflow_id, self.run_id)


def external(workflow_id: str, run_id: str | None = None) -> External:
    """Another execution of this domain, to signal or to cancel."""
    return External(workflow_id, run_id)


class Child(External, Generic[R_co]):
    """A child workflow execution that was asked for.

    `await child` gives its result. Raises ChildFailed, ChildTimedOut, ChildTerminated, ChildCanceled, DecisionRefused
    if it could not be started, and asyncio.CancelledError when it was cancelled from here.
    """

    def __init__(self, workflow_id: str, started: Future[str], result: Future[R_co]) -> None:
        super().__init__(workflow_id)
        self._started = started
        self.result = result

    async def started(self) -> str:
        """Its run id, as soon as it has one. Raises DecisionRefused if it could not be started."""
        # Whoever waits for it no longer, the others do. It is not kept: what is said to a child goes to its last run.
        return await asyncio.shield(self._started)

    def cancel(self) -> None:
        """Ask it to end, and wait for it no more (with `wait_for_cancel`: until it has)."""
        self.result.cancel()

    def __await__(self) -> Generator[Any, None, R_co]:
        return self.result.__await__()
