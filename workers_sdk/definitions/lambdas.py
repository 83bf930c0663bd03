"""Lambda functions as workflows call them. Law: a declaration; the call is the context's."""

from __future__ import annotations

from asyncio import Future
from typing import Any, Generic, TypeVar, overload

from workers_sdk.definitions.context import current
from workers_sdk.definitions.options import Duration

R_co = TypeVar("R_co", covariant=True)
R = TypeVar("R")


class LambdaFunction(Generic[R_co]):
    """In a workflow `await resize(argument)`: ScheduleLambdaFunction. Raises LambdaFailed, LambdaTimedOut,
    DecisionRefused. The execution needs a `lambda_role`. A function that has begun cannot be cancelled."""

    def __init__(self, name: str, returns: Any, start_to_close: Duration | None) -> None:
        self.name = name
        self.returns = returns
        self.start_to_close = start_to_close

    def __call__(self, argument: object = None) -> Future[R_co]:
        return current(f"invoking the function {self.name}").lambda_function(self, argument)


@overload
def lambda_function(name: str, returns: type[R], *, start_to_close: Duration | None = None) -> LambdaFunction[R]: ...
@overload
def lambda_function(name: str, *, start_to_close: Duration | None = None) -> LambdaFunction[Any]: ...
def lambda_function(name: str, returns: Any = Any, *, start_to_close: Duration | None = None) -> LambdaFunction[Any]:
    """Declare a Lambda function by its name, with the type that its result is read as."""
    return LambdaFunction(name, returns, start_to_close)
