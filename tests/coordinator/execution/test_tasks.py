"""Decision tasks (SWF.md §5, rules 1 to 9), activity tasks (§2.3) and Lambda tasks (§7.11): taken and answered."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from coordinator.execution.act import again
from tests.coordinator.execution.scenario import (
    TYPES,
    Scenario,
    Wire,
    cancel_activity,
    cancel_timer,
    complete,
    knowing,
    marker,
    schedule,
    schedule_lambda,
    start_timer,
    started,
    wire_of,
)
from workflowsvc import messages
from workflowsvc.messages import Action, Stale, TaskKind, TaskRef
from workflowsvc.swf import faults, shapes

DTS, DTST, DTC, DTTO = (
    "DecisionTaskScheduled",
    "DecisionTaskStarted",
    "DecisionTaskCompleted",
    "DecisionTaskTimedOut",
)


def given(run: Scenario) -> Wire:
    assert isinstance(run.result, messages.GivenDecisionTask)
    return wire_of(run.result)


# ---- decision tasks (§5) ---------------------------------------------------------------------------------------


def test_rule_1_events_are_never_buffered_and_one_task_is_queued() -> None:
    """§5.1: DecisionTaskScheduled at once during a started task; further events add none."""
    run = started().take().signal().signal().request_cancel()
    assert run.types[3:] == [
        "WorkflowExecutionSignaled",
        DTS,
        "WorkflowExecutionSignaled",
        "WorkflowExecutionCancelRequested",
    ]


def test_rule_2_a_queued_task_cannot_be_taken_while_one_is_started() -> None:
    """§5.2: never two started; the hint of the queued one is stale until then."""
    run = started().take().signal()
    queued = run.last_id(DTS)
    assert run.take(scheduled_id=queued).result == Stale()
    assert run.new == []
    run.respond(run.decision_token)
    assert run.take(scheduled_id=queued).new == [DTST]


def test_a_task_is_taken_once() -> None:
    """§5.2: a second hint of the same task, or of one that never was, is stale and changes nothing."""
    assert started().take(scheduled_id=99).result == Stale()
    run = started().take()
    for scheduled_id in (2, 3, 99):
        assert run.take(scheduled_id=scheduled_id).result == Stale()
        assert run.new == []


def test_rule_3_the_decider_is_told_up_to_which_event_it_sees() -> None:
    """§5.3: its history ends at its own DecisionTaskStarted, whatever comes afterwards."""
    run = started().take("me")
    assert given(run) == {
        "workflow_execution": run.name,
        "workflow_type": {"name": "order", "version": "1"},
        "task": {"scheduled_event_id": 2, "started_event_id": 3},
        "previous_started_event_id": 0,
        "history": None,
    }
    assert run.last(DTST) == {"scheduledEventId": 2, "identity": "me"}


def test_rule_4_the_queued_task_comes_next_without_another() -> None:
    """§5.4: DecisionTaskCompleted with one queued writes none; with none queued only a failure brings one."""
    run = started().take().signal().decide(marker())
    assert run.new == [DTC, "MarkerRecorded"]
    assert run.take().decide(marker()).new == [DTC, "MarkerRecorded"]
    assert run.signal().decide(cancel_timer("x")).new == [DTC, "CancelTimerFailed", DTS]


def test_rule_5_a_started_task_times_out() -> None:
    """§5.5: DTTO START_TO_CLOSE, then DTS, same timestamp; a late response names the task's scheduled event."""
    run = started().take()
    token = run.decision_token
    run.after(30)
    assert run.new == [DTTO, DTS]
    assert run.last(DTTO) == {"timeoutType": "START_TO_CLOSE", "scheduledEventId": 2, "startedEventId": 3}
    assert run.events[-1]["eventTimestamp"] == run.events[-2]["eventTimestamp"]
    for _ in range(2):
        with run.refusing(faults.UnknownResourceFault, "Unknown decision task, scheduledEventId = 2"):
            run.respond(token, complete())
        run.take()


def test_rule_5_with_another_queued_the_timeout_is_alone() -> None:
    """§5.5, §12 #11: no second DecisionTaskScheduled; the queued one can be taken now."""
    run = started().take().signal()
    queued = run.last_id(DTS)
    assert run.after(30).new == [DTTO]
    assert run.take(scheduled_id=queued).new == [DTST]


def test_a_decision_task_is_answered_once() -> None:
    """§2.3: the second response to one task is UnknownResource."""
    run = started().take()
    token = run.decision_token
    run.decide()
    with run.refusing(faults.UnknownResourceFault, "Unknown decision task, scheduledEventId = 2"):
        run.respond(token)


def test_rule_9_a_closed_run_has_no_tasks() -> None:
    """§5.9: queued and started tasks vanish."""
    run = started().take().signal().terminate()
    assert (run.execution.queued, run.execution.started) == (None, None)


def test_previous_started_event_is_the_last_completed_one() -> None:
    """§5, §12 #10: 0 at first; a timed-out task does not count."""
    run = started().take()
    assert given(run)["previous_started_event_id"] == 0
    run.after(30).take()
    assert given(run)["previous_started_event_id"] == 0
    completed = run.last_id(DTST)
    run.decide().signal().take()
    assert given(run)["previous_started_event_id"] == completed
    run.after(30).take()
    assert given(run)["previous_started_event_id"] == completed


# ---- the task list and its override (§5.6, §5.7) ---------------------------------------------------------------


def lists(run: Scenario) -> list[str]:
    return [scheduled["taskList"]["name"] for scheduled in run.all(DTS)]


STICKY: Wire = {"taskList": {"name": "mine"}, "taskListScheduleToStartTimeout": "5"}


def test_a_list_without_a_timeout_replaces_the_runs_list_for_good() -> None:
    """§5.7: also after timeouts; Describe shows it; the event holds what was sent and nothing else."""
    run = started().decide(taskList={"name": "mine"}).signal()
    assert run.last(DTC) == {"scheduledEventId": 2, "startedEventId": 3, "taskList": {"name": "mine"}}
    run.take().after(30)
    assert run.new == [DTTO, DTS]
    assert lists(run) == ["deciders", "mine", "mine"]
    assert run.last(DTS)["scheduleToStartTimeout"] == "NONE"
    assert run.describe()["executionConfiguration"]["taskList"] == {"name": "mine"}


def test_a_list_with_a_timeout_stays_while_its_tasks_are_completed() -> None:
    """§5.7: flow-java's host affinity: every task goes to the list until one times out."""
    run = started().decide(**STICKY).signal().decide().signal().decide(cancel_timer("x"))
    assert lists(run) == ["deciders", "mine", "mine", "mine"]
    assert run.last(DTS) == {
        "taskList": {"name": "mine"},
        "startToCloseTimeout": "30",
        "scheduleToStartTimeout": "5",
    }
    assert run.all(DTC)[0] == {"scheduledEventId": 2, "startedEventId": 3, **STICKY}


def test_a_temporary_list_is_reverted_when_nobody_takes_its_task() -> None:
    """§5.6: DTTO SCHEDULE_TO_START with startedEventId 0, then DTS on the original list, without a limit."""
    run = started().decide(**STICKY).signal()
    queued = run.last_id(DTS)
    assert run.after(5).new == [DTTO, DTS]
    assert run.last(DTTO) == {"timeoutType": "SCHEDULE_TO_START", "scheduledEventId": queued, "startedEventId": 0}
    assert run.last(DTS) == {
        "taskList": {"name": "deciders"},
        "startToCloseTimeout": "30",
        "scheduleToStartTimeout": "NONE",
    }
    run.decide().signal()
    assert lists(run)[-1] == "deciders"


def test_a_queued_task_times_out_while_another_is_started() -> None:
    """§6: the clock of SCHEDULE_TO_START is its own DecisionTaskScheduled; the started task is left alone."""
    run = started().decide(**STICKY).signal().take().signal()
    token, queued = run.decision_token, run.last_id(DTS)
    assert run.after(5).new == [DTTO, DTS]
    assert run.last(DTTO) == {"timeoutType": "SCHEDULE_TO_START", "scheduledEventId": queued, "startedEventId": 0}
    assert lists(run)[-1] == "deciders"
    assert run.respond(token, marker()).new == [DTC, "MarkerRecorded"]


def test_a_temporary_list_is_reverted_when_its_task_is_not_completed() -> None:
    """§5.7: by a START_TO_CLOSE timeout of a task on it, too."""
    run = started().decide(**STICKY).signal().take().after(30)
    assert run.new == [DTTO, DTS]
    assert run.last(DTTO)["timeoutType"] == "START_TO_CLOSE"
    assert lists(run)[-1] == "deciders"


def test_a_timeout_of_a_task_on_another_list_reverts_nothing() -> None:
    """§5.7: only a task on the temporary list does; one that was queued before is on the run's own."""
    run = started().take().signal().decide(**STICKY)
    assert run.take().after(30).new == [DTTO, DTS]
    assert lists(run) == ["deciders", "deciders", "mine"]


def test_a_queued_task_stays_on_its_list() -> None:
    """§12 #13: an override moves the tasks that are scheduled after it."""
    run = started().take().signal().decide(taskList={"name": "mine"})
    assert lists(run) == ["deciders", "deciders"]
    assert [task.task_list.name for task in run.effects.tasks] == ["deciders"]


def test_a_permanent_list_ends_a_temporary_one() -> None:
    """§5.7: the latest word counts."""
    run = started().decide(**STICKY).signal().decide(taskList={"name": "last"}).signal()
    assert run.last(DTS)["taskList"] == {"name": "last"}
    assert run.last(DTS)["scheduleToStartTimeout"] == "NONE"
    assert run.take().after(30).last(DTS)["taskList"] == {"name": "last"}


def test_a_permanent_list_is_what_a_temporary_one_reverts_to() -> None:
    """§5.6: the original list is the run's current one."""
    run = started().decide(taskList={"name": "base"}).signal().decide(**STICKY).signal().after(5)
    assert lists(run) == ["deciders", "base", "mine", "base"]


def test_a_temporary_list_with_a_timeout_of_none_waits_for_ever() -> None:
    """§6: NONE is a value: temporary, and yet nobody must hurry to take its tasks."""
    run = started(executionStartToCloseTimeout="31536000")
    run.decide(taskList={"name": "mine"}, taskListScheduleToStartTimeout="NONE").signal()
    assert run.after(31_000_000).new == []
    assert run.take().after(30).last(DTS)["taskList"] == {"name": "deciders"}


def test_a_failed_decision_schedules_on_the_list_that_came_with_it() -> None:
    """§5.7: the response's list holds for the task that its own batch needs."""
    run = started().decide(cancel_timer("x"), taskList={"name": "mine"})
    assert run.new == [DTC, "CancelTimerFailed", DTS]
    assert run.last(DTS)["taskList"] == {"name": "mine"}


# ---- the context (§7.12) ---------------------------------------------------------------------------------------


def test_the_execution_context() -> None:
    """§7.12: absent leaves it alone, "" is stored; the event has it only when it was sent; it survives the close."""
    run = started()
    assert "latestExecutionContext" not in run.describe()
    shown = []
    for sent in ({"executionContext": "one"}, {}, {"executionContext": ""}, {"executionContext": "two"}, {}):
        run.decide(**sent).signal()
        assert run.last(DTC).get("executionContext") == sent.get("executionContext")
        shown.append(run.describe()["latestExecutionContext"])
    assert shown == ["one", "one", "", "two", "two"]
    assert run.terminate().describe()["latestExecutionContext"] == "two"


# ---- activity tasks (§2.3) -------------------------------------------------------------------------------------


def working(**more: Any) -> Scenario:
    return started().decide(schedule(**more)).begin(identity="worker")


def test_an_activity_task_as_the_worker_gets_it() -> None:
    """§2.3: no control and no priority; startedEventId is ActivityTaskStarted's."""
    run = working(input="i", control="c", taskPriority="3")
    assert wire_of(run.result) == {
        "workflow_execution": run.name,
        "task": {"scheduled_event_id": 5, "started_event_id": 6},
        "activity_id": "a",
        "activity_type": {"name": "charge", "version": "1"},
        "input": "i",
    }
    assert run.last("ActivityTaskStarted") == {"scheduledEventId": 5, "identity": "worker"}
    assert "identity" not in started().decide(schedule()).begin().last("ActivityTaskStarted")


ANSWERS: list[tuple[str, Wire, str]] = [
    ("completes", {"result": "r"}, "ActivityTaskCompleted"),
    ("completes", {"result": ""}, "ActivityTaskCompleted"),
    ("completes", {}, "ActivityTaskCompleted"),
    ("fails", {"reason": "r", "details": "d"}, "ActivityTaskFailed"),
    ("fails", {}, "ActivityTaskFailed"),
    ("cancels", {"details": "d"}, "ActivityTaskCanceled"),
    ("cancels", {}, "ActivityTaskCanceled"),
]


@pytest.mark.parametrize(("answer", "wire", "event"), ANSWERS)
def test_a_worker_answers_once(answer: str, wire: Wire, event: str) -> None:
    """§2.3: its event and a decision task; the second call of any kind is always UnknownResource."""
    run = working()
    getattr(run, answer)(**wire)
    assert run.new == [event, DTS]
    assert run.last(event) == {"scheduledEventId": 5, "startedEventId": 6, **wire}
    for late in (run.completes, run.fails, run.cancels, run.beat):
        with run.refusing(faults.UnknownResourceFault, "Unknown activity, scheduledEventId = 5"):
            late()


@pytest.mark.parametrize("answer", ["completes", "fails", "cancels"])
def test_a_worker_may_answer_as_it_likes_after_a_cancel_request(answer: str) -> None:
    """§6: a worker that ignores the request may complete or fail; RespondCanceled names the request."""
    run = working().signal().decide(cancel_activity())
    getattr(run, answer)()
    requested = {"latestCancelRequestedEventId": run.last_id("ActivityTaskCancelRequested")}
    assert run.news[0] == {"scheduledEventId": 5, "startedEventId": 6, **(requested if answer == "cancels" else {})}


def test_an_unstarted_activity_has_no_token() -> None:
    """§2.3: nobody can answer a task that nobody took."""
    run = started().decide(schedule())
    with run.refusing(faults.UnknownResourceFault, "Unknown activity, scheduledEventId = 5"):
        run.do(_completed(), task=TaskRef(5, 4))


def _completed() -> Any:
    return shapes.RespondActivityTaskCompletedInput(task_token="t")  # noqa: S106 - SWF's word for it


def test_an_activity_task_is_taken_once() -> None:
    """§2.3: the second poller's hint is stale, and so is that of a closed task."""
    run = working()
    assert run.begin().result == Stale()
    run.completes()
    assert run.begin().result == Stale()
    assert run.new == []


def test_a_new_task_of_an_old_activity_id_is_another_task() -> None:
    """§3.2: the id is free once the task is closed; the old token does not open the new task."""
    run = working()
    token = run.activity_token()
    run.fails().decide(schedule()).begin()
    with run.refusing(faults.UnknownResourceFault, "Unknown activity, scheduledEventId = 5"):
        run.do(_completed(), task=token)
    assert run.completes().new == ["ActivityTaskCompleted", DTS]


def test_a_heartbeat_writes_no_event_and_tells_of_a_cancel_request() -> None:
    """§6: cancelRequested true once ActivityTaskCancelRequested is recorded, and stays so."""
    run = working().beat(details="d")
    assert (run.new, wire_of(run.result)) == ([], {"cancelRequested": False})
    run.signal().decide(cancel_activity())
    for _ in range(2):
        assert wire_of(run.beat().result) == {"cancelRequested": True}


def test_an_execution_cancel_request_is_none_of_the_activitys_business() -> None:
    """§7.7: RequestCancel sets nothing beyond the event and cancelRequested of the run."""
    assert wire_of(working().request_cancel().beat().result) == {"cancelRequested": False}


# ---- Lambda tasks (§7.11) --------------------------------------------------------------------------------------


def test_a_function_that_returns() -> None:
    """§7.11: Scheduled, Started, Completed, decision task."""
    run = started(lambdaRole="role").decide(schedule_lambda(input="i")).invoke()
    assert run.new == ["LambdaFunctionStarted"]
    assert wire_of(run.result) == {
        "workflow_execution": run.name,
        "task": {"scheduled_event_id": 5, "started_event_id": 6},
        "name": "resize",
        "timeout": 900,
        "input": "i",
    }
    assert run.last("LambdaFunctionStarted") == {"scheduledEventId": 5}
    run.returns(result="r")
    assert run.new == ["LambdaFunctionCompleted", DTS]
    assert run.last("LambdaFunctionCompleted") == {"scheduledEventId": 5, "startedEventId": 6, "result": "r"}
    assert run.describe()["openCounts"]["openLambdaFunctions"] == 0


def test_a_function_that_fails() -> None:
    """§7.11: reason = Lambda's error code."""
    run = started(lambdaRole="role").decide(schedule_lambda()).invoke()
    run.returns(reason="ResourceNotFoundException", details="d")
    assert run.new == ["LambdaFunctionFailed", DTS]
    assert run.last("LambdaFunctionFailed") == {
        "scheduledEventId": 5,
        "startedEventId": 6,
        "reason": "ResourceNotFoundException",
        "details": "d",
    }


def test_no_role_no_invocation() -> None:
    """§7.11: Scheduled, StartLambdaFunctionFailed, decision task."""
    run = started().decide(schedule_lambda()).invoke()
    assert run.result == Stale()
    assert run.new == ["StartLambdaFunctionFailed", DTS]
    assert run.last("StartLambdaFunctionFailed") == {
        "scheduledEventId": 5,
        "cause": "ASSUME_ROLE_FAILED",
        "message": "No IAM role is attached to the current workflow execution.",
    }


def test_no_endpoint_comes_before_no_role() -> None:
    """§7.11: where no Invoke endpoint is set, ScheduleLambdaFunctionFailed comes first."""
    run = Scenario(known=knowing(*TYPES, lambda_available=False)).start().decide(schedule_lambda())
    assert run.new == [DTC, "ScheduleLambdaFunctionFailed", DTS]


def test_the_role_of_the_type_will_do() -> None:
    """§7.11: lambdaRole of the start, else defaultLambdaRole."""
    known = knowing(*(_with_role(record) for record in TYPES))
    run = Scenario(known=known).start().decide(schedule_lambda()).invoke()
    assert run.new == ["LambdaFunctionStarted"]
    assert run.last("WorkflowExecutionStarted")["lambdaRole"] == "the type's"


def _with_role(record: Any) -> Any:
    if record.key.kind != "workflow":
        return record
    configuration = shapes.WorkflowTypeConfiguration(
        **{name: getattr(record.configuration, name) for name in record.configuration.__struct_fields__}
        | {"default_lambda_role": "the type's"}
    )
    return type(record)(key=record.key, created_at=record.created_at, configuration=configuration)


def test_an_invocation_is_taken_and_answered_once() -> None:
    """A second hint is stale; a second answer, or one after the timeout, changes nothing."""
    run = started(lambdaRole="role").decide(schedule_lambda()).invoke()
    assert run.invoke().result == Stale()
    assert run.returns(result="r").returns(result="again").new == []
    assert run.decide(schedule_lambda("g")).invoke("g").after(900).returns("g", result="late").new == []


def test_one_id_may_be_used_twice() -> None:
    """§3.2: ID_ALREADY_IN_USE is not raised in practice."""
    run = started().decide(schedule_lambda(), schedule_lambda())
    assert run.new == [DTC, "LambdaFunctionScheduled", "LambdaFunctionScheduled"]


# ---- an answer that was lost -----------------------------------------------------------------------------------

TAKEN: list[tuple[TaskKind, Callable[[], Scenario], int]] = [
    (TaskKind.DECISION, lambda: started().take(), 2),
    (TaskKind.ACTIVITY, working, 5),
    (TaskKind.LAMBDA, lambda: started(lambdaRole="role").decide(schedule_lambda()).invoke(), 5),
]


@pytest.mark.parametrize(("kind", "take", "scheduled_id"), TAKEN)
def test_a_task_that_was_given_is_given_again(kind: TaskKind, take: Callable[[], Scenario], scheduled_id: int) -> None:
    """DESIGN.md §5.4: a redelivered StartTask that was committed has the same answer, while the task stands."""
    run = take()
    action = Action("x", 0, "", "", run.execution.run_id, messages.StartTask(kind), TaskRef(scheduled_id))
    assert again(run.execution, action) == run.result
    assert again(run.after(1_000).execution, action) == messages.Stale()


def test_a_start_that_was_answered_is_answered_again() -> None:
    """DESIGN.md §4: a redelivered StartWorkflowExecution finds what it made the first time."""
    run = started()
    request = shapes.StartWorkflowExecutionInput(
        domain="shop", workflow_id="w", workflow_type=run.execution.workflow_type
    )
    assert again(run.execution, Action("x", 0, "", "", "", request)) == run.result


def test_other_answers_are_empty_anyway() -> None:
    """Void actions have nothing to repeat."""
    run = started()
    assert again(run.execution, Action("x", 0, "", "", run.execution.run_id, messages.Wake())) is None


def test_a_timer_does_not_disturb_a_task() -> None:
    """§5.1: TimerFired during a started task queues the next."""
    run = started().decide(start_timer()).signal().take().after(10)
    assert run.new == ["TimerFired", DTS]
    assert run.execution.started is not None
