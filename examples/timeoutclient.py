"""Every timeout that SWF knows, provoked and then found in the history.

Law: nothing here works in time. Each function tells of one execution and returns its history; all run at once.

LambdaFunctionTimedOut is left out: Lambda tasks need something that speaks AWS Lambda's Invoke API.

    python -m examples.timeoutclient --endpoint-url http://127.0.0.1:8080
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from examples.story import (
    DOMAIN,
    NotAsTold,
    activity_task,
    attributes,
    check,
    closed,
    decision_task,
    fresh,
    history,
    register,
    run,
    say,
    show,
    those,
)

WORKFLOW = {"name": "TooLate", "version": "1.0"}
ACTIVITY = {"name": "NeverDone", "version": "1.0"}

#: activityId: the setting that is short, its seconds, and the timeout that the activity ends with
ACTIVITIES = {
    "unwanted": ("scheduleToStartTimeout", "1", "SCHEDULE_TO_START"),
    "overall": ("scheduleToCloseTimeout", "2", "SCHEDULE_TO_CLOSE"),
    "slow": ("startToCloseTimeout", "1", "START_TO_CLOSE"),
    "silent": ("heartbeatTimeout", "1", "HEARTBEAT"),
}
LAST_WORDS = "row 17 of 100"

Events = list[dict[str, Any]]


def story(swf: Any) -> None:
    say("timeoutclient: everybody is too late\n\nProvoke every timeout, in four executions at once.")
    register(swf.register_domain, name=DOMAIN, workflowExecutionRetentionPeriodInDays="1")
    register(swf.register_workflow_type, domain=DOMAIN, **WORKFLOW)
    register(swf.register_activity_type, domain=DOMAIN, **ACTIVITY)
    with ThreadPoolExecutor(len(TALES)) as pool:
        histories = list(pool.map(lambda tale: tale(swf), TALES))
    for end_of, events in zip(TALES.values(), histories, strict=True):
        end_of(events)
    say("\n(LambdaFunctionTimedOut is left out: it needs a Lambda endpoint.)")


# ---- the workflow ----------------------------------------------------------------------------------------------


def nobody_decides(swf: Any) -> Events:
    execution = start(swf, fresh("undecided"), executionStartToCloseTimeout="1")
    closed(swf, execution)
    return history(swf, execution)


def workflow_timed_out(events: Events) -> None:
    say("\nWorkflow START_TO_CLOSE: no decider ever comes.")
    check(kinds(events, "WorkflowExecutionTimedOut") == ["START_TO_CLOSE"], "the execution timed out: START_TO_CLOSE")
    check(0.99 < seconds_between(events, 1, len(events)) < 3, "one second after its start")
    show("an execution without a decider", events)


# ---- decision tasks --------------------------------------------------------------------------------------------


def decider_falls_silent(swf: Any) -> Events:
    decisions = fresh("silent-decider")
    execution = start(swf, decisions, taskStartToCloseTimeout="2")
    late = decision_task(swf, decisions)
    again = decision_task(swf, decisions)
    try:
        complete(swf, late)
    except swf.exceptions.UnknownResourceFault:
        complete(swf, again)
        return history(swf, execution)
    raise NotAsTold("the answer to a decision task that timed out is refused")


def decision_start_to_close(events: Events) -> None:
    say("\nDecision START_TO_CLOSE: a decider takes a task and falls silent; another one finishes.")
    check(kinds(events, "DecisionTaskTimedOut") == ["START_TO_CLOSE"], "the decision task timed out: START_TO_CLOSE")
    check(len(those(events, "DecisionTaskScheduled")) == 2, "a second one was scheduled, and its answer counts")
    show("an execution whose decider falls silent", events)


def decider_is_away(swf: Any) -> Events:
    """The decider wants the next task on a list of its own for one second, and then does not poll it."""
    decisions, own = fresh("usual"), fresh("own")
    execution = start(swf, decisions)
    swf.respond_decision_task_completed(
        taskToken=decision_task(swf, decisions)["taskToken"],
        taskList={"name": own},
        taskListScheduleToStartTimeout="1",
    )
    swf.signal_workflow_execution(domain=DOMAIN, workflowId=execution["workflowId"], signalName="wake up")
    complete(swf, decision_task(swf, decisions))
    return history(swf, execution)


def decision_schedule_to_start(events: Events) -> None:
    say("\nDecision SCHEDULE_TO_START: a decider asks for the next task on a list of its own, and is not there.")
    timed_out = those(events, "DecisionTaskTimedOut")
    lists = [scheduled["taskList"]["name"].split("-")[0] for scheduled in those(events, "DecisionTaskScheduled")]
    check(
        [one["timeoutType"] for one in timed_out] == ["SCHEDULE_TO_START"] and timed_out[0]["startedEventId"] == 0,
        "the decision task timed out before it was started: SCHEDULE_TO_START",
    )
    check(lists == ["usual", "own", "usual"], "the next one is on the usual list again")
    show("an execution whose decider is away", events)


# ---- activity tasks and a timer --------------------------------------------------------------------------------


def workers_are_late(swf: Any) -> Events:
    decisions, work = fresh("patient-decider"), fresh("work")
    execution = start(swf, decisions)
    task = decision_task(swf, decisions)
    swf.respond_decision_task_completed(
        taskToken=task["taskToken"], decisions=[*(schedule(name, work) for name in ACTIVITIES), timer("tea", 1)]
    )
    for name in ("overall", "slow", "silent"):
        token = activity_task(swf, f"{work}-{name}")["taskToken"]
        if name == "silent":
            swf.record_activity_task_heartbeat(taskToken=token, details=LAST_WORDS)
    while True:
        task = decision_task(swf, decisions)
        if ended(task["events"]):
            complete(swf, task)
            return history(swf, execution)
        swf.respond_decision_task_completed(taskToken=task["taskToken"])


def ended(events: Events) -> bool:
    return len(those(events, "ActivityTaskTimedOut")) == len(ACTIVITIES) and bool(those(events, "TimerFired"))


def activities_timed_out(events: Events) -> None:
    say("\nActivity tasks: one that nobody takes, three that are taken and never finished; and a timer.")
    names = {
        event["eventId"]: attributes(event)["activityId"]
        for event in events
        if event["eventType"] == "ActivityTaskScheduled"
    }
    timed_out = {names[one["scheduledEventId"]]: one for one in those(events, "ActivityTaskTimedOut")}
    for name, (_, _, kind) in ACTIVITIES.items():
        check(timed_out[name]["timeoutType"] == kind, f"the activity task {name!r} timed out: {kind}")
    check(timed_out["unwanted"]["startedEventId"] == 0, "'unwanted' was never started")
    check(timed_out["silent"]["details"] == LAST_WORDS, f"the last heartbeat of 'silent' is kept: {LAST_WORDS!r}")
    check(those(events, "TimerFired")[0]["timerId"] == "tea", "the timer 'tea' fired")
    show("an execution whose workers are late", events)


#: what lets an execution be too late, and what is told of its history then
TALES = {
    nobody_decides: workflow_timed_out,
    decider_falls_silent: decision_start_to_close,
    decider_is_away: decision_schedule_to_start,
    workers_are_late: activities_timed_out,
}


# ---- the calls -------------------------------------------------------------------------------------------------


def start(swf: Any, task_list: str, **settings: str) -> dict[str, str]:
    """Start an execution that decides on *task_list*, which also names it."""
    patient = {"executionStartToCloseTimeout": "60", "taskStartToCloseTimeout": "30", "childPolicy": "TERMINATE"}
    started = swf.start_workflow_execution(
        domain=DOMAIN,
        workflowId=task_list,
        workflowType=WORKFLOW,
        taskList={"name": task_list},
        **(patient | settings),
    )
    return {"workflowId": task_list, "runId": started["runId"]}


def schedule(name: str, work: str) -> dict[str, Any]:
    short, seconds, _ = ACTIVITIES[name]
    patient = {
        "scheduleToStartTimeout": "30",
        "scheduleToCloseTimeout": "30",
        "startToCloseTimeout": "30",
        "heartbeatTimeout": "30",
    }
    return {
        "decisionType": "ScheduleActivityTask",
        "scheduleActivityTaskDecisionAttributes": {
            "activityId": name,
            "activityType": ACTIVITY,
            "taskList": {"name": f"{work}-{name}"},
            **(patient | {short: seconds}),
        },
    }


def timer(name: str, seconds: int) -> dict[str, Any]:
    return {
        "decisionType": "StartTimer",
        "startTimerDecisionAttributes": {"timerId": name, "startToFireTimeout": str(seconds)},
    }


def complete(swf: Any, task: dict[str, Any]) -> None:
    swf.respond_decision_task_completed(
        taskToken=task["taskToken"], decisions=[{"decisionType": "CompleteWorkflowExecution"}]
    )


def kinds(events: Sequence[dict[str, Any]], event_type: str) -> list[str]:
    return [timed_out["timeoutType"] for timed_out in those(events, event_type)]


def seconds_between(events: Sequence[dict[str, Any]], first: int, last: int) -> float:
    span = events[last - 1]["eventTimestamp"] - events[first - 1]["eventTimestamp"]
    seconds: float = span.total_seconds()
    return seconds


if __name__ == "__main__":
    sys.exit(run(story, "Every timeout that SWF knows, provoked and found in the history."))
