"""Decorated functions: plain functions still, with a name, a version and options."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from workers_sdk import activity, workflow
from workers_sdk.definitions.signature import FunctionSignature


def _by_keyword(*, b: int) -> None: ...


def _by_optional_keyword(a: int, *, b: int = 3) -> None: ...


def _by_any_keyword(**b: int) -> None: ...


class Payments:
    def __init__(self, rate: int) -> None:
        self.rate = rate

    @activity("convert", "1")
    def convert(self, amount: int, to: str = "EUR") -> int:
        """Convert."""
        return amount * self.rate


def test_function_is_still_itself() -> None:
    @activity("double", "2", description="d")
    def double(number: int) -> int:
        """Twice."""
        return 2 * number

    assert double.fn(4) == 8
    assert (double.name, double.version, double.description) == ("double", "2", "d")
    assert double.__doc__ == "Twice."
    assert not double.is_async


def test_method_of_an_instance_is_what_a_worker_runs() -> None:
    bound = Payments(3).convert
    assert bound.fn(5) == 15
    assert list(bound.signature.signature.parameters) == ["amount", "to"]


def test_method_of_the_class_is_what_a_workflow_calls() -> None:
    assert list(Payments.convert.signature.signature.parameters) == ["amount", "to"]
    assert Payments.convert.signature.returns is int


def test_options_of_a_call_are_kept_apart_from_the_defaults() -> None:
    @activity("a", "1", start_to_close=5)
    def a() -> None: ...

    changed = a.with_options(task_list="x").with_options(priority=1)
    assert (changed.said.task_list, changed.said.priority, changed.said.start_to_close) == ("x", 1, None)
    assert (changed.options.start_to_close, changed.options.task_list) == (5, "x")
    assert a.options.task_list is None

    @workflow("w", "1", execution_timeout=5)
    async def w() -> None: ...

    other = w.with_options(tags=("t",), workflow_id="i")
    assert (other.said.tags, other.said.execution_timeout, other.options.execution_timeout) == (("t",), None, 5)


def test_arguments_become_a_list() -> None:
    def f(a: int, b: int = 2, *rest: int) -> None: ...

    signature = FunctionSignature(f)
    assert signature.positional((1,), {}) == (1,)
    assert signature.positional((), {"a": 1}) == (1,)
    assert signature.positional((1, 2, 3, 4), {}) == (1, 2, 3, 4)
    with pytest.raises(TypeError, match="missing"):
        signature.positional((), {"b": 1})


def test_what_stands_between_is_the_default() -> None:
    def f(a: int, b: int = 2, c: int = 3) -> None: ...

    assert FunctionSignature(f).positional((1,), {"c": 9}) == (1, 2, 9)


@pytest.mark.parametrize("fn", [_by_keyword, _by_optional_keyword, _by_any_keyword])
def test_parameters_by_keyword_only_are_refused_where_they_are_declared(fn: Callable[..., None]) -> None:
    """Arguments are a list: what it has no place for would be lost."""
    with pytest.raises(TypeError, match="'b' by keyword only"):
        activity("a", "1")(fn)
