"""`@activity`: a function that workers run, and that workflows call.

Law: one object is both. A worker runs its `fn`; in a workflow, calling it schedules an activity task and gives a future
of what `fn` will return, with `fn`'s own parameters for a type checker to see.
"""

from __future__ import annotations

import functools
import inspect
from asyncio import Future
from collections.abc import Callable, Coroutine
from typing import Any, Concatenate, Generic, ParamSpec, Protocol, Self, TypeVar, Unpack, cast, overload

from workers_sdk.definitions.context import current
from workers_sdk.definitions.members import ActivityMembers
from workers_sdk.definitions.options import ActivityOptions
from workers_sdk.definitions.signature import FunctionSignature

P = ParamSpec("P")
Q = ParamSpec("Q")
R = TypeVar("R")
R_co = TypeVar("R_co", covariant=True)

_NOTHING = ActivityOptions()


class Activity(Generic[P, R_co]):
    """An activity type (name and version) with its function and its defaults.

    In a workflow: `await charge(order)`, or `charge.with_options(task_list="slow")(order)`. Raises ActivityFailed,
    ActivityTimedOut, DecisionRefused, and asyncio.CancelledError when it was cancelled.
    Elsewhere `charge.fn(order)` is the plain function. Of a method the class's attribute is what workflows call, and
    an instance's is what a worker is given.
    """

    def __init__(
        self,
        fn: Callable[..., Any],
        name: str,
        version: str,
        options: ActivityOptions,
        description: str | None = None,
        said: ActivityOptions = _NOTHING,
        owner: type | None = None,
    ) -> None:
        self.fn = fn
        self.name = name
        self.version = version
        #: the type's defaults, and over them what was said for this call
        self.options = options
        #: only what was said for this call
        self.said = said
        self.description = description
        self._owner = owner
        self.signature = FunctionSignature(fn, skip_first=owner is not None)
        functools.update_wrapper(self, fn, updated=())

    @property
    def is_async(self) -> bool:
        """Whether the function is an `async def`."""
        return inspect.iscoroutinefunction(self.fn)

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> Future[R_co]:
        return current(f"calling the activity {self.name}").activity(self, args, kwargs)

    def with_options(self, **members: Unpack[ActivityMembers]) -> Self:
        """The same activity for calls that say otherwise: any member of ActivityOptions."""
        options, said = self.options.changed(**members), self.said.changed(**members)
        return type(self)(self.fn, self.name, self.version, options, self.description, said, self._owner)

    def __get__(
        self: Activity[Concatenate[Any, Q], R], instance: object | None, owner: type | None = None
    ) -> Activity[Q, R]:
        bound = self._copy(self.fn, owner) if instance is None else self._bind(instance)
        return cast("Activity[Q, R]", bound)

    def _bind(self, instance: object) -> Self:
        return self._copy(self.fn.__get__(instance), None)

    def _copy(self, fn: Callable[..., Any], owner: type | None) -> Self:
        return type(self)(fn, self.name, self.version, self.options, self.description, self.said, owner)

    def __repr__(self) -> str:
        return f"<activity {self.name} {self.version}>"


class _ActivityDecorator(Protocol):
    @overload
    def __call__(self, fn: Callable[P, Coroutine[Any, Any, R]], /) -> Activity[P, R]: ...
    @overload
    def __call__(self, fn: Callable[P, R], /) -> Activity[P, R]: ...


def activity(
    name: str, version: str, *, description: str | None = None, **members: Unpack[ActivityMembers]
) -> _ActivityDecorator:
    """Make a function, sync or async, an activity of this type.

    The members of ActivityOptions given here are the defaults that the type is registered with. If neither
    `start_to_close` nor `heartbeat` is given, an attempt may take five minutes. Defaults of a registered type never
    change (RegisterActivityType): give a new version with them.
    """
    options = ActivityOptions(**members)

    def decorate(fn: Callable[..., Any], /) -> Activity[..., Any]:
        return Activity(fn, name, version, options, description)

    return cast(_ActivityDecorator, decorate)
