"""@decider: a function that reads the history and answers with decisions, under the name and version of a type.

Law: nothing between the function and SWF but the check that it gave back decisions.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Awaitable, Callable, Iterable
from typing import Generic, NoReturn, TypeAlias, TypeVar, cast

from workers_sdk.deciders.history import History
from workers_sdk.definitions.options import ChildPolicy, Duration, WorkflowOptions
from workflowsvc.swf.shapes import Decision

Decisions: TypeAlias = Iterable[Decision]
#: What a decider gives back: `def` and generators the one, `async def` the other.
Answer: TypeAlias = Decisions | Awaitable[Decisions]
R_co = TypeVar("R_co", bound=Answer, covariant=True)


class Decider:
    """A decider of one workflow type. The worker registers the type with *defaults* and calls `decide`."""

    def __init__(
        self,
        name: str,
        version: str,
        fn: Callable[[History], Answer],
        defaults: WorkflowOptions,
        description: str | None = None,
    ) -> None:
        functools.update_wrapper(self, fn)
        self.name = name
        self.version = version
        self.fn = fn
        self.defaults = defaults
        self.description = description

    def __call__(self, history: History) -> Answer:
        return self.fn(history)

    def __repr__(self) -> str:
        return f"<decider {self.name} {self.version}: {self.fn!r}>"

    async def decide(self, history: History) -> list[Decision]:
        """What the function decides. Raises TypeError if that is no decisions, and whatever the function raises."""
        answer = self.fn(history)
        return self._checked(await answer if inspect.isawaitable(answer) else answer)

    def _checked(self, answer: object) -> list[Decision]:
        if not isinstance(answer, Iterable):
            self._refuse(f"gave back {answer!r}")
        decisions: list[Decision] = []
        for number, one in enumerate(cast("Iterable[object]", answer), 1):
            if not isinstance(one, Decision):
                self._refuse(f"gave back {one!r} as decision {number}")
            decisions.append(one)
        return decisions

    def _refuse(self, what: str) -> NoReturn:
        raise TypeError(
            f"decider {self.name} {self.version} {what}: it gives back a list of decisions, made by the functions of "
            "workers_sdk.deciders.decisions; an empty list, [], waits for the next event"
        )


class Decorated(Decider, Generic[R_co]):
    """A decider that is called like its function."""

    fn: Callable[[History], R_co]

    def __call__(self, history: History) -> R_co:
        return self.fn(history)


def decider(
    name: str,
    version: str,
    *,
    task_list: str | None = None,
    execution_timeout: Duration | None = None,
    task_timeout: Duration | None = None,
    child_policy: ChildPolicy | None = "TERMINATE",
    task_priority: int | None = None,
    lambda_role: str | None = None,
    description: str | None = None,
) -> Callable[[Callable[[History], R_co]], Decorated[R_co]]:
    """Makes a function the decider of a workflow type.

        @decider("ProcessOrder", "1.0", task_timeout=30)
        def decide(history: History) -> list[shapes.Decision]:
            if history.activity("charge") is None:
                return [decisions.schedule_activity_task(activity=("charge", "1.0"), activity_id="charge")]
            ...

    It is called with the history of each decision task, and gives back the decisions that close the task: a list, or
    another iterable (it may be a generator), or an awaitable of one (`async def`). All deciders of a
    worker share an event loop: while one blocks, the others wait. A decider computes and does not wait.

    The rest are the defaults that the type is registered with (RegisterWorkflowType): timeouts in seconds, as a
    timedelta, or "NONE"; None is the worker's choice. SWF never changes a registered default: for others, take
    another version.
    """
    defaults = WorkflowOptions(
        task_list=task_list,
        execution_timeout=execution_timeout,
        task_timeout=task_timeout,
        child_policy=child_policy,
        priority=task_priority,
        lambda_role=lambda_role,
    )

    def decorate(fn: Callable[[History], R_co]) -> Decorated[R_co]:
        return Decorated(name, version, fn, defaults, description)

    return decorate
