"""Options: their members, their durations, what a type is registered with."""

from __future__ import annotations

import math
import typing
from datetime import timedelta

import msgspec
import pytest

from workers_sdk.definitions.members import ActivityMembers, WorkflowMembers
from workers_sdk.definitions.options import NONE, ActivityOptions, WorkflowOptions, seconds_text
from workflowsvc.swf import shapes


@pytest.mark.parametrize(
    ("members", "options"), [(ActivityMembers, ActivityOptions), (WorkflowMembers, WorkflowOptions)]
)
def test_members_for_type_checkers_are_those_of_the_options(members: type, options: type[msgspec.Struct]) -> None:
    assert typing.get_type_hints(members) == typing.get_type_hints(options)


@pytest.mark.parametrize(
    ("duration", "text"),
    [(None, None), (0, "0"), (1, "1"), (1.0, "1"), (1.01, "2"), (timedelta(days=30), "2592000"), (NONE, "NONE")],
)
def test_durations_are_whole_seconds_and_never_less(duration: typing.Any, text: str | None) -> None:
    assert seconds_text(duration) == text


@pytest.mark.parametrize("duration", [-1, math.inf, math.nan, timedelta(seconds=-1), "soon"])
def test_what_is_no_duration(duration: typing.Any) -> None:
    with pytest.raises(ValueError, match="duration"):
        seconds_text(duration)


def test_registration_of_an_activity_says_everything() -> None:
    """Whatever is unsaid is said, so that what a type was registered with does not hang on a service's defaults."""
    registered = ActivityOptions(heartbeat=5, priority=-3).registration("d", "n", "1", None, "workers")
    assert registered == shapes.RegisterActivityTypeInput(
        domain="d",
        name="n",
        version="1",
        default_task_list=shapes.TaskList(name="workers"),
        default_task_start_to_close_timeout="NONE",
        default_task_schedule_to_start_timeout="NONE",
        default_task_schedule_to_close_timeout="NONE",
        default_task_heartbeat_timeout="5",
        default_task_priority="-3",
    )


def test_activity_without_any_limit_gets_one() -> None:
    """Else the activity of a worker that was killed would be waited for to the end of the execution."""
    assert ActivityOptions().registration("d", "n", "1", None, "w").default_task_start_to_close_timeout == "300"


def test_registration_of_a_workflow() -> None:
    registered = WorkflowOptions(task_list="own", execution_timeout=timedelta(hours=1)).registration(
        "d", "n", "1", "what it is", "deciders"
    )
    assert registered == shapes.RegisterWorkflowTypeInput(
        domain="d",
        name="n",
        version="1",
        description="what it is",
        default_task_list=shapes.TaskList(name="own"),
        default_execution_start_to_close_timeout="3600",
        default_task_start_to_close_timeout="60",
        default_child_policy=shapes.ChildPolicy.TERMINATE,
    )
