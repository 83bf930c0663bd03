"""Quotas of an account, through boto3. Law: SWF.md §9; they are off unless they are set."""

from __future__ import annotations

import threading

from tests.conftest import Private
from tests.end_to_end.swf import WORKFLOW, Swf, complete, decision, refused, until

_POLLERS = "Limit on maximum concurrent poll requests per task list reached"


def test_quotas_that_are_set_hold(private: Private) -> None:
    service = private(
        "--quota-domains", "2", "--quota-types", "2", "--quota-open-executions", "2", "--poll-seconds", "20"
    )  # fmt: skip
    swf, other = Swf(service.url), Swf(service.url)
    with refused("LimitExceededFault"):
        Swf(service.url)
    for register in (swf.client.register_workflow_type, swf.client.register_activity_type):
        register(domain=swf.domain, name="second", version="1")
        with refused("LimitExceededFault"):
            register(domain=swf.domain, name="third", version="1")
    other.start()
    parent = swf.start()
    children = [decision("StartChildWorkflowExecution", workflowId=f"c{n}", workflowType=WORKFLOW) for n in range(2)]
    swf.decide(*children)
    failed = [event for event in swf.history(parent) if event["eventType"] == "StartChildWorkflowExecutionFailed"]
    cause = failed[0]["startChildWorkflowExecutionFailedEventAttributes"]["cause"]
    assert (len(failed), cause) == (1, "OPEN_WORKFLOWS_LIMIT_EXCEEDED")
    until(lambda: any(e["eventType"] == "ChildWorkflowExecutionStarted" for e in swf.history(parent)))
    with refused("LimitExceededFault"):
        swf.start("third")
    swf.client.terminate_workflow_execution(domain=swf.domain, workflowId="c0")
    swf.start("third")


def test_pollers_beyond_the_quota_are_refused(private: Private) -> None:
    service = private("--quota-pollers", "1", "--poll-seconds", "20")
    swf = Swf(service.url)
    found: list[str] = []

    def poll() -> None:
        answer = swf.client.poll_for_decision_task(domain=swf.domain, taskList={"name": "deciders"})
        found.append(answer["taskToken"])
        swf.client.respond_decision_task_completed(taskToken=answer["taskToken"], decisions=[complete()])

    first = threading.Thread(target=poll)
    first.start()

    def is_refused() -> bool:
        try:
            swf.client.poll_for_decision_task(domain=swf.domain, taskList={"name": "deciders"})
        except swf.client.exceptions.LimitExceededFault as fault:
            return bool(fault.response["Error"]["Message"] == _POLLERS)
        return False

    until(is_refused)
    swf.start()
    first.join()
    assert all(found)


def test_rates_that_are_set_hold(private: Private) -> None:
    service = private("--quota-rates", "0.001")
    swf = Swf(service.url)
    with refused("ThrottlingException", "Rate exceeded"):
        swf.client.describe_domain(name=swf.domain)
        swf.client.describe_domain(name=swf.domain)
