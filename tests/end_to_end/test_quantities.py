"""Large numbers: of activities in a batch, of events in a history, of starts at a time.

Law: SWF.md §9, §7.3. What is counted is counted from the histories.
"""

from __future__ import annotations

import asyncio

from tests.end_to_end import checker
from tests.end_to_end.swf import EVER, WORKFLOW, Swf, complete, decision, schedule, timer
from tests.end_to_end.wire import Wire, poll_arguments, within

LIMIT = 1_000


def test_a_thousand_activities_are_scheduled_in_one_batch(swf: Swf) -> None:
    """And a thousand timers; the next of each is over the limit, whose failure is an event with a decision task."""
    run = swf.start()
    swf.decide(*(schedule(f"a{n}") for n in range(LIMIT + 1)))
    events = swf.history(run)[4:]
    assert checker.types(events) == ["ActivityTaskScheduled"] * LIMIT + [
        "ScheduleActivityTaskFailed",
        "DecisionTaskScheduled",
    ]
    assert checker.attributes(events[LIMIT])["cause"] == "OPEN_ACTIVITIES_LIMIT_EXCEEDED"
    swf.decide(*(timer(f"t{n}", 10_000) for n in range(LIMIT + 1)))
    failed = swf.history(run)[-2]
    assert failed["eventType"] == "StartTimerFailed"
    assert checker.attributes(failed)["cause"] == "OPEN_TIMERS_LIMIT_EXCEEDED"
    counts = swf.describe(run)["openCounts"]
    assert (counts["openActivityTasks"], counts["openTimers"]) == (LIMIT, LIMIT)
    pending = swf.client.count_pending_activity_tasks(domain=swf.domain, taskList={"name": "workers"})
    assert pending["count"] == LIMIT
    swf.decide(complete())
    assert swf.describe(run)["executionInfo"]["closeStatus"] == "COMPLETED"


async def test_a_thousand_activities_are_each_done_once(swf: Swf, url: str) -> None:
    """Twenty workers take them all; each is started and completed once; the run decides and closes."""
    run = swf.start()
    swf.decide(*(schedule(f"a{n}", input=str(n)) for n in range(LIMIT)))
    done: list[str] = []
    async with Wire(url) as wire:

        async def work() -> None:
            while len(done) < LIMIT:
                poll = asyncio.create_task(wire.good("PollForActivityTask", **poll_arguments(swf, "workers")))
                while not poll.done() and len(done) < LIMIT:
                    await asyncio.wait([poll], timeout=0.1)
                if not poll.done():  # others did the last ones
                    poll.cancel()
                    return
                task = poll.result()
                await wire.good("RespondActivityTaskCompleted", taskToken=task["taskToken"], result=task["input"])
                done.append(task["activityId"])

        await within(asyncio.gather(*(work() for _ in range(20))), 60)
    assert sorted(done) == sorted(f"a{n}" for n in range(LIMIT))
    events = swf.history(run)
    results = [checker.attributes(e)["result"] for e in events if e["eventType"] == "ActivityTaskCompleted"]
    assert sorted(map(int, results)) == list(range(LIMIT))
    swf.decide(complete())


async def test_of_forty_concurrent_starts_exactly_one_wins(swf: Swf, url: str) -> None:
    """The others get WorkflowExecutionAlreadyStarted; ten times over."""
    async with Wire(url) as wire:
        for n in range(10):
            start = {"domain": swf.domain, "workflowId": f"w{n}", "workflowType": WORKFLOW}
            answers = await asyncio.gather(*(wire.call("StartWorkflowExecution", **start) for _ in range(40)))
            assert sorted(answer.status for answer in answers) == [200] + [400] * 39
            assert {answer.code for answer in answers if answer.status == 400} == {
                "WorkflowExecutionAlreadyStartedFault"
            }
    count = swf.client.count_open_workflow_executions(domain=swf.domain, startTimeFilter=EVER)
    assert count["count"] == 10


async def test_concurrent_signals_each_write_one_event(swf: Swf, url: str) -> None:
    """Two hundred at a time to one execution: as many events, ids dense, one decision task."""
    run = swf.start()
    async with Wire(url) as wire:
        signal = {"domain": swf.domain, "workflowId": "w", "signalName": "s"}
        inputs = [str(n) for n in range(200)]
        await asyncio.gather(*(wire.good("SignalWorkflowExecution", input=text, **signal) for text in inputs))
    events = swf.history(run)
    assert checker.types(events)[2:] == ["WorkflowExecutionSignaled"] * 200
    assert sorted(checker.attributes(event)["input"] for event in events[2:]) == sorted(inputs)


def test_a_long_history_pages_right(swf: Swf) -> None:
    """Five thousand events: pages forward and reverse have each once, and the decision task has them all."""
    run = swf.start()
    for batch in range(5):
        markers = [decision("RecordMarker", markerName=f"m{batch}", details=str(n)) for n in range(1000)]
        swf.decide(*markers, timer("t", 0))
    total = swf.history(run)[-1]["eventId"]
    assert total > 5_000
    for size in (0, 999, 1000):
        forward = [event["eventId"] for event in swf.history(run, maximumPageSize=size)]
        assert forward == list(range(1, total + 1))
    backward = [event["eventId"] for event in swf.history(run, reverseOrder=True)]
    assert backward == forward[::-1]
    ask = {"domain": swf.domain, "taskList": {"name": "deciders"}}
    page = swf.client.poll_for_decision_task(**ask)
    events = page["events"]
    assert len(events) == 1000  # "default 1000"
    while token := page.get("nextPageToken"):
        page = swf.client.poll_for_decision_task(**ask, nextPageToken=token)
        events += page["events"]
    assert [event["eventId"] for event in events] == list(range(1, page["startedEventId"] + 1))
    assert events == swf.history(run)[: page["startedEventId"]]
    swf.respond(page, complete())


def test_event_25001_is_the_end(swf: Swf) -> None:
    """In mid-batch too: the remaining decisions are dropped, the call succeeds, nothing follows (SWF.md §12.15)."""
    run = swf.start()
    for batch in range(5):
        markers = [decision("RecordMarker", markerName=f"m{batch}") for _ in range(5_000)]
        swf.decide(*markers, timer("t", 0))
    described = swf.describe(run)
    assert described["executionInfo"]["closeStatus"] == "TERMINATED"
    [last] = swf.client.get_workflow_execution_history(
        domain=swf.domain, execution={"workflowId": "w", "runId": run}, reverseOrder=True, maximumPageSize=1
    )["events"]
    assert (last["eventId"], last["eventType"]) == (25_001, "WorkflowExecutionTerminated")
    assert checker.attributes(last) == {"childPolicy": "TERMINATE", "cause": "EVENT_LIMIT_EXCEEDED"}
