"""What there is to see: a shop whose orders are charged, packed, and reminded of, with a few things that are not well.

Law: everything goes over HTTP, as a client's programs would do it, except for the message that nobody can read. The
scene stands still once it is set: no worker packs, and no timer fires before the pictures are taken.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from functools import partial
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

DOMAIN = "orders"
ORDER = {"name": "ProcessOrder", "version": "1.0"}
REFUND = {"name": "RefundOrder", "version": "1.0"}
CHARGE = {"name": "ChargeCard", "version": "1.0"}
PACK = {"name": "PackOrder", "version": "1.0"}

TO_PACK = 40
DONE = 9
#: Refunds have deciders of their own, and none of those runs.
REFUNDS = 6
#: Seconds until a customer is reminded. What is more than five minutes away is not in the broker yet.
REMINDERS = (150, 160, 170, 180, 210, 220, 230, 240, 270, 280, 290)

Decision = dict[str, Any]


def connect(url: str) -> Any:
    return boto3.client(
        "swf",
        endpoint_url=url,
        region_name="us-east-1",
        aws_access_key_id="example",
        aws_secret_access_key="example",  # noqa: S106  the service does not look at it
        config=Config(read_timeout=70, proxies={}, max_pool_connections=60, retries={"total_max_attempts": 1}),
    )


def set_up(swf: Any) -> None:
    """Types, people at work, and orders on their way."""
    _register(swf)
    for _ in range(3):
        _at_work(partial(_decide, swf))
        _at_work(partial(_charge, swf))
    plans = [{"then": "pack"}] * TO_PACK + [{"then": "done"}] * DONE + [{"then": "remind", "in": s} for s in REMINDERS]
    for number, plan in enumerate(plans, 1001):
        _start(swf, f"order-{number}", ORDER, plan)
    for number in range(1001, 1001 + REFUNDS):
        _start(swf, f"refund-{number}", REFUND, {})


def ask_for_more(swf: Any) -> None:
    """Requests that no coordinator answers, as none runs."""
    for number in range(1001, 1013):
        _at_work(partial(_signal, swf, f"order-{number}"))


def _register(swf: Any) -> None:
    swf.register_domain(name=DOMAIN, workflowExecutionRetentionPeriodInDays="7")
    for kind, task_list in ((ORDER, "deciders"), (REFUND, "refunds")):
        swf.register_workflow_type(
            domain=DOMAIN,
            **kind,
            defaultTaskList={"name": task_list},
            defaultExecutionStartToCloseTimeout="86400",
            defaultTaskStartToCloseTimeout="600",
            defaultChildPolicy="TERMINATE",
        )
    for kind, task_list in ((CHARGE, "payments"), (PACK, "packing")):
        swf.register_activity_type(
            domain=DOMAIN,
            **kind,
            defaultTaskList={"name": task_list},
            defaultTaskStartToCloseTimeout="NONE",
            defaultTaskHeartbeatTimeout="NONE",
            defaultTaskScheduleToStartTimeout="NONE",
            defaultTaskScheduleToCloseTimeout="NONE",
        )


def _start(swf: Any, workflow_id: str, kind: dict[str, str], plan: dict[str, Any]) -> None:
    swf.start_workflow_execution(
        domain=DOMAIN, workflowId=workflow_id, workflowType=kind, input=json.dumps(plan), tagList=["shop"]
    )


def _signal(swf: Any, workflow_id: str) -> None:
    swf.signal_workflow_execution(domain=DOMAIN, workflowId=workflow_id, signalName="address changed")


# ---- people at work --------------------------------------------------------------------------------------------


def _at_work(once: Callable[[], None]) -> None:
    """In a thread, until the service goes away."""
    threading.Thread(target=_for_ever, args=(once,), daemon=True).start()


def _for_ever(once: Callable[[], None]) -> None:
    try:
        while True:
            once()
    except (BotoCoreError, ClientError):
        return


def _charge(swf: Any) -> None:
    task = swf.poll_for_activity_task(domain=DOMAIN, taskList={"name": "payments"}, identity="payments-1")
    if task.get("taskToken"):
        swf.respond_activity_task_completed(taskToken=task["taskToken"], result="receipt")


def _decide(swf: Any) -> None:
    task = swf.poll_for_decision_task(domain=DOMAIN, taskList={"name": "deciders"}, identity="decider-1")
    if task.get("taskToken"):
        swf.respond_decision_task_completed(taskToken=task["taskToken"], decisions=_decisions(task["events"]))


def _decisions(events: list[dict[str, Any]]) -> list[Decision]:
    """The card first, and then what the order's input says."""
    kinds = {event["eventType"] for event in events}
    if "ActivityTaskScheduled" not in kinds:
        return [_activity("charge", CHARGE)]
    if "ActivityTaskCompleted" not in kinds:
        return []
    plan = json.loads(events[0]["workflowExecutionStartedEventAttributes"]["input"])
    if plan["then"] == "pack":
        return [_activity("pack", PACK)]
    if plan["then"] == "remind":
        return [_timer(plan["in"])]
    return [{"decisionType": "CompleteWorkflowExecution", "completeWorkflowExecutionDecisionAttributes": {}}]


def _activity(activity_id: str, kind: dict[str, str]) -> Decision:
    return {
        "decisionType": "ScheduleActivityTask",
        "scheduleActivityTaskDecisionAttributes": {"activityId": activity_id, "activityType": kind},
    }


def _timer(seconds: int) -> Decision:
    return {
        "decisionType": "StartTimer",
        "startTimerDecisionAttributes": {"timerId": "reminder", "startToFireTimeout": str(seconds)},
    }
