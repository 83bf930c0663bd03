"""@decider: what it keeps, how it runs its function, what it refuses."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any, cast

import pytest

from tests.workers_sdk.deciders.histories import STARTED, history
from workers_sdk.deciders import Decider, History, decider, decisions
from workers_sdk.definitions.options import WorkflowOptions
from workflowsvc.swf.shapes import Decision

RUN = history(STARTED)
DONE = decisions.complete_workflow_execution(result="two books")


def test_what_is_said_of_a_type() -> None:
    @decider(
        "ProcessOrder",
        "1.0",
        task_list="orders",
        execution_timeout=timedelta(days=1),
        task_timeout=30,
        child_policy="ABANDON",
        task_priority=5,
        lambda_role="arn:aws:iam::1:role/r",
        description="Orders of books.",
    )
    def decide(history: History) -> list[Decision]:
        """What it does."""
        return []

    assert isinstance(decide, Decider)
    assert (decide.name, decide.version, decide.description) == ("ProcessOrder", "1.0", "Orders of books.")
    assert decide.defaults == WorkflowOptions(
        task_list="orders",
        execution_timeout=timedelta(days=1),
        task_timeout=30,
        child_policy="ABANDON",
        priority=5,
        lambda_role="arn:aws:iam::1:role/r",
    )
    assert decide.__doc__ == "What it does."
    assert repr(decide).startswith("<decider ProcessOrder 1.0: ")


def test_unsaid_it_terminates_its_children_and_leaves_the_rest_to_the_worker() -> None:
    @decider("ProcessOrder", "1.0")
    def decide(history: History) -> list[Decision]:
        return []

    assert decide.defaults == WorkflowOptions(child_policy="TERMINATE")
    assert decide.description is None


def test_called_it_is_the_plain_function() -> None:
    @decider("ProcessOrder", "1.0")
    def decide(history: History) -> list[Decision]:
        return [decisions.complete_workflow_execution(result=history.input)]

    assert decide(RUN) == [DONE]
    assert decide.fn(RUN) == [DONE]


async def test_a_list_a_generator_and_a_coroutine_decide_alike() -> None:
    @decider("A", "1")
    def listed(history: History) -> tuple[Decision, ...]:
        return (DONE,)

    @decider("A", "1")
    def generated(history: History) -> Iterator[Decision]:
        yield DONE

    @decider("A", "1")
    async def awaited(history: History) -> list[Decision]:
        return [DONE]

    for one in (listed, generated, awaited):
        assert await one.decide(RUN) == [DONE]
    assert await awaited(RUN) == [DONE]


async def test_no_decisions_are_legal() -> None:
    """ "No decisions is legal: the run just waits" (SWF.md §3.1.7)."""

    @decider("A", "1")
    def decide(history: History) -> list[Decision]:
        return []

    assert await decide.decide(RUN) == []


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (None, r"decider A 1 gave back None: it gives back a list of decisions.* an empty list, \[\], waits"),
        (DONE, r"gave back Decision\("),
        ([DONE, {"decisionType": "CancelTimer"}], r"gave back \{'decisionType': 'CancelTimer'\} as decision 2"),
        ("done", r"gave back 'd' as decision 1"),
    ],
)
async def test_what_is_no_decisions_is_named(answer: object, message: str) -> None:
    def decide(history: History) -> list[Decision]:
        return cast("Any", answer)

    with pytest.raises(TypeError, match=message):
        await decider("A", "1")(decide).decide(RUN)


async def test_what_the_function_raises_comes_out() -> None:
    @decider("A", "1")
    def decide(history: History) -> Iterator[Decision]:
        yield DONE
        raise LookupError("no such book")

    with pytest.raises(LookupError, match="no such book"):
        await decide.decide(RUN)
