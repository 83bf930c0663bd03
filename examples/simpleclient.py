"""One order from registration to history: the whole life of a workflow in plain boto3.

Law: every call that a client of SWF needs is spelled out here, in the order in which it is needed.

    python -m examples.simpleclient --endpoint-url http://127.0.0.1:8080
"""

from __future__ import annotations

import sys
from typing import Any

from examples.story import DOMAIN, activity_task, check, decision_task, fresh, history, register, run, say, show, those


def story(swf: Any) -> None:
    order, decisions, work = fresh("order"), fresh("decisions"), fresh("work")

    say("simpleclient: an order is charged\n\nRegister a domain, a workflow type and an activity type.")
    register(swf.register_domain, name=DOMAIN, workflowExecutionRetentionPeriodInDays="1")
    register(
        swf.register_workflow_type,
        domain=DOMAIN,
        name="ProcessOrder",
        version="1.0",
        defaultExecutionStartToCloseTimeout="60",
        defaultTaskStartToCloseTimeout="10",
        defaultChildPolicy="TERMINATE",
    )
    register(
        swf.register_activity_type,
        domain=DOMAIN,
        name="ChargeCard",
        version="1.0",
        defaultTaskScheduleToStartTimeout="10",
        defaultTaskScheduleToCloseTimeout="20",
        defaultTaskStartToCloseTimeout="10",
        defaultTaskHeartbeatTimeout="NONE",
    )

    say("Start the workflow.")
    run_id = swf.start_workflow_execution(
        domain=DOMAIN,
        workflowId=order,
        workflowType={"name": "ProcessOrder", "version": "1.0"},
        taskList={"name": decisions},
        input="3 books",
        tagList=["books"],
    )["runId"]
    execution = {"workflowId": order, "runId": run_id}
    open_orders = swf.count_open_workflow_executions(
        domain=DOMAIN, startTimeFilter={"oldestDate": 0}, executionFilter={"workflowId": order}
    )
    check(open_orders["count"] == 1, "one execution of this workflow id is open")

    say("\nThe decider: the first decision task asks what to do; charge the card.")
    task = decision_task(swf, decisions)
    ordered = those(task["events"], "WorkflowExecutionStarted")[0]["input"]
    check(ordered == "3 books", "the decision task carries the history, and in it the order")
    swf.respond_decision_task_completed(
        taskToken=task["taskToken"],
        decisions=[
            {
                "decisionType": "ScheduleActivityTask",
                "scheduleActivityTaskDecisionAttributes": {
                    "activityId": "charge",
                    "activityType": {"name": "ChargeCard", "version": "1.0"},
                    "taskList": {"name": work},
                    "input": ordered,
                },
            }
        ],
    )

    say("\nThe worker: take the activity task, give a sign of life, hand in the result.")
    task = activity_task(swf, work)
    check(task["activityId"] == "charge" and task["input"] == "3 books", "the activity task carries its input")
    alive = swf.record_activity_task_heartbeat(taskToken=task["taskToken"], details="calling the bank")
    check(alive["cancelRequested"] is False, "nobody asked the worker to stop")
    swf.respond_activity_task_completed(taskToken=task["taskToken"], result="receipt 4711")

    say("\nThe decider again: the card is charged; complete the workflow.")
    task = decision_task(swf, decisions)
    receipt = those(task["events"], "ActivityTaskCompleted")[0]["result"]
    swf.respond_decision_task_completed(
        taskToken=task["taskToken"],
        decisions=[
            {
                "decisionType": "CompleteWorkflowExecution",
                "completeWorkflowExecutionDecisionAttributes": {"result": receipt},
            }
        ],
    )

    say("\nDescribe the execution, and read its history.")
    described = swf.describe_workflow_execution(domain=DOMAIN, execution=execution)
    check(described["executionInfo"]["closeStatus"] == "COMPLETED", "the execution is closed: COMPLETED")
    check(not any(described["openCounts"].values()), "nothing of it is open")
    events = history(swf, execution)
    check(those(events, "WorkflowExecutionCompleted")[0]["result"] == "receipt 4711", "its result is receipt 4711")
    check([event["eventId"] for event in events] == list(range(1, 12)), "its history has eleven events, 1 to 11")
    show(f"history of {order}", events)


if __name__ == "__main__":
    sys.exit(run(story, "One order from registration to history."))
