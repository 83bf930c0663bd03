"""A history, to keep: what a Replayer reads.

Law: the events are SWF's own, payloads as they were sent: what was encrypted stays so, and is decoded at the replay.
"""

from __future__ import annotations

from typing import Protocol

import msgspec

from workers_sdk.client.operations import Operations
from workflowsvc.swf.shapes import HistoryEvent, WorkflowExecution


class Run(Protocol):
    """An execution's ids: of a Handle, or of a WorkflowExecution."""

    @property
    def workflow_id(self) -> str: ...
    @property
    def run_id(self) -> str: ...


class _Export(msgspec.Struct, frozen=True):
    domain: str
    execution: WorkflowExecution
    events: list[HistoryEvent]


async def export_history(client: Operations, run: Run) -> bytes:
    """The whole history of *run* in the client's domain as JSON, to write into a file of a replay corpus:
    {"domain", "execution": {"workflowId", "runId"}, "events": [as GetWorkflowExecutionHistory has them]}.

    Raises UnknownResourceFault.
    """
    events = [event async for event in client.history(run.workflow_id, run.run_id)]
    execution = WorkflowExecution(workflow_id=run.workflow_id, run_id=run.run_id)
    text = msgspec.json.encode(_Export(client.domain, execution, events))
    return msgspec.json.format(text, indent=1) + b"\n"
