"""What is offered and sent when (SWF.md §5.2, §5.8, §7.10), `outstanding`, and what a close leaves unsettled."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from coordinator.execution.effects import outstanding
from tests.coordinator.execution.scenario import (
    DOMAIN,
    Domain,
    Scenario,
    Wire,
    cancel,
    cancel_activity,
    cancel_external,
    cancel_timer,
    complete,
    continue_as_new,
    fail,
    marker,
    schedule,
    schedule_lambda,
    signal_external,
    start_child,
    start_timer,
    started,
)
from workflowsvc import messages, names
from workflowsvc.messages import LAMBDA_TASKS, Task, TaskKind, TaskList
from workflowsvc.records import PendingTask

STICKY: Wire = {"taskList": {"name": "mine"}, "taskListScheduleToStartTimeout": "5"}


def offered(run: Scenario) -> list[tuple[str, str, int, int]]:
    """The tasks that the last step offers: kind, list, scheduled event, priority."""
    return [_seen(task) for task in run.effects.tasks]


def _seen(task: Task) -> tuple[str, str, int, int]:
    return task.task_list.kind.value, task.task_list.name, task.scheduled_event_id, task.priority


def asked(run: Scenario) -> list[str]:
    return [type(action.request).__name__ for action in run.sent]


# ---- tasks -----------------------------------------------------------------------------------------------------

DECISION, ACTIVITY, LAMBDA = "decision", "activity", "lambda"

OFFERS: list[tuple[str, Callable[[], Scenario], list[tuple[str, str, int, int]]]] = [
    ("a start", started, [(DECISION, "deciders", 2, 0)]),
    ("a signal", lambda: started().decide().signal(), [(DECISION, "deciders", 6, 0)]),
    ("a second signal", lambda: started().signal(), []),
    ("a signal while a task is started", lambda: started().take().signal(), []),
    ("a response with a task queued", lambda: started().take().signal().decide(), [(DECISION, "deciders", 5, 0)]),
    ("a response with nothing queued", lambda: started().decide(), []),
    ("a failed decision", lambda: started().decide(cancel_timer("x")), [(DECISION, "deciders", 6, 0)]),
    ("a decision task's timeout", lambda: started().take().after(30), [(DECISION, "deciders", 5, 0)]),
    (
        "a decision task's timeout with another queued",
        lambda: started().take().signal().after(30),
        [(DECISION, "deciders", 5, 0)],
    ),
    (
        "a reverted override",
        lambda: started().decide(**STICKY).signal().after(5),
        [(DECISION, "deciders", 8, 0)],
    ),
    ("a temporary list", lambda: started().decide(**STICKY).signal(), [(DECISION, "mine", 6, 0)]),
    ("a hand-out", lambda: started().take(), []),
    (
        "activities",
        lambda: started(taskPriority="4").decide(schedule("a", taskPriority="-3"), schedule("b")),
        [(ACTIVITY, "workers", 5, -3), (ACTIVITY, "workers", 6, 0)],
    ),
    ("a priority of the run", lambda: started(taskPriority="4"), [(DECISION, "deciders", 2, 4)]),
    (
        "an activity that was cancelled in its own batch",
        lambda: started().decide(schedule(), cancel_activity()),
        [(DECISION, "deciders", 8, 0)],
    ),
    ("an activity's start", lambda: started().decide(schedule()).begin(), []),
    ("a heartbeat", lambda: started().decide(schedule()).begin().beat(), []),
    (
        "an activity's end",
        lambda: started().decide(schedule()).begin().completes(),
        [(DECISION, "deciders", 8, 0)],
    ),
    ("a function", lambda: started().decide(schedule_lambda()), [(LAMBDA, "", 5, 0)]),
    ("a close", lambda: started().decide(schedule()).terminate(), []),
    ("a close with a task queued", lambda: started().take().signal().terminate(), []),
]


@pytest.mark.parametrize(("make", "expected"), [row[1:] for row in OFFERS], ids=[row[0] for row in OFFERS])
def test_what_is_offered(make: Callable[[], Scenario], expected: list[tuple[str, str, int, int]]) -> None:
    """§5.2: a decision task only while none is started, each task once, on its list, with its priority."""
    assert offered(make()) == expected


def test_a_task_says_where_it_belongs() -> None:
    """messages.Task: the run's lane, domain and ids; the list is of the task's own domain and kind."""
    run = started().decide(schedule(), schedule_lambda())
    e = run.execution
    expected = Task(
        task_list=TaskList(DOMAIN, TaskKind.ACTIVITY, "workers"),
        lane=names.lane_of(DOMAIN, "w"),
        domain=DOMAIN,
        workflow_id="w",
        run_id=e.run_id,
        scheduled_event_id=5,
    )
    activity, function = run.effects.tasks
    assert activity == expected
    assert function.task_list == LAMBDA_TASKS


# ---- pending counts (§7.10) ------------------------------------------------------------------------------------

PENDING: list[tuple[str, Callable[[], Scenario], list[tuple[str, int]], list[tuple[str, int]]]] = [
    ("a start", started, [("deciders", 2)], []),
    ("a hand-out", lambda: started().take(), [], [("deciders", 2)]),
    ("a signal while one is started", lambda: started().take().signal(), [("deciders", 5)], []),
    ("a timeout of a started task", lambda: started().take().after(30), [("deciders", 5)], []),
    (
        "a reverted override",
        lambda: started().decide(**STICKY).signal().after(5),
        [("deciders", 8)],
        [("mine", 6)],
    ),
    ("activities", lambda: started().decide(schedule("a"), schedule("b")), [("workers", 5), ("workers", 6)], []),
    ("an activity's hand-out", lambda: started().decide(schedule()).begin(), [], [("workers", 5)]),
    (
        "an unstarted activity's timeout",
        lambda: started().decide(schedule()).after(100),
        [("deciders", 7)],
        [("workers", 5)],
    ),
    (
        "a started activity's timeout",
        lambda: started().decide(schedule()).begin().after(50),
        [("deciders", 8)],
        [],
    ),
    (
        "an unstarted activity's cancel",
        lambda: started().decide(schedule()).signal().decide(cancel_activity()),
        [("deciders", 12)],
        [("workers", 5)],
    ),
    ("functions are on nobody's list", lambda: started().decide(schedule_lambda()), [], []),
]


@pytest.mark.parametrize(
    ("make", "scheduled", "unscheduled"), [row[1:] for row in PENDING], ids=[row[0] for row in PENDING]
)
def test_what_becomes_pending_and_ceases_to_be(
    make: Callable[[], Scenario], scheduled: list[tuple[str, int]], unscheduled: list[tuple[str, int]]
) -> None:
    """§7.10, point 37: pending is scheduled and not started."""
    outcome = make().outcome
    assert [_pending(task) for task in outcome.scheduled] == scheduled
    assert [_pending(task) for task in outcome.unscheduled] == unscheduled


def _pending(task: PendingTask) -> tuple[str, int]:
    return task.task_list.name, task.scheduled_event_id


# ---- messages --------------------------------------------------------------------------------------------------

MESSAGES: list[tuple[str, Callable[[], Scenario], list[str]]] = [
    ("a child", lambda: started().decide(start_child()), ["StartChild"]),
    ("a signal", lambda: started().decide(signal_external("o")), ["SignalExternal"]),
    ("a cancel", lambda: started().decide(cancel_external("o")), ["CancelExternal"]),
    ("nothing external", lambda: started().decide(schedule(), start_timer(), marker()), []),
    (
        "several, with a close",
        lambda: started().decide(signal_external("o"), start_child(), cancel_external("o"), complete()),
        ["SignalExternal", "StartChild", "CancelExternal"],
    ),
    ("a root's close", lambda: started().decide(complete()), []),
]


@pytest.mark.parametrize(("make", "expected"), [row[1:] for row in MESSAGES], ids=[row[0] for row in MESSAGES])
def test_what_is_sent(make: Callable[[], Scenario], expected: list[str]) -> None:
    """§3.2: asked after the batch, in its order."""
    assert asked(make()) == expected


@pytest.mark.parametrize("make", [signal_external, cancel_external])
def test_a_message_is_addressed_and_repeatable(make: Callable[..., Wire]) -> None:
    """messages.Action: same cause, same id; the lane is the target's; a runId that was given is kept."""
    run = started().decide(make("o", runId="r"), make("o"))
    one, open_one = run.sent
    assert (one.workflow_id, one.run_id, one.domain) == ("o", "r", DOMAIN)
    assert (open_one.workflow_id, open_one.run_id, open_one.domain) == ("o", "", DOMAIN)
    assert one.lane == open_one.lane == names.lane_of(DOMAIN, "o")
    assert outstanding(run.execution).messages == [one, open_one]
    assert one.id != open_one.id


def child_of(domain: Domain) -> tuple[Scenario, Scenario]:
    parent = domain.start("parent")
    domain.note(parent.decide(start_child("child")))
    domain.settle()
    child = domain.named("child")
    assert child is not None
    return parent, child


FAREWELLS: dict[str, Callable[[Scenario], Any]] = {
    "completed": lambda c: c.decide(complete(result="r")),
    "failed": lambda c: c.decide(fail(reason="r", details="d")),
    "canceled": lambda c: c.decide(cancel(details="d")),
    "terminated": lambda c: c.terminate(reason="r"),
    "timed out": lambda c: c.after(3600),
}


@pytest.mark.parametrize("close", FAREWELLS.values(), ids=FAREWELLS)
def test_a_childs_farewell(close: Callable[[Scenario], Any]) -> None:
    """§4.1: to the parent's run, with how it ended; `outstanding` of the closed run says the same again."""
    domain = Domain()
    parent, child = child_of(domain)
    close(child)
    (farewell,) = child.sent
    assert (farewell.workflow_id, farewell.run_id) == ("parent", parent.execution.run_id)
    assert isinstance(farewell.request, messages.ChildClosed)
    assert farewell.request.status == child.execution.close_status
    assert farewell.request.initiated_event_id == 5
    assert outstanding(child.execution).messages == [farewell]
    assert outstanding(child.execution).tasks == []
    assert child.execution.unsettled()


# ---- outstanding -----------------------------------------------------------------------------------------------


def test_outstanding_is_all_that_was_offered_and_sent_and_not_yet_answered() -> None:
    """DESIGN.md §4: every effect of the history that still matters, and none that does not."""
    run = started(lambdaRole="r").decide(
        schedule("waits"),
        schedule("runs"),
        schedule_lambda("waits"),
        schedule_lambda("runs"),
        start_child(),
        signal_external("o"),
        cancel_external("o"),
    )
    everything = run.effects
    run.begin("runs").invoke("runs").signal()
    effects = outstanding(run.execution)
    assert [_seen(task)[2] for task in effects.tasks] == [
        run.execution.queued.scheduled_id if run.execution.queued else 0,
        run.ids("ActivityTaskScheduled")[0],
        run.ids("LambdaFunctionScheduled")[0],
    ]
    assert sorted(action.id for action in effects.messages) == sorted(action.id for action in everything.messages)


def test_a_resumed_run_writes_nothing() -> None:
    """messages.Resume: the shell releases `outstanding`; the core has nothing to do."""
    run = started().decide(schedule()).do(messages.Resume())
    assert (run.new, run.sent) == ([], [])


# ---- unsettled -------------------------------------------------------------------------------------------------

UNSETTLED: list[tuple[str, Callable[[], Scenario], bool]] = [
    ("open, whatever it asks", lambda: started().decide(start_child(), signal_external("o")), False),
    ("a root's close", lambda: started().decide(complete()), False),
    ("with activities and timers", lambda: started().decide(schedule(), start_timer()).terminate(), False),
    ("a signal unanswered", lambda: started().decide(signal_external("o"), complete()), True),
    ("a cancel unanswered", lambda: started().decide(cancel_external("o"), fail()), True),
    ("a child not started", lambda: started().decide(start_child(), complete()), True),
    ("continued with a signal unanswered", lambda: started().decide(signal_external("o"), continue_as_new()), True),
]


@pytest.mark.parametrize(("make", "expected"), [row[1:] for row in UNSETTLED], ids=[row[0] for row in UNSETTLED])
def test_what_a_close_leaves_to_be_told(make: Callable[[], Scenario], expected: bool) -> None:
    """records.ExecutionRow.unsettled: closed, and messages to other runs are not confirmed."""
    run = make()
    assert run.execution.unsettled() is expected
    if not run.execution.open:
        assert bool(outstanding(run.execution).messages) is expected


@pytest.mark.parametrize(
    ("policy", "close", "expected"),
    [
        ("TERMINATE", lambda p: p.terminate(), True),
        ("REQUEST_CANCEL", lambda p: p.after(3600), True),
        ("ABANDON", lambda p: p.terminate(), False),
        ("TERMINATE", lambda p: p.decide(complete()), False),
        ("TERMINATE", lambda p: p.decide(continue_as_new()), False),
    ],
)
def test_a_parent_has_its_policy_to_tell(policy: str, close: Callable[[Scenario], Any], expected: bool) -> None:
    """§7.5: where the policy applies, every open child is sent it; else the children are left alone."""
    domain = Domain()
    parent = domain.start("parent", childPolicy=policy)
    domain.note(parent.decide(start_child("child")))
    domain.settle()
    close(parent)
    assert parent.execution.unsettled() is expected
    assert asked(parent) == (["ApplyChildPolicy"] if expected else [])
    assert outstanding(parent.execution).messages == parent.sent


def test_a_childs_close_is_to_be_told_and_its_continuation_is_not() -> None:
    """§7.4: CONTINUED_AS_NEW: the parent gets nothing."""
    _parent, child = child_of(Domain())
    assert not child.decide(continue_as_new()).execution.unsettled()
    assert child.successor is not None
    assert child.successor.terminate().execution.unsettled()


# ---- a child is announced --------------------------------------------------------------------------------------


def test_a_childs_first_run_announces_itself_and_its_successor_does_not() -> None:
    """§7.4: the parent knows a run that continues another by its first run."""
    domain = Domain()
    parent = domain.start("parent")
    domain.note(parent.decide(start_child("child")))
    child = domain.deliver(domain.mail.popleft())
    (announced,) = child.sent
    assert announced.request == messages.ChildStarted(5, child.execution.name, child.execution.workflow_type)
    child.decide(continue_as_new())
    assert child.successor is not None
    assert child.successor.sent == []


@pytest.mark.parametrize("continues", [False, True])
def test_an_announcement_is_outstanding_as_nobody_confirms_it(continues: bool) -> None:
    """DESIGN.md §4: a redelivered StartChild that was committed releases `outstanding`: the parent must hear of it."""
    domain = Domain()
    domain.note(domain.start("parent").decide(start_child("child")))
    child = domain.deliver(domain.mail.popleft())
    announced = child.sent
    if continues:
        child.decide(continue_as_new())
    assert outstanding(child.execution).messages == announced


def test_a_busy_run() -> None:
    """Clock.occupy: time may be skipped only while nobody works on a run, or could."""
    assert started().execution.busy()
    assert not started().decide(start_timer()).execution.busy()
    assert started().decide(schedule()).execution.busy()
    assert started().decide(schedule_lambda()).execution.busy()
    assert not started().decide(schedule()).terminate().execution.busy()
