"""Runs, commits and catalogue entries for tests of stores. Law: plausible defaults; a test names what it is about."""

from __future__ import annotations

from collections.abc import Sequence

from workflowsvc.messages import TaskKind, TaskList
from workflowsvc.names import run_id as run_of
from workflowsvc.records import Commit, DomainRecord, ExecutionRow, PendingTask, TypeKey, TypeKind, TypeRecord
from workflowsvc.swf import shapes
from workflowsvc.swf.shapes import CloseStatus

DOMAIN = "us-east-1/orders"
START = 1_700_000_000_000
DECISIONS = TaskList(DOMAIN, TaskKind.DECISION, "main")


def event(event_id: int, note: str = "") -> bytes:
    return f'{{"eventId":{event_id},"note":"{note}"}}'.encode()


def events(first: int, count: int) -> list[bytes]:
    return [event(event_id) for event_id in range(first, first + count)]


class Run:
    """One run, by a small number that gives it its names: a lower number means an earlier action."""

    def __init__(self, number: int, workflow_id: str = "", **fields: object) -> None:
        self.action = f"{number:032x}"
        self.run_id = run_of(self.action)
        self.workflow_id = workflow_id or f"workflow-{number}"
        self.fields = {
            "lane": number,
            "domain": DOMAIN,
            "type_name": "Order",
            "type_version": "1.0",
            "tags": [],
            "started_at": START,
            "info": f'{{"run":"{self.run_id}"}}'.encode(),
            **fields,
        }

    def row(self, **fields: object) -> ExecutionRow:
        whole = {**self.fields, **fields}
        return ExecutionRow(run_id=self.run_id, workflow_id=self.workflow_id, started_by=self.action, **whole)  # type: ignore[arg-type]

    def closed(self, at: int = START + 1_000, by: str = "", **fields: object) -> ExecutionRow:
        closing = {"closed_at": at, "closed_by": by or self.action, "close_status": CloseStatus.COMPLETED}
        return self.row(**{**closing, **fields})

    def commit(self, first: int, count: int = 1, **fields: object) -> Commit:
        whole = {"domain": self.fields["domain"], "action_id": f"{self.action}-{first}", **fields}
        return Commit(
            run_id=self.run_id,
            workflow_id=self.workflow_id,
            first=first,
            events=events(first, count),
            **whole,  # type: ignore[arg-type]
        )

    def start(self, count: int = 2, **fields: object) -> Commit:
        return self.commit(1, count, **{"action_id": self.action, "row": self.row(), **fields})

    def close(self, first: int = 3, **fields: object) -> Commit:
        return self.commit(first, row=self.closed(**fields))


def pending(*scheduled_event_ids: int, on: TaskList = DECISIONS) -> Sequence[PendingTask]:
    return [PendingTask(on, event_id) for event_id in scheduled_event_ids]


def domain(key: str = DOMAIN, **fields: object) -> DomainRecord:
    return DomainRecord(domain=key, **{"created_at": START, "retention": "7", **fields})  # type: ignore[arg-type]


def workflow_type(name: str, version: str = "1.0", **fields: object) -> TypeRecord:
    key = TypeKey(DOMAIN, TypeKind.WORKFLOW, name, version)
    configuration = shapes.WorkflowTypeConfiguration(
        default_child_policy=shapes.ChildPolicy.TERMINATE, default_task_list=shapes.TaskList(name="main")
    )
    return TypeRecord(**{"key": key, "created_at": START, "configuration": configuration, **fields})  # type: ignore[arg-type]


def activity_type(name: str, version: str = "1.0", **fields: object) -> TypeRecord:
    key = TypeKey(DOMAIN, TypeKind.ACTIVITY, name, version)
    configuration = shapes.ActivityTypeConfiguration(default_task_heartbeat_timeout="NONE")
    return TypeRecord(**{"key": key, "created_at": START, "configuration": configuration, **fields})  # type: ignore[arg-type]
