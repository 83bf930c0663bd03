"""Executions, their tasks and decisions through boto3, one at a time.

Law: texts, causes and rules are those of SWF.md §1.2-§1.4, §2.2, §2.3, §3, §5 and §6; every history is checked too.
"""

from __future__ import annotations

from typing import Any

import pytest

from tests.end_to_end import checker
from tests.end_to_end.swf import ACTIVITY, WORKFLOW, Swf, complete, decision, refused, schedule, timer

# ---- start, describe


def test_a_start_gives_a_run_id_and_two_events(swf: Swf) -> None:
    """WorkflowExecutionStarted with all that was given, then DecisionTaskScheduled, of one time."""
    given: dict[str, Any] = {
        "taskList": {"name": "special"},
        "taskPriority": "7",
        "input": "order 17",
        "executionStartToCloseTimeout": "600",
        "taskStartToCloseTimeout": "NONE",
        "childPolicy": "ABANDON",
        "tagList": ["b", "a", ""],
        "lambdaRole": "arn:aws:iam::1:role/r",
    }
    run = swf.start(**given)
    assert len(run) <= 60
    assert set(run) <= set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789=_-")
    started, scheduled = swf.history(run)
    assert checker.attributes(started) == given | {"workflowType": WORKFLOW, "parentInitiatedEventId": 0}
    assert checker.attributes(scheduled) == {
        "taskList": {"name": "special"},
        "taskPriority": "7",
        "startToCloseTimeout": "NONE",
        "scheduleToStartTimeout": "NONE",
    }
    assert started["eventTimestamp"] == scheduled["eventTimestamp"]
    described = swf.describe(run)
    assert described["executionConfiguration"] == {
        name: given[name] for name in given if name not in ("input", "tagList")
    }
    info = described["executionInfo"]
    assert info.pop("startTimestamp") == started["eventTimestamp"]
    assert info == {
        "execution": {"workflowId": "w", "runId": run},
        "workflowType": WORKFLOW,
        "executionStatus": "OPEN",
        "cancelRequested": False,
        "tagList": ["b", "a", ""],
    }
    assert described["openCounts"] == {
        "openActivityTasks": 0,
        "openDecisionTasks": 1,
        "openTimers": 0,
        "openChildWorkflowExecutions": 0,
        "openLambdaFunctions": 0,
    }
    assert not {"latestActivityTaskTimestamp", "latestExecutionContext"} & set(described)


def test_a_start_takes_what_is_missing_from_the_type(swf: Swf) -> None:
    """The effective settings are in the event; what was never set is absent, not empty."""
    attributes = checker.attributes(swf.history(swf.start())[0])
    assert attributes == {
        "workflowType": WORKFLOW,
        "taskList": {"name": "deciders"},
        "childPolicy": "TERMINATE",
        "executionStartToCloseTimeout": "3600",
        "taskStartToCloseTimeout": "60",
        "parentInitiatedEventId": 0,
    }


@pytest.mark.parametrize(
    "missing", ["executionStartToCloseTimeout", "taskList", "taskStartToCloseTimeout", "childPolicy"]
)
def test_a_setting_that_is_nowhere_is_named(swf: Swf, missing: str) -> None:
    """DefaultUndefined says which setting has neither a value nor a default."""
    bare = {"name": "bare", "version": "1"}
    swf.client.register_workflow_type(domain=swf.domain, **bare)
    settings: dict[str, Any] = {
        "executionStartToCloseTimeout": "60",
        "taskList": {"name": "l"},
        "taskStartToCloseTimeout": "60",
        "childPolicy": "TERMINATE",
    }
    del settings[missing]
    with refused("DefaultUndefinedFault", missing):
        swf.start(workflowType=bare, **settings)


def test_a_workflow_id_has_one_open_execution(swf: Swf) -> None:
    """A second start is refused until the first run is closed; then the id is free, with a new run."""
    first = swf.start()
    with refused("WorkflowExecutionAlreadyStartedFault", "Already Started"):
        swf.start()
    swf.client.terminate_workflow_execution(domain=swf.domain, workflowId="w")
    second = swf.start()
    assert second != first
    assert swf.describe(first)["executionInfo"]["executionStatus"] == "CLOSED"
    assert swf.describe(second)["executionInfo"]["executionStatus"] == "OPEN"


def test_a_deprecated_type_starts_nothing_and_its_open_runs_finish(swf: Swf) -> None:
    """TypeDeprecated on start; the open run carries on, also after the type is deleted."""
    run = swf.start()
    swf.client.deprecate_workflow_type(domain=swf.domain, workflowType=WORKFLOW)
    with refused("TypeDeprecatedFault", "WorkflowType=[name=order, version=1]"):
        swf.start("another")
    swf.client.delete_workflow_type(domain=swf.domain, workflowType=WORKFLOW)
    with refused("UnknownResourceFault", "Unknown type: WorkflowType=[name=order, version=1]"):
        swf.start("another")
    swf.decide(complete())
    assert swf.describe(run)["executionInfo"]["closeStatus"] == "COMPLETED"


def test_a_deprecation_holds_from_its_answer_on(swf: Swf) -> None:
    """Whoever handles the start, and however often the type was used there before; and so does its end."""
    for number in range(40):
        swf.start(f"before-{number}")
    swf.client.deprecate_workflow_type(domain=swf.domain, workflowType=WORKFLOW)
    for number in range(40):
        with refused("TypeDeprecatedFault"):
            swf.start(f"while-{number}")
    swf.client.undeprecate_workflow_type(domain=swf.domain, workflowType=WORKFLOW)
    for number in range(40):
        swf.start(f"after-{number}")


@pytest.mark.parametrize(
    ("members", "message"),
    [
        ({"executionStartToCloseTimeout": "NONE"}, None),
        ({"executionStartToCloseTimeout": "31536001"}, None),
        ({"taskPriority": "2147483648"}, None),
        ({"tagList": ["t"] * 6}, None),
        ({"workflowId": "a/b"}, None),
        (
            {"workflowId": ""},
            (
                "1 validation error detected: Value '' at 'workflowId' failed to satisfy constraint: "
                "Member must have length greater than or equal to 1"
            ),
        ),
        (
            {"workflowId": "x" * 257},
            (
                f"1 validation error detected: Value '{'x' * 257}' at 'workflowId' failed to satisfy constraint: "
                "Member must have length less than or equal to 256"
            ),
        ),
        (
            {"childPolicy": None, "workflowId": None},
            (
                "1 validation error detected: Value null at 'workflowId' failed to satisfy constraint: "
                "Member must not be null"
            ),
        ),
    ],
)
def test_a_bad_start_is_refused(swf: Swf, members: dict[str, Any], message: str | None) -> None:
    """ValidationException, worded as AWS does where its words are known; nothing is started."""
    given = {"domain": swf.domain, "workflowId": "w", "workflowType": WORKFLOW} | members
    with refused("ValidationException", message):
        swf.client.start_workflow_execution(**{name: value for name, value in given.items() if value is not None})
    assert swf.runs() == []


def test_a_workflow_id_may_have_a_colon(swf: Swf) -> None:
    """Flow names children RUNID:N."""
    run = swf.start("22abc=:3")
    assert swf.describe(run, "22abc=:3")["executionInfo"]["executionStatus"] == "OPEN"


# ---- signal, cancel, terminate


def test_signals_arrive_in_order_and_each_writes_an_event(swf: Swf) -> None:
    """Twice the same signal is two events; without input the event has none; one decision task for all."""
    run = swf.start()
    swf.signal("a", input="1")
    swf.signal("a", input="1", runId=run)
    swf.signal("b")
    events = swf.history(run)
    assert [checker.attributes(event) for event in events[2:]] == [
        {"signalName": "a", "input": "1", "externalInitiatedEventId": 0},
        {"signalName": "a", "input": "1", "externalInitiatedEventId": 0},
        {"signalName": "b", "externalInitiatedEventId": 0},
    ]


def test_a_cancel_request_shows_until_the_close(swf: Swf) -> None:
    """cancelRequested is true while the execution is open, and false once it is closed (§12.7)."""
    run = swf.start()
    swf.client.request_cancel_workflow_execution(domain=swf.domain, workflowId="w")
    swf.client.request_cancel_workflow_execution(domain=swf.domain, workflowId="w", runId=run)
    assert swf.types(run)[2:] == ["WorkflowExecutionCancelRequested"] * 2
    assert checker.attributes(swf.history(run)[2]) == {"externalInitiatedEventId": 0}
    assert swf.describe(run)["executionInfo"]["cancelRequested"] is True
    swf.decide(decision("CancelWorkflowExecution", details="as asked"))
    info = swf.describe(run)["executionInfo"]
    assert (info["closeStatus"], info["cancelRequested"]) == ("CANCELED", False)
    assert info["closeTimestamp"] == swf.history(run)[-1]["eventTimestamp"]


def test_a_termination_closes_at_once(swf: Swf) -> None:
    """The event shows reason, details, the policy and who did it; nothing follows."""
    run = swf.start()
    task = swf.poll()
    swf.client.terminate_workflow_execution(
        domain=swf.domain, workflowId="w", runId=run, reason="r", details="d", childPolicy="ABANDON"
    )
    assert checker.attributes(swf.history(run)[-1]) == {
        "childPolicy": "ABANDON",
        "reason": "r",
        "details": "d",
        "cause": "OPERATOR_INITIATED",
    }
    info = swf.describe(run)["executionInfo"]
    assert (info["executionStatus"], info["closeStatus"]) == ("CLOSED", "TERMINATED")
    with refused("UnknownResourceFault", f"Unknown execution: WorkflowExecution=[workflowId=w, runId={run}]"):
        swf.respond(task, complete())


def test_what_is_not_open_cannot_be_changed(swf: Swf) -> None:
    """Unknown execution: by workflowId alone, or with the run that was named."""
    swf.start()
    run = swf.start("closed")
    swf.client.terminate_workflow_execution(domain=swf.domain, workflowId="closed")
    calls: list[tuple[Any, dict[str, Any]]] = [
        (swf.client.signal_workflow_execution, {"signalName": "s"}),
        (swf.client.request_cancel_workflow_execution, {}),
        (swf.client.terminate_workflow_execution, {}),
    ]
    for call, members in calls:
        with refused("UnknownResourceFault", "Unknown execution, workflowId = closed"):
            call(domain=swf.domain, workflowId="closed", **members)
        for named in (run, "never"):
            text = f"Unknown execution: WorkflowExecution=[workflowId=closed, runId={named}]"
            with refused("UnknownResourceFault", text):
                call(domain=swf.domain, workflowId="closed", runId=named, **members)
    for call in (swf.client.describe_workflow_execution, swf.client.get_workflow_execution_history):
        for execution in ({"workflowId": "closed", "runId": "never"}, {"workflowId": "w", "runId": run}):
            text = "Unknown execution: WorkflowExecution=[workflowId={workflowId}, runId={runId}]"
            with refused("UnknownResourceFault", text.format(**execution)):
                call(domain=swf.domain, execution=execution)


# ---- decision tasks


def test_a_decision_task_holds_the_whole_history_up_to_its_start(swf: Swf) -> None:
    """Token, ids, execution, type and events; the first task has no previous one; identities are recorded."""
    run = swf.start()
    task = swf.poll(identity="decider 1")
    task.pop("ResponseMetadata")
    assert 0 < len(task["taskToken"]) <= 1024
    assert task["workflowExecution"] == {"workflowId": "w", "runId": run}
    assert task["workflowType"] == WORKFLOW
    assert (task["startedEventId"], task["previousStartedEventId"]) == (3, 0)
    assert task["events"] == swf.history(run)
    assert checker.attributes(task["events"][2]) == {"scheduledEventId": 2, "identity": "decider 1"}
    assert "nextPageToken" not in task
    # "A task's history ends at its own DecisionTaskStarted"; what comes meanwhile belongs to the next.
    swf.signal()
    swf.respond(task, executionContext="stage 1")
    second = swf.poll()
    assert (second["startedEventId"], second["previousStartedEventId"]) == (7, 3)
    assert checker.types(second["events"]) == [
        "WorkflowExecutionStarted",
        "DecisionTaskScheduled",
        "DecisionTaskStarted",
        "WorkflowExecutionSignaled",
        "DecisionTaskScheduled",
        "DecisionTaskCompleted",
        "DecisionTaskStarted",
    ]
    assert swf.describe(run)["latestExecutionContext"] == "stage 1"
    swf.respond(second)
    assert swf.describe(run)["latestExecutionContext"] == "stage 1"  # absent: unchanged
    swf.signal()
    swf.decide(executionContext="")
    assert swf.describe(run)["latestExecutionContext"] == ""  # "" is stored


def test_a_decision_task_is_answered_once(swf: Swf) -> None:
    """A second answer finds no such task; a token that is garbage, or of another kind, is invalid."""
    swf.start()
    task = swf.decide(schedule("a"))
    with refused("UnknownResourceFault", "Unknown decision task, scheduledEventId = 2"):
        swf.respond(task)
    activity = swf.work()
    for token in ("garbage", activity["taskToken"], task["taskToken"][:-4]):
        with refused("ValidationException", "Invalid token"):
            swf.client.respond_decision_task_completed(taskToken=token)
    for call in (
        swf.client.respond_activity_task_completed,
        swf.client.respond_activity_task_failed,
        swf.client.respond_activity_task_canceled,
        swf.client.record_activity_task_heartbeat,
    ):
        for token in ("garbage", task["taskToken"]):
            with refused("ValidationException", "Invalid token"):
                call(taskToken=token)


def test_a_decision_task_that_is_not_answered_in_time_comes_again(swf: Swf) -> None:
    """DecisionTaskTimedOut, a new task; the late answer is refused; previousStartedEventId is of completed tasks."""
    run = swf.start(taskStartToCloseTimeout="1")
    late = swf.poll()
    again = swf.poll()
    assert checker.types(again["events"])[3:] == [
        "DecisionTaskTimedOut",
        "DecisionTaskScheduled",
        "DecisionTaskStarted",
    ]
    assert checker.attributes(again["events"][3]) == {
        "timeoutType": "START_TO_CLOSE",
        "scheduledEventId": 2,
        "startedEventId": 3,
    }
    assert again["previousStartedEventId"] == 0
    with refused("UnknownResourceFault", "Unknown decision task, scheduledEventId = 2"):
        swf.respond(late, complete())
    swf.respond(again, complete())
    assert swf.describe(run)["executionInfo"]["closeStatus"] == "COMPLETED"


def test_an_overridden_task_list_without_timeout_holds_for_good(swf: Swf) -> None:
    """RespondDecisionTaskCompleted.taskList replaces the run's list; the event says so."""
    run = swf.start()
    swf.decide(timer("t", 0), taskList={"name": "mine"})
    swf.decide(timer("t", 0), task_list="mine")
    swf.decide(complete(), task_list="mine")
    completed = [e for e in swf.history(run) if e["eventType"] == "DecisionTaskCompleted"]
    assert checker.attributes(completed[0])["taskList"] == {"name": "mine"}
    assert "taskList" not in checker.attributes(completed[1])


def test_an_overridden_task_list_with_timeout_is_reverted(swf: Swf) -> None:
    """Nobody takes the task from the sticky list: SCHEDULE_TO_START, and the next is on the original list."""
    run = swf.start()
    swf.decide(timer("t", 0), taskList={"name": "sticky"}, taskListScheduleToStartTimeout="1")
    task = swf.poll("deciders")
    timed_out = task["events"][-3]
    assert checker.attributes(timed_out) == {
        "timeoutType": "SCHEDULE_TO_START",
        "scheduledEventId": timed_out["eventId"] - 1,
        "startedEventId": 0,
    }
    scheduled = [checker.attributes(e) for e in task["events"] if e["eventType"] == "DecisionTaskScheduled"]
    assert [one["taskList"]["name"] for one in scheduled] == ["deciders", "sticky", "deciders"]
    assert [one["scheduleToStartTimeout"] for one in scheduled] == ["NONE", "1", "NONE"]
    swf.respond(task, complete())
    assert swf.describe(run)["executionInfo"]["executionStatus"] == "CLOSED"


# ---- batches of decisions


@pytest.mark.parametrize(
    ("decisions", "message"),
    [
        ([complete(), decision("RecordMarker", markerName="m")], "Close must be last decision in list"),
        ([complete(), complete()], "Close must be last decision in list"),
        ([schedule("a"), complete()], "Specified decision is incompatible with close decision"),
        ([timer("t", 1), complete()], "Specified decision is incompatible with close decision"),
        (
            [decision("RequestCancelActivityTask", activityId="a"), complete()],
            "Specified decision is incompatible with close decision",
        ),
        (
            [timer("t", 1), decision("StartTimer", startToFireTimeout="1")],
            (
                "1 validation error detected: Value null at "
                "'decisions.2.member.startTimerDecisionAttributes.timerId' failed to satisfy constraint: "
                "Member must not be null"
            ),
        ),
        (
            [decision("RecordMarker")],
            (
                "1 validation error detected: Value null at "
                "'decisions.1.member.recordMarkerDecisionAttributes.markerName' failed to satisfy constraint: "
                "Member must not be null"
            ),
        ),
        (
            [decision("Dance")],
            (
                "1 validation error detected: Value 'Dance' at 'decisions.1.member.decisionType' failed to satisfy "
                "constraint: Member must satisfy enum value set: [CompleteWorkflowExecution, StartTimer, "
                "RequestCancelExternalWorkflowExecution, SignalExternalWorkflowExecution, CancelTimer, RecordMarker, "
                "ScheduleActivityTask, ContinueAsNewWorkflowExecution, ScheduleLambdaFunction, FailWorkflowExecution, "
                "RequestCancelActivityTask, StartChildWorkflowExecution, CancelWorkflowExecution]"
            ),
        ),
        (
            [complete() | {"startTimerDecisionAttributes": {"timerId": "t"}}],
            (
                "1 validation error detected: Value null at "
                "'decisions.1.member.startTimerDecisionAttributes.startToFireTimeout' failed to satisfy constraint: "
                "Member must not be null"
            ),
        ),
        ([complete(result="x" * 32769)], None),
        ([timer("t", 1) | {"startTimerDecisionAttributes": {"timerId": "t", "startToFireTimeout": "NONE"}}], None),
    ],
)
def test_a_bad_batch_leaves_no_trace(swf: Swf, decisions: list[dict[str, Any]], message: str | None) -> None:
    """One ValidationException for the whole batch; nothing is applied; the token stays good."""
    run = swf.start()
    task = swf.poll()
    with refused("ValidationException", message):
        swf.respond(task, *decisions)
    assert swf.types(run)[3:] == []
    swf.respond(task, complete())
    assert swf.types(run)[3:] == ["DecisionTaskCompleted", "WorkflowExecutionCompleted"]


@pytest.mark.parametrize(
    ("wanted", "made"),
    [
        (complete(result="r"), {"result": "r"}),
        (decision("CompleteWorkflowExecution"), {}),
        (decision("FailWorkflowExecution", reason="r", details="d"), {"reason": "r", "details": "d"}),
        (decision("CancelWorkflowExecution", details="d"), {"details": "d"}),
    ],
)
def test_a_close_decision_closes(swf: Swf, wanted: dict[str, Any], made: dict[str, Any]) -> None:
    """Right after DecisionTaskCompleted, of the same time, with what the decision said."""
    run = swf.start()
    swf.decide(decision("RecordMarker", markerName="m"), wanted)
    events = swf.history(run)
    assert checker.types(events)[3:5] == ["DecisionTaskCompleted", "MarkerRecorded"]
    assert checker.attributes(events[5]) == made | {"decisionTaskCompletedEventId": 4}
    info = swf.describe(run)["executionInfo"]
    assert info["closeStatus"] == checker.CLOSES[events[5]["eventType"]]


@pytest.mark.parametrize(
    "close",
    [
        "CompleteWorkflowExecution",
        "FailWorkflowExecution",
        "CancelWorkflowExecution",
        "ContinueAsNewWorkflowExecution",
    ],
)
def test_a_close_fails_if_something_came_in(swf: Swf, close: str) -> None:
    """UNHANDLED_DECISION; the other decisions stand; the queued task runs next, and no further one is made."""
    run = swf.start()
    task = swf.poll()
    swf.signal()
    swf.respond(task, decision("RecordMarker", markerName="m"), decision(close))
    assert swf.types(run)[3:] == [
        "WorkflowExecutionSignaled",
        "DecisionTaskScheduled",
        "DecisionTaskCompleted",
        "MarkerRecorded",
        f"{close}Failed",
    ]
    assert checker.attributes(swf.history(run)[-1]) == {
        "cause": "UNHANDLED_DECISION",
        "decisionTaskCompletedEventId": 6,
    }
    swf.decide(complete())


def test_failed_decisions_bring_one_decision_task(swf: Swf) -> None:
    """Each writes its ...Failed event with its cause; the others stand; one DecisionTaskScheduled follows."""
    run = swf.start()
    old = {"name": "old", "version": "1"}
    swf.client.register_activity_type(domain=swf.domain, **old)
    bare = {"name": "bare", "version": "1"}
    swf.client.register_activity_type(domain=swf.domain, **bare)
    swf.client.deprecate_activity_type(domain=swf.domain, activityType=old)
    no = {"name": "no", "version": "1"}
    full: dict[str, Any] = {
        "taskList": {"name": "l"},
        "scheduleToStartTimeout": "NONE",
        "scheduleToCloseTimeout": "NONE",
        "startToCloseTimeout": "NONE",
        "heartbeatTimeout": "NONE",
    }

    def bare_without(*missing: str) -> dict[str, Any]:
        given = {name: value for name, value in full.items() if name not in missing}
        return decision("ScheduleActivityTask", activityId="x", activityType=bare, **given)

    table: list[tuple[dict[str, Any], str, str]] = [
        (schedule("a"), "ActivityTaskScheduled", ""),
        (timer("t", 1000), "TimerStarted", ""),
        (schedule("a"), "ScheduleActivityTaskFailed", "ACTIVITY_ID_ALREADY_IN_USE"),
        (
            decision("ScheduleActivityTask", activityId="x", activityType=no),
            "ScheduleActivityTaskFailed",
            "ACTIVITY_TYPE_DOES_NOT_EXIST",
        ),
        (
            decision("ScheduleActivityTask", activityId="x", activityType=old),
            "ScheduleActivityTaskFailed",
            "ACTIVITY_TYPE_DEPRECATED",
        ),
        (bare_without("taskList"), "ScheduleActivityTaskFailed", "DEFAULT_TASK_LIST_UNDEFINED"),
        (
            bare_without("scheduleToStartTimeout", "heartbeatTimeout"),
            "ScheduleActivityTaskFailed",
            "DEFAULT_SCHEDULE_TO_START_TIMEOUT_UNDEFINED",
        ),
        (
            bare_without("scheduleToCloseTimeout"),
            "ScheduleActivityTaskFailed",
            "DEFAULT_SCHEDULE_TO_CLOSE_TIMEOUT_UNDEFINED",
        ),
        (
            bare_without("startToCloseTimeout"),
            "ScheduleActivityTaskFailed",
            "DEFAULT_START_TO_CLOSE_TIMEOUT_UNDEFINED",
        ),
        (bare_without("heartbeatTimeout"), "ScheduleActivityTaskFailed", "DEFAULT_HEARTBEAT_TIMEOUT_UNDEFINED"),
        (timer("t", 1), "StartTimerFailed", "TIMER_ID_ALREADY_IN_USE"),
        (decision("CancelTimer", timerId="no"), "CancelTimerFailed", "TIMER_ID_UNKNOWN"),
        (
            decision("RequestCancelActivityTask", activityId="no"),
            "RequestCancelActivityTaskFailed",
            "ACTIVITY_ID_UNKNOWN",
        ),
        (
            decision("StartChildWorkflowExecution", workflowId="c", workflowType=no),
            "StartChildWorkflowExecutionFailed",
            "WORKFLOW_TYPE_DOES_NOT_EXIST",
        ),
        (
            decision("ScheduleLambdaFunction", id="l", name="f"),
            "ScheduleLambdaFunctionFailed",
            "LAMBDA_SERVICE_NOT_AVAILABLE_IN_REGION",
        ),
        (decision("CancelTimer", timerId="t"), "TimerCanceled", ""),
        (timer("t", 1000), "TimerStarted", ""),
    ]
    swf.decide(*(wanted for wanted, _, _ in table))
    events = swf.history(run)[4:]
    assert checker.types(events) == [kind for _, kind, _ in table] + ["DecisionTaskScheduled"]
    causes = [checker.attributes(event).get("cause", "") for event in events[:-1]]
    assert causes == [cause for _, _, cause in table]
    child = checker.attributes(events[13])
    assert child == {
        "workflowType": no,
        "workflowId": "c",
        "cause": "WORKFLOW_TYPE_DOES_NOT_EXIST",
        "initiatedEventId": 0,
        "decisionTaskCompletedEventId": 4,
    }


def test_a_failed_decision_and_a_close_both_apply(swf: Swf) -> None:
    """The execution closes, and no decision task follows (§12.12)."""
    run = swf.start()
    swf.decide(decision("CancelTimer", timerId="no"), complete())
    assert swf.types(run)[4:] == ["CancelTimerFailed", "WorkflowExecutionCompleted"]


def test_open_work_does_not_prevent_a_close(swf: Swf) -> None:
    """Open activities and timers are abandoned; their tasks vanish; counts are not zeroed, save decision tasks."""
    run = swf.start()
    swf.decide(schedule("a"), schedule("b"), timer("t", 1000))
    started = swf.work()
    swf.signal()
    swf.decide(complete())
    described = swf.describe(run)
    assert described["openCounts"] == {
        "openActivityTasks": 2,
        "openDecisionTasks": 0,
        "openTimers": 1,
        "openChildWorkflowExecutions": 0,
        "openLambdaFunctions": 0,
    }
    with refused("UnknownResourceFault", f"Unknown execution: WorkflowExecution=[workflowId=w, runId={run}]"):
        swf.client.respond_activity_task_completed(taskToken=started["taskToken"])
    pending = swf.client.count_pending_activity_tasks(domain=swf.domain, taskList={"name": "workers"})
    assert pending["count"] == 0


# ---- timers


def test_a_timer_fires_when_it_is_due(swf: Swf) -> None:
    """TimerFired names its TimerStarted, brings a decision task, and is neither early nor late."""
    run = swf.start()
    swf.decide(timer("now", 0), timer("soon", 1))
    swf.decide()
    task = swf.poll()
    events = {event["eventId"]: event for event in task["events"]}
    fired = [event for event in task["events"] if event["eventType"] == "TimerFired"]
    assert [checker.attributes(event) for event in fired] == [
        {"timerId": "now", "startedEventId": 5},
        {"timerId": "soon", "startedEventId": 6},
    ]
    for event, seconds in zip(fired, (0, 1), strict=True):
        since = events[checker.attributes(event)["startedEventId"]]["eventTimestamp"]
        assert seconds <= (event["eventTimestamp"] - since).total_seconds() < seconds + 1
    swf.respond(task, complete())
    assert swf.describe(run)["openCounts"]["openTimers"] == 0


def test_a_hundred_decisions_and_a_timer_of_zero_are_taken(swf: Swf) -> None:
    """What Flow sends when it has more than a hundred: 99 and FORCE_IMMEDIATE_DECISION."""
    run = swf.start()
    markers = [decision("RecordMarker", markerName=f"m{n}", details=str(n)) for n in range(99)]
    swf.decide(*markers, timer("FORCE_IMMEDIATE_DECISION", 0))
    task = swf.decide(complete())
    assert checker.types(task["events"]).count("MarkerRecorded") == 99
    assert swf.describe(run)["executionInfo"]["executionStatus"] == "CLOSED"


# ---- activity tasks


def test_an_activity_task_shows_effective_values(swf: Swf) -> None:
    """ActivityTaskScheduled has the decision's values, and the type's defaults where it gave none."""
    run = swf.start()
    swf.decide(
        schedule("a", input="in", control="c", taskPriority="3", heartbeatTimeout="9", taskList={"name": "other"})
    )
    assert checker.attributes(swf.history(run)[4]) == {
        "activityType": ACTIVITY,
        "activityId": "a",
        "input": "in",
        "control": "c",
        "taskPriority": "3",
        "taskList": {"name": "other"},
        "heartbeatTimeout": "9",
        "startToCloseTimeout": "60",
        "scheduleToStartTimeout": "NONE",
        "scheduleToCloseTimeout": "NONE",
        "decisionTaskCompletedEventId": 4,
    }
    task = swf.work("other", identity="me")
    task.pop("ResponseMetadata")
    token = task.pop("taskToken")
    # "Poll results carry no control and no task priority" (§2.3)
    assert task == {
        "activityId": "a",
        "activityType": ACTIVITY,
        "input": "in",
        "startedEventId": 6,
        "workflowExecution": {"workflowId": "w", "runId": run},
    }
    assert checker.attributes(swf.history(run)[5]) == {"scheduledEventId": 5, "identity": "me"}
    assert swf.client.record_activity_task_heartbeat(taskToken=token, details="half")["cancelRequested"] is False
    assert swf.types(run)[6:] == []  # a heartbeat writes no event
    latest = swf.describe(run)["latestActivityTaskTimestamp"]
    assert latest == swf.history(run)[5]["eventTimestamp"]


@pytest.mark.parametrize(
    ("answer", "members", "kind"),
    [
        ("completed", {"result": "42"}, "ActivityTaskCompleted"),
        ("completed", {}, "ActivityTaskCompleted"),
        ("failed", {"reason": "r", "details": "d"}, "ActivityTaskFailed"),
        # "RespondActivityTaskCanceled without a request: accept" (§12.9)
        ("canceled", {"details": "d"}, "ActivityTaskCanceled"),
    ],
)
def test_an_activity_task_is_answered_once(swf: Swf, answer: str, members: dict[str, str], kind: str) -> None:
    """The answer becomes an event and a decision task; any further answer or heartbeat is refused."""
    run = swf.start()
    swf.decide(schedule("a"))
    task = swf.work()
    getattr(swf.client, f"respond_activity_task_{answer}")(taskToken=task["taskToken"], **members)
    events = swf.history(run)
    assert checker.types(events)[6:] == [kind, "DecisionTaskScheduled"]
    assert checker.attributes(events[6]) == members | {"scheduledEventId": 5, "startedEventId": 6}
    for call in (
        swf.client.respond_activity_task_completed,
        swf.client.respond_activity_task_failed,
        swf.client.respond_activity_task_canceled,
        swf.client.record_activity_task_heartbeat,
    ):
        with refused("UnknownResourceFault", "Unknown activity, scheduledEventId = 5"):
            call(taskToken=task["taskToken"])
    swf.decide(schedule("a"))  # the id is free again
    assert swf.types(run)[-1] == "ActivityTaskScheduled"


@pytest.mark.parametrize(
    ("timeouts", "kind", "started"),
    [
        ({"scheduleToStartTimeout": "1"}, "SCHEDULE_TO_START", False),
        ({"scheduleToCloseTimeout": "1"}, "SCHEDULE_TO_CLOSE", False),
        ({"scheduleToCloseTimeout": "1"}, "SCHEDULE_TO_CLOSE", True),
        ({"startToCloseTimeout": "1"}, "START_TO_CLOSE", True),
        ({"heartbeatTimeout": "1"}, "HEARTBEAT", True),
    ],
)
def test_an_activity_task_times_out(swf: Swf, timeouts: dict[str, str], kind: str, started: bool) -> None:
    """The timeout's type, its task, and the last heartbeat's details; the checker sees that it is not early."""
    run = swf.start()
    swf.decide(schedule("a", **timeouts))
    if started:
        task = swf.work()
        swf.client.record_activity_task_heartbeat(taskToken=task["taskToken"], details="one")
        swf.client.record_activity_task_heartbeat(taskToken=task["taskToken"], details="two")
    timed_out = swf.await_event(run, "ActivityTaskTimedOut")
    details = {"details": "two"} if started else {}
    assert timed_out == details | {"timeoutType": kind, "scheduledEventId": 5, "startedEventId": 6 if started else 0}
    if started:
        with refused("UnknownResourceFault", "Unknown activity, scheduledEventId = 5"):
            swf.client.respond_activity_task_completed(taskToken=task["taskToken"])
    pending = swf.client.count_pending_activity_tasks(domain=swf.domain, taskList={"name": "workers"})
    assert pending["count"] == 0


def test_a_cancelled_activity_that_nobody_started_closes_at_once(swf: Swf) -> None:
    """CancelRequested and Canceled in one batch, startedEventId 0, then a decision task."""
    run = swf.start()
    swf.decide(schedule("a"))
    swf.signal()
    swf.decide(decision("RequestCancelActivityTask", activityId="a"))
    events = swf.history(run)[-3:]
    assert checker.types(events) == ["ActivityTaskCancelRequested", "ActivityTaskCanceled", "DecisionTaskScheduled"]
    assert checker.attributes(events[1]) == {
        "scheduledEventId": 5,
        "startedEventId": 0,
        "latestCancelRequestedEventId": events[0]["eventId"],
    }


def test_a_cancelled_activity_that_runs_is_told_by_its_heartbeat(swf: Swf) -> None:
    """cancelRequested turns true and stays so; the worker may cancel, which names the request."""
    run = swf.start()
    swf.decide(schedule("a"))
    token = swf.work()["taskToken"]
    swf.signal()
    swf.decide(decision("RequestCancelActivityTask", activityId="a"))
    requested = swf.history(run)[-1]
    assert requested["eventType"] == "ActivityTaskCancelRequested"
    for _ in range(2):
        assert swf.client.record_activity_task_heartbeat(taskToken=token)["cancelRequested"] is True
    swf.client.respond_activity_task_canceled(taskToken=token, details="stopped")
    assert swf.await_event(run, "ActivityTaskCanceled") == {
        "scheduledEventId": 5,
        "startedEventId": 6,
        "latestCancelRequestedEventId": requested["eventId"],
        "details": "stopped",
    }


def test_an_execution_times_out(swf: Swf) -> None:
    """WorkflowExecutionTimedOut after executionStartToCloseTimeout, whatever is open."""
    run = swf.start(executionStartToCloseTimeout="1")
    assert swf.await_event(run, "WorkflowExecutionTimedOut") == {
        "timeoutType": "START_TO_CLOSE",
        "childPolicy": "TERMINATE",
    }
    assert swf.describe(run)["executionInfo"]["closeStatus"] == "TIMED_OUT"
    pending = swf.client.count_pending_decision_tasks(domain=swf.domain, taskList={"name": "deciders"})
    assert pending["count"] == 0


# ---- priorities, pending counts


def test_the_highest_priority_is_handed_out_first(swf: Swf) -> None:
    """Decision tasks and activity tasks alike: highest first, and among equals the longest waiting."""
    for name, priority in (("a", "0"), ("b", "5"), ("c", "-1"), ("d", "5")):
        swf.start(name, taskPriority=priority)
    order = []
    for _ in range(4):
        task = swf.poll()
        order.append(task["workflowExecution"]["workflowId"])
        name = order[-1]
        swf.respond(
            task, schedule(name, taskPriority={"a": "0", "b": "-2147483648", "c": "2147483647", "d": "0"}[name])
        )
    assert order == ["b", "d", "a", "c"]
    assert [swf.work()["activityId"] for _ in range(4)] == ["c", "d", "a", "b"]


def test_pending_counts_are_of_scheduled_tasks_that_nobody_started(swf: Swf) -> None:
    """Each answered call shows at once; a list never seen has 0; the two kinds of lists are two namespaces."""

    def pending(kind: str, name: str) -> int:
        count = getattr(swf.client, f"count_pending_{kind}_tasks")(domain=swf.domain, taskList={"name": name})
        assert count["truncated"] is False
        return int(count["count"])

    assert pending("decision", "never") == pending("activity", "never") == 0
    for n in range(3):
        swf.start(f"w{n}", taskList={"name": "same"})
        assert pending("decision", "same") == n + 1
    assert pending("activity", "same") == 0
    swf.decide(schedule("a", taskList={"name": "same"}), schedule("b", taskList={"name": "same"}), task_list="same")
    assert (pending("decision", "same"), pending("activity", "same")) == (2, 2)
    token = swf.work("same")["taskToken"]
    assert pending("activity", "same") == 1
    swf.client.respond_activity_task_completed(taskToken=token)
    assert (pending("decision", "same"), pending("activity", "same")) == (3, 1)
    swf.client.terminate_workflow_execution(domain=swf.domain, workflowId="w0")
    assert (pending("decision", "same"), pending("activity", "same")) == (2, 0)


# ---- retention


@pytest.fixture(params=["0", "NONE"])
def forgotten(url: str, request: pytest.FixtureRequest) -> tuple[Swf, str]:
    """A domain without retention, and a run of it that was closed."""
    swf = Swf(url, retention=request.param)
    run = swf.start()
    assert swf.describe(run)["executionInfo"]["executionStatus"] == "OPEN"
    swf.decide(complete())
    return swf, run


def test_without_retention_a_closed_execution_is_gone_at_once(forgotten: tuple[Swf, str]) -> None:
    """Its history is unknown straight away, no list shows it, and its id is free."""
    swf, run = forgotten
    with refused("UnknownResourceFault", f"Unknown execution: WorkflowExecution=[workflowId=w, runId={run}]"):
        swf.history(run)
    assert swf.runs() == []
    assert swf.start() != run


def test_without_retention_a_closed_execution_is_not_described(forgotten: tuple[Swf, str]) -> None:
    """Describe gives UnknownResource straight away, too (SWF.md §7.1)."""
    swf, run = forgotten
    with refused("UnknownResourceFault", f"Unknown execution: WorkflowExecution=[workflowId=w, runId={run}]"):
        swf.describe(run)
