"""`@workflow`: an async function that a worker replays, and that programs start and other workflows call.

Law: one object is all three, with the function's own parameters for a type checker to see.
"""

from __future__ import annotations

import functools
import inspect
from asyncio import Future
from collections.abc import Callable, Coroutine
from typing import TYPE_CHECKING, Any, Generic, NoReturn, ParamSpec, Protocol, Self, TypeVar, Unpack, cast

from workers_sdk.definitions.children import Child
from workers_sdk.definitions.context import current
from workers_sdk.definitions.members import WorkflowDefaults, WorkflowMembers
from workers_sdk.definitions.options import WorkflowOptions
from workers_sdk.definitions.signature import FunctionSignature

if TYPE_CHECKING:
    from workers_sdk.client import Client
    from workers_sdk.executions import Handle

P = ParamSpec("P")
R = TypeVar("R")
R_co = TypeVar("R_co", covariant=True)

_NOTHING = WorkflowOptions()


class Workflow(Generic[P, R_co]):
    """A workflow type (name and version) with its function and its defaults.

    From a program: `await process.start(client, order)`. In a workflow: `await process(order)` runs it as a child,
    `process.start_child(order)` gives the child itself, `process.continue_as_new(order)` ends this run and begins the
    next. `process.with_options(workflow_id="order-1", tags=("eu",))` says more for one of these.
    """

    def __init__(
        self,
        fn: Callable[..., Coroutine[Any, Any, Any]],
        name: str,
        version: str,
        options: WorkflowOptions,
        description: str | None = None,
        said: WorkflowOptions = _NOTHING,
    ) -> None:
        if not inspect.iscoroutinefunction(fn):
            raise TypeError(f"the workflow {name} must be an `async def`")
        self.fn = fn
        self.name = name
        self.version = version
        #: the type's defaults, and over them what was said for this execution
        self.options = options
        #: only what was said for this execution
        self.said = said
        self.description = description
        self.signature = FunctionSignature(fn)
        functools.update_wrapper(self, fn, updated=())

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> Future[R_co]:
        return self.start_child(*args, **kwargs).result

    def start_child(self, *args: P.args, **kwargs: P.kwargs) -> Child[R_co]:
        """In a workflow: the child itself, to be signalled or cancelled; `await` it for its result."""
        return current(f"starting {self.name} as a child").child(self, args, kwargs)

    def continue_as_new(self, *args: P.args, **kwargs: P.kwargs) -> NoReturn:
        """End this run and begin the next, of this type, with these arguments; what is not said stays as it is."""
        current(f"continuing as {self.name}").continue_as_new(self, args, kwargs)

    async def start(self, client: Client, /, *args: P.args, **kwargs: P.kwargs) -> Handle[R_co]:
        """StartWorkflowExecution in the client's domain. Without a workflow id it gets a fresh one.

        Raises WorkflowExecutionAlreadyStartedFault, UnknownResourceFault, TypeDeprecatedFault, DefaultUndefinedFault.
        """
        from workers_sdk.executions import start  # noqa: PLC0415  definitions know no client until they need one

        return await start(client, self, self.signature.positional(args, kwargs))

    async def run(self, client: Client, /, *args: P.args, **kwargs: P.kwargs) -> R_co:
        """`start`, and wait for its result. Raises what start and Handle.result raise."""
        handle = await self.start(client, *args, **kwargs)
        return await handle.result()

    def with_options(self, **members: Unpack[WorkflowMembers]) -> Self:
        """The same workflow, for executions that say otherwise: any member of WorkflowOptions."""
        options, said = self.options.changed(**members), self.said.changed(**members)
        return type(self)(self.fn, self.name, self.version, options, self.description, said)

    def __repr__(self) -> str:
        return f"<workflow {self.name} {self.version}>"


class _WorkflowDecorator(Protocol):
    def __call__(self, fn: Callable[P, Coroutine[Any, Any, R]], /) -> Workflow[P, R]: ...


def workflow(
    name: str, version: str, *, description: str | None = None, **members: Unpack[WorkflowDefaults]
) -> _WorkflowDecorator:
    """Make an `async def` a workflow of this type.

    The members given here are the defaults that the type is registered with. Defaults of a registered type never
    change (RegisterWorkflowType): give a new version with them.
    """
    options = WorkflowOptions(**members)

    def decorate(fn: Callable[..., Coroutine[Any, Any, Any]], /) -> Workflow[..., Any]:
        return Workflow(fn, name, version, options, description)

    return cast(_WorkflowDecorator, decorate)
