"""A decider against the service: polled, run and answered by hand, until its execution closes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec

from tests.end_to_end.swf import ACTIVITY, WORKFLOW, Swf
from tests.end_to_end.wire import Wire, poll_arguments
from workers_sdk.deciders import History, State, decider, decisions
from workflowsvc.swf import shapes

SHIP = (ACTIVITY["name"], ACTIVITY["version"])


@decider(WORKFLOW["name"], WORKFLOW["version"])
def order(history: History) -> Iterator[shapes.Decision]:
    """Ships; after a failure waits and ships again; completes once it has shipped and somebody has signed."""
    ship, wait = history.activity("ship"), history.timer("wait")
    if ship is None:
        yield decisions.record_marker(marker_name="begun", details=history.input)
        yield decisions.schedule_activity_task(activity=SHIP, activity_id="ship", input=history.input)
    elif ship.state is State.FAILED and wait is None:
        yield decisions.start_timer(timer_id="wait", start_to_fire_timeout=0)
    elif ship.state is State.FAILED and wait and wait.state is State.FIRED:
        yield decisions.schedule_activity_task(activity=SHIP, activity_id="ship", input=ship.reason)
    elif ship.state is State.COMPLETED and (signed := history.signal("signed")):
        yield decisions.complete_workflow_execution(result=f"{ship.result} {signed.input}")


class Story:
    """What a worker does, step by step."""

    def __init__(self, wire: Wire, swf: Swf) -> None:
        self.wire = wire
        self.swf = swf

    async def decide(self) -> History:
        """Take a decision task, one page of two events at a time, and answer it with what the decider decides."""
        page = await self.wire.good("PollForDecisionTask", **poll_arguments(self.swf), maximumPageSize=2)
        task = msgspec.convert(page, shapes.DecisionTask)
        events = list(task.events)
        while token := page.get("nextPageToken"):
            arguments = poll_arguments(self.swf) | {"maximumPageSize": 2, "nextPageToken": token}
            page = await self.wire.good("PollForDecisionTask", **arguments)
            events += msgspec.convert(page, shapes.DecisionTask).events
        history = History(task, events)
        decided = msgspec.to_builtins(await order.decide(history))
        await self.wire.good("RespondDecisionTaskCompleted", taskToken=task.task_token, decisions=decided)
        return history

    async def work(self, answer: str, **members: Any) -> str:
        """Take an activity task and answer it so; its input."""
        task = await self.wire.good("PollForActivityTask", **poll_arguments(self.swf, "workers"))
        await self.wire.good(f"RespondActivityTask{answer}", taskToken=task["taskToken"], **members)
        return str(task["input"])


async def test_a_decider_runs_to_completion(swf: Swf) -> None:
    run_id = swf.start(input="two books", tagList=["express"])
    async with Wire(swf.url) as wire:
        story = Story(wire, swf)

        first = await story.decide()
        assert (first.input, first.tags, first.previous_started_event_id) == ("two books", ("express",), 0)
        assert first.execution == shapes.WorkflowExecution(workflow_id="w", run_id=run_id)
        assert list(first.new) == list(first)

        assert await story.work("Failed", reason="no van") == "two books"
        second = await story.decide()
        assert second.previous_started_event_id == first.started_event_id
        assert [one.reason for one in second.activities.failed] == ["no van"]

        third = await story.decide()
        assert [one.id for one in third.timers.fired] == ["wait"]
        assert await story.work("Completed", result="shipped") == "no van"
        fourth = await story.decide()
        assert [one.state for one in fourth.activities.attempts("ship")] == [State.FAILED, State.COMPLETED]
        assert not fourth.activities.open

        swf.signal("signed", input="by Ann")
        fifth = await story.decide()
        assert [one.details for one in fifth.markers.named("begun")] == ["two books"]
        assert fifth.execution.run_id == run_id

    assert swf.await_event(run_id, "WorkflowExecutionCompleted")["result"] == "shipped by Ann"


async def test_a_decision_that_fails_is_told_with_the_next_task(swf: Swf) -> None:
    """An activity id that is in use (SWF.md §3.2)."""
    swf.start()
    twice = decisions.schedule_activity_task(activity=SHIP, activity_id="ship", task_list="nobody", input="x")
    swf.decide(msgspec.to_builtins(twice))
    swf.signal()
    swf.decide(msgspec.to_builtins(twice))
    async with Wire(swf.url) as wire:
        history = await Story(wire, swf).decide()
    (failure,) = history.decision_failures.after(history.previous_started_event_id)
    assert (failure.decision, failure.name, failure.cause) == (
        "ScheduleActivityTask",
        "ship",
        "ACTIVITY_ID_ALREADY_IN_USE",
    )
    assert [one.state for one in history.activities] == [State.SCHEDULED]
