"""Quotas of an account, through boto3. Law: SWF.md §9; they are off unless they are set."""

from __future__ import annotations

from concurrent.futures import FIRST_COMPLETED, ThreadPoolExecutor, wait
from typing import Any

import pytest

from tests.conftest import Private
from tests.end_to_end.swf import PATIENCE, WORKFLOW, Swf, complete, decision, refused, until

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
    """Of two polls one is refused at once, whichever came later, and the other waits on."""
    service = private("--quota-pollers", "1", "--poll-seconds", "20")
    swf = Swf(service.url)

    def poll() -> Any:
        return swf.client.poll_for_decision_task(domain=swf.domain, taskList={"name": "deciders"})

    with ThreadPoolExecutor(2) as pool:
        polls = {pool.submit(poll), pool.submit(poll)}
        ended, waiting = wait(polls, PATIENCE, FIRST_COMPLETED)
        [refusal], [poller] = ended, waiting
        with pytest.raises(swf.client.exceptions.LimitExceededFault, match=_POLLERS):
            refusal.result()
        swf.start()
        answer = poller.result(PATIENCE)
    swf.client.respond_decision_task_completed(taskToken=answer["taskToken"], decisions=[complete()])


def test_rates_that_are_set_hold(private: Private) -> None:
    service = private("--quota-rates", "0.001")
    swf = Swf(service.url)
    with refused("ThrottlingException", "Rate exceeded"):
        swf.client.describe_domain(name=swf.domain)
        swf.client.describe_domain(name=swf.domain)
