"""A parent is terminated: what becomes of its child under each child policy.

Law: one parent and one child per policy, alike in all else, so that what differs in the end is the policy's doing.

    python -m examples.terminateclient --endpoint-url http://127.0.0.1:8080
"""

from __future__ import annotations

import sys
from typing import Any, NamedTuple

from examples.story import (
    DOMAIN,
    check,
    closed,
    decision_task,
    describe,
    fresh,
    history,
    register,
    run,
    say,
    show,
    those,
)

PARENT = {"name": "Parent", "version": "1.0"}
CHILD = {"name": "Child", "version": "1.0"}
SETTINGS = {"executionStartToCloseTimeout": "60", "taskStartToCloseTimeout": "30"}


class Family(NamedTuple):
    parent: dict[str, str]
    child: dict[str, str]
    #: the task list on which the child's decider polls
    nursery: str


def story(swf: Any) -> None:
    say("terminateclient: a parent is terminated, and its child?")
    register(swf.register_domain, name=DOMAIN, workflowExecutionRetentionPeriodInDays="1")
    register(swf.register_workflow_type, domain=DOMAIN, **PARENT)
    register(swf.register_workflow_type, domain=DOMAIN, **CHILD)
    families = {policy: begin(swf, policy) for policy in FATES}
    for policy, family in families.items():
        say(f"\nChild policy {policy}: terminate the parent.")
        swf.terminate_workflow_execution(domain=DOMAIN, workflowId=family.parent["workflowId"], reason="demonstration")
        end_of_parent(swf, family, policy)
        FATES[policy](swf, family)
        show(f"history of the child under {policy}", history(swf, family.child))
    show("history of the last parent", history(swf, family.parent))
    summary(swf, families)


def begin(swf: Any, policy: str) -> Family:
    """Start a parent, have it start a child, and let both wait."""
    home, nursery = fresh("parent"), fresh("child")
    started = swf.start_workflow_execution(
        domain=DOMAIN,
        workflowId=home,
        workflowType=PARENT,
        taskList={"name": home},
        childPolicy=policy,
        **SETTINGS,
    )
    swf.respond_decision_task_completed(
        taskToken=decision_task(swf, home)["taskToken"],
        decisions=[
            {
                "decisionType": "StartChildWorkflowExecution",
                "startChildWorkflowExecutionDecisionAttributes": {
                    "workflowId": nursery,
                    "workflowType": CHILD,
                    "taskList": {"name": nursery},
                    "childPolicy": "TERMINATE",
                    **SETTINGS,
                },
            }
        ],
    )
    swf.respond_decision_task_completed(taskToken=decision_task(swf, nursery)["taskToken"])
    task = decision_task(swf, home)
    swf.respond_decision_task_completed(taskToken=task["taskToken"])
    child = those(task["events"], "ChildWorkflowExecutionStarted")[0]["workflowExecution"]
    return Family({"workflowId": home, "runId": started["runId"]}, child, nursery)


def end_of_parent(swf: Any, family: Family, policy: str) -> None:
    check(closed(swf, family.parent) == "TERMINATED", "the parent is closed: TERMINATED")
    end = those(history(swf, family.parent), "WorkflowExecutionTerminated")[0]
    check(end["childPolicy"] == policy, f"its last event names the policy: {policy}")


# ---- what becomes of the child ---------------------------------------------------------------------------------


def terminated(swf: Any, family: Family) -> None:
    check(closed(swf, family.child) == "TERMINATED", "the child is closed: TERMINATED")
    end = those(history(swf, family.child), "WorkflowExecutionTerminated")[0]
    check(end["cause"] == "CHILD_POLICY_APPLIED", "the cause is CHILD_POLICY_APPLIED")


def asked_to_cancel(swf: Any, family: Family) -> None:
    task = decision_task(swf, family.nursery)
    request = those(task["events"], "WorkflowExecutionCancelRequested")[0]
    check(request["cause"] == "CHILD_POLICY_APPLIED", "the child's decider is asked to cancel: CHILD_POLICY_APPLIED")
    finish(swf, task, "CancelWorkflowExecution")
    check(closed(swf, family.child) == "CANCELED", "it does, and the child is closed: CANCELED")


def left_alone(swf: Any, family: Family) -> None:
    check(describe(swf, family.child)["executionStatus"] == "OPEN", "the child is still open")
    swf.signal_workflow_execution(domain=DOMAIN, **family.child, signalName="finish by yourself")
    finish(swf, decision_task(swf, family.nursery), "CompleteWorkflowExecution")
    check(closed(swf, family.child) == "COMPLETED", "it finishes by itself: COMPLETED")
    requests = those(history(swf, family.child), "WorkflowExecutionCancelRequested")
    check(not requests, "and nobody ever asked it to cancel")


FATES = {"TERMINATE": terminated, "REQUEST_CANCEL": asked_to_cancel, "ABANDON": left_alone}


def finish(swf: Any, task: dict[str, Any], decision: str) -> None:
    swf.respond_decision_task_completed(taskToken=task["taskToken"], decisions=[{"decisionType": decision}])


def summary(swf: Any, families: dict[str, Family]) -> None:
    say("\n  child policy    parent      child")
    for policy, (parent, child, _) in families.items():
        say(f"  {policy:<15} {closed(swf, parent):<11} {closed(swf, child)}")


if __name__ == "__main__":
    sys.exit(run(story, "A parent is terminated: what becomes of its child under each child policy."))
