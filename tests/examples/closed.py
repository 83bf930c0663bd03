"""What the tests of the SDK's examples ask: a client in a fresh domain, and the histories of what an example ran there.

Law: an example says nothing to its test but what it prints; the rest is read from the service.
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence

from workers_sdk import Client, Handle, Workflow, handle_of
from workflowsvc.swf.shapes import EventType, ExecutionTimeFilter, HistoryEvent

_ALWAYS = ExecutionTimeFilter(oldest_date=0.0)


def fresh_client(url: str) -> Client:
    """Not open yet, as an example gets it."""
    return Client(url, domain=f"examples-{uuid.uuid4().hex[:12]}", credentials="none")


async def closed_runs(client: Client, workflow: Workflow[..., object]) -> list[Handle[object]]:
    """Of one type, in the order in which they were started."""
    found = await client.list_closed_workflow_executions(start_time_filter=_ALWAYS, reverse_order=True)
    return [
        handle_of(client, one.execution.workflow_id, one.execution.run_id, workflow)
        for one in found.execution_infos
        if one.workflow_type.name == workflow.name
    ]


def types_of(events: Sequence[HistoryEvent]) -> list[str]:
    return [event.event_type.value for event in events]


def scheduled(events: Sequence[HistoryEvent]) -> list[str]:
    """The names of the activities, an attempt each."""
    return [
        event.activity_task_scheduled_event_attributes.activity_type.name
        for event in events
        if event.activity_task_scheduled_event_attributes is not None
    ]


def those(events: Sequence[HistoryEvent], type_: EventType) -> list[HistoryEvent]:
    return [event for event in events if event.event_type is type_]
