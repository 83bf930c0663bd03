"""Executions that talk to one another through the real broker: children, policies, signals, cancels.

Law: end to end. What each of them heard is read off its history.
"""

from __future__ import annotations

import pytest

from tests.coordinator.shell.world import (
    DOMAIN,
    SECOND,
    World,
    child,
    complete,
    continue_as_new,
    decision,
    external_cancel,
    external_signal,
)
from workflowsvc import messages, names
from workflowsvc.messages import TaskKind
from workflowsvc.ports import BrokerUnavailable
from workflowsvc.swf import shapes
from workflowsvc.swf.shapes import ChildPolicy, DecisionType

ON_ITS_OWN_LIST = shapes.TaskList(name="children")


async def parent_and_child(world: World, **given: object) -> tuple[str, str]:
    """A parent whose child has started and waits for a decider on a list of its own."""
    parent = await world.start("parent", **given)
    await world.decide(child(task_list=ON_ITS_OWN_LIST))
    await world.settled()
    run_id = await world.sqlite.find_run(DOMAIN, "child")
    assert run_id is not None
    return parent, run_id


async def test_a_child_starts_and_its_parent_hears_of_both_ends(world: World) -> None:
    """Initiated, started, completed, with the ids that connect them; the child knows its parent."""
    parent, run_id = await parent_and_child(world)
    await world.decide(complete("fine"), task_list="children")
    await world.settled()
    history = await world.history(parent)
    initiated = next(e for e in history if e.start_child_workflow_execution_initiated_event_attributes)
    started = next(e for e in history if e.child_workflow_execution_started_event_attributes)
    completed = next(e for e in history if e.child_workflow_execution_completed_event_attributes)
    attributes = completed.child_workflow_execution_completed_event_attributes
    assert attributes.result == "fine"
    assert attributes.workflow_execution.run_id == run_id
    assert (attributes.initiated_event_id, attributes.started_event_id) == (initiated.event_id, started.event_id)
    assert [event.event_type for event in history].count("DecisionTaskScheduled") == 2, "one waits: no second"
    first = (await world.history(run_id))[0].workflow_execution_started_event_attributes
    assert first.parent_workflow_execution.run_id == parent
    assert first.parent_initiated_event_id == initiated.event_id


async def test_a_child_whose_workflow_id_is_open_is_not_started(world: World) -> None:
    """WORKFLOW_ALREADY_RUNNING comes after Initiated, with its id."""
    await world.start("child", task_list=ON_ITS_OWN_LIST)
    parent = await world.start("parent")
    await world.decide(child(control="mine"))
    await world.settled()
    history = await world.history(parent)
    initiated = next(e for e in history if e.start_child_workflow_execution_initiated_event_attributes)
    failed = next(e for e in history if e.start_child_workflow_execution_failed_event_attributes)
    attributes = failed.start_child_workflow_execution_failed_event_attributes
    assert attributes.cause == "WORKFLOW_ALREADY_RUNNING"
    assert attributes.initiated_event_id == initiated.event_id
    assert attributes.control == "mine"


@pytest.mark.parametrize(
    ("policy", "last"),
    [
        (ChildPolicy.TERMINATE, "WorkflowExecutionTerminated"),
        (ChildPolicy.REQUEST_CANCEL, "WorkflowExecutionCancelRequested"),
        (ChildPolicy.ABANDON, "DecisionTaskScheduled"),
    ],
)
@pytest.mark.parametrize("how", ["terminated", "timed out"])
async def test_a_child_policy_is_applied_when_the_parent_ends_badly(
    world: World, policy: ChildPolicy, last: str, how: str
) -> None:
    """Terminated or timed out, the parent's policy decides; the child's own plays no part."""
    _, run_id = await parent_and_child(world, child_policy=policy, execution_start_to_close_timeout="60")
    if how == "terminated":
        await world.terminate("parent")
        await world.settled()
    else:
        await world.pass_time(60 * SECOND)
    types = [type_ for type_ in await world.types(run_id) if type_ != "WorkflowExecutionStarted"]
    assert types[-1] == last
    assert types[0] == "DecisionTaskScheduled"


async def test_a_policy_given_with_terminate_overrides_the_parents(world: World) -> None:
    """TerminateWorkflowExecution.childPolicy holds for that call."""
    _, run_id = await parent_and_child(world, child_policy=ChildPolicy.TERMINATE)
    await world.terminate("parent", policy=ChildPolicy.ABANDON)
    await world.settled()
    assert (await world.types(run_id))[-1] == "DecisionTaskScheduled"


async def test_a_policy_goes_down_to_the_grandchildren(world: World) -> None:
    """A child that is terminated by policy terminates its own children by its own policy."""
    _, run_id = await parent_and_child(world)
    await world.decide(child("grandchild", task_list=ON_ITS_OWN_LIST), task_list="children")
    await world.settled()
    grandchild = await world.sqlite.find_run(DOMAIN, "grandchild")
    await world.terminate("parent")
    await world.settled()
    for run in (run_id, grandchild):
        terminated = (await world.history(run))[-1].workflow_execution_terminated_event_attributes
        assert terminated.cause == "CHILD_POLICY_APPLIED"


async def test_a_parent_that_completes_leaves_its_children_alone(world: World) -> None:
    """On complete, fail and cancel children go on as orphans; what they end with is told to nobody."""
    parent, run_id = await parent_and_child(world)
    await world.decide(complete())
    await world.settled()
    before = await world.types(parent)
    assert (await world.types(run_id))[-1] == "DecisionTaskScheduled"
    await world.decide(complete(), task_list="children")
    await world.settled()
    assert await world.types(parent) == before
    assert await world.sqlite.recoverable("", 10) == []


async def test_a_child_that_continues_as_new_ends_with_its_last_run(world: World) -> None:
    """The parent hears nothing of the change of runs, and at the end of the last one."""
    parent, first = await parent_and_child(world)
    await world.decide(continue_as_new(), task_list="children")
    await world.settled()
    last = await world.sqlite.find_run(DOMAIN, "child")
    assert last != first
    assert "ChildWorkflowExecutionCompleted" not in await world.types(parent)
    await world.decide(complete(), task_list="main")  # the parent's, of ChildWorkflowExecutionStarted
    await world.settled()
    assert (await world.types(parent))[-1] == "WorkflowExecutionCompleted"


@pytest.mark.parametrize("to", ["other", "source"])
async def test_a_signal_from_a_decision_reaches_its_target_once(world: World, to: str) -> None:
    """Another execution or itself: signalled once, answered once, under the ids of the request."""
    await world.start("other", task_list=shapes.TaskList(name="elsewhere"))
    source = await world.start("source")
    await world.decide(external_signal(to, input="in", control="mine"))
    await world.settled()
    target = await world.sqlite.find_run(DOMAIN, to)
    signalled = [
        event.workflow_execution_signaled_event_attributes
        for event in await world.history(target)
        if event.workflow_execution_signaled_event_attributes
    ]
    initiated = next(
        event
        for event in await world.history(source)
        if event.signal_external_workflow_execution_initiated_event_attributes
    )
    assert [(s.signal_name, s.input, s.external_initiated_event_id) for s in signalled] == [
        ("from outside", "in", initiated.event_id)
    ]
    assert signalled[0].external_workflow_execution.run_id == source
    assert (await world.types(source)).count("ExternalWorkflowExecutionSignaled") == 1


async def test_a_request_to_nobody_fails(world: World) -> None:
    """Signal and cancel of what is not open: UNKNOWN_EXTERNAL_WORKFLOW_EXECUTION, with control and run id echoed."""
    source = await world.start("source")
    await world.decide(
        external_signal("nobody", run_id="nowhere", control="one"), external_cancel("nobody", control="two")
    )
    await world.settled()
    history = await world.history(source)
    (signal,) = filter(None, (e.signal_external_workflow_execution_failed_event_attributes for e in history))
    (cancel,) = filter(None, (e.request_cancel_external_workflow_execution_failed_event_attributes for e in history))
    assert signal.cause == cancel.cause == "UNKNOWN_EXTERNAL_WORKFLOW_EXECUTION"
    assert (signal.control, signal.run_id, cancel.control) == ("one", "nowhere", "two")


async def test_a_cancel_from_a_decision_is_recorded_and_answered(world: World) -> None:
    """The target has the request under its source's ids, and shows cancelRequested while it is open."""
    other = await world.start("other", task_list=shapes.TaskList(name="elsewhere"))
    source = await world.start("source")
    await world.decide(external_cancel("other"))
    await world.settled()
    assert "WorkflowExecutionCancelRequested" in await world.types(other)
    assert "ExternalWorkflowExecutionCancelRequested" in await world.types(source)
    row = await world.sqlite.row(other, world.clock.now())
    assert row is not None
    assert b'"cancelRequested":true' in row.info


async def test_a_message_that_could_not_be_sent_is_sent_again(world: World) -> None:
    """The broker is away when a child is to be started: it starts when the broker is back, once."""
    parent = await world.start("parent")
    world.broker.fail("publish", BrokerUnavailable(), BrokerUnavailable())
    await world.decide(child(task_list=ON_ITS_OWN_LIST))
    await world.settled()
    assert (await world.types(parent)).count("ChildWorkflowExecutionStarted") == 1


async def test_a_start_of_a_child_that_comes_again_while_another_run_is_open_changes_nothing(world: World) -> None:
    """Its own run has closed and somebody started the workflow id anew: the parent is not told that it failed."""
    parent, run_id = await parent_and_child(world)
    await world.terminate("child", run_id)
    await world.settled()
    await world.start("child")
    initiated = next(
        event
        for event in await world.history(parent)
        if event.start_child_workflow_execution_initiated_event_attributes
    )
    attributes = initiated.start_child_workflow_execution_initiated_event_attributes
    source = shapes.WorkflowExecution(workflow_id="parent", run_id=parent)
    request = messages.StartChild(source, initiated.event_id, round(initiated.event_timestamp * 1000), attributes)
    heard: list[object] = []
    world.broker.calls["publish"].clear()
    world.send(world.action(request, "child", reply=False))
    await world.settled()
    heard = [action.request for (actions,) in world.broker.calls["publish"] for action in actions]
    assert not any(isinstance(request, messages.ChildNotStarted) for request in heard)
    expected = names.run_id(names.child_action_id(parent, initiated.event_id, request.initiated_at))
    assert expected == run_id


async def test_a_function_without_a_role_fails_and_one_that_cannot_be_invoked_is_not_scheduled(world: World) -> None:
    """With no endpoint for functions the decision fails: LAMBDA_SERVICE_NOT_AVAILABLE_IN_REGION."""
    run_id = await world.start("w")
    await world.decide(decision(DecisionType.SCHEDULE_LAMBDA_FUNCTION, id="f", name="f"))
    (failed,) = filter(None, (e.schedule_lambda_function_failed_event_attributes for e in await world.history(run_id)))
    assert failed.cause == "LAMBDA_SERVICE_NOT_AVAILABLE_IN_REGION"
    assert len(await world.waiting(TaskKind.DECISION)) == 1
