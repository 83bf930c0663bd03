"""What a worker is given, by name and version."""

from __future__ import annotations

import pytest

from workers_sdk.deciders import decider
from workers_sdk.definitions.activities import activity
from workers_sdk.definitions.workflows import workflow
from workers_sdk.worker.types import activities_of, workflows_of


class Payments:
    def __init__(self, rate: int) -> None:
        self.rate = rate

    @activity("charge", "1")
    def charge(self, amount: int) -> int:
        return amount * self.rate

    @activity("refund", "1")
    async def refund(self, amount: int) -> int:
        return -amount * self.rate

    def unrelated(self) -> None:
        raise NotImplementedError


class MorePayments(Payments):
    @property
    def trap(self) -> None:
        raise AssertionError("properties are not to be looked at")


def test_the_activities_of_an_instance_are_bound_to_it() -> None:
    found = activities_of([MorePayments(3)])
    assert sorted(found) == [("charge", "1"), ("refund", "1")]
    assert found["charge", "1"].fn(2) == 6


def test_functions_and_deciders_are_found_by_name_and_version() -> None:
    @workflow("order", "1")
    async def order() -> None: ...

    @workflow("order", "2")
    async def order_2() -> None: ...

    @decider("audit", "1")
    def audit(history: object) -> list[object]:
        return []

    assert list(workflows_of([order, order_2, audit])) == [("order", "1"), ("order", "2"), ("audit", "1")]


def test_two_of_one_name_and_version_are_refused() -> None:
    with pytest.raises(ValueError, match="two of the activity charge 1"):
        activities_of([Payments(1), Payments(2)])


@pytest.mark.parametrize("wrong", [len, Payments, object()])
def test_what_is_no_activity_is_refused(wrong: object) -> None:
    with pytest.raises(TypeError, match="not an activity"):
        activities_of([wrong])


def test_what_is_no_workflow_is_refused() -> None:
    with pytest.raises(TypeError, match="@workflow or @decider"):
        workflows_of([Payments(1).charge])
